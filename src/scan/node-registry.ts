/**
 * The nodes to scan: what the node file, REST and border routers know of them, as one list (`node-merging.ts` has the
 * rules). REST changes are durable when their promise resolves; what discovery and answers teach counts at once and is
 * saved soon after, since the mesh can tell it again.
 */
import type { Clock } from '../clock.ts';
import { NodeError } from '../errors.ts';
import type { FactEmitter } from '../facts.ts';
import type { SeenNode } from '../protocol/border-router-messages.ts';
import type { BorderRouterId, ExtAddress, NodeName } from '../protocol/ids.ts';
import type { Ipv6Address, Ipv6Prefix } from '../protocol/ipv6.ts';
import { isJsonObject } from '../protocol/json.ts';
import { readSeenNode } from './node-discovery.ts';
import { type NodeEntry, readNodeEntry, shown } from './node-entries.ts';
import { type MergedNodes, mergeNodes } from './node-merging.ts';
import { NodeSaving } from './node-saving.ts';
import type { NodeStore, StoredNode } from './node-store.ts';
import type { RegisteredNode } from './registered-node.ts';

/** Nodes in all. Beyond it a scan could not end within its time anyway. */
export const maxNodes = 10_000;
/** A node has a few addresses over its life. */
const maxLearned = 2 * maxNodes;
/** Bursts of discovery become one fact … */
const changedAfterMs = 100;
/** … and what goes on for long one a second: merging 10,000 nodes takes the time of 500 heartbeats. */
const changedEveryMs = 1_000;

export interface NodeRegistryDependencies {
  readonly store: NodeStore;
  readonly facts: FactEmitter;
  readonly clock: Clock;
  /** What discovery learned could not be saved; it is kept in memory and tried again. */
  readonly onStoreError?: (error: unknown) => void;
  /**
   * The prefix that a border router serves. A discovered node outside it is asked through the border router that saw it;
   * without this look-up all are.
   */
  readonly networkPrefixOf?: (id: BorderRouterId) => Ipv6Prefix | null;
}

export class NodeRegistry {
  readonly #facts: FactEmitter;
  readonly #clock: Clock;
  readonly #networkPrefixOf: (id: BorderRouterId) => Ipv6Prefix | null;
  readonly #saving: NodeSaving;
  readonly #rest = new Map<string, NodeEntry>();
  readonly #discovered = new Map<string, StoredNode>();
  readonly #learned = new Map<Ipv6Address, ExtAddress>();
  #file: ReadonlyMap<string, NodeEntry> = new Map();
  #merged: MergedNodes | null = null;
  /** `#merged` lacks what the current burst taught. */
  #outdated = false;
  #list: readonly RegisteredNode[] | null = null;
  #cancelChanged: (() => void) | null = null;
  /** When the last burst became a fact, monotonic. */
  #burstToldMs = -changedEveryMs;
  /** Changes over REST one after the other: each is checked against what the one before left. */
  #changing: Promise<unknown> = Promise.resolve();

  constructor(dependencies: NodeRegistryDependencies) {
    this.#facts = dependencies.facts;
    this.#clock = dependencies.clock;
    this.#networkPrefixOf = dependencies.networkPrefixOf ?? (() => null);
    this.#saving = new NodeSaving({
      store: dependencies.store,
      clock: dependencies.clock,
      onStoreError: dependencies.onStoreError ?? (() => undefined),
    });
  }

  /** Reads REST and discovered nodes from the store; once, before use. Throws StoreError. */
  async load(): Promise<void> {
    const { learned, nodes } = await this.#saving.load(maxLearned);
    for (const node of nodes) {
      if (node.origin === 'discovery') this.#discovered.set(node.key, node);
      else this.#rest.set(node.key, readNodeEntry(node.key, { ipv6: node.ipv6, br_id: node.borderRouterId }));
    }
    for (const { extAddress, ipv6 } of learned.reverse()) this.#learned.set(ipv6, extAddress);
    this.#changed();
  }

  /** Sorted by name. */
  list(): readonly RegisteredNode[] {
    this.#list ??= [...this.#view().nodes.values()];
    return this.#list;
  }

  get(name: string): RegisteredNode | null {
    return this.#view().nodes.get(name as NodeName) ?? null;
  }

  /** Throws NodeError, StoreError. */
  put(
    name: string,
    node: { ipv6: string; br_id?: string | null; ext_addr?: string | null },
  ): Promise<RegisteredNode> {
    return this.#exclusive(async () => {
      const entry = readNodeEntry(name, node);
      this.#checkFree(entry, this.#rest);
      await this.#saving.now({ save: [stored(entry)] });
      this.#rest.set(name, entry);
      this.#rememberWritten([entry]);
      this.#changed();
      return this.get(name) ?? { ...entry, origins: ['rest'] };
    });
  }

  /**
   * Forgets what REST and discovery know of a node. Returns what the file still says of it; null where it is gone. A
   * discovered node comes back when it is seen again. Throws NodeError, StoreError.
   */
  remove(name: string): Promise<RegisteredNode | null> {
    return this.#exclusive(async () => {
      const node = this.get(name);
      if (node === null) throw new NodeError('node_not_found', `There is no node ${shown(name)}`);
      if (node.origins.includes('file') && !this.#rest.has(name))
        throw new NodeError(
          'node_read_only',
          `The node ${shown(name)} comes from the node file; remove it there, the file is watched`,
        );
      const discovered = this.#view().discoveredKeys.get(node.name) ?? [];
      await this.#saving.now({
        remove: [
          ...(this.#rest.has(name) ? [{ origin: 'rest' as const, key: name }] : []),
          ...discovered.map((key) => ({ origin: 'discovery' as const, key })),
        ],
      });
      this.#rest.delete(name);
      for (const key of discovered) this.#discovered.delete(key);
      this.#changed();
      return this.get(name) ?? this.#at(node.ipv6);
    });
  }

  /**
   * Takes an object in the format of the node file as REST nodes, beside those that are there. Good entries are taken
   * together, bad ones are reported, a sentence each. Throws StoreError; nothing is taken then.
   */
  importNodes(object: unknown): Promise<{ accepted: number; problems: string[] }> {
    return this.#exclusive(async () => {
      if (!isJsonObject(object))
        throw new NodeError(
          'node_invalid',
          `An import is an object of names and addresses; it is ${shown(object)}`,
        );
      const problems: string[] = [];
      const accepted: NodeEntry[] = [];
      const after = new Map(this.#rest);
      const owners = ownersOf(after);
      for (const [name, value] of Object.entries(object)) {
        try {
          const entry = readNodeEntry(name, value);
          this.#checkFree(entry, after, owners);
          const before = after.get(name);
          if (before !== undefined) owners.delete(before.ipv6);
          owners.set(entry.ipv6, name);
          after.set(name, entry);
          accepted.push(entry);
        } catch (error) {
          if (!(error instanceof NodeError)) throw error;
          problems.push(error.message);
        }
      }
      if (accepted.length > 0) {
        await this.#saving.now({ save: accepted.map(stored) });
        for (const entry of accepted) this.#rest.set(entry.name, entry);
        this.#rememberWritten(accepted);
        this.#changed();
      }
      return { accepted: accepted.length, problems };
    });
  }

  /** What the file says now, in place of what it said before. */
  replaceFileNodes(entries: readonly NodeEntry[]): { accepted: number; problems: string[] } {
    this.#file = new Map(entries.map((entry) => [entry.name, entry]));
    this.#rememberWritten(entries);
    this.#changed();
    const leftOut = this.#view().leftOut.file;
    const problems =
      leftOut.length === 0
        ? []
        : [
            `${leftOut.length} nodes are left out, ${shown(leftOut[0])} and what follows: the hub scans at most ${maxNodes} nodes`,
          ];
    return { accepted: this.#file.size - leftOut.length, problems };
  }

  /** A node answered at this address: under another address it is the same node. */
  learn(ipv6: Ipv6Address, extAddress: ExtAddress): void {
    if (this.#learned.get(ipv6) === extAddress) return;
    const view = this.#recentView();
    const name = view.byIpv6.get(ipv6);
    const node = name === undefined ? undefined : view.nodes.get(name);
    if (node === undefined) return;
    this.#remember(ipv6, extAddress);
    if (node.extAddress === extAddress) return;
    if (node.extAddress === null && !view.byExtAddress.has(extAddress)) {
      // The usual case, once per node in a first scan: the list stays as it is, but for this field.
      view.nodes.set(node.name, { ...node, extAddress });
      view.byExtAddress.set(extAddress, node.name);
      this.#list = null;
    } else {
      this.#changedSoon();
    }
  }

  /** Takes the nodes that a border router reports. Those without an address that can be asked are skipped. */
  noteSeen(
    borderRouterId: BorderRouterId,
    nodes: readonly SeenNode[],
  ): { added: number; problems: string[] } {
    const view = this.#recentView();
    let added = 0;
    let beyondLimit = 0;
    for (const record of this.#readSeen(borderRouterId, nodes)) {
      const { extAddress, ipv6, key } = record;
      const atAddress = view.byIpv6.get(ipv6);
      const name = atAddress ?? (extAddress === null ? undefined : view.byExtAddress.get(extAddress));
      const tooManyNodes = name === undefined && view.nodes.size + added >= maxNodes;
      const tooManyRecords = !this.#discovered.has(key) && this.#discovered.size >= maxNodes;
      if (tooManyNodes || tooManyRecords) {
        beyondLimit += 1;
        continue;
      }
      if (name === undefined) added += 1;
      if (atAddress !== undefined && extAddress !== null && this.#learned.get(ipv6) !== extAddress) {
        this.#remember(ipv6, extAddress);
        this.#changedSoon();
      }
      this.#takeSeen(record, name === undefined ? [] : (view.discoveredKeys.get(name) ?? []));
    }
    const problem = `${beyondLimit} of the nodes that ${borderRouterId} sees are left out: the hub scans at most ${maxNodes} nodes`;
    return { added, problems: beyondLimit === 0 ? [] : [problem] };
  }

  /** Saves what is still unsaved. */
  async close(): Promise<void> {
    this.#cancelChanged?.();
    this.#cancelChanged = null;
    await this.#changing;
    await this.#saving.close();
  }

  #readSeen(borderRouterId: BorderRouterId, nodes: readonly SeenNode[]): Iterable<StoredNode> {
    const by = { id: borderRouterId, networkPrefix: this.#networkPrefixOf(borderRouterId) };
    const records = new Map<string, StoredNode>();
    for (const node of nodes) {
      const record = readSeenNode(node, by);
      if (record === null) continue;
      // Of several addresses that a node has at once, the one in use stays, else the first counts.
      const inUse = this.#discovered.get(record.key)?.ipv6 === record.ipv6;
      if (inUse || !records.has(record.key)) records.set(record.key, record);
    }
    return records.values();
  }

  #rememberWritten(entries: readonly NodeEntry[]): void {
    for (const { extAddress, ipv6 } of entries) {
      if (extAddress !== null && this.#learned.get(ipv6) !== extAddress) this.#remember(ipv6, extAddress);
    }
  }

  #remember(ipv6: Ipv6Address, extAddress: ExtAddress): void {
    this.#learned.delete(ipv6);
    this.#learned.set(ipv6, extAddress);
    if (this.#learned.size > maxLearned) {
      const oldest = this.#learned.keys().next().value;
      if (oldest !== undefined) this.#learned.delete(oldest);
    }
    this.#saving.soon({ learned: [{ ipv6, extAddress, learnedAt: this.#clock.nowMs() }] });
  }

  #takeSeen(record: StoredNode, knownKeys: readonly string[]): void {
    // A record under the bare address gives way to the one under the extended address.
    const known = this.#discovered.get(record.key);
    const merged = known === undefined ? record : { ...record, name: record.name ?? known.name };
    const outdated =
      record.extAddress === null ? [] : knownKeys.filter((key) => this.#supersedes(record, key));
    if (record.extAddress === null && knownKeys.some((key) => key !== record.key)) return;
    if (outdated.length === 0 && known !== undefined && sameRecord(known, merged)) return;
    for (const key of outdated) this.#discovered.delete(key);
    this.#discovered.set(merged.key, merged);
    this.#saving.soon({
      save: [merged],
      remove: outdated.map((key) => ({ origin: 'discovery' as const, key })),
    });
    this.#changedSoon();
  }

  #supersedes(record: StoredNode, key: string): boolean {
    const other = this.#discovered.get(key);
    return other !== undefined && other.key !== record.key && other.extAddress === null;
  }

  #view(): MergedNodes {
    if (this.#merged === null || this.#outdated) {
      const sources = {
        rest: this.#rest,
        file: this.#file,
        discovered: this.#discovered,
        learned: this.#learned,
      };
      this.#merged = mergeNodes(sources, maxNodes);
      this.#outdated = false;
    }
    return this.#merged;
  }

  /**
   * Good enough to place what discovery and answers teach: at most a burst old. Merging anew for each of 10,000 answers
   * would take minutes.
   */
  #recentView(): MergedNodes {
    return this.#merged ?? this.#view();
  }

  #at(ipv6: Ipv6Address): RegisteredNode | null {
    const name = this.#view().byIpv6.get(ipv6);
    return name === undefined ? null : this.get(name);
  }

  #checkFree(
    entry: NodeEntry,
    rest: ReadonlyMap<string, NodeEntry>,
    owners: ReadonlyMap<string, string> = ownersOf(rest),
  ): void {
    const owner = owners.get(entry.ipv6);
    if (owner !== undefined && owner !== entry.name)
      throw new NodeError(
        'node_conflict',
        `${shown(entry.name)} cannot have the address ${entry.ipv6}: ${shown(owner)} has it; change or remove that node first`,
      );
    if (rest.has(entry.name)) return;
    const isNew = this.get(entry.name) === null && this.#at(entry.ipv6) === null;
    const others = rest.size - this.#rest.size;
    if (rest.size >= maxNodes || (isNew && this.#view().nodes.size + others >= maxNodes))
      throw new NodeError(
        'node_limit_exceeded',
        `${shown(entry.name)} would be one node too many: the hub scans at most ${maxNodes} nodes`,
      );
  }

  #changed(): void {
    this.#merged = null;
    this.#list = null;
    this.#cancelChanged?.();
    this.#cancelChanged = null;
    this.#facts.emit('nodes:changed', { count: this.#view().nodes.size });
  }

  /** The next look at the list is true already; the fact waits for the rest of the burst. */
  #changedSoon(): void {
    this.#outdated = true;
    this.#list = null;
    if (this.#cancelChanged !== null) return;
    const nextMs = this.#burstToldMs + changedEveryMs - this.#clock.monotonicMs();
    this.#cancelChanged = this.#clock.after(Math.max(changedAfterMs, nextMs), () => {
      this.#burstToldMs = this.#clock.monotonicMs();
      this.#changed();
    });
  }

  #exclusive<T>(change: () => Promise<T>): Promise<T> {
    const result = this.#changing.then(change);
    this.#changing = result.catch(() => undefined);
    return result;
  }
}

function stored(entry: NodeEntry): StoredNode {
  return {
    origin: 'rest',
    key: entry.name,
    name: entry.name,
    ipv6: entry.ipv6,
    extAddress: null,
    borderRouterId: entry.borderRouterId,
  };
}

function ownersOf(rest: ReadonlyMap<string, NodeEntry>): Map<string, string> {
  return new Map([...rest.values()].map(({ ipv6, name }) => [ipv6, name]));
}

function sameRecord(a: StoredNode, b: StoredNode): boolean {
  return a.name === b.name && a.ipv6 === b.ipv6 && a.borderRouterId === b.borderRouterId;
}
