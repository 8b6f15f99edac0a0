/**
 * JSON as cJSON prints it, the library of `otbr-agent`: a tab after each colon, one entry of an object a line, arrays in
 * one line with their objects indented by one more.
 */
import { isJsonObject, type JsonValue } from '../../protocol/json.ts';

export function printCJson(value: JsonValue, depth = 0): string {
  if (Array.isArray(value)) return `[${value.map((item) => printCJson(item, depth + 1)).join(', ')}]`;
  if (!isJsonObject(value)) return JSON.stringify(value);
  const inner = '\t'.repeat(depth + 1);
  const entries = Object.entries(value).map(
    ([key, entry]) => `${inner}${JSON.stringify(key)}:\t${printCJson(entry, depth + 1)}`,
  );
  return `{\n${entries.join(',\n')}\n${'\t'.repeat(depth)}}`;
}
