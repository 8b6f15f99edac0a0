/**
 * What a rule has to remember of its subject beside the newest value, and how it judges with that. Pure: memory goes in and
 * a new memory comes out. Bounded, since it is stored with every batch that changes it.
 */
import type { MeshFact } from '../mesh-fact.ts';
import type { ReadingValue } from '../../protocol/sensor-event.ts';
import type { AlertCondition, AlertRule, LevelTest, TrendTest } from './alert-rule.ts';
import { type CounterEvidence, happenedTimes, storableCounters, withReading } from './counter-trend.ts';
import { type MarginEvidence, withMargins } from './margin-trend.ts';

/** Unix ms and value, oldest first. */
type Point = readonly [atMs: number, value: number];

export type Evidence =
  | { readonly kind: 'none' }
  | { readonly kind: 'points'; readonly sliceMs: number; readonly points: readonly Point[] }
  | {
      readonly kind: 'scans';
      readonly scans: readonly (readonly [atMs: number, failed: number, all: number])[];
    }
  | {
      readonly kind: 'latencies';
      readonly scans: readonly (readonly [atMs: number, answered: number, slowestMs: readonly number[]])[];
    }
  | { readonly kind: 'link'; readonly online: boolean }
  | CounterEvidence
  | MarginEvidence;

export interface RuleMemory {
  /** Scans in a row in which the condition held. */
  readonly streak: number;
  readonly evidence: Evidence;
}

export const noMemory: RuleMemory = { streak: 0, evidence: { kind: 'none' } };
export const isEmptyMemory = ({ evidence, streak }: RuleMemory): boolean =>
  streak === 0 && evidence.kind === 'none';

/** `between`: neither the condition nor what clears it. `unknown`: says nothing about the rule. */
export type Verdict = 'holds' | 'clears' | 'between' | 'unknown';

export interface Judgement {
  readonly memory: RuleMemory;
  readonly verdict: Verdict;
  /** What was judged: the reading, a rate, a number of dB. */
  readonly value: ReadingValue | null;
}

/** Kept scans and latencies of one window; beyond it the oldest two are taken as one. */
const maxScans = 100;
const maxSlowest = 64;
/** A window of readings is kept in so many slices, of each at most its first, lowest, highest and last. */
const slices = 60;

// ---------------------------------------------------------------------------------------------------------- readings

export interface ObservedReading {
  readonly value: ReadingValue;
  /** When it was received, Unix ms. */
  readonly atMs: number;
  /** Replayed by the broker: no new measurement. */
  readonly retained: boolean;
}

type ReadingCondition = Extract<AlertCondition, { readonly kind: 'reading' }>;

export function judgeReading(
  { test }: Pick<ReadingCondition, 'test'>,
  clear: LevelTest | null,
  memory: RuleMemory,
  { atMs, retained, value }: ObservedReading,
): Judgement {
  if (test.kind !== 'changes_by' && test.kind !== 'rate') {
    return { memory, value, verdict: levelVerdict(test, clear, value) };
  }
  if (retained || typeof value !== 'number') return { memory, value, verdict: 'unknown' };
  const before = memory.evidence.kind === 'points' ? memory.evidence.points : [];
  const windowMs = test.kind === 'rate' ? test.perMs : test.withinMs;
  // Within a shard arrivals are in order but for a step of the clock.
  const newest: Point = [Math.max(atMs, before.at(-1)?.[0] ?? atMs), value];
  const sliceMs = windowMs / slices;
  const points = withPoint(before, newest, windowMs, sliceMs);
  const judged =
    test.kind === 'rate' ? rateVerdict(test, points, newest) : changeVerdict(test, points, newest);
  return { ...judged, memory: { ...memory, evidence: { kind: 'points', sliceMs, points } } };
}

function levelVerdict(test: LevelTest, clear: LevelTest | null, value: ReadingValue): Verdict {
  const holds = fits(test, value);
  if (holds === null) return 'unknown';
  if (holds) return 'holds';
  if (clear === null) return 'clears';
  return fits(clear, value) === true ? 'clears' : 'between';
}

/** Null where the value cannot be compared: it is no evidence for either. */
export function fits(test: LevelTest, value: ReadingValue): boolean | null {
  if (test.kind === 'equals') {
    if (typeof test.value !== 'boolean') return test.value === value;
    const truth = truthOf(value);
    return truth === null ? null : truth === test.value;
  }
  if (typeof value !== 'number') return null;
  switch (test.kind) {
    case 'above':
      return value > test.limit;
    case 'below':
      return value < test.limit;
    case 'between':
      return value >= test.low && value <= test.high;
  }
}

const trueWords = new Set([
  'true',
  'on',
  'yes',
  '1',
  'alarm',
  'alert',
  'detected',
  'triggered',
  'open',
  'wet',
]);
const falseWords = new Set(['false', 'off', 'no', '0', 'clear', 'ok', 'normal', 'idle', 'closed', 'dry']);

/** Devices write true and false in many ways; other numbers and words are neither. */
function truthOf(value: ReadingValue): boolean | null {
  if (typeof value === 'boolean') return value;
  const word = String(value).trim().toLowerCase();
  if (trueWords.has(word)) return true;
  return falseWords.has(word) ? false : null;
}

function changeVerdict(
  test: Extract<TrendTest, { kind: 'changes_by' }>,
  points: readonly Point[],
  [atMs, value]: Point,
): Pick<Judgement, 'verdict' | 'value'> {
  let change = 0;
  for (const [pointAt, other] of points) {
    if (pointAt < atMs - test.withinMs) continue;
    if (Math.abs(value - other) > Math.abs(change)) change = value - other;
  }
  return { verdict: Math.abs(change) >= test.by ? 'holds' : 'clears', value: rounded(change) };
}

function rateVerdict(
  test: Extract<TrendTest, { kind: 'rate' }>,
  points: readonly Point[],
  [atMs, value]: Point,
): Pick<Judgement, 'verdict' | 'value'> {
  const earlier = points.slice(0, -1);
  const reference = earlier.find(([pointAt]) => pointAt >= atMs - test.perMs) ?? earlier.at(-1);
  const spanMs = reference === undefined ? 0 : atMs - reference[0];
  // The noise between two readings in quick succession is no trend.
  if (reference === undefined || spanMs < test.perMs / 10) return { verdict: 'unknown', value: null };
  const rate = ((value - reference[1]) / spanMs) * test.perMs;
  const holds = (test.above !== null && rate > test.above) || (test.below !== null && rate < test.below);
  return { verdict: holds ? 'holds' : 'clears', value: rounded(rate) };
}

const rounded = (value: number): number => Number(value.toPrecision(6));

/** The points of the window and the last one before it. */
function withPoint(
  points: readonly Point[],
  newest: Point,
  windowMs: number,
  sliceMs: number,
): readonly Point[] {
  const firstInside = points.findIndex(([atMs]) => atMs >= newest[0] - windowMs);
  const inside = firstInside < 0 ? points.length : firstInside;
  const kept = points.slice(Math.max(0, inside - 1));
  const slice = Math.floor(newest[0] / sliceMs);
  let start = kept.length;
  while (start > 0 && Math.floor((kept[start - 1]?.[0] ?? -1) / sliceMs) === slice) start -= 1;
  const same = kept.slice(start);
  if (same.length < 4) return [...kept, newest];
  const all = [...same, newest];
  const lowest = all.reduce((least, point) => (point[1] < least[1] ? point : least));
  const highest = all.reduce((most, point) => (point[1] > most[1] ? point : most));
  return [
    ...kept.slice(0, start),
    ...all.filter(
      (point, index) => index === 0 || index === all.length - 1 || point === lowest || point === highest,
    ),
  ];
}

/** What of it is worth storing: of the newest slice its first point only, so that not every reading is a row. */
export function storableMemory(memory: RuleMemory): RuleMemory {
  const { evidence } = memory;
  if (evidence.kind === 'counters') return { ...memory, evidence: storableCounters(evidence) };
  if (evidence.kind !== 'points') return memory;
  const { points, sliceMs } = evidence;
  const slice = Math.floor((points.at(-1)?.[0] ?? 0) / sliceMs);
  const first = points.findIndex(([atMs]) => Math.floor(atMs / sliceMs) === slice);
  return { ...memory, evidence: { kind: 'points', sliceMs, points: points.slice(0, first + 1) } };
}

// -------------------------------------------------------------------------------------------------------- mesh facts

/** `unknown` for a fact of another kind than the rule is about. */
export function judgeFact(rule: AlertRule, memory: RuleMemory, fact: MeshFact): Judgement {
  const judged = judgeByItself(rule, memory, fact);
  if (rule.hold.kind !== 'scans' || judged.verdict === 'unknown') return judged;
  const streak = judged.verdict === 'holds' ? Math.min(memory.streak + 1, rule.hold.scans) : 0;
  return {
    memory: { ...judged.memory, streak },
    verdict: judged.verdict === 'holds' && streak < rule.hold.scans ? 'between' : judged.verdict,
    value: rule.condition.kind === 'missing' && streak > 0 ? streak : judged.value,
  };
}

function judgeByItself(rule: AlertRule, memory: RuleMemory, fact: MeshFact): Judgement {
  const { condition, clear } = rule;
  const unknown: Judgement = { memory, verdict: 'unknown', value: null };
  const level = (value: number, holds: boolean, evidence = memory.evidence): Judgement => ({
    memory: { ...memory, evidence },
    value: rounded(value),
    verdict: holds ? 'holds' : clear === null || fits(clear, value) === true ? 'clears' : 'between',
  });
  switch (condition.kind) {
    case 'reading':
    case 'silent':
      return unknown;
    case 'offline':
      if (fact.kind !== 'border_router_link') return unknown;
      return {
        memory: { ...memory, evidence: { kind: 'link', online: fact.online } },
        verdict: fact.online ? 'clears' : 'holds',
        value: null,
      };
    case 'scan_failure_rate': {
      if (fact.kind !== 'border_router_scan' || fact.answered + fact.failed === 0) return unknown;
      const before = memory.evidence.kind === 'scans' ? memory.evidence.scans : [];
      const scans = merged(
        [...before, [fact.happenedAt, fact.failed, fact.answered + fact.failed] as const],
        fact.happenedAt - condition.overMs,
        (a, b) => [b[0], a[1] + b[1], a[2] + b[2]] as const,
      );
      const all = scans.reduce((sum, scan) => sum + scan[2], 0);
      const rate = scans.reduce((sum, scan) => sum + scan[1], 0) / all;
      return level(rate, rate > condition.above, { kind: 'scans', scans });
    }
    case 'coap_latency_p99': {
      if (fact.kind !== 'border_router_scan' || fact.latencyP99Ms === null) return unknown;
      const before = memory.evidence.kind === 'latencies' ? memory.evidence.scans : [];
      const slowest = (fact.slowestMs ?? [fact.latencyP99Ms]).slice(0, maxSlowest);
      const scans = merged(
        [...before, [fact.happenedAt, fact.answered, slowest] as const],
        fact.happenedAt - condition.overMs,
        (a, b) => [b[0], a[1] + b[1], descending([...a[2], ...b[2]]).slice(0, maxSlowest)] as const,
      );
      const p99Ms = p99Of(scans);
      return level(p99Ms, p99Ms > condition.aboveMs, { kind: 'latencies', scans });
    }
    case 'partitions':
      if (fact.kind !== 'network_scan' || fact.partitions === null) return unknown;
      return level(fact.partitions, fact.partitions > condition.above);
    case 'incomplete':
      if (fact.kind !== 'network_scan' || typeof fact.complete !== 'boolean') return unknown;
      return { memory, verdict: fact.complete ? 'clears' : 'holds', value: fact.missingRouters ?? 0 };
    case 'dataset_mismatch': {
      if (fact.kind !== 'network_scan' || fact.datasetConflicts === undefined) return unknown;
      const [conflict = null] = fact.datasetConflicts;
      return { memory, verdict: conflict === null ? 'clears' : 'holds', value: conflict };
    }
    case 'flapping':
    case 'reboots': {
      if (fact.kind !== 'node_scan' || fact.counters === undefined) return unknown;
      const of = condition.kind === 'flapping' ? 'changes' : 'restarts';
      const before = memory.evidence.kind === 'counters' ? memory.evidence : null;
      const evidence = withReading(before, fact.counters, { of, windowMs: condition.withinMs });
      if (evidence === null) return unknown;
      const times = happenedTimes(evidence);
      const holds = condition.kind === 'flapping' ? times >= condition.changes : times > condition.above;
      return { memory: { ...memory, evidence }, verdict: holds ? 'holds' : 'clears', value: times };
    }
    case 'missing':
      if (fact.kind !== 'node_scan') return unknown;
      return { memory, verdict: fact.answered ? 'clears' : 'holds', value: null };
    case 'margin_below':
      if (fact.kind !== 'link_scan' || fact.marginDb === null) return unknown;
      return level(fact.marginDb, fact.marginDb < condition.limitDb);
    case 'margin_drops': {
      if (fact.kind !== 'link_scan') return unknown;
      const before = memory.evidence.kind === 'margins' ? memory.evidence : null;
      const margins = fact.directionsDb ?? [fact.marginDb, null];
      const { dropDb, evidence, isWhole } = withMargins(before, fact.happenedAt, margins, condition.overMs);
      const isBack = dropDb !== null && dropDb <= condition.byDb / 2 && isWhole;
      return {
        memory: evidence === before ? memory : { ...memory, evidence },
        verdict: dropDb !== null && dropDb >= condition.byDb ? 'holds' : isBack ? 'clears' : 'between',
        value: dropDb === null ? null : rounded(dropDb),
      };
    }
    case 'frame_error_rate':
      if (fact.kind !== 'link_scan' || typeof fact.frameErrorRate !== 'number') return unknown;
      return level(fact.frameErrorRate, fact.frameErrorRate > condition.above);
    case 'battery_below':
      if (fact.kind !== 'node_scan' || fact.batteryMillivolts === null) return unknown;
      return level(fact.batteryMillivolts, fact.batteryMillivolts < condition.limitMillivolts);
  }
}

/** What is younger than the bound, the newest whatever its age; the oldest taken together where they are too many. */
function merged<Scan extends readonly [number, ...unknown[]]>(
  scans: readonly Scan[],
  afterMs: number,
  merge: (a: Scan, b: Scan) => Scan,
): readonly Scan[] {
  const kept = scans.filter(([atMs], index) => atMs > afterMs || index === scans.length - 1);
  const [first, second, ...rest] = kept;
  return kept.length > maxScans && first !== undefined && second !== undefined
    ? [merge(first, second), ...rest]
    : kept;
}

/** By nearest rank over all answers, of which only the slowest are kept. */
function p99Of(scans: readonly (readonly [number, number, readonly number[]])[]): number {
  const answered = scans.reduce((sum, scan) => sum + scan[1], 0);
  const slower = answered - Math.ceil(answered * 0.99);
  const slowest = descending(scans.flatMap((scan) => scan[2]));
  return slowest[Math.min(slower, slowest.length - 1)] ?? 0;
}

const descending = (values: readonly number[]): readonly number[] => [...values].sort((a, b) => b - a);
