/**
 * Port: where events, readings, rollups, latest values, dead letters and the ledger live. One `commit` is one transaction,
 * with the shard's position in it: a batch that is repeated after a crash is refused or changes nothing twice.
 *
 * `event-store.contract.ts` is what every adapter must pass. Alerts, silences and notifications are in `alert-store.ts`.
 */
import type { SensorId, ShardName, StreamPosition } from '../../protocol/ids.ts';
import type { Lane, Reading, SensorEvent } from '../../protocol/sensor-event.ts';
import type { AlertChanges } from '../alerts/alert-evaluator.ts';
import type { SensorDescription } from '../stream/durable-stream.ts';

export interface ShardOwnership {
  /** Grows by one with every owner; commits of earlier owners are refused from now on. */
  readonly epoch: number;
  /** Up to here everything is stored; null where nothing is. */
  readonly position: StreamPosition | null;
}

export interface DedupKey {
  readonly sensorId: SensorId;
  readonly key: string;
}

export const deadLetterReasons = [
  'undecodable',
  'out_of_range',
  'wrong_type',
  'store_rejected',
  'attempts_exhausted',
] as const;
export type DeadLetterReason = (typeof deadLetterReasons)[number];

export interface NewDeadLetter {
  readonly id: string;
  readonly reason: DeadLetterReason;
  /** The rule that was broken, or the error, in a sentence. */
  readonly detail: string;
  readonly sensorId: SensorId | null;
  readonly lane: Lane;
  readonly topic: string | null;
  readonly receivedAt: number;
  /** Null where it never was an event. */
  readonly event: SensorEvent | null;
  /** The bytes as they came, where they never were an event. */
  readonly payload: Uint8Array | null;
}

/** Numbers of one sensor and type within one minute (booleans count as 0 and 1), by `ts`. */
export interface MinuteDelta {
  readonly sensorId: SensorId;
  readonly type: string;
  /** Start of the minute, Unix ms. */
  readonly minute: number;
  readonly min: number;
  readonly max: number;
  readonly sum: number;
  readonly count: number;
}

export interface LatestChange {
  readonly sensorId: SensorId;
  readonly reading: Reading;
  readonly ts: number;
  readonly receivedAt: number;
  readonly eventId: string;
  /** From a `late` or `replayed` event: never replaces a reading with a later `ts`. */
  readonly onlyIfNewer: boolean;
}

/** What a batch changes of a sensor's own row; absolute values, since the shard's owner is the only one who knows them. */
export interface SensorChange {
  readonly sensorId: SensorId;
  readonly lane: Lane;
  /** Stored in this batch. */
  readonly events: number;
  /** … of them published with QoS 0. */
  readonly qos0Events: number;
  readonly lastReceivedAt: number;
  readonly lastSeq: number | null;
  readonly bootId: string | null;
  /** Sequence numbers found missing in this batch. */
  readonly missedSeqs: number;
  /** Learned time between two events, ms; null until three have come. */
  readonly usualIntervalMs: number | null;
}

export interface StoreBatch {
  readonly shard: ShardName;
  readonly epoch: number;
  readonly from: StreamPosition | null;
  /** The same as `from` where nothing was read: a timer or a command. */
  readonly to: StreamPosition | null;
  readonly committedAt: number;
  /** In stream order. */
  readonly events: readonly SensorEvent[];
  readonly duplicates: number;
  readonly deadLetters: readonly NewDeadLetter[];
  readonly latest: readonly LatestChange[];
  readonly minutes: readonly MinuteDelta[];
  readonly sensors: readonly SensorChange[];
  readonly descriptions: readonly SensorDescription[];
  readonly alerts: AlertChanges;
}

export interface StoredEvent {
  readonly event: SensorEvent;
  readonly storedAt: number;
}

export interface Page<Item> {
  readonly items: readonly Item[];
  /** Null at the end. */
  readonly nextCursor: string | null;
}

export interface EventQuery {
  readonly sensor: string | null;
  readonly type: string | null;
  readonly lane: Lane | null;
  /** By `receivedAt`, Unix ms, inclusive. */
  readonly fromMs: number | null;
  /** Exclusive. */
  readonly toMs: number | null;
  readonly limit: number;
  readonly cursor: string | null;
}

export interface SensorView {
  readonly id: SensorId;
  readonly name: string | null;
  readonly firstSeenAt: number;
  readonly lastSeenAt: number;
  readonly events: number;
  readonly qos0Events: number;
  readonly missedSeqs: number;
  readonly usualIntervalMs: number | null;
  readonly readings: readonly {
    readonly type: string;
    readonly value: Reading['value'];
    readonly unit: string | null;
    readonly ts: number;
    readonly receivedAt: number;
  }[];
}

export interface SensorProgress {
  readonly lastSeq: number | null;
  readonly bootId: string | null;
  readonly usualIntervalMs: number | null;
  readonly lastReceivedAt: number;
}

export interface HistoryQuery {
  readonly sensor: SensorId;
  readonly type: string;
  readonly fromMs: number;
  readonly toMs: number;
  /** Points wanted at most, 1 to 10,000. */
  readonly points: number;
}

/** `min`, `max`, `mean` are the same value and `count` is 1 where a point is one reading. `value`: text, or a boolean as it was. */
export interface HistoryPoint {
  readonly ts: number;
  readonly min: number | null;
  readonly max: number | null;
  readonly mean: number | null;
  readonly count: number;
  readonly value: Reading['value'] | null;
}

export interface History {
  readonly resolution: 'raw' | 'minute' | 'hour';
  /** Width of a point, ms; 0 where each point is one reading. */
  readonly stepMs: number;
  readonly points: readonly HistoryPoint[];
}

export interface LaneLedger {
  readonly lane: Lane;
  readonly stored: number;
  readonly duplicate: number;
  readonly dead: number;
}

export interface DeadLetter extends NewDeadLetter {
  readonly state: 'dead' | 'replayed' | 'discarded';
}

export interface DeadLetterQuery {
  readonly sensor: string | null;
  readonly reason: DeadLetterReason | null;
  readonly state: DeadLetter['state'] | null;
  readonly limit: number;
  readonly cursor: string | null;
}

/** Unix ms: what is older goes; keys and rollups may stay a sixteenth of what is kept longer. */
export interface RetentionBounds {
  readonly rawBeforeMs: number;
  readonly minutesBeforeMs: number;
  readonly hoursBeforeMs: number;
  readonly keysBeforeMs: number;
  readonly deadLettersBeforeMs: number;
}

/** Every method rejects with StoreError. */
export interface EventStore {
  /** Takes a shard from whoever had it. */
  takeShard(shard: ShardName): Promise<ShardOwnership>;
  /** Which of these keys have been stored within the window. The same keys come back, by identity. */
  knownKeys(keys: readonly DedupKey[]): Promise<ReadonlySet<DedupKey>>;
  /** What was known of these sensors in this lane when their last batch was committed. */
  sensorProgress(lane: Lane, sensors: readonly SensorId[]): Promise<ReadonlyMap<SensorId, SensorProgress>>;
  /**
   * One transaction. Rejects with `store_fenced` where the shard has another owner or position, and changes nothing then.
   * Critical batches overtake bulk ones that wait.
   */
  commit(batch: StoreBatch): Promise<void>;

  /** Newest first, by arrival. Throws EventError `cursor_invalid`. */
  events(query: EventQuery): Promise<Page<StoredEvent>>;
  /** By id. */
  sensors(query: { readonly limit: number; readonly cursor: string | null }): Promise<Page<SensorView>>;
  sensor(id: SensorId): Promise<SensorView | null>;
  history(query: HistoryQuery): Promise<History>;
  ledger(): Promise<readonly LaneLedger[]>;
  deadLetters(query: DeadLetterQuery): Promise<Page<DeadLetter>>;
  deadLetter(id: string): Promise<DeadLetter | null>;
  /** False where it is not `dead` any more. */
  settleDeadLetter(id: string, state: 'replayed' | 'discarded'): Promise<boolean>;
  /** One small step of retention and tidying; resolves to whether there may be more to do. */
  prune(bounds: RetentionBounds): Promise<boolean>;
}
