import type { Clock } from '../clock.ts';
import type { FactEmitter } from '../facts.ts';
import type { SeenNode } from '../protocol/border-router-messages.ts';
import type { BorderRouterId, ExtAddress } from '../protocol/ids.ts';
import type { Ipv6Address } from '../protocol/ipv6.ts';
import type { NodeEntry } from './node-entries.ts';
import type { NodeStore } from './node-store.ts';
import type { RegisteredNode } from './registered-node.ts';

export interface NodeRegistryDependencies {
  readonly store: NodeStore;
  readonly facts: FactEmitter;
  readonly clock: Pick<Clock, 'nowMs' | 'after'>;
  /** What discovery learned could not be saved; it is kept in memory and tried again. */
  readonly onStoreError?: (error: unknown) => void;
}

export declare class NodeRegistry {
  constructor(dependencies: NodeRegistryDependencies);
  /** Reads REST and discovered nodes from the store; once, before use. */
  load(): Promise<void>;
  /** Sorted by name. */
  list(): readonly RegisteredNode[];
  get(name: string): RegisteredNode | null;
  put(name: string, node: { ipv6: string; br_id?: string | null }): Promise<RegisteredNode>;
  /** What a file still says of it afterwards; null where it is gone. */
  remove(name: string): Promise<RegisteredNode | null>;
  importNodes(object: unknown): Promise<{ accepted: number; problems: string[] }>;
  replaceFileNodes(entries: readonly NodeEntry[]): { accepted: number; problems: string[] };
  learn(ipv6: Ipv6Address, extAddress: ExtAddress): void;
  noteSeen(borderRouterId: BorderRouterId, nodes: readonly SeenNode[]): { added: number; problems: string[] };
  /** Saves what is still unsaved. */
  close(): Promise<void>;
}
