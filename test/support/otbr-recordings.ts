/** The recordings of a border router in `test/fixtures/otbr`, as bytes and as JSON, and the same with the names of before July 2026. */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { isJsonObject, type JsonObject, type JsonValue } from '../../src/protocol/json.ts';

const folder = path.resolve(import.meta.dirname, '../fixtures/otbr');

/** Extended addresses of the recorded mesh by node number; node 1 is the border router. */
export const otbrNodes: Readonly<Record<number, string>> = {
  1: '52a10c4208649fcc',
  2: '2ea1ab536697cdd7',
  3: 'aad5acd04e72defc',
  4: '5ae945e62820bc7c',
  5: '8e6bd211e1fa1927',
  6: '928407371d5be933',
  7: '16e1a1ba9e194877',
  8: '826d960ad048a3bb',
  9: '4e518eb2a238c2d2',
  10: '4e451cb38f02a74f',
  12: 'f25fa650d174cea8',
  13: '2e898a432270db36',
  14: 'a654f540eac5cbaf',
};

/**
 * Links of the recorded mesh as it was designed: dBm that the first router hears of the second, which hears 3 dB less. One of −91 dBm
 * between 6 and 7 was planned too; the routers made none of it.
 */
export const otbrLinks: readonly (readonly [first: number, second: number, dbm: number])[] = [
  [1, 2, -45],
  [1, 3, -60],
  [1, 4, -78],
  [2, 3, -55],
  [2, 5, -70],
  [3, 4, -65],
  [3, 6, -82],
  [4, 7, -72],
  [5, 6, -60],
  [5, 8, -84],
  [7, 9, -70],
  [8, 9, -88],
];
/** Its children, and what their parent hears of them, dBm; what they hear themselves nobody tells. */
export const otbrChildren: readonly (readonly [child: number, parent: number, dbm: number])[] = [
  [10, 5, -78],
  [12, 7, -69],
  [13, 8, -76],
  [14, 9, -83],
];

/** Field names of before July 2026. */
export const olderNames: Readonly<Record<string, string>> = {
  fullThreadDevice: 'deviceTypeFTD',
  eui: 'eui64',
  hostname: 'hostName',
  threadVersion: 'version',
  linkAge: 'connectionTime',
};
/** The bytes of a recorded message. */
export const otbrRecording = (name: string): Buffer => readFileSync(path.join(folder, name));

/** The JSON of a recorded answer. */
export function otbrRecordedBody(name: string): JsonValue {
  const bytes = otbrRecording(name);
  return JSON.parse(bytes.subarray(bytes.indexOf('\r\n\r\n') + 4).toString('utf8')) as JsonValue;
}

/** Attributes of a device's recorded diagnostics, all that it has. */
export function otbrRecordedDiagnostics(node: number): JsonObject {
  const prefix = `06-diag-node${node}-`;
  const name = readdirSync(path.join(folder, 'rest')).find(
    (file) => file.startsWith(prefix) && file.endsWith('-result.response.http'),
  );
  return dig(otbrRecordedBody(`rest/${name ?? prefix}`), 'data', 'attributes');
}

/** Names of before July 2026, as a device's answer had them. */
export function withOlderNames(value: JsonValue): JsonValue {
  if (Array.isArray(value)) return value.map(withOlderNames);
  if (!isJsonObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, entry]) => [
      olderNames[name] ?? name,
      name === 'childIpv6Addresses' && Array.isArray(entry)
        ? entry.map(olderAddresses)
        : withOlderNames(entry),
    ]),
  );
}

function olderAddresses(row: JsonValue): JsonValue {
  if (!isJsonObject(row)) return row;
  const { ipv6Addresses, ...rest } = row;
  return { ...rest, ip6Addresses: ipv6Addresses ?? [] };
}

/** The object that lies there; an empty one where none does. */
export function dig(value: JsonValue | undefined, ...names: string[]): JsonObject {
  let found = value;
  for (const name of names) found = isJsonObject(found) ? found[name] : undefined;
  return isJsonObject(found) ? found : {};
}
