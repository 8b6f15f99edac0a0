/** A peer's address in the form in which it is counted, shown and logged. */

/** A dual-stack socket shows IPv4 peers as `::ffff:192.0.2.1`; the same peer must not count as two. */
export function normaliseRemoteAddress(address: string | undefined): string | null {
  if (address === undefined || address === '') return null;
  const mapped = /^::ffff:(\d{1,3}(?:\.\d{1,3}){3})$/i.exec(address);
  return mapped?.[1] ?? address.toLowerCase();
}
