/**
 * Sensors whose silence a shard watches: every one that a rule about silence fits, by the rule and the sensor. In memory
 * only, since the time of the last event is known from the latest values, also after a restart. A watch lives in the bulk
 * shard of its sensor, whichever lane the events take, so that a sensor with both is watched once.
 */
import type { SensorId } from '../../protocol/ids.ts';
import type { LatestValues } from '../store/latest-values.ts';
import type { AlertRule } from './alert-rule.ts';
import { clockStepMs, type SeenClock } from './clock-step.ts';
import { TimerQueue } from './timer-queue.ts';

/** Three events have come, and still: what is usual within less than this says nothing. */
const shortestLearnedMs = 30_000;
/** A sensor that has just appeared has no usual time yet. */
const unlearnedRecheckMs = 60_000;
/** After a start, and after the clock was set, a sensor has its whole time again, but no longer than this. */
const longestGraceMs = 3_600_000;

export interface SilenceWatch {
  readonly key: string;
  readonly rule: AlertRule;
  readonly sensorId: SensorId;
}

export interface Silence {
  readonly lastAt: number;
  readonly limitMs: number;
  readonly usualMs: number | null;
}

/** When a watch is to be looked at again, or what it found. */
export type WatchResult =
  | { readonly kind: 'later'; readonly dueAt: number }
  | { readonly kind: 'silent'; readonly dueAt: number; readonly silence: Silence };

export interface SilenceWatchesOptions {
  readonly sensors: Pick<LatestValues, 'get' | 'lastReceivedAt'>;
  /** Unix ms. */
  readonly startedAt: number;
  readonly clockSeen: SeenClock;
}

export class SilenceWatches {
  readonly #sensors: SilenceWatchesOptions['sensors'];
  readonly #watches = new Map<string, SilenceWatch>();
  readonly #queue = new TimerQueue();
  #quietFrom: number;
  #clockSeen: SeenClock;

  constructor({ clockSeen, sensors, startedAt }: SilenceWatchesOptions) {
    this.#sensors = sensors;
    this.#quietFrom = startedAt;
    this.#clockSeen = clockSeen;
  }

  get next(): number | null {
    return this.#queue.next;
  }

  has(key: string): boolean {
    return this.#watches.has(key);
  }

  arm(watch: SilenceWatch, nowMs: number): void {
    this.#watches.set(watch.key, watch);
    this.lookAgain(watch.key, this.#dueOf(watch, nowMs)?.dueAt ?? nowMs + unlearnedRecheckMs);
  }

  clear(): void {
    this.#watches.clear();
    this.#queue.clear();
  }

  lookAgain(key: string, atMs: number): void {
    if (this.#watches.has(key)) this.#queue.set(key, atMs);
  }

  dueBy(nowMs: number, limit: number): readonly SilenceWatch[] {
    return this.#queue.dueBy(nowMs, limit).flatMap((key) => this.#watches.get(key) ?? []);
  }

  check(watch: SilenceWatch, nowMs: number): WatchResult {
    const due = this.#dueOf(watch, nowMs);
    if (due === null) return { kind: 'later', dueAt: nowMs + unlearnedRecheckMs };
    return due.dueAt > nowMs ? { kind: 'later', dueAt: due.dueAt } : { kind: 'silent', ...due };
  }

  /** What was measured with a clock before it was set cannot be compared: every sensor has its time again. */
  noteClock(seen: SeenClock): void {
    const stepMs = clockStepMs(this.#clockSeen, seen);
    this.#clockSeen = seen;
    if (stepMs === 0) return;
    this.#quietFrom = seen.nowMs;
    this.#queue.shift(stepMs);
  }

  #dueOf({ rule, sensorId }: SilenceWatch, nowMs: number): { dueAt: number; silence: Silence } | null {
    if (rule.condition.kind !== 'silent') return null;
    const { limit } = rule.condition;
    const usualMs = limit.kind === 'fixed' ? null : (this.#sensors.get(sensorId)?.usualIntervalMs ?? null);
    if (limit.kind === 'learned' && usualMs === null) return null;
    const limitMs =
      limit.kind === 'fixed' ? limit.limitMs : Math.max(shortestLearnedMs, limit.times * (usualMs ?? 0));
    const known = this.#sensors.lastReceivedAt(sensorId) ?? nowMs;
    // In the future where the clock was set back.
    const lastAt = known > nowMs ? Math.min(this.#quietFrom, nowMs) : known;
    const dueAt = Math.max(lastAt + limitMs, this.#quietFrom + Math.min(limitMs, longestGraceMs));
    return { dueAt, silence: { lastAt, limitMs, usualMs } };
  }
}
