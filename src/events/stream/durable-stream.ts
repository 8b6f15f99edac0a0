/**
 * Port: the durable, sharded queue between ingest and workers. What `append` resolved for survives the process and is
 * read in the order of the append, shard by shard, until its position is committed.
 *
 * Not in here: who reads which shard (`workers/`), and what was done with an entry. The store's position of a shard is
 * the truth; `commit` only permits trimming. `durable-stream.contract.ts` is what every adapter must pass.
 */
import type { SensorId, ShardName, StreamPosition } from '../../protocol/ids.ts';
import { asShardName } from '../../protocol/ids.ts';
import type { IngestProtocol, Lane, SensorEvent } from '../../protocol/sensor-event.ts';
import type { MeshFact } from '../mesh-fact.ts';

/** What a source tells of itself beside its events: a name for people, units by type of reading. */
export interface SensorDescription {
  readonly sensorId: SensorId;
  readonly name: string | null;
  readonly units: Readonly<Record<string, string>>;
}

/** A payload that no decoder could read; kept as a dead letter. */
export interface UndecodablePayload {
  /** Of its topic, where the topic tells; it decides the shard. */
  readonly sensorId: SensorId | null;
  readonly topic: string | null;
  /** At most 64 KiB of it. */
  readonly payload: Uint8Array;
  readonly reason: string;
  readonly receivedAt: number;
  readonly protocol: IngestProtocol;
}

export type StreamEntry =
  | { readonly kind: 'event'; readonly event: SensorEvent }
  | { readonly kind: 'undecodable'; readonly undecodable: UndecodablePayload }
  | { readonly kind: 'description'; readonly description: SensorDescription }
  /** What happened in the mesh, for the alert rules. */
  | { readonly kind: 'fact'; readonly fact: MeshFact };

export interface NewStreamEntry {
  readonly shard: ShardName;
  readonly entry: StreamEntry;
  /**
   * An MQTT QoS 2 delivery, as `deliveryKey` names it: appended once until `forgetDelivery`, across restarts. Entries of one
   * delivery are appended together.
   */
  readonly deliveryKey?: string;
}

export interface StreamRecord {
  readonly position: StreamPosition;
  readonly entry: StreamEntry;
  /** When it became durable, Unix ms. */
  readonly durableAt: number;
}

export interface ShardDepth {
  readonly shard: ShardName;
  /** Entries not yet committed. */
  readonly entries: number;
  readonly bytes: number;
  /** When the oldest of them became durable, Unix ms; null where there is none. */
  readonly oldestDurableAt: number | null;
  /** Entries that carry something to store (`event`, `undecodable`), ever appended; part of the ledger. */
  readonly appended: number;
}

export interface ReadLimits {
  readonly maxEntries: number;
  readonly maxBytes: number;
}

export interface DurableStream {
  /** Every shard of every lane, critical ones first. */
  readonly shards: readonly ShardName[];
  /**
   * Resolves when all entries are durable, in the order of the calls; a repeated delivery counts as appended. Rejects with
   * StreamError `stream_full`, `stream_unavailable` or `stream_closed`; nothing of the call may then be acknowledged, and
   * where it is not known whether it was written, a later append of the same may be there twice.
   */
  append(entries: readonly NewStreamEntry[]): Promise<void>;
  /** The QoS 2 exchange is over: its packet id may be used again. Durable before the next append is. */
  forgetDelivery(deliveryKey: string): Promise<void>;
  /** Forgets every delivery of a client that began a clean session. */
  forgetDeliveriesOf(clientId: string): Promise<void>;
  /** Entries after a position (null: from the oldest), in order; empty where there is none. */
  read(shard: ShardName, after: StreamPosition | null, limits: ReadLimits): Promise<readonly StreamRecord[]>;
  /** Negative where `a` is before `b`, 0 where they are the same. Both of one shard. */
  compare(a: StreamPosition, b: StreamPosition): number;
  /** Everything up to this position has been stored, durably: it may be trimmed. */
  commit(shard: ShardName, position: StreamPosition): void;
  /**
   * Called after entries became durable in a shard, once for all of its entries that became durable together. Returns the
   * function that unsubscribes.
   */
  onAppended(listener: (shard: ShardName) => void): () => void;
  depths(): readonly ShardDepth[];
  /** Resolves when what was appended before is durable, and the files are closed. */
  close(): Promise<void>;
}

export const shardName = (lane: Lane, index: number): ShardName => asShardName(`${lane}-${index}`);

export const laneOfShard = (shard: ShardName): Lane => (shard.startsWith('critical-') ? 'critical' : 'bulk');

export interface ShardCounts {
  readonly critical: number;
  readonly bulk: number;
}

export function shardNames(counts: ShardCounts): readonly ShardName[] {
  const ofLane = (lane: Lane) => Array.from({ length: counts[lane] }, (_, index) => shardName(lane, index));
  return [...ofLane('critical'), ...ofLane('bulk')];
}

/** The shard of a subject (a sensor, a border router …): FNV-1a of its UTF-16 code units, modulo the shards of the lane. */
export function shardOf(lane: Lane, subject: string, counts: ShardCounts): ShardName {
  let hash = 0x811c9dc5;
  for (let index = 0; index < subject.length; index++) {
    hash = Math.imul(hash ^ subject.charCodeAt(index), 0x01000193);
  }
  return shardName(lane, (hash >>> 0) % counts[lane]);
}
