/** Where stock OpenThread software is asked: its REST API, or the program `ot-ctl` on its machine. */
export type StockAddress =
  | {
      readonly source: 'otbr-rest';
      /** `http://127.0.0.1:8081`; may hold a name and a password, so it is not for logs. */
      readonly url: string;
    }
  | { readonly source: 'ot-ctl'; readonly command: readonly string[] };

/** Where `otbr-agent` listens unless told otherwise. */
export const defaultOtbrUrl = 'http://127.0.0.1:8081';
export const defaultOtCtl: readonly string[] = ['ot-ctl'];

/** The address as people may see it. */
export function shownAddress(address: StockAddress): string {
  if (address.source === 'ot-ctl') return address.command.join(' ');
  return URL.parse(address.url)?.origin ?? '(no address)';
}
