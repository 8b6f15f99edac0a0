/**
 * The diagnostics that a device can be asked for through REST, in the order of their TLV numbers, which is the order in
 * which they come back.
 */

export interface DiagnosticType {
  readonly tlv: number;
  /** As named since July 2026. */
  readonly name: string;
  /** `omittable`: the agent does not wait for it. `query`: tables that a router sends in a second exchange. */
  readonly property?: 'omittable' | 'query';
}

export const diagnosticTypes: readonly DiagnosticType[] = [
  { tlv: 0, name: 'extAddress' },
  { tlv: 1, name: 'rloc16' },
  { tlv: 2, name: 'mode' },
  { tlv: 3, name: 'timeout', property: 'omittable' },
  { tlv: 4, name: 'connectivity' },
  { tlv: 5, name: 'route' },
  { tlv: 6, name: 'leaderData' },
  { tlv: 7, name: 'networkData' },
  { tlv: 8, name: 'ipv6Addresses' },
  { tlv: 9, name: 'macCounters' },
  { tlv: 14, name: 'batteryLevel', property: 'omittable' },
  { tlv: 15, name: 'supplyVoltage', property: 'omittable' },
  { tlv: 16, name: 'childTable' },
  { tlv: 17, name: 'channelPages' },
  { tlv: 19, name: 'maxChildTimeout', property: 'omittable' },
  { tlv: 20, name: 'lDevIdSubject' },
  { tlv: 21, name: 'iDevIdCert' },
  { tlv: 23, name: 'eui' },
  { tlv: 24, name: 'threadVersion' },
  { tlv: 25, name: 'vendorName' },
  { tlv: 26, name: 'vendorModel' },
  { tlv: 27, name: 'vendorSwVersion' },
  { tlv: 28, name: 'threadStackVersion' },
  { tlv: 29, name: 'children', property: 'query' },
  { tlv: 30, name: 'childIpv6Addresses', property: 'query' },
  { tlv: 31, name: 'routerNeighbors', property: 'query' },
  { tlv: 34, name: 'mleCounters' },
];
