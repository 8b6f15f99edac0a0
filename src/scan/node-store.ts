/**
 * Port: where nodes registered over REST and nodes that border routers reported are kept, with the extended addresses
 * that answers revealed. Adapters pass `node-store.contract.ts`. Failures are `StoreError`.
 */
import type { BorderRouterId, ExtAddress } from '../protocol/ids.ts';
import type { Ipv6Address } from '../protocol/ipv6.ts';

/** A node as its source knows it; file nodes are not stored, the file has them. */
export interface StoredNode {
  readonly origin: 'rest' | 'discovery';
  /** Unique per origin: a REST node's name; of a discovered node its extended address, else its IPv6 address. */
  readonly key: string;
  /** Of a discovered node, what the border router called it; null where it gave no usable name. */
  readonly name: string | null;
  readonly ipv6: Ipv6Address;
  readonly extAddress: ExtAddress | null;
  readonly borderRouterId: BorderRouterId | null;
}

export type StoredNodeKey = Pick<StoredNode, 'origin' | 'key'>;

export interface LearnedAddress {
  readonly ipv6: Ipv6Address;
  readonly extAddress: ExtAddress;
  /** Unix ms. */
  readonly learnedAt: number;
}

/** Applied whole or not at all. A key that is both in `remove` and in `save` ends as saved. */
export interface NodeChanges {
  readonly save?: readonly StoredNode[];
  readonly remove?: readonly StoredNodeKey[];
  readonly learned?: readonly LearnedAddress[];
}

export interface NodeStore {
  /** `learned` newest first, at most `learnedLimit` of them; older ones are forgotten. */
  load(learnedLimit: number): Promise<{ nodes: StoredNode[]; learned: LearnedAddress[] }>;
  /** Durable when the promise resolves. */
  apply(changes: NodeChanges): Promise<void>;
}
