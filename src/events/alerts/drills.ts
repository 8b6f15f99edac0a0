/**
 * Drills: test alarms that take the whole way, from the stream to the phone, and show how long each part of it took. One of
 * every critical rule so often, if wished; when the last one was is kept in the store, so that a restart neither forgets
 * nor repeats it.
 */
import { z } from 'zod';
import type { Clock } from '../../clock.ts';
import { AlertError } from '../../errors.ts';
import type { Alert } from '../../protocol/alert.ts';
import { asAlertId } from '../../protocol/ids.ts';
import type { AlertStore } from '../store/alert-store.ts';
import { type DurableStream, type ShardCounts, shardOf } from '../stream/durable-stream.ts';
import { drillEvent } from './drill-event.ts';
import type { RuleBook } from './rule-book.ts';

export interface DrillsOptions {
  readonly store: Pick<AlertStore, 'alert' | 'readSetting' | 'writeSetting'>;
  readonly stream: Pick<DurableStream, 'append'>;
  readonly counts: ShardCounts;
  readonly book: () => RuleBook;
  readonly clock: Pick<Clock, 'nowMs' | 'after'>;
  readonly newId: () => string;
  /** Time between scheduled drills; 0: none. */
  readonly intervalMs: number;
  /** A scheduled drill could not be started; it is tried again. */
  readonly onError: (error: unknown) => void;
}

export interface StartedDrill {
  readonly drillId: string;
  readonly rules: readonly string[];
}

const settingName = 'drills';
const keptDrills = 50;
/** `setTimeout` goes no further than 24 days, and the clock may be set. */
const longestSleepMs = 3_600_000;
const retryMs = 60_000;

const drillSchema = z.object({
  id: z.string(),
  started_at: z.number(),
  scheduled: z.boolean(),
  alerts: z.array(z.string()),
});
type KeptDrill = z.infer<typeof drillSchema>;

export class Drills {
  readonly #options: DrillsOptions;
  #drills: readonly KeptDrill[] = [];
  /** From which the next scheduled one is counted. */
  #countedFrom = 0;
  #cancel: (() => void) | null = null;
  #running: Promise<void> = Promise.resolve();
  #closed = false;

  constructor(options: DrillsOptions) {
    this.#options = options;
  }

  /** Reads what was, and begins to wait for the next one. Rejects with StoreError. */
  async start(): Promise<void> {
    const { clock, store } = this.#options;
    this.#drills = parseDrills(await store.readSetting(settingName));
    const last = this.#drills.findLast(({ scheduled }) => scheduled);
    // In the future where the clock was set back.
    this.#countedFrom = Math.min(last?.started_at ?? clock.nowMs(), clock.nowMs());
    this.#plan();
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#cancel?.();
    this.#cancel = null;
    await this.#running;
  }

  /**
   * Of one rule, or of every critical rule. Rejects with AlertError `alert_rule_not_found`, StreamError. What it raises is
   * in `report` as soon as it is stored.
   */
  async run(ruleName: string | null, scheduled = false): Promise<StartedDrill> {
    const { book, clock, counts, newId, stream } = this.#options;
    const rules = book().rules.filter(({ enabled, name, severity }) =>
      ruleName === null ? enabled && severity === 'critical' : enabled && name === ruleName,
    );
    if (rules.length === 0) {
      const wanted = ruleName === null ? 'with severity critical' : `named ${ruleName}`;
      throw new AlertError('alert_rule_not_found', `There is no enabled alert rule ${wanted}`);
    }
    const nowMs = clock.nowMs();
    const events = rules.map((rule) => drillEvent({ rule, eventId: newId(), nowMs }));
    const drill = { id: newId(), started_at: nowMs, scheduled, alerts: events.map(({ eventId }) => eventId) };
    await stream.append(
      events.map((event) => ({
        shard: shardOf('critical', event.sensorId, counts),
        entry: { kind: 'event', event },
      })),
    );
    await this.#remember(drill);
    return { drillId: drill.id, rules: rules.map(({ name }) => name) };
  }

  /** Its alerts so far. Rejects with AlertError `alert_not_found`, StoreError. */
  async report(drillId: string): Promise<readonly Alert[]> {
    const drill = this.#drills.find(({ id }) => id === drillId);
    if (drill === undefined) throw new AlertError('alert_not_found', `There is no drill ${drillId}`);
    const alerts: Alert[] = [];
    for (const id of drill.alerts) {
      const alert = await this.#options.store.alert(asAlertId(id));
      if (alert !== null) alerts.push(alert);
    }
    return alerts;
  }

  async #remember(drill: KeptDrill): Promise<void> {
    const { onError, store } = this.#options;
    // The last scheduled one stays, however many others there were since.
    const lastScheduled = drill.scheduled ? undefined : this.#drills.findLast(({ scheduled }) => scheduled);
    const others = this.#drills.filter((known) => known !== lastScheduled).slice(2 - keptDrills);
    this.#drills = [...(lastScheduled === undefined ? [] : [lastScheduled]), ...others, drill];
    try {
      await store.writeSetting(settingName, JSON.stringify(this.#drills));
    } catch (error) {
      // It runs; its report lasts as long as this process.
      onError(error);
    }
  }

  #plan(afterMs: number | null = null): void {
    const { clock, intervalMs } = this.#options;
    if (intervalMs === 0 || this.#closed) return;
    const leftMs = afterMs ?? Math.max(0, this.#countedFrom + intervalMs - clock.nowMs());
    this.#cancel = clock.after(Math.min(leftMs, longestSleepMs), () => {
      this.#cancel = null;
      this.#running = this.#runScheduled();
    });
  }

  async #runScheduled(): Promise<void> {
    const { clock, intervalMs, onError } = this.#options;
    if (clock.nowMs() < this.#countedFrom + intervalMs) {
      this.#plan();
      return;
    }
    try {
      await this.run(null, true);
      this.#countedFrom = clock.nowMs();
      this.#plan();
    } catch (error) {
      const hasNoRules = error instanceof AlertError;
      if (!hasNoRules) onError(error);
      this.#plan(hasNoRules ? longestSleepMs : retryMs);
    }
  }
}

function parseDrills(text: string | null): readonly KeptDrill[] {
  try {
    return text === null ? [] : z.array(drillSchema).parse(JSON.parse(text));
  } catch {
    return [];
  }
}
