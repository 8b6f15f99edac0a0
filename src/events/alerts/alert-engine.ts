/**
 * Evaluates the alert rules, shard by shard: each open shard has its states in memory, and its owner stores what changes.
 * What all shards share is only looked at here: the rules in force, silences, latest values.
 */
import type { Clock } from '../../clock.ts';
import type { SensorId, ShardName } from '../../protocol/ids.ts';
import type { AlertStore } from '../store/alert-store.ts';
import type { LatestValues } from '../store/latest-values.ts';
import { laneOfShard, type ShardCounts, shardOf } from '../stream/durable-stream.ts';
import type { AlertEvaluator, ShardAlerts } from './alert-evaluator.ts';
import type { RuleBook } from './rule-book.ts';
import { ShardAlertStates } from './shard-alert-states.ts';
import type { SilencesView } from './silences.ts';
import { restore, type TrackedSubject, trackedFromRow } from './tracked-subject.ts';

export interface AlertEngineOptions {
  readonly store: Pick<AlertStore, 'shardAlerts'>;
  /** The rules in force now. */
  readonly book: () => RuleBook;
  readonly silences: SilencesView;
  readonly latestValues: Pick<LatestValues, 'get' | 'lastReceivedAt' | 'list'>;
  readonly isBorderRouterOnline: (id: string) => boolean;
  readonly counts: ShardCounts;
  readonly clock: Pick<Clock, 'nowMs' | 'monotonicMs'>;
  readonly newId: () => string;
  /** Something in a shard is due earlier than its owner could know. */
  readonly onDue: () => void;
}

/** A sensor that has sent nothing for longer when the hub starts was taken down, or has been told of before. */
const watchedSinceMs = 7 * 86_400_000;
const pageSize = 1_000;
const walkLastsMs = 5_000;
/** Sensors known to be watched; their ids come from outside. */
const maxWatched = 500_000;

export class AlertEngine implements AlertEvaluator {
  readonly #options: AlertEngineOptions;
  readonly #startedAt: number;
  /** The newest owner of each shard here. */
  readonly #open = new Map<ShardName, ShardAlertStates>();
  /** Which shard has the alert of a rule and subject that is not resolved. */
  readonly #activeIn = new Map<string, ShardName>();
  #walk: {
    readonly book: RuleBook;
    readonly atMs: number;
    readonly byShard: ReadonlyMap<ShardName, readonly SensorId[]>;
  } | null = null;
  #watched: { readonly book: RuleBook; readonly sensors: Set<SensorId> };

  constructor(options: AlertEngineOptions) {
    this.#options = options;
    this.#startedAt = options.clock.nowMs();
    this.#watched = { book: options.book(), sensors: new Set() };
  }

  /** Rejects with StoreError. */
  async openShard(shard: ShardName): Promise<ShardAlerts> {
    const { clock, isBorderRouterOnline, latestValues, newId, silences, store } = this.#options;
    const stored = await store.shardAlerts(shard);
    const rows = new Map<string, (typeof stored.alerts)[number]>(stored.alerts.map((row) => [row.id, row]));
    const loaded: TrackedSubject[] = [];
    for (const { rule, state, subject } of stored.states) {
      const tracked = restore(rule, subject, state, (alertId) => rows.get(alertId));
      if (tracked === null) continue;
      loaded.push(tracked);
      if (tracked.alert !== null) rows.delete(tracked.alert.row.id);
    }
    for (const row of rows.values()) loaded.push(trackedFromRow(row, clock.nowMs()));
    const states = new ShardAlertStates({
      ...{ shard, silences, clock, newId, isBorderRouterOnline, loaded },
      sensors: latestValues,
      book: this.#options.book,
      startedAt: this.#startedAt,
      onActive: (key, isActive) => {
        if (isActive) this.#activeIn.set(key, shard);
        else if (this.#activeIn.get(key) === shard) this.#activeIn.delete(key);
      },
      alertElsewhere: (key) => {
        const owner = this.#activeIn.get(key);
        return owner === undefined || owner === shard ? null : (this.#open.get(owner) ?? null);
      },
      onDue: () => this.#options.onDue(),
      watchSensor: (sensorId) => this.#watchSensor(sensorId),
      sensorsToWatch: (book) => this.#sensorsToWatch(shard, book),
    });
    this.#open.set(shard, states);
    return states;
  }

  #watchSensor(sensorId: SensorId): void {
    const book = this.#options.book();
    if (this.#watched.book !== book) this.#watched = { book, sensors: new Set() };
    const { sensors } = this.#watched;
    if (sensors.has(sensorId)) return;
    if (sensors.size >= maxWatched) sensors.clear();
    const states = this.#open.get(shardOf('bulk', sensorId, this.#options.counts));
    // Where nobody here has that shard, its owner finds the sensor among the latest values.
    if (states === undefined) return;
    sensors.add(sensorId);
    states.watch(sensorId);
  }

  /** All shards ask within a moment, when the hub starts and when the rules have changed: one walk is for all of them. */
  #sensorsToWatch(shard: ShardName, book: RuleBook): readonly SensorId[] {
    if (!book.watchesSilence || laneOfShard(shard) !== 'bulk') return [];
    const monotonicMs = this.#options.clock.monotonicMs();
    let walk = this.#walk;
    if (walk?.book !== book || monotonicMs - walk.atMs > walkLastsMs)
      walk = { book, atMs: monotonicMs, byShard: this.#sensorsByShard() };
    this.#walk = walk;
    return walk.byShard.get(shard) ?? [];
  }

  #sensorsByShard(): ReadonlyMap<ShardName, readonly SensorId[]> {
    const { clock, counts, latestValues } = this.#options;
    const sinceMs = clock.nowMs() - watchedSinceMs;
    const byShard = new Map<ShardName, SensorId[]>();
    let cursor: string | null = null;
    do {
      const page: ReturnType<LatestValues['list']> = latestValues.list({ limit: pageSize, cursor });
      for (const { id } of page.items) {
        // What only drills have come from has no last event.
        const lastAt = latestValues.lastReceivedAt(id);
        if (lastAt === null || lastAt < sinceMs) continue;
        const shard = shardOf('bulk', id, counts);
        const known = byShard.get(shard);
        if (known === undefined) byShard.set(shard, [id]);
        else known.push(id);
      }
      cursor = page.nextCursor;
    } while (cursor !== null);
    return byShard;
  }
}
