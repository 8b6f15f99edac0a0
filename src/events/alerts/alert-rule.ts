/** Alert rules as the engine works with them: complete, checked, times in milliseconds. `docs/alerts.md` explains each. */
import type { Severity, SubjectKind } from '../../protocol/alert.ts';
import type { ReadingValue } from '../../protocol/sensor-event.ts';
import type { TimeWindow } from './time-window.ts';

/** Judges one value by itself. `between` includes both ends. */
export type LevelTest =
  | { readonly kind: 'equals'; readonly value: ReadingValue }
  | { readonly kind: 'above'; readonly limit: number }
  | { readonly kind: 'below'; readonly limit: number }
  | { readonly kind: 'between'; readonly low: number; readonly high: number };

/** Judges a value by those before it. */
export type TrendTest =
  /** The newest value differs by so much from any other within the time. */
  | { readonly kind: 'changes_by'; readonly by: number; readonly withinMs: number }
  /** Change per `perMs`, rising positive, between the newest reading and the oldest within `perMs` before it. */
  | {
      readonly kind: 'rate';
      readonly above: number | null;
      readonly below: number | null;
      readonly perMs: number;
    };

export type ReadingTest = LevelTest | TrendTest;

/** `subject` is a pattern of what the rule is about; `*` fits any part. */
export type AlertCondition = { readonly subject: string } & (
  | { readonly kind: 'reading'; readonly type: string; readonly test: ReadingTest }
  | { readonly kind: 'silent'; readonly limit: SilenceLimit }
  | { readonly kind: 'offline' }
  /** 0 to 1. */
  | { readonly kind: 'scan_failure_rate'; readonly above: number; readonly overMs: number }
  | { readonly kind: 'coap_latency_p99'; readonly aboveMs: number; readonly overMs: number }
  | { readonly kind: 'partitions'; readonly above: number }
  | { readonly kind: 'incomplete' }
  | { readonly kind: 'dataset_mismatch' }
  | { readonly kind: 'missing' }
  | { readonly kind: 'battery_below'; readonly limitMillivolts: number }
  /** So many changes of parent and partition, and attempts to attach, or more. */
  | { readonly kind: 'flapping'; readonly changes: number; readonly withinMs: number }
  | { readonly kind: 'reboots'; readonly above: number; readonly withinMs: number }
  | { readonly kind: 'margin_below'; readonly limitDb: number }
  /** Below what is usual for the link, in either direction. */
  | { readonly kind: 'margin_drops'; readonly byDb: number; readonly overMs: number }
  /** 0 to 1. */
  | { readonly kind: 'frame_error_rate'; readonly above: number }
);

export type SilenceLimit =
  | { readonly kind: 'fixed'; readonly limitMs: number }
  /** Times the sensor's usual time between two events. */
  | { readonly kind: 'learned'; readonly times: number };

/** How long a condition must hold before the alert fires: a time, or scans in a row. */
export type Hold =
  { readonly kind: 'time'; readonly holdMs: number } | { readonly kind: 'scans'; readonly scans: number };

export interface EscalationStep {
  /** After the alert fired. */
  readonly afterMs: number;
  readonly notify: readonly string[];
}

export interface AlertRule {
  /** Unique. */
  readonly name: string;
  readonly enabled: boolean;
  readonly severity: Severity;
  readonly condition: AlertCondition;
  /** What ends it; null: that the condition holds no more. */
  readonly clear: LevelTest | null;
  /** When it may begin to hold; null: always. */
  readonly during: TimeWindow | null;
  readonly hold: Hold;
  /** Names of channels; null: every channel there is. */
  readonly notify: readonly string[] | null;
  /** Null: it is told once. */
  readonly repeatMs: number | null;
  /** In the order of their times. */
  readonly escalate: readonly EscalationStep[];
}

export const noHold: Hold = { kind: 'time', holdMs: 0 };

const kinds: Readonly<Record<AlertCondition['kind'], SubjectKind>> = {
  reading: 'sensor',
  silent: 'sensor',
  offline: 'border_router',
  scan_failure_rate: 'border_router',
  coap_latency_p99: 'border_router',
  partitions: 'network',
  incomplete: 'network',
  dataset_mismatch: 'network',
  missing: 'node',
  battery_below: 'node',
  flapping: 'node',
  reboots: 'node',
  margin_below: 'link',
  margin_drops: 'link',
  frame_error_rate: 'link',
};

export const subjectKindOfRule = (rule: Pick<AlertRule, 'condition'>): SubjectKind =>
  kinds[rule.condition.kind];

/** What a hub without rules has: an alarm for each type of the critical lane, repeated until somebody acknowledges it. */
export function defaultAlertRules(criticalTypes: readonly string[]): readonly AlertRule[] {
  return [...new Set(criticalTypes)].map((type) => ({
    name: type,
    enabled: true,
    severity: 'critical',
    condition: { kind: 'reading', subject: '*', type, test: { kind: 'equals', value: true } },
    clear: null,
    during: null,
    hold: noHold,
    notify: null,
    repeatMs: 60_000,
    escalate: [],
  }));
}
