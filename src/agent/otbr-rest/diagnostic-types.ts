/**
 * What a task asks a device for. A device that has not what it is asked for costs the whole timeout, so the list depends on
 * the kind of device; battery and voltage may be left out of an answer and are free.
 */
import type { DeviceKind, DiagnosticTopic } from '../mesh/mesh-reader.ts';
import type { FieldNames } from './otbr-dialect.ts';

/** Names of today's API. */
export type DiagnosticType =
  | 'extAddress'
  | 'rloc16'
  | 'mode'
  | 'leaderData'
  | 'ipv6Addresses'
  | 'route'
  | 'childTable'
  | 'children'
  | 'childIpv6Addresses'
  | 'routerNeighbors'
  | 'macCounters'
  | 'mleCounters'
  | 'eui'
  | 'threadVersion'
  | 'vendorName'
  | 'vendorModel'
  | 'vendorSwVersion'
  | 'threadStackVersion'
  | 'batteryLevel'
  | 'supplyVoltage';

const always = ['extAddress', 'rloc16'] as const;
const byTopic: Readonly<Record<DiagnosticTopic, readonly DiagnosticType[]>> = {
  place: ['mode', 'leaderData', 'ipv6Addresses'],
  tables: ['route', 'childTable', 'children', 'childIpv6Addresses', 'routerNeighbors'],
  counters: ['macCounters', 'mleCounters'],
  identity: [
    'eui',
    'threadVersion',
    'vendorName',
    'vendorModel',
    'vendorSwVersion',
    'threadStackVersion',
    'batteryLevel',
    'supplyVoltage',
  ],
};
const olderNames = new Map<DiagnosticType, string>([
  ['eui', 'eui64'],
  ['threadVersion', 'version'],
]);
/** Those that cost a query beside the get. */
const queried = new Set<DiagnosticType>(['children', 'childIpv6Addresses', 'routerNeighbors']);
/** Those whose absence says nothing: every device has the first, and the last may be left out. */
const telling = new Set<DiagnosticType>([
  'route',
  'childTable',
  'macCounters',
  'mleCounters',
  ...queried,
  'eui',
  'threadVersion',
  'vendorName',
  'vendorModel',
  'vendorSwVersion',
  'threadStackVersion',
]);

export function typesFor(
  kind: DeviceKind,
  topics: ReadonlySet<DiagnosticTopic>,
  lacking: ReadonlySet<DiagnosticType>,
): DiagnosticType[] {
  const asked = [...topics]
    .filter((topic) => topic !== 'tables' || kind === 'router')
    .flatMap((topic) => byTopic[topic])
    .filter((type) => !lacking.has(type));
  return [...always, ...asked];
}

/** Requests on the radio that these make. */
export const radioRequestsFor = (types: readonly DiagnosticType[]): number =>
  types.some((type) => queried.has(type)) ? 2 : 1;

/** Whether its absence from an answer says that the device has it not. */
export const isTelling = (type: DiagnosticType): boolean => telling.has(type);

/** Every name that the type has had. */
export function namesOf(type: DiagnosticType): string[] {
  const older = olderNames.get(type);
  return older === undefined ? [type] : [type, older];
}

export const wireName = (type: DiagnosticType, names: FieldNames): string =>
  names === 'current' ? type : (olderNames.get(type) ?? type);

/** Whether the two kinds of names differ for any of these. */
export const haveTwoNames = (types: readonly DiagnosticType[]): boolean =>
  types.some((type) => olderNames.has(type));
