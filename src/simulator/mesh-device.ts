/** One Thread device of a simulated network and how it is attached. State only; `mesh.ts` changes it. */
import type { ExtAddress } from '../protocol/ids.ts';
import type { Ipv6Address } from '../protocol/ipv6.ts';
import type { Place } from './building.ts';

/** `sleepy`: battery, radio off between polls. `minimal`: listens, never routes. `full`: may become a router. */
export type DeviceKind = 'full' | 'minimal' | 'sleepy';

export type Attachment =
  | { readonly kind: 'router'; readonly routerId: number }
  /** Child ids run from 1 to 511. */
  | { readonly kind: 'child'; readonly parent: MeshDevice; readonly childId: number };

export interface MeshDevice {
  /** Within its network; border routers come first. */
  readonly number: number;
  readonly kind: 'node' | 'border_router';
  readonly deviceKind: DeviceKind;
  /** A node's name, a border router's id. */
  readonly name: string;
  readonly extAddress: ExtAddress;
  /** In the network's prefix. */
  readonly ipv6: Ipv6Address;
  readonly place: Place;
  attachment: Attachment;
  parentChanges: number;
  attachAttempts: number;
}

/** Most active routers in a Thread network (Thread 1.3, MAX_ROUTERS). */
export const maxRouters = 32;
/** Router ids run from 0 to 62. */
export const routerIdCount = 63;
/** Children per router, OpenThread's default for constrained devices; more only where nodes would find no parent. */
export const usualChildLimit = 10;
