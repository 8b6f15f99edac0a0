/**
 * The half of an `EventStore` that workers write to, in memory, with faults on demand. What it keeps is public: tests look
 * at what really happened.
 */
import { EventError, StoreError } from '../../src/errors.ts';
import type {
  DeadLetter,
  DedupKey,
  EventStore,
  LaneLedger,
  SensorProgress,
  ShardOwnership,
  StoreBatch,
} from '../../src/events/store/event-store.ts';
import { laneOfShard } from '../../src/events/stream/durable-stream.ts';
import type { SensorId, ShardName, StreamPosition } from '../../src/protocol/ids.ts';
import { type Lane, lanes, type SensorEvent } from '../../src/protocol/sensor-event.ts';

export type StoreOperation = 'takeShard' | 'knownKeys' | 'sensorProgress' | 'commit';

export class FakeEventStore implements Pick<
  EventStore,
  StoreOperation | 'ledger' | 'deadLetters' | 'deadLetter' | 'settleDeadLetter'
> {
  readonly shards = new Map<ShardName, { epoch: number; position: StreamPosition | null }>();
  /** In the order of their commits. */
  readonly stored: SensorEvent[] = [];
  readonly batches: StoreBatch[] = [];
  readonly letters = new Map<string, DeadLetter>();
  readonly #keys = new Set<string>();
  readonly #progress = new Map<string, SensorProgress>();
  readonly #ledger = new Map(lanes.map((lane) => [lane, { stored: 0, duplicate: 0, dead: 0 }]));
  /** Asked before an operation: what it throws or rejects with is the operation's failure, nothing is applied then. */
  before: (operation: StoreOperation, batch: StoreBatch | null) => void | Promise<void> = () => undefined;
  /** Asked after a commit was applied: what it throws is what the caller sees. */
  afterCommit: (batch: StoreBatch) => void | Promise<void> = () => undefined;

  async takeShard(shard: ShardName): Promise<ShardOwnership> {
    await this.before('takeShard', null);
    const known = this.shards.get(shard) ?? { epoch: 0, position: null };
    const taken = { epoch: known.epoch + 1, position: known.position };
    this.shards.set(shard, taken);
    return { ...taken };
  }

  async knownKeys(keys: readonly DedupKey[]): Promise<ReadonlySet<DedupKey>> {
    await this.before('knownKeys', null);
    return new Set(keys.filter(({ key, sensorId }) => this.#keys.has(`${sensorId} ${key}`)));
  }

  async sensorProgress(
    lane: Lane,
    sensors: readonly SensorId[],
  ): Promise<ReadonlyMap<SensorId, SensorProgress>> {
    await this.before('sensorProgress', null);
    return new Map(
      sensors.flatMap((sensorId) => {
        const progress = this.#progress.get(`${lane} ${sensorId}`);
        return progress === undefined ? [] : [[sensorId, progress] as const];
      }),
    );
  }

  async commit(batch: StoreBatch): Promise<void> {
    await this.before('commit', batch);
    const shard = this.shards.get(batch.shard);
    if (shard?.epoch !== batch.epoch || shard.position !== batch.from)
      throw new StoreError('store_fenced', `${batch.shard} has another owner or position`);
    const lane = laneOfShard(batch.shard);
    const ledger = this.#ledger.get(lane);
    if (ledger === undefined) throw new Error(lane);
    shard.position = batch.to;
    this.stored.push(...batch.events);
    this.batches.push(batch);
    for (const { dedupKey, sensorId } of batch.events)
      if (dedupKey !== null) this.#keys.add(`${sensorId} ${dedupKey}`);
    for (const sensor of batch.sensors) this.#progress.set(`${lane} ${sensor.sensorId}`, sensor);
    for (const letter of batch.deadLetters) this.letters.set(letter.id, { ...letter, state: 'dead' });
    ledger.stored += batch.events.length;
    ledger.duplicate += batch.duplicates;
    ledger.dead += batch.deadLetters.length;
    await this.afterCommit(batch);
  }

  ledger(): Promise<readonly LaneLedger[]> {
    return Promise.resolve([...this.#ledger].map(([lane, counts]) => ({ lane, ...counts })));
  }

  /** Newest first, two to a page. */
  deadLetters: EventStore['deadLetters'] = ({ cursor, reason, sensor, state }) => {
    const start = cursor === null ? 0 : Number(cursor);
    if (!Number.isInteger(start))
      throw new EventError('cursor_invalid', `there is no cursor ${String(cursor)}`);
    const all = [...this.letters.values()]
      .reverse()
      .filter(
        (letter) =>
          (sensor === null || letter.sensorId === sensor) &&
          (reason === null || letter.reason === reason) &&
          (state === null || letter.state === state),
      );
    return Promise.resolve({
      items: all.slice(start, start + 2),
      nextCursor: start + 2 < all.length ? String(start + 2) : null,
    });
  };

  deadLetter(id: string): Promise<DeadLetter | null> {
    return Promise.resolve(this.letters.get(id) ?? null);
  }

  settleDeadLetter(id: string, state: 'replayed' | 'discarded'): Promise<boolean> {
    const letter = this.letters.get(id);
    if (letter?.state !== 'dead') return Promise.resolve(false);
    this.letters.set(id, { ...letter, state });
    return Promise.resolve(true);
  }
}
