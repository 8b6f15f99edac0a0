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

/** A source of events; 1 to 128 characters without control characters, `+`, `#`. */
export type SensorId = Branded<'SensorId'>;
/** One ordered partition of a lane: `critical-0`, `bulk-7`. */
export type ShardName = Branded<'ShardName'>;
/** A place in one shard of the stream; opaque, only its stream compares two. */
export type StreamPosition = Branded<'StreamPosition'>;
/** A place in the live feed, which a client resumes from; opaque. */
export type LivePosition = Branded<'LivePosition'>;
/** One alert: one time that one rule held for one subject. */
export type AlertId = Branded<'AlertId'>;

// eslint-disable-next-line no-control-regex -- control characters are what it keeps out
const sensorIdPattern = /^[^\u0000-\u001f\u007f+#]{1,128}$/u;

export function parseSensorId(text: string): SensorId | null {
  // Half a surrogate pair would come back from a file as another character.
  const isPlain = sensorIdPattern.test(text) && text.isWellFormed() && text.trim() === text;
  return isPlain ? (text as SensorId) : null;
}

export const asSensorId = (text: string): SensorId => text as SensorId;
export const asShardName = (text: string): ShardName => text as ShardName;
export const asStreamPosition = (text: string): StreamPosition => text as StreamPosition;
export const asLivePosition = (text: string): LivePosition => text as LivePosition;
export const asAlertId = (text: string): AlertId => text as AlertId;
