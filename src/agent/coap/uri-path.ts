/** A path and query as the options that carry them (RFC 7252 §5.10.1 and §6.4). */
import { type CoapOption, optionNumbers } from './message.ts';

/** RFC 7252, table 4. */
const maxSegmentBytes = 255;
const maxPathBytes = 1_024;

export type UriOptions =
  | { readonly ok: true; readonly options: readonly CoapOption[] }
  /** A sentence. */
  | { readonly ok: false; readonly reason: string };

/** `a/b?c=1` becomes two Uri-Path options and one Uri-Query option; percent-encoding is undone. */
export function uriOptions(path: string): UriOptions {
  const [pathText, queryText] = splitOnce(path, '?');
  const segments = pathText.split('/').filter((segment, index) => index > 0 || segment !== '');
  const queries = queryText === undefined ? [] : queryText.split('&');
  const options = [
    ...segments.map((text) => ({ number: optionNumbers.uriPath, value: toBytes(text) })),
    ...queries.map((text) => ({ number: optionNumbers.uriQuery, value: toBytes(text) })),
  ];
  const tooLong = options.find((option) => option.value.length > maxSegmentBytes);
  if (tooLong !== undefined) {
    return {
      ok: false,
      reason: `a segment of the path has ${tooLong.value.length} bytes; at most ${maxSegmentBytes} are possible`,
    };
  }
  const total = options.reduce((sum, option) => sum + option.value.length + 1, 0);
  if (total > maxPathBytes)
    return { ok: false, reason: `the path has ${total} bytes; at most ${maxPathBytes} are sent` };
  return { ok: true, options };
}

function toBytes(text: string): Uint8Array {
  return Buffer.from(decode(text), 'utf8');
}

/** A stray `%` stands for itself. */
function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function splitOnce(text: string, separator: string): [string, string?] {
  const at = text.indexOf(separator);
  return at === -1 ? [text] : [text.slice(0, at), text.slice(at + 1)];
}
