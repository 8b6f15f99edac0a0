/**
 * The alerts of one shard, in the hands of its owner. Committed states are in memory; an evaluation reads them through a
 * draft, which becomes the truth once its rows are committed (`applied`), and never was where they are not.
 *
 * Three things move a state: what was received (events and mesh facts, in order), timers, and people. Timers go by the time
 * of day, since they outlive the process; where the clock is set they move along. A silence and the end of a `for` wait
 * until everything received before has been read: a backlog is not silence, and may hold what ends an alert.
 */
import type { Clock } from '../../clock.ts';
import { AlertError } from '../../errors.ts';
import { type AlertId, asSensorId, type SensorId } from '../../protocol/ids.ts';
import type { LatestValues } from '../store/latest-values.ts';
import {
  type AlertChanges,
  type AlertCommand,
  type EvaluationInput,
  noAlertChanges,
  type ShardAlerts,
} from './alert-evaluator.ts';
import { acknowledge, applySilence, earliest, resolve, shifted, snooze } from './alert-lifecycle.ts';
import { subjectKindOfRule } from './alert-rule.ts';
import { clockStepMs, type SeenClock } from './clock-step.ts';
import type { RuleBook } from './rule-book.ts';
import { ShardDraft, subjectKey } from './shard-draft.ts';
import {
  type Delegated,
  type OtherLane,
  ShardEvaluation,
  type ShardEvaluationOptions,
  sightingAt,
} from './shard-evaluation.ts';
import { SilenceWatches } from './silence-watches.ts';
import type { SilencesView } from './silences.ts';
import { TimerQueue } from './timer-queue.ts';
import {
  dueAtOf,
  isIdle,
  moved,
  observe,
  runTimers,
  type TrackedSubject,
  untracked,
} from './tracked-subject.ts';

export interface ShardAlertStatesOptions extends ShardEvaluationOptions {
  /** The rules in force now. */
  readonly book: () => RuleBook;
  readonly silences: SilencesView;
  readonly sensors: Pick<LatestValues, 'get' | 'lastReceivedAt'>;
  readonly isBorderRouterOnline: (id: string) => boolean;
  /** Sensors that this shard watches as soon as it is opened, or the rules have changed. */
  readonly sensorsToWatch: (book: RuleBook) => Iterable<SensorId>;
  readonly clock: Pick<Clock, 'nowMs' | 'monotonicMs'>;
  /** When the process began to watch, Unix ms. */
  readonly startedAt: number;
  readonly loaded: readonly TrackedSubject[];
  /** The alert of a rule and subject is here now, or is no more. */
  readonly onActive: (key: string, isActive: boolean) => void;
  /** Something is due earlier than it was. */
  readonly onDue: () => void;
}

/** One transaction stays short however much is due; the rest comes with the next. */
const maxTimersAtOnce = 200;
const maxWatchesAtOnce = 2_000;
/** What sends again in the other lane ends its silence within this time. */
const silentRecheckMs = 10_000;
const backlogRecheckMs = 1_000;

/** What to do once the changes are committed. */
type Afterwards = () => void;
const nothing: Afterwards = () => undefined;

interface Unapplied {
  readonly subjects: ReadonlyMap<string, TrackedSubject>;
  readonly afterwards: readonly Afterwards[];
}

export class ShardAlertStates implements ShardAlerts, OtherLane {
  readonly #options: ShardAlertStatesOptions;
  readonly #subjects = new Map<string, TrackedSubject>();
  readonly #timers = new TimerQueue();
  readonly #watches: SilenceWatches;
  /** Those with an alert that is not resolved. */
  readonly #active = new Map<string, AlertId>();
  readonly #keys = new Map<AlertId, string>();
  readonly #silentSensors = new Set<string>();
  /** Of the sensors' other lanes; of each rule and subject the newest. */
  readonly #delivered = new Map<string, Delegated>();
  readonly #unapplied = new WeakMap<AlertChanges, Unapplied>();
  /** Every state has been held against these rules; null before the first time. */
  #sweptBook: RuleBook | null = null;
  #silencesSeen: { readonly version: number; readonly atMs: number };
  #clockSeen: SeenClock;

  constructor(options: ShardAlertStatesOptions) {
    this.#options = options;
    const { clock, loaded, sensors, startedAt } = options;
    const nowMs = clock.nowMs();
    const book = options.book();
    this.#clockSeen = { nowMs, monotonicMs: clock.monotonicMs() };
    this.#watches = new SilenceWatches({ sensors, startedAt, clockSeen: this.#clockSeen });
    this.#silencesSeen = { version: -1, atMs: nowMs };
    for (const tracked of loaded) this.#keep(subjectKey(tracked.rule, tracked.subject), tracked, book);
    this.#expectLinks(book);
    this.#watchAll(book);
    if (loaded.length === 0) this.#sweptBook = book;
  }

  get nextDueAt(): number | null {
    const { book, silences } = this.#options;
    if (book() !== this.#sweptBook || this.#delivered.size > 0) return 0;
    if (this.#active.size === 0) return earliest([this.#timers.next, this.#watches.next]);
    if (silences.version !== this.#silencesSeen.version) return 0;
    const silenceAt = silences.nextChangeAfter(this.#silencesSeen.atMs);
    return earliest([this.#timers.next, this.#watches.next, silenceAt]);
  }

  evaluate({ drainedThroughMs, events, facts, nowMs }: EvaluationInput): AlertChanges {
    const evaluation = this.#begin(nowMs);
    const clockNoted = this.#noteClock(evaluation);
    const swept = this.#sweep(evaluation);
    const delivered = this.#takeDelivered(evaluation);
    for (const { durableAt, event } of events) evaluation.receive(event, durableAt);
    for (const fact of facts) evaluation.learn(fact);
    const silencesSeen = this.#applySilences(evaluation);
    this.#runTimers(evaluation, drainedThroughMs);
    const watched = this.#checkWatches(evaluation, events, drainedThroughMs);
    const delegated = (): void => evaluation.delegate();
    return this.#finish(evaluation, [watched, swept, silencesSeen, clockNoted, delivered, delegated]);
  }

  command(command: AlertCommand, nowMs: number): AlertChanges {
    const { alertId, by } = command;
    const key = this.#keys.get(alertId);
    const tracked = key === undefined ? undefined : this.#subjects.get(key);
    const alert = tracked?.alert ?? null;
    if (key === undefined || tracked === undefined || alert === null)
      throw new AlertError('alert_not_active', `Alert ${alertId} has ended, or there is none of this id`);
    const evaluation = this.#begin(nowMs);
    if (command.kind === 'snooze') {
      evaluation.draft.take(key, moved(tracked, snooze(alert, by, command.untilMs, nowMs)));
    } else {
      if (alert.live.phase === 'pending')
        throw new AlertError('alert_not_active', `Alert ${alertId} has not fired yet`);
      evaluation.draft.take(key, moved(tracked, acknowledge(alert, by, command.note, nowMs)));
    }
    return this.#finish(evaluation, []);
  }

  applied(changes: AlertChanges): void {
    const unapplied = this.#unapplied.get(changes);
    if (unapplied === undefined) return;
    this.#unapplied.delete(changes);
    const book = this.#options.book();
    for (const [key, tracked] of unapplied.subjects) this.#keep(key, tracked, book);
    for (const afterwards of unapplied.afterwards) afterwards();
  }

  deliver(delegated: Delegated): void {
    this.#delivered.set(delegated.key, delegated);
    this.#options.onDue();
  }

  /** Watches it for silence, by every rule that asks for it. */
  watch(sensorId: SensorId): void {
    for (const rule of this.#options.book().forSensor(sensorId).silent) {
      const key = subjectKey(rule.name, sensorId);
      if (!this.#watches.has(key)) this.#watches.arm({ key, rule, sensorId }, this.#options.clock.nowMs());
    }
  }

  #takeDelivered(evaluation: ShardEvaluation): Afterwards {
    if (this.#delivered.size === 0) return nothing;
    const taken = [...this.#delivered.values()];
    for (const delegated of taken) evaluation.judgeDelegated(delegated);
    return () => {
      for (const delegated of taken)
        if (this.#delivered.get(delegated.key) === delegated) this.#delivered.delete(delegated.key);
    };
  }

  // -------------------------------------------------------------------------------------------------------------- timers

  #runTimers(evaluation: ShardEvaluation, drainedThroughMs: number): void {
    const { book, draft, nowMs } = evaluation;
    const due = this.#timers.dueBy(nowMs, maxTimersAtOnce);
    for (const key of due) this.#expectedLinkIsMissing(evaluation, key);
    for (const key of new Set([...due, ...draft.subjects.keys()])) {
      const tracked = draft.get(key);
      const rule = tracked === undefined ? null : book.get(tracked.rule);
      if (tracked === undefined || rule === null) continue;
      // The fact that it is back is on its way.
      const { alert, subject } = tracked;
      const isBack = rule.condition.kind === 'offline' && alert?.live.phase === 'pending';
      if (isBack && this.#options.isBorderRouterOnline(subject)) continue;
      const context = evaluation.context(rule, alert?.row.subject ?? subject);
      draft.take(key, runTimers(tracked, context, drainedThroughMs));
    }
    // What waits for the backlog must not stand before what does not.
    for (const key of due)
      if (!draft.subjects.has(key) && this.#subjects.has(key))
        this.#timers.set(key, this.#timers.dueAt(key) === null ? null : nowMs + backlogRecheckMs);
  }

  /** Border routers that were connected when the hub stopped have their time to come back. */
  #expectLinks(book: RuleBook): void {
    const nowMs = this.#options.clock.nowMs();
    for (const [key, { alert, memory, rule: name }] of this.#subjects) {
      const rule = book.get(name);
      if (rule?.condition.kind !== 'offline' || alert !== null || rule.hold.kind !== 'time') continue;
      if (memory.evidence.kind === 'link' && memory.evidence.online)
        this.#timers.set(key, nowMs + rule.hold.holdMs);
    }
  }

  #expectedLinkIsMissing(evaluation: ShardEvaluation, key: string): void {
    const { book, draft } = evaluation;
    const tracked = draft.get(key);
    const rule = tracked === undefined ? null : book.get(tracked.rule);
    if (tracked === undefined || rule?.condition.kind !== 'offline' || tracked.alert !== null) return;
    const { evidence } = tracked.memory;
    if (evidence.kind !== 'link' || !evidence.online) return;
    if (this.#options.isBorderRouterOnline(tracked.subject)) {
      this.#timers.set(key, null);
      return;
    }
    const holdMs = rule.hold.kind === 'time' ? rule.hold.holdMs : 0;
    const memory = { ...tracked.memory, evidence: { kind: 'link', online: false } as const };
    const sighting = sightingAt(evaluation.nowMs - holdMs);
    const context = evaluation.context(rule, tracked.subject);
    draft.take(key, observe({ ...tracked, memory }, 'holds', sighting, context));
  }

  #checkWatches(
    evaluation: ShardEvaluation,
    events: EvaluationInput['events'],
    drainedThroughMs: number,
  ): Afterwards {
    const { nowMs } = evaluation;
    const due = this.#watches.dueBy(nowMs, maxWatchesAtOnce);
    if (due.length === 0) return nothing;
    const heard = new Set(events.map(({ event }) => event.sensorId));
    /** Where it depends on what is not committed yet. */
    const later = new Map<string, number>();
    for (const watch of due) {
      const { key, rule, sensorId } = watch;
      const alert = evaluation.draft.get(key)?.alert ?? null;
      if (alert !== null) {
        const lastAt = this.#options.sensors.lastReceivedAt(sensorId);
        if (lastAt !== null && lastAt > alert.row.startedAt) evaluation.endSilence(rule, sensorId);
        later.set(key, nowMs + silentRecheckMs);
        continue;
      }
      const found = this.#watches.check(watch, nowMs);
      if (found.kind === 'later') this.#watches.lookAgain(key, found.dueAt);
      else if (heard.has(sensorId)) later.set(key, nowMs + found.silence.limitMs);
      else if (drainedThroughMs < found.dueAt) this.#watches.lookAgain(key, nowMs + backlogRecheckMs);
      else if (evaluation.draft.subjects.size < maxTimersAtOnce) {
        evaluation.beginSilence(rule, sensorId, found.silence);
        later.set(key, nowMs + silentRecheckMs);
      }
    }
    return () => {
      for (const [key, dueAt] of later) this.#watches.lookAgain(key, dueAt);
    };
  }

  // ------------------------------------------------------------------------------------ what changes beside the shard

  /** Alerts of rules that have gone, or are about something else now, end. */
  #sweep({ book, draft, nowMs }: ShardEvaluation): Afterwards {
    if (book === this.#sweptBook) return nothing;
    for (const [key, tracked] of this.#subjects) {
      const { alert, rule: name, stored, subject } = tracked;
      const rule = book.get(name);
      const isSame =
        rule !== null &&
        (alert?.row.drill === true || book.covers(name, subject)) &&
        (alert === null || subjectKindOfRule(rule) === alert.row.subjectKind);
      if (isSame) continue;
      draft.take(key, {
        tracked: { ...untracked(name, subject), stored },
        advances: alert === null ? [] : [resolve(alert, 'its rule has gone or has changed', nowMs)],
      });
    }
    return () => {
      this.#sweptBook = book;
      for (const [key, tracked] of this.#subjects) this.#keep(key, tracked, book);
      this.#expectLinks(book);
      this.#watches.clear();
      this.#watchAll(book);
    };
  }

  #applySilences(evaluation: ShardEvaluation): Afterwards {
    const { book, draft, nowMs } = evaluation;
    const { silences } = this.#options;
    const { atMs, version } = this.#silencesSeen;
    const next = silences.nextChangeAfter(Math.min(atMs, nowMs));
    if (silences.version === version && nowMs >= atMs && (next === null || next > nowMs)) return nothing;
    const seen = { version: silences.version, atMs: nowMs };
    for (const key of this.#active.keys()) {
      const tracked = draft.get(key);
      const rule = tracked === undefined ? null : book.get(tracked.rule);
      if (tracked === undefined || tracked.alert === null || rule === null) continue;
      const silence = evaluation.silenceOf(rule, tracked.alert.row.subject);
      draft.take(key, moved(tracked, applySilence(tracked.alert, silence, rule, nowMs)));
    }
    return () => void (this.#silencesSeen = seen);
  }

  /** Durations are not touched by a clock that is set: what is measured from an instant moves along with it. */
  #noteClock({ draft, nowMs }: ShardEvaluation): Afterwards {
    const seen = { nowMs, monotonicMs: this.#options.clock.monotonicMs() };
    this.#watches.noteClock(seen);
    const stepMs = clockStepMs(this.#clockSeen, seen);
    if (stepMs === 0) {
      this.#clockSeen = seen;
      return nothing;
    }
    for (const key of this.#active.keys()) {
      const tracked = draft.get(key);
      if (tracked === undefined || tracked.alert === null) continue;
      const alert = { ...tracked.alert, live: shifted(tracked.alert.live, stepMs) };
      draft.take(key, { tracked: { ...tracked, alert }, advances: [] });
    }
    return () => void (this.#clockSeen = seen);
  }

  // ------------------------------------------------------------------------------------------------------------ plumbing

  #begin(nowMs: number): ShardEvaluation {
    const book = this.#options.book();
    const draft = new ShardDraft({ committed: this.#subjects, book, newId: this.#options.newId, nowMs });
    return new ShardEvaluation(this.#options, { draft, book, nowMs, silentSensors: this.#silentSensors });
  }

  #finish({ draft }: ShardEvaluation, afterwards: readonly Afterwards[]): AlertChanges {
    if (draft.isEmpty) {
      // Nothing to commit: nothing can be rolled back.
      for (const done of afterwards) done();
      return noAlertChanges;
    }
    const { changes, subjects } = draft.finish();
    this.#unapplied.set(changes, { subjects, afterwards });
    return changes;
  }

  #keep(key: string, tracked: TrackedSubject, book: RuleBook): void {
    const { alert, rule: name, stored, subject } = tracked;
    const before = this.#active.get(key);
    if (before !== undefined && before !== alert?.row.id) {
      this.#active.delete(key);
      this.#options.onActive(key, false);
      this.#keys.delete(before);
      this.#silentSensors.delete(subject);
    }
    const rule = book.get(name);
    if (alert !== null) {
      this.#active.set(key, alert.row.id);
      this.#options.onActive(key, true);
      this.#keys.set(alert.row.id, key);
      if (rule?.condition.kind === 'silent') this.#silentSensors.add(subject);
    }
    if (isIdle(tracked) && stored === null) this.#subjects.delete(key);
    else this.#subjects.set(key, tracked);
    this.#timers.set(key, rule === null ? null : dueAtOf(tracked, rule));
  }

  #watchAll(book: RuleBook): void {
    for (const sensorId of this.#options.sensorsToWatch(book)) this.watch(sensorId);
    // An alert about one that is not watched from the start still has to hear when it ends.
    for (const sensorId of this.#silentSensors) this.watch(asSensorId(sensorId));
  }
}
