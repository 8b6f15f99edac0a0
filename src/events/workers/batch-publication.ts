/**
 * What happens once a batch is in the store: latest values, the live feed and the facts learn of it, in that order. Once
 * for each batch, also where its worker was replaced in the midst of the commit: the next owner finds the batch here.
 *
 * At least once towards live clients; what a crash of the process takes away is told to them as a gap by the feed.
 */
import type { Clock } from '../../clock.ts';
import type { FactEmitter } from '../../facts.ts';
import type { AlertId, ShardName, StreamPosition } from '../../protocol/ids.ts';
import type { LiveMessage } from '../../protocol/live.ts';
import { sensorEventToLive } from '../../protocol/sensor-event.ts';
import type { LiveFeed } from '../live/live-feed.ts';
import type { AlertStore } from '../store/alert-store.ts';
import type { StoreBatch } from '../store/event-store.ts';
import type { LatestValues } from '../store/latest-values.ts';
import { laneOfShard } from '../stream/durable-stream.ts';

export interface BatchPublicationOptions {
  readonly latestValues: Pick<LatestValues, 'apply'>;
  readonly liveFeed: Pick<LiveFeed, 'append'>;
  readonly alertStore: Pick<AlertStore, 'alert'>;
  readonly facts: FactEmitter;
  readonly clock: Clock;
  /** Rows of the outbox of notifications are committed. */
  readonly onNotifications: () => void;
  readonly onFault: (error: unknown, what: string) => void;
}

export class BatchPublication {
  readonly #options: BatchPublicationOptions;
  /** Handed to the store, not yet known to be in it. */
  readonly #inDoubt = new Map<ShardName, StoreBatch>();
  /** One after the other, so that the states of an alert are told in their order. */
  #telling: Promise<void> = Promise.resolve();

  constructor(options: BatchPublicationOptions) {
    this.#options = options;
  }

  /** The batch goes to the store now. */
  begin(batch: StoreBatch): void {
    this.#inDoubt.set(batch.shard, batch);
  }

  /** The store did not take it, for certain. */
  cancel(batch: StoreBatch): void {
    if (this.#inDoubt.get(batch.shard) === batch) this.#inDoubt.delete(batch.shard);
  }

  /** The store has taken it. Nothing where another owner found so before. */
  commit(batch: StoreBatch, startedAtMs: number): void {
    if (this.#inDoubt.get(batch.shard) !== batch) return;
    this.#inDoubt.delete(batch.shard);
    this.#publish(batch, this.#options.clock.monotonicMs() - startedAtMs);
  }

  /** A new owner has found this position in the store: the batch that was on its way is there, or never will be. */
  settle(shard: ShardName, position: StreamPosition | null): void {
    const batch = this.#inDoubt.get(shard);
    if (batch === undefined) return;
    this.#inDoubt.delete(shard);
    if (batch.to !== batch.from && batch.to === position) this.#publish(batch, 0);
  }

  /** Resolves when everything committed so far has been told. */
  settled(): Promise<void> {
    return this.#telling;
  }

  /** What is stored is stored: no fault of whoever is told may reach the worker. */
  #publish(batch: StoreBatch, batchMs: number): void {
    try {
      this.#tell(batch, batchMs);
    } catch (error) {
      this.#options.onFault(error, `a stored batch of shard ${batch.shard} could not be shown as a whole`);
    }
  }

  #tell(batch: StoreBatch, batchMs: number): void {
    const { clock, facts, latestValues, liveFeed, onNotifications } = this.#options;
    const { alerts, committedAt, deadLetters, duplicates, events, shard } = batch;
    const lane = laneOfShard(shard);
    latestValues.apply(batch);
    if (events.length > 0) {
      const storedAtMs = clock.nowMs();
      liveFeed.append(
        events.map((event): LiveMessage => ({ type: 'event', ...sensorEventToLive(event, committedAt) })),
      );
      const liveAtMs = clock.nowMs();
      const durationsMs: number[] = [];
      const liveDurationsMs: number[] = [];
      for (const { receivedAt } of events) {
        durationsMs.push(Math.max(0, storedAtMs - receivedAt));
        liveDurationsMs.push(Math.max(0, liveAtMs - receivedAt));
      }
      facts.emit('events:stored', { lane, shard, durationsMs, duplicates, batchMs });
      facts.emit('events:live', { lane, durationsMs: liveDurationsMs });
    } else if (duplicates > 0) {
      facts.emit('events:stored', { lane, shard, durationsMs: [], duplicates, batchMs });
    }
    for (const { detail, reason, sensorId } of deadLetters)
      facts.emit('events:dead_lettered', { lane, reason, sensorId, detail });
    if (alerts.notifications.length > 0) onNotifications();
    for (const { id } of alerts.alerts) this.#tellAlert(id);
  }

  /** As it is in the store, with its notifications: a later state may be told twice, none is skipped at the end. */
  #tellAlert(id: AlertId): void {
    const { alertStore, facts, onFault } = this.#options;
    this.#telling = this.#telling.then(async () => {
      try {
        const alert = await alertStore.alert(id);
        if (alert !== null) facts.emit('alert:changed', { alert });
      } catch (error) {
        onFault(error, `alert ${id} has changed and could not be shown`);
      }
    });
  }
}
