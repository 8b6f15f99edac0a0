/**
 * Branded identifiers. All are strings on the wire; the brands keep them from being swapped.
 * Parsers return `null` for text that is not such an identifier; `as…` constructors are for values
 * that the program itself made.
 */
declare const brand: unique symbol;
export type Branded<Name extends string> = string & { readonly [brand]: Name };

/** A border router's name, `[A-Za-z0-9._-]{1,64}`. */
export type BorderRouterId = Branded<'BorderRouterId'>;
/** IEEE 802.15.4 extended address: 16 lower-case hex digits. */
export type ExtAddress = Branded<'ExtAddress'>;
/** One scan. */
export type ScanId = Branded<'ScanId'>;
/** One command to a border router; at most 63 bytes. */
export type RequestId = Branded<'RequestId'>;
/** A registered node's name; at most 31 bytes of UTF-8. */
export type NodeName = Branded<'NodeName'>;

const borderRouterIdPattern = /^[A-Za-z0-9._-]{1,64}$/;
const extAddressPattern = /^[0-9a-f]{16}$/;

export function parseBorderRouterId(text: string): BorderRouterId | null {
  return borderRouterIdPattern.test(text) ? (text as BorderRouterId) : null;
}

/** Accepts upper case and the separators `:` and `-`; the result is lower-case hex. */
export function parseExtAddress(text: string): ExtAddress | null {
  const compact = text.replaceAll(/[:-]/g, '').toLowerCase();
  return extAddressPattern.test(compact) ? (compact as ExtAddress) : null;
}

export const asBorderRouterId = (text: string): BorderRouterId => text as BorderRouterId;
export const asExtAddress = (text: string): ExtAddress => text as ExtAddress;
export const asScanId = (text: string): ScanId => text as ScanId;
export const asRequestId = (text: string): RequestId => text as RequestId;
export const asNodeName = (text: string): NodeName => text as NodeName;
