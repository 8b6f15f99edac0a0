/**
 * Counters as the CLI prints them, by their names on the wire: `counters mle` and `counters mac` of the border router
 * itself, and the MAC and MLE counters inside a diagnostic answer.
 */
import type { CounterValues } from '../mesh/device-diagnostics.ts';
import { type Fields, readNamedValues, toWhole } from './cli-fields.ts';

const mleNames: readonly (readonly [printed: string, wire: string])[] = [
  ['roledisabled', 'role_disabled'],
  ['roledetached', 'role_detached'],
  ['rolechild', 'role_child'],
  ['rolerouter', 'role_router'],
  ['roleleader', 'role_leader'],
  ['attachattempts', 'attach_attempts'],
  ['partitionidchanges', 'partition_id_changes'],
  ['betterpartitionattachattempts', 'better_partition_attach_attempts'],
  ['parentchanges', 'parent_changes'],
  ['timetrackedmilli', 'tracked_ms'],
  ['timedisabledmilli', 'disabled_ms'],
  ['timedetachedmilli', 'detached_ms'],
  ['timechildmilli', 'child_ms'],
  ['timeroutermilli', 'router_ms'],
  ['timeleadermilli', 'leader_ms'],
];

/** TLV 34 and TLV 9 as `networkdiagnostic get` prints them. */
const diagnosticNames: readonly (readonly [printed: string, wire: string])[] = [
  ['disabledrole', 'role_disabled'],
  ['detachedrole', 'role_detached'],
  ['childrole', 'role_child'],
  ['routerrole', 'role_router'],
  ['leaderrole', 'role_leader'],
  ['attachattempts', 'attach_attempts'],
  ['partitionidchanges', 'partition_id_changes'],
  ['betterpartitionattachattempts', 'better_partition_attach_attempts'],
  ['parentchanges', 'parent_changes'],
  ['trackedtime', 'tracked_ms'],
  ['disabledtime', 'disabled_ms'],
  ['detachedtime', 'detached_ms'],
  ['childtime', 'child_ms'],
  ['routertime', 'router_ms'],
  ['leadertime', 'leader_ms'],
  ['ifinunknownprotos', 'mac_in_unknown_protos'],
  ['ifinerrors', 'mac_in_errors'],
  ['ifouterrors', 'mac_out_errors'],
  ['ifinucastpkts', 'mac_in_unicast'],
  ['ifinbroadcastpkts', 'mac_in_broadcast'],
  ['ifindiscards', 'mac_in_discards'],
  ['ifoutucastpkts', 'mac_out_unicast'],
  ['ifoutbroadcastpkts', 'mac_out_broadcast'],
  ['ifoutdiscards', 'mac_out_discards'],
];

/** The sums that OpenThread makes of its radio's counters where it answers TLV 9. */
const macSums: readonly (readonly [wire: string, printed: readonly string[]])[] = [
  ['mac_in_unknown_protos', ['rxother']],
  [
    'mac_in_errors',
    ['rxerrnoframe', 'rxerrnounknownneighbor', 'rxerrinvalidsrcaddr', 'rxerrsec', 'rxerrfcs', 'rxerrother'],
  ],
  ['mac_out_errors', ['txerrcca']],
  ['mac_in_unicast', ['rxunicast']],
  ['mac_in_broadcast', ['rxbroadcast']],
  ['mac_in_discards', ['rxaddressfiltered', 'rxdestaddrfiltered', 'rxduplicated']],
  ['mac_out_unicast', ['txunicast']],
  ['mac_out_broadcast', ['txbroadcast']],
  ['mac_out_discards', ['txerrbusychannel']],
];

export const parseMleCounters = (lines: readonly string[]): CounterValues =>
  pick(readNamedValues(lines), mleNames);

export const pickDiagnosticCounters = (fields: Fields): CounterValues => pick(fields, diagnosticNames);

export function parseMacCounters(lines: readonly string[]): CounterValues {
  const fields = readNamedValues(lines);
  const counters: Record<string, number> = {};
  for (const [wire, printed] of macSums) {
    const values = printed.map((name) => toCount(fields.get(name))).filter((value) => value !== null);
    // A sum without one of its parts would be a smaller number that looks right.
    if (values.length === printed.length) counters[wire] = values.reduce((sum, value) => sum + value, 0);
  }
  return counters;
}

function pick(fields: Fields, names: readonly (readonly [string, string])[]): CounterValues {
  const counters: Record<string, number> = {};
  for (const [printed, wire] of names) {
    const value = toCount(fields.get(printed));
    if (value !== null) counters[wire] = value;
  }
  return counters;
}

const toCount = (text: string | undefined): number | null => toWhole(text, 0, Number.MAX_SAFE_INTEGER);
