/**
 * Retention in small steps, each one short transaction: first what batches wrote is settled (`minutes_recent` into
 * `minutes` and `hours`), then what is too old goes, table by table.
 *
 * Events and readings go oldest first. Tables that are not clustered by time (deduplication keys, rollups) are swept: a
 * pass walks the whole table once, a run of neighbouring rows a step, and begins again after a share of what it keeps. What
 * they hold may so be older than the bound by that share.
 */
import type { Clock } from '../../../clock.ts';
import type { SqlResult, SqlStatement, SqlValue } from '../../../database/sqlite-messages.ts';
import type { RetentionBounds } from '../event-store.ts';
import type { Checkpoints } from './checkpoints.ts';
import * as sql from './retention-sql.ts';
import type { WriteQueue } from './write-queue.ts';

const rowsPerStep = 500;
/** What a step writes to the log, about. */
const pagesPerStep = 100;
const sensorsPerStep = 4;
const seriesPerStep = 32;
const minuteMs = 60_000;
const hourMs = 3_600_000;
/** An hour is settled so long after its end: most of what belongs to it has come. */
const settleAfterMs = 30 * minuteMs;
const keepResolvedAlertsMs = 365 * 24 * hourMs;
/** A sweep begins again after this share of what its table keeps. */
const sweepShare = 1 / 16;

interface RetentionParts {
  readonly checkpoints: Checkpoints;
  readonly clock: Pick<Clock, 'nowMs'>;
  readonly writes: WriteQueue;
}

/** One pass over a table: where it is, and for which bound it was made. */
interface Sweep {
  hand: readonly SqlValue[] | null;
  lastBoundMs: number | null;
}

export class Retention {
  readonly #checkpoints: Checkpoints;
  readonly #clock: Pick<Clock, 'nowMs'>;
  readonly #writes: WriteQueue;
  readonly #keys: Sweep = { hand: null, lastBoundMs: null };
  readonly #minutes: Sweep = { hand: null, lastBoundMs: null };
  readonly #hours: Sweep = { hand: null, lastBoundMs: null };
  #turn = 0;

  constructor({ checkpoints, clock, writes }: RetentionParts) {
    this.#checkpoints = checkpoints;
    this.#clock = clock;
    this.#writes = writes;
  }

  /** Resolves to whether something was done, and more may be to do. Each kind of work has its turn, so that none starves. */
  async step(bounds: RetentionBounds): Promise<boolean> {
    const work: readonly (() => Promise<boolean>)[] = [
      () => this.#settle(),
      () => this.#pruneEvents(bounds.rawBeforeMs),
      () => this.#pruneDeadLetters(bounds.deadLettersBeforeMs),
      () => this.#pruneAlerts(this.#clock.nowMs() - keepResolvedAlertsMs),
      () => this.#sweepKeys(bounds.keysBeforeMs),
      () => this.#sweepRollups('minutes', this.#minutes, bounds.minutesBeforeMs),
      () => this.#sweepRollups('hours', this.#hours, bounds.hoursBeforeMs),
    ];
    for (let tried = 0; tried < work.length; tried++) {
      const next = work[this.#turn];
      this.#turn = (this.#turn + 1) % work.length;
      if (await next?.()) return true;
    }
    return false;
  }

  /** Moves an hour of a few sensors to where it is read from. */
  async #settle(): Promise<boolean> {
    const before = this.#clock.nowMs() - settleAfterMs;
    const rows = await this.#select(sql.oldestRecentMinute, [sensorsPerStep]);
    const minute = rows[0]?.['minute'];
    if (typeof minute !== 'number' || minute >= before - (before % hourMs)) return false;
    const hour = minute - (minute % hourMs);
    const minutes = JSON.stringify(Array.from({ length: 60 }, (_, index) => hour + index * minuteMs));
    const sensors = JSON.stringify(rows.map((row) => row['sensor_key']));
    await this.#write([
      { sql: sql.settleMinutes, parameters: [minutes, sensors] },
      { sql: sql.settleHours, parameters: [hour, minutes, sensors] },
      { sql: sql.deleteSettled, parameters: [minutes, sensors] },
    ]);
    return true;
  }

  async #pruneEvents(beforeMs: number): Promise<boolean> {
    const rows = await this.#select(sql.oldestEvents, [beforeMs, rowsPerStep, beforeMs, rowsPerStep]);
    if (rows.length === 0) return false;
    const keys = JSON.stringify(rows.map(({ key }) => key));
    await this.#write([
      { sql: sql.deleteReadings, parameters: [keys] },
      { sql: sql.deleteEvents, parameters: [keys] },
      { sql: sql.deleteEmptySlots, parameters: [] },
      { sql: sql.noteRetained, parameters: ['raw', beforeMs] },
    ]);
    return true;
  }

  async #pruneDeadLetters(beforeMs: number): Promise<boolean> {
    const rows = await this.#select(sql.oldestDeadLetters, [beforeMs, rowsPerStep]);
    if (rows.length === 0) return false;
    const keys = JSON.stringify(rows.map(({ key }) => key));
    await this.#write([{ sql: sql.deleteDeadLetters, parameters: [keys] }]);
    return true;
  }

  async #pruneAlerts(beforeMs: number): Promise<boolean> {
    const rows = await this.#select(sql.oldestResolvedAlerts, [beforeMs, rowsPerStep]);
    if (rows.length === 0) return false;
    const ids = JSON.stringify(rows.map(({ id }) => id));
    await this.#write([
      { sql: sql.deleteNotifications, parameters: [ids] },
      { sql: sql.deleteAlerts, parameters: [ids] },
    ]);
    return true;
  }

  async #sweepKeys(beforeMs: number): Promise<boolean> {
    const hand = this.#handOf(this.#keys, beforeMs, [sql.lowestHash, -1]);
    if (hand === null) return false;
    const [end] = await this.#select(sql.keyAfter, [...hand, rowsPerStep - 1]);
    const until =
      end === undefined ? [sql.highestHash, Number.MAX_SAFE_INTEGER] : [end['hash'], end['sensor_key']];
    const deletion = { sql: sql.deleteKeys, parameters: [...hand, ...until, beforeMs] as SqlValue[] };
    await this.#write([deletion]);
    this.#advance(this.#keys, beforeMs, end === undefined ? null : (until as SqlValue[]));
    return true;
  }

  async #sweepRollups(table: 'minutes' | 'hours', sweep: Sweep, beforeMs: number): Promise<boolean> {
    const isNewPass = sweep.hand === null;
    const hand = this.#handOf(sweep, beforeMs, [-1, -1]);
    if (hand === null) return false;
    if (isNewPass && table === 'minutes')
      await this.#write([{ sql: sql.noteRetained, parameters: ['minutes', beforeMs] }]);
    const series = await this.#select(sql.seriesAfter(table), [...hand, seriesPerStep]);
    const old = series.filter(({ oldest }) => typeof oldest === 'number' && oldest < beforeMs);
    if (old.length > 0) {
      const asked = JSON.stringify(old.map(({ sensor_key, type_key }) => [sensor_key, type_key]));
      const [result] = await this.#write([
        { sql: sql.deleteRollups(table), parameters: [asked, beforeMs, rowsPerStep] },
      ]);
      // The same series again: there may be more of them.
      if (result?.changes === rowsPerStep) {
        sweep.hand = hand;
        return true;
      }
    }
    const last = series.length < seriesPerStep ? undefined : series.at(-1);
    const next = last === undefined ? null : [last['sensor_key'] ?? null, last['type_key'] ?? null];
    this.#advance(sweep, beforeMs, next);
    return true;
  }

  /** Null where no pass is due. */
  #handOf(sweep: Sweep, beforeMs: number, start: readonly SqlValue[]): readonly SqlValue[] | null {
    if (sweep.hand !== null) return sweep.hand;
    const keptMs = this.#clock.nowMs() - beforeMs;
    const isDue = sweep.lastBoundMs === null || beforeMs - sweep.lastBoundMs > keptMs * sweepShare;
    return isDue ? start : null;
  }

  #advance(sweep: Sweep, beforeMs: number, hand: readonly SqlValue[] | null): void {
    sweep.hand = hand;
    if (hand === null) sweep.lastBoundMs = beforeMs;
  }

  async #select(text: string, parameters: readonly SqlValue[]): Promise<SqlResult['rows']> {
    const statements = [{ sql: text, parameters }];
    const [result] = await this.#writes.run('bulk', { statements, transaction: false });
    return result?.rows ?? [];
  }

  async #write(statements: readonly SqlStatement[]): Promise<readonly SqlResult[]> {
    const results = await this.#writes.run('bulk', { statements, transaction: true });
    this.#checkpoints.noteWritten(pagesPerStep);
    return results;
  }
}
