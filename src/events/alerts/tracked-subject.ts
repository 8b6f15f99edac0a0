/**
 * What one rule knows of one subject, and how observations and timers move it. Nothing here changes anything: a new state
 * comes back, with every step that an alert took on the way.
 */
import { z } from 'zod';
import type { AlertRow } from './alert-evaluator.ts';
import {
  advance,
  type Advance,
  beginPending,
  earliest,
  fire,
  type LiveAlert,
  nextTimer,
  resolve,
  type SilencedBy,
} from './alert-lifecycle.ts';
import type { AlertRule } from './alert-rule.ts';
import type { Seen } from './alert-summary.ts';
import { isEmptyMemory, noMemory, type RuleMemory, storableMemory, type Verdict } from './rule-memory.ts';
import { isWithin, nextStartMs } from './time-window.ts';

/** What made a rule look, with its times, Unix ms. */
export interface Sighting extends Seen {
  readonly atMs: number;
  readonly receivedAt: number | null;
  readonly durableAt: number | null;
}

/** The condition holds at an hour that the rule is not meant for: its time is waited for. */
interface Waiting {
  readonly untilMs: number;
  readonly sighting: Sighting;
}

export interface TrackedSubject {
  readonly rule: string;
  /** Of a drill, not what its alert is about: drills have states of their own. */
  readonly subject: string;
  readonly memory: RuleMemory;
  readonly waiting: Waiting | null;
  readonly alert: { readonly live: LiveAlert; readonly row: AlertRow } | null;
  /** As the store has it; null where it has nothing. */
  readonly stored: string | null;
}

export interface MoveContext {
  readonly rule: AlertRule;
  readonly nowMs: number;
  readonly silence: SilencedBy | null;
  readonly newRow: (sighting: Sighting) => AlertRow;
}

export interface Move {
  readonly tracked: TrackedSubject;
  readonly advances: readonly Advance[];
}

export const untracked = (rule: string, subject: string): TrackedSubject => ({
  ...{ rule, subject, waiting: null, alert: null, stored: null },
  memory: noMemory,
});

export function observe(
  tracked: TrackedSubject,
  verdict: Verdict,
  sighting: Sighting,
  context: MoveContext,
): Move {
  // What was due before this was received comes first: a backlog changes when people hear of it, not what happened.
  const live = tracked.alert?.live;
  const overdue =
    live?.phase === 'pending' && live.fireAt <= sighting.atMs ? fireNow(tracked, context) : null;
  const before = overdue?.tracked ?? tracked;
  const after = judge(before, verdict, sighting, context);
  return { tracked: after.tracked, advances: [...(overdue?.advances ?? []), ...after.advances] };
}

function judge(tracked: TrackedSubject, verdict: Verdict, sighting: Sighting, context: MoveContext): Move {
  if (verdict === 'unknown') return unchanged(tracked);
  if (tracked.alert === null) {
    return verdict === 'holds' ? begin(tracked, sighting, context) : unchanged({ ...tracked, waiting: null });
  }
  const isOver = tracked.alert.live.phase === 'pending' ? verdict !== 'holds' : verdict === 'clears';
  return isOver ? moved(tracked, resolve(tracked.alert, null, context.nowMs)) : unchanged(tracked);
}

function begin(tracked: TrackedSubject, sighting: Sighting, context: MoveContext): Move {
  const { nowMs, rule } = context;
  if (rule.during !== null && !isWithin(rule.during, sighting.atMs)) {
    return unchanged({ ...tracked, waiting: { untilMs: nextStartMs(rule.during, sighting.atMs), sighting } });
  }
  const row = context.newRow(sighting);
  const holdMs = rule.hold.kind === 'time' && !row.drill ? rule.hold.holdMs : 0;
  return moved(
    { ...tracked, waiting: null },
    holdMs > 0 ? beginPending(row, sighting.atMs + holdMs, nowMs) : fire(row, rule, context.silence, nowMs),
  );
}

/**
 * Everything that is due. `drainedThroughMs`: a pending alert fires only where nothing that was received before could still
 * end it.
 */
export function runTimers(tracked: TrackedSubject, context: MoveContext, drainedThroughMs: number): Move {
  const { nowMs, rule } = context;
  const { alert, waiting } = tracked;
  if (alert === null) {
    if (waiting === null || waiting.untilMs > nowMs) return unchanged(tracked);
    // Where its hours have passed meanwhile, those of the next day are waited for.
    const atMs = rule.during !== null && isWithin(rule.during, nowMs) ? waiting.untilMs : nowMs;
    const begun = begin(tracked, { ...waiting.sighting, atMs }, context);
    const next = runTimers(begun.tracked, context, drainedThroughMs);
    return { tracked: next.tracked, advances: [...begun.advances, ...next.advances] };
  }
  const { live } = alert;
  if (live.phase !== 'pending') return moved(tracked, advance(alert, rule, nowMs));
  if (live.fireAt > nowMs || drainedThroughMs < live.fireAt) return unchanged(tracked);
  if (rule.during !== null && !isWithin(rule.during, nowMs)) {
    const { receivedAt, durableAt } = alert.row.stages;
    const sighting = { value: alert.row.value, unit: null, atMs: nowMs, receivedAt, durableAt };
    const cancelled = moved(tracked, resolve(alert, 'its hours are over', nowMs));
    return { ...cancelled, tracked: begin(cancelled.tracked, sighting, context).tracked };
  }
  return fireNow(tracked, context);
}

function fireNow(tracked: TrackedSubject, { nowMs, rule, silence }: MoveContext): Move {
  return tracked.alert === null
    ? unchanged(tracked)
    : moved(tracked, fire(tracked.alert.row, rule, silence, nowMs));
}

/** Unix ms; null where no timer runs. */
export function dueAtOf({ alert, waiting }: TrackedSubject, rule: AlertRule): number | null {
  return earliest([waiting?.untilMs ?? null, alert === null ? null : nextTimer(alert, rule)]);
}

export function moved(tracked: TrackedSubject, taken: Advance): Move {
  const { live, row } = taken;
  if (tracked.alert !== null && tracked.alert.row === row && tracked.alert.live === live)
    return unchanged(tracked);
  return { tracked: { ...tracked, alert: live === null ? null : { live, row } }, advances: [taken] };
}

const unchanged = (tracked: TrackedSubject): Move => ({ tracked, advances: [] });

export const isIdle = ({ alert, memory, waiting }: TrackedSubject): boolean =>
  alert === null && waiting === null && isEmptyMemory(memory);

// ------------------------------------------------------------------------------------------------------------ stored

/** Grows where the shape changes; states of another version are dropped, their alerts live on from their rows. */
const stateVersion = 1;

export function serialise({ alert, memory, waiting }: TrackedSubject): string {
  return JSON.stringify({
    version: stateVersion,
    alert_id: alert?.row.id ?? null,
    live: alert?.live ?? null,
    memory: storableMemory(memory),
    waiting,
  });
}

const storedSchema = z.object({
  version: z.literal(stateVersion),
  alert_id: z.string().nullable(),
  live: z.custom<LiveAlert>((value) => typeof value === 'object').nullable(),
  memory: z.custom<RuleMemory>((value) => typeof value === 'object' && value !== null && 'evidence' in value),
  waiting: z.custom<Waiting>((value) => typeof value === 'object').nullable(),
});

/** `rowOf` gives the rows of alerts that are not resolved. Null where it cannot be read. */
export function restore(
  rule: string,
  subject: string,
  state: string,
  rowOf: (alertId: string) => AlertRow | undefined,
): TrackedSubject | null {
  let plain: unknown;
  try {
    plain = JSON.parse(state);
  } catch {
    return null;
  }
  const parsed = storedSchema.safeParse(plain);
  if (!parsed.success) return null;
  const { alert_id, live, memory, waiting } = parsed.data;
  const row = alert_id === null ? undefined : rowOf(alert_id);
  const alert = live === null || row === undefined ? null : { live, row };
  return { rule, subject, memory, waiting, alert, stored: state };
}

/** An alert whose state is gone: it goes on, and is repeated from now. */
export function trackedFromRow(row: AlertRow, nowMs: number): TrackedSubject {
  const common = { told: true, repeats: row.steps.length, escalated: 0, endAt: row.drill ? nowMs : null };
  const live: LiveAlert =
    row.state === 'pending'
      ? { phase: 'pending', fireAt: nowMs }
      : row.state === 'acknowledged'
        ? { phase: 'acknowledged', ...common }
        : { phase: 'firing', ...common, repeatAt: nowMs, escalateFrom: nowMs, unsilenced: row.steps.length };
  return { ...untracked(row.rule, row.subject), alert: { live, row } };
}
