/**
 * A device's MAC and MLE counters at a moment (Thread 1.3 §10.11, TLV 9 and 34): each grows with the device's time and
 * never falls while it runs. Seeded, pure.
 */
import type { MeshDevice } from '../mesh-device.ts';
import { createRandom } from '../random.ts';

/** In the order of the wire. */
export interface MacCounters {
  readonly ifInUnknownProtos: number;
  readonly ifInErrors: number;
  readonly ifOutErrors: number;
  readonly ifInUcastPkts: number;
  readonly ifInBroadcastPkts: number;
  readonly ifInDiscards: number;
  readonly ifOutUcastPkts: number;
  readonly ifOutBroadcastPkts: number;
  readonly ifOutDiscards: number;
}

/** In the order of the wire; times in ms. */
export interface MleCounters {
  readonly radioDisabledCount: number;
  readonly detachedRoleCount: number;
  readonly childRoleCount: number;
  readonly routerRoleCount: number;
  readonly leaderRoleCount: number;
  readonly attachAttemptsCount: number;
  readonly partIdChangesCount: number;
  readonly betterPartIdAttachAttemptsCount: number;
  readonly newParentCount: number;
  readonly totalTrackingTime: number;
  readonly radioDisabledTime: number;
  readonly detachedRoleTime: number;
  readonly childRoleTime: number;
  readonly routerRoleTime: number;
  readonly leaderRoleTime: number;
}

/** Frames a second of an ordinary device. */
const framesASecond = { in: 0.4, out: 0.3, broadcastIn: 0.25, broadcastOut: 0.05 } as const;

export function macCountersOf(seed: number, device: MeshDevice, upMs: number): MacCounters {
  const random = createRandom(seed, `mac-counters/${device.number}`);
  const upSeconds = upMs / 1_000;
  const counted = (perSecond: number): number => Math.floor(upSeconds * perSecond * random.between(0.5, 2));
  const listens = device.deviceKind !== 'sleepy';
  return {
    ifInUnknownProtos: 0,
    ifInErrors: counted(0.002),
    ifOutErrors: counted(0.0005),
    ifInUcastPkts: counted(framesASecond.in),
    ifInBroadcastPkts: counted(listens ? framesASecond.broadcastIn : 0.001),
    ifInDiscards: counted(0.0002),
    ifOutUcastPkts: counted(listens ? framesASecond.out : 1),
    ifOutBroadcastPkts: counted(listens ? framesASecond.broadcastOut : 0.0005),
    ifOutDiscards: 0,
  };
}

export function mleCountersOf(
  seed: number,
  device: MeshDevice,
  role: 'leader' | 'router' | 'child',
  upMs: number,
): MleCounters {
  const random = createRandom(seed, `mle-counters/${device.number}`);
  const radioDisabledTime = random.integer(500, 3_000);
  const detachedRoleTime = random.integer(2_000, 20_000);
  // A router was a child for a moment before.
  const asChildMs = role === 'router' ? random.integer(10, 1_500) : 0;
  const inRoleMs = Math.max(0, Math.floor(upMs) - radioDisabledTime - detachedRoleTime - asChildMs);
  const attaches = device.attachAttempts;
  return {
    radioDisabledCount: 0,
    detachedRoleCount: attaches,
    childRoleCount: role === 'leader' ? 0 : attaches,
    routerRoleCount: role === 'router' ? 1 : 0,
    leaderRoleCount: role === 'leader' ? 1 : 0,
    attachAttemptsCount: attaches,
    partIdChangesCount: 1,
    betterPartIdAttachAttemptsCount: 0,
    newParentCount: device.parentChanges,
    totalTrackingTime: radioDisabledTime + detachedRoleTime + asChildMs + inRoleMs,
    radioDisabledTime,
    detachedRoleTime,
    childRoleTime: role === 'child' ? inRoleMs : asChildMs,
    routerRoleTime: role === 'router' ? inRoleMs : 0,
    leaderRoleTime: role === 'leader' ? inRoleMs : 0,
  };
}
