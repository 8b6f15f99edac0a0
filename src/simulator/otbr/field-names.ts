/** The names that the JSON:API had from September 2025 until they were made uniform in July 2026. */
import { isJsonObject, type JsonValue } from '../../protocol/json.ts';

const formerNames: ReadonlyMap<string, string> = new Map([
  ['fullThreadDevice', 'deviceTypeFTD'],
  ['eui', 'eui64'],
  ['hostname', 'hostName'],
  ['threadVersion', 'version'],
  ['linkAge', 'connectionTime'],
]);

export const formerNameOf = (name: string): string => formerNames.get(name) ?? name;

/** A document in the former names. Among the children's addresses the list itself had another one. */
export function inFormerNames(value: JsonValue, under = ''): JsonValue {
  if (Array.isArray(value)) return value.map((item) => inFormerNames(item, under));
  if (!isJsonObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, entry]) => {
      const former =
        under === 'childIpv6Addresses' && name === 'ipv6Addresses' ? 'ip6Addresses' : formerNameOf(name);
      return [former, inFormerNames(entry, name)];
    }),
  );
}

/** Names that no version has: what a client meets when upstream renames again. */
const inventedNames: ReadonlyMap<string, string> = new Map([
  ['extAddress', 'extendedAddress'],
  ['rloc16', 'shortAddress'],
  ['averageRssi', 'rssiAverage'],
  ['routeData', 'entries'],
  ['ExtAddress', 'ExtendedAddress'],
  ['Rloc16', 'ShortAddress'],
  ['RouteData', 'Entries'],
]);

export function inInventedNames(value: JsonValue): JsonValue {
  if (Array.isArray(value)) return value.map(inInventedNames);
  if (!isJsonObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, entry]) => [inventedNames.get(name) ?? name, inInventedNames(entry)]),
  );
}
