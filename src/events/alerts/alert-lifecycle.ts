/**
 * The life of one alert, as pure transitions:
 *
 *   pending ──held long enough──► firing ──somebody acknowledges──► acknowledged
 *      │                            │                                    │
 *      └──────holds no more─────────┴──────────holds no more─────────────┴──────► resolved (final)
 *
 * Firing, it is repeated and escalates until it is acknowledged; a snooze or a silence holds both back, and what was due
 * meanwhile is told when they end. A transition changes nothing: it returns the alert as it is then, with its row, and what
 * is to be told. Which condition holds is not known here, nor what time it is.
 */
import type { AlertStep, AlertStepKind } from '../../protocol/alert.ts';
import type { AlertRow } from './alert-evaluator.ts';
import type { AlertRule } from './alert-rule.ts';

/** What of an alert is in the engine's own state; the rest is in its row. Times are Unix ms. */
export type LiveAlert =
  | { readonly phase: 'pending'; readonly fireAt: number }
  | {
      readonly phase: 'firing';
      /** Somebody has been told that it fires. */
      readonly told: boolean;
      readonly repeats: number;
      readonly repeatAt: number | null;
      readonly escalateFrom: number;
      /** Steps taken. */
      readonly escalated: number;
      readonly unsilenced: number;
      /** A drill ends by itself. */
      readonly endAt: number | null;
    }
  | {
      readonly phase: 'acknowledged';
      readonly told: boolean;
      readonly repeats: number;
      readonly escalated: number;
      readonly endAt: number | null;
    };

export interface TrackedAlert {
  readonly live: LiveAlert;
  readonly row: AlertRow;
}

export interface Telling {
  readonly transition: AlertStepKind;
  /** Tells apart what is told of the same transition more than once. */
  readonly count: number;
  /** Null: the rule's own, and those of the steps below. */
  readonly channels: readonly string[] | null;
  /** The end of it is told to whom the escalation has reached by then. */
  readonly steps: number;
}

export interface Advance {
  /** Null once it has resolved. */
  readonly live: LiveAlert | null;
  readonly row: AlertRow;
  readonly tell: readonly Telling[];
}

/** What of a rule a running alert needs. */
export type TellingRule = Pick<AlertRule, 'repeatMs' | 'escalate'>;

/** A drill that nobody acknowledges ends after this. */
export const drillEndsAfterMs = 5 * 60_000;
/** Of each kind; the oldest of it goes. An alert that nobody acknowledges for a month is repeated 43,000 times. */
const maxStepsOfKind = 50;

export interface SilencedBy {
  readonly by: string;
  readonly reason: string;
}

export function beginPending(row: AlertRow, fireAt: number, nowMs: number): Advance {
  return {
    live: { phase: 'pending', fireAt },
    row: withStep({ ...row, state: 'pending', updatedAt: nowMs }, step('pending', nowMs)),
    tell: [],
  };
}

export function fire(row: AlertRow, rule: TellingRule, silence: SilencedBy | null, nowMs: number): Advance {
  const quiet = silence !== null || isSnoozed(row, nowMs);
  const fired = withStep(
    {
      ...row,
      state: 'firing',
      silenced: silence !== null,
      updatedAt: nowMs,
      stages: { ...row.stages, firedAt: nowMs },
    },
    step('fired', nowMs),
  );
  return {
    live: {
      phase: 'firing',
      told: !quiet,
      repeats: 0,
      repeatAt: nextRepeat(rule, row, nowMs),
      escalateFrom: nowMs,
      escalated: 0,
      unsilenced: 0,
      endAt: row.drill ? nowMs + drillEndsAfterMs : null,
    },
    row: silence === null ? fired : withStep(fired, silencedStep(silence, nowMs)),
    tell: quiet ? [] : [ownChannels('fired', 0)],
  };
}

/** Everything but `fireAt` that is due: the end of a drill or a snooze, repetitions, steps of the escalation. */
export function advance({ live, row }: TrackedAlert, rule: TellingRule, nowMs: number): Advance {
  if (live.phase === 'pending') return { live, row, tell: [] };
  if (live.endAt !== null && live.endAt <= nowMs) return resolve({ live, row }, 'the drill is over', nowMs);
  if (row.silenced || isSnoozed(row, nowMs)) return { live, row, tell: [] };
  const awake = wake(live, row, rule, nowMs);
  return awake.live.phase === 'firing' && !row.drill
    ? escalate(awake.live, awake.row, awake.tell, rule, nowMs)
    : awake;
}

type ToldAlert = Exclude<LiveAlert, { readonly phase: 'pending' }>;

/** The end of a snooze and a repetition: at most one message for both. */
function wake(
  live: ToldAlert,
  row: AlertRow,
  rule: TellingRule,
  nowMs: number,
): { readonly live: ToldAlert; readonly row: AlertRow; readonly tell: readonly Telling[] } {
  const snoozeEnded = row.snoozedUntilAt !== null;
  const isRepeated = live.phase === 'firing' && live.repeatAt !== null && live.repeatAt <= nowMs;
  if (!snoozeEnded && !isRepeated) return { live, row, tell: [] };
  const awake = { ...row, snoozedUntilAt: null, updatedAt: nowMs };
  const note = snoozeEnded ? 'the snooze is over' : null;
  const again = live.phase === 'firing' ? { ...live, repeatAt: nextRepeat(rule, row, nowMs) } : live;
  if (!live.told) {
    // It fired within the snooze.
    return { live: { ...again, told: true }, row: awake, tell: [ownChannels('fired', 0)] };
  }
  const repeats = live.repeats + 1;
  return {
    live: { ...again, repeats },
    row: withStep(awake, step('repeated', nowMs, null, note)),
    tell: [ownChannels('repeated', repeats)],
  };
}

function escalate(
  live: Extract<LiveAlert, { readonly phase: 'firing' }>,
  row: AlertRow,
  told: readonly Telling[],
  rule: TellingRule,
  nowMs: number,
): Advance {
  let { escalated } = live;
  let next = row;
  const tell = [...told];
  for (let due = rule.escalate[escalated]; due !== undefined; due = rule.escalate[escalated]) {
    if (live.escalateFrom + due.afterMs > nowMs) break;
    escalated += 1;
    tell.push({ transition: 'escalated', count: escalated, channels: due.notify, steps: 0 });
    next = withStep(
      { ...next, updatedAt: nowMs },
      step('escalated', nowMs, null, `told ${due.notify.join(', ')}`),
    );
  }
  return { live: { ...live, escalated, told: live.told || tell.length > 0 }, row: next, tell };
}

export function acknowledge(
  { live, row }: TrackedAlert,
  by: string,
  note: string | null,
  nowMs: number,
): Advance {
  if (live.phase !== 'firing') return { live, row, tell: [] };
  const acknowledged: AlertRow = {
    ...row,
    state: 'acknowledged',
    acknowledgedBy: by,
    snoozedUntilAt: null,
    updatedAt: nowMs,
    stages: { ...row.stages, acknowledgedAt: nowMs },
  };
  const { endAt, escalated, repeats, told } = live;
  return {
    live: { phase: 'acknowledged', told, repeats, escalated, endAt },
    row: withStep(acknowledged, step('acknowledged', nowMs, by, note)),
    tell: [],
  };
}

export function snooze({ live, row }: TrackedAlert, by: string, untilMs: number, nowMs: number): Advance {
  const note = `until ${new Date(untilMs).toISOString()}`;
  const snoozed = { ...row, snoozedUntilAt: untilMs, updatedAt: nowMs };
  return { live, row: withStep(snoozed, step('snoozed', nowMs, by, note)), tell: [] };
}

/** A silence has begun or ended for it. What is still to be told when one ends is told then. */
export function applySilence(
  { live, row }: TrackedAlert,
  silence: SilencedBy | null,
  rule: TellingRule,
  nowMs: number,
): Advance {
  if (live.phase === 'pending' || row.silenced === (silence !== null)) return { live, row, tell: [] };
  if (silence !== null) {
    const silenced = { ...row, silenced: true, updatedAt: nowMs };
    return { live, row: withStep(silenced, silencedStep(silence, nowMs)), tell: [] };
  }
  const heard = withStep({ ...row, silenced: false, updatedAt: nowMs }, step('unsilenced', nowMs));
  if (live.phase === 'acknowledged' || isSnoozed(row, nowMs)) return { live, row: heard, tell: [] };
  const unsilenced = live.unsilenced + 1;
  return {
    live: { ...live, told: true, unsilenced, repeatAt: nextRepeat(rule, row, nowMs) },
    row: heard,
    tell: [ownChannels('unsilenced', unsilenced)],
  };
}

/** `note`: why, where it is not that the condition holds no more. */
export function resolve({ live, row }: TrackedAlert, note: string | null, nowMs: number): Advance {
  const resolved: AlertRow = {
    ...row,
    state: 'resolved',
    resolvedAt: nowMs,
    updatedAt: nowMs,
    snoozedUntilAt: null,
  };
  const isTold = live.phase !== 'pending' && live.told && !row.silenced;
  return {
    live: null,
    row: withStep(resolved, step(live.phase === 'pending' ? 'cancelled' : 'resolved', nowMs, null, note)),
    tell: isTold ? [{ ...ownChannels('resolved', 0), steps: live.escalated }] : [],
  };
}

/** When it has to be looked at again, Unix ms; null where only an observation or a person changes it. */
export function nextTimer({ live, row }: TrackedAlert, rule: TellingRule): number | null {
  if (live.phase === 'pending') return live.fireAt;
  const timers: (number | null)[] = [live.endAt];
  if (!row.silenced) {
    if (row.snoozedUntilAt !== null) timers.push(row.snoozedUntilAt);
    else if (live.phase === 'firing') {
      const next = row.drill ? undefined : rule.escalate[live.escalated];
      timers.push(live.repeatAt, next === undefined ? null : live.escalateFrom + next.afterMs);
    }
  }
  return earliest(timers);
}

/** The clock has been set by so much: what is measured from an instant moves along. Snoozes are times of day, and stay. */
export function shifted(live: LiveAlert, byMs: number): LiveAlert {
  const later = (timeMs: number | null): number | null => (timeMs === null ? null : timeMs + byMs);
  switch (live.phase) {
    case 'pending':
      return { ...live, fireAt: live.fireAt + byMs };
    case 'firing':
      return {
        ...live,
        repeatAt: later(live.repeatAt),
        escalateFrom: live.escalateFrom + byMs,
        endAt: later(live.endAt),
      };
    case 'acknowledged':
      return { ...live, endAt: later(live.endAt) };
  }
}

export function earliest(timesMs: readonly (number | null)[]): number | null {
  let first: number | null = null;
  for (const timeMs of timesMs) if (timeMs !== null && (first === null || timeMs < first)) first = timeMs;
  return first;
}

const isSnoozed = (row: AlertRow, nowMs: number): boolean =>
  row.snoozedUntilAt !== null && row.snoozedUntilAt > nowMs;

const nextRepeat = (rule: TellingRule, row: AlertRow, nowMs: number): number | null =>
  row.drill || rule.repeatMs === null ? null : nowMs + rule.repeatMs;

const ownChannels = (transition: AlertStepKind, count: number): Telling => ({
  transition,
  count,
  channels: null,
  steps: 0,
});

const silencedStep = ({ by, reason }: SilencedBy, nowMs: number): AlertStep =>
  step('silenced', nowMs, by, reason);

const step = (
  kind: AlertStepKind,
  happenedAt: number,
  by: string | null = null,
  note: string | null = null,
): AlertStep => ({ kind, happenedAt, by, note });

function withStep(row: AlertRow, taken: AlertStep): AlertRow {
  const ofKind = row.steps.filter(({ kind }) => kind === taken.kind);
  const oldest = ofKind.length >= maxStepsOfKind ? ofKind[0] : undefined;
  return { ...row, steps: [...row.steps.filter((known) => known !== oldest), taken] };
}
