/** One evaluation of what a shard received: which rules look at it, what they see, and what that makes of their states. */
import { type AlertId, asAlertId, type SensorId, type ShardName } from '../../protocol/ids.ts';
import type { Reading, SensorEvent } from '../../protocol/sensor-event.ts';
import { type MeshFact, subjectKindOf } from '../mesh-fact.ts';
import type { LatestValues } from '../store/latest-values.ts';
import type { AlertRow } from './alert-evaluator.ts';
import type { SilencedBy } from './alert-lifecycle.ts';
import { type AlertRule, subjectKindOfRule } from './alert-rule.ts';
import { summaryOf } from './alert-summary.ts';
import { drilledRule, drillSighting } from './drill-event.ts';
import type { RuleBook } from './rule-book.ts';
import { type Judgement, judgeFact, judgeReading, noMemory } from './rule-memory.ts';
import { type ShardDraft, subjectKey } from './shard-draft.ts';
import type { Silence } from './silence-watches.ts';
import type { SilencesView } from './silences.ts';
import { isIdle, type MoveContext, observe, type Sighting, untracked } from './tracked-subject.ts';

export interface ShardEvaluationOptions {
  readonly shard: ShardName;
  readonly silences: Pick<SilencesView, 'matching'>;
  readonly sensors: Pick<LatestValues, 'get'>;
  /** A sensor with rules about silence has sent something; it is watched in its bulk shard. */
  readonly watchSensor: (sensorId: SensorId) => void;
  readonly newId: () => string;
  /** The shard of the sensor's other lane, where that has the alert of this rule and subject; null where it has none. */
  readonly alertElsewhere: (key: string) => OtherLane | null;
}

/** A reading, and the rule that is to judge it. */
export interface Delegated {
  readonly key: string;
  readonly ruleName: string;
  readonly event: SensorEvent;
  readonly reading: Reading;
  readonly durableAt: number;
}

export interface OtherLane {
  deliver(delegated: Delegated): void;
}

export class ShardEvaluation {
  readonly draft: ShardDraft;
  readonly book: RuleBook;
  readonly nowMs: number;
  readonly #options: ShardEvaluationOptions;
  /** Sensors whose silence is an alert now. */
  readonly #silentSensors: ReadonlySet<string>;
  readonly #delegated: (() => void)[] = [];

  constructor(
    options: ShardEvaluationOptions,
    scope: {
      readonly draft: ShardDraft;
      readonly book: RuleBook;
      readonly nowMs: number;
      readonly silentSensors: ReadonlySet<string>;
    },
  ) {
    this.#options = options;
    this.draft = scope.draft;
    this.book = scope.book;
    this.nowMs = scope.nowMs;
    this.#silentSensors = scope.silentSensors;
  }

  receive(event: SensorEvent, durableAt: number): void {
    if (event.flags.length > 0 && event.flags.includes('drill')) {
      this.#drill(event, durableAt);
      return;
    }
    const { byType, silent } = this.book.forSensor(event.sensorId);
    if (silent.length > 0) {
      this.#options.watchSensor(event.sensorId);
      if (this.#silentSensors.has(event.sensorId))
        for (const rule of silent) this.endSilence(rule, event.sensorId);
    }
    if (byType.size === 0) return;
    for (const reading of event.readings) {
      const judging = byType.get(reading.type);
      if (judging === undefined || this.#isSuperseded(event, reading)) continue;
      for (const rule of judging) this.#judge(rule, event, reading, durableAt);
    }
  }

  /** Readings that the sensor's other lane is to judge, once this batch is committed. */
  delegate(): void {
    for (const deliver of this.#delegated) deliver();
  }

  judgeDelegated({ durableAt, event, reading, ruleName }: Delegated): void {
    const rule = this.book.get(ruleName);
    if (rule !== null) this.#judge(rule, event, reading, durableAt);
  }

  learn(fact: MeshFact): void {
    const { happenedAt, subject } = fact;
    for (const rule of this.book.about(subjectKindOf(fact), subject)) {
      const key = subjectKey(rule.name, subject);
      const judgement = judgeFact(rule, this.draft.get(key)?.memory ?? noMemory, fact);
      if (judgement.verdict === 'unknown') continue;
      this.#observe(rule, subject, key, judgement, sightingAt(happenedAt, judgement.value));
    }
  }

  /** The sensor has been silent for too long. */
  beginSilence(rule: AlertRule, sensorId: SensorId, { lastAt, usualMs }: Silence): void {
    const silence = { quietMs: this.nowMs - lastAt, usualMs };
    const context = this.context(rule, sensorId);
    const newRow = (seen: Sighting): AlertRow => ({ ...context.newRow(seen), startedAt: lastAt });
    const sighting: Sighting = { ...sightingAt(this.nowMs), receivedAt: null, silence };
    const key = subjectKey(rule.name, sensorId);
    const tracked = this.draft.get(key) ?? untracked(rule.name, sensorId);
    this.draft.take(key, observe(tracked, 'holds', sighting, { ...context, newRow }));
  }

  endSilence(rule: AlertRule, sensorId: SensorId): void {
    const key = subjectKey(rule.name, sensorId);
    const tracked = this.draft.get(key);
    if (tracked === undefined || isIdle(tracked)) return;
    this.draft.take(key, observe(tracked, 'clears', sightingAt(this.nowMs), this.context(rule, sensorId)));
  }

  silenceOf(rule: AlertRule, subject: string): SilencedBy | null {
    const silence = this.#options.silences.matching(rule.name, subject, this.nowMs);
    return silence === null ? null : { by: silence.createdBy, reason: silence.reason };
  }

  context(rule: AlertRule, subject: string): MoveContext {
    return {
      rule,
      nowMs: this.nowMs,
      silence: this.silenceOf(rule, subject),
      newRow: (sighting) => this.#newRow(rule, subject, sighting, null),
    };
  }

  #judge(rule: AlertRule, event: SensorEvent, reading: Reading, durableAt: number): void {
    if (rule.condition.kind !== 'reading') return;
    const key = subjectKey(rule.name, event.sensorId);
    const known = this.draft.get(key);
    if (known === undefined || known.alert === null) {
      // One alert, whichever lane the readings take, and one that the readings of either lane end.
      const elsewhere = this.#options.alertElsewhere(key);
      if (elsewhere !== null) {
        const delegated = { key, ruleName: rule.name, event, reading, durableAt };
        this.#delegated.push(() => elsewhere.deliver(delegated));
        return;
      }
    }
    const atMs = event.receivedAt;
    const observed = { value: reading.value, atMs, retained: event.flags.includes('retained') };
    const judgement = judgeReading(rule.condition, rule.clear, known?.memory ?? noMemory, observed);
    // Most readings: nothing was the matter, and nothing is.
    if (known === undefined && judgement.verdict !== 'holds' && judgement.memory === noMemory) return;
    const sighting = { value: judgement.value, unit: reading.unit, atMs, receivedAt: atMs, durableAt };
    this.#observe(rule, event.sensorId, key, judgement, sighting);
  }

  #observe(
    rule: AlertRule,
    subject: string,
    key: string,
    { memory, verdict }: Pick<Judgement, 'memory' | 'verdict'>,
    sighting: Sighting,
  ): void {
    const known = this.draft.get(key);
    const before = known ?? untracked(rule.name, subject);
    const tracked = before.memory === memory ? before : { ...before, memory };
    const move = observe(tracked, verdict, sighting, this.context(rule, subject));
    if (known === undefined && isIdle(move.tracked) && move.advances.length === 0) return;
    this.draft.take(key, move);
  }

  /** An event that came around the order says nothing where a newer one is known. */
  #isSuperseded({ flags, sensorId, ts }: SensorEvent, { type }: Reading): boolean {
    if (!flags.includes('late') && !flags.includes('replayed')) return false;
    const known = this.#options.sensors.get(sensorId)?.readings.find((reading) => reading.type === type);
    return known !== undefined && known.ts > ts;
  }

  #drill(event: SensorEvent, durableAt: number): void {
    const rule = this.book.get(drilledRule(event) ?? '');
    const sighting = rule === null ? null : drillSighting(rule, event, durableAt);
    if (rule === null || sighting === null) return;
    // `#` is in no sensor's id: the drill has a state of its own beside the real one.
    const stateSubject = `${event.sensorId}#${event.eventId}`;
    const key = subjectKey(rule.name, stateSubject);
    if (this.draft.get(key) !== undefined) return;
    const context: MoveContext = {
      ...this.context({ ...rule, during: null }, event.sensorId),
      newRow: (seen) => this.#newRow(rule, event.sensorId, seen, asAlertId(event.eventId)),
    };
    this.draft.take(key, observe(untracked(rule.name, stateSubject), 'holds', sighting, context));
  }

  #newRow(rule: AlertRule, subject: string, sighting: Sighting, drillId: AlertId | null): AlertRow {
    const { atMs, durableAt, receivedAt, value } = sighting;
    return {
      id: drillId ?? asAlertId(this.#options.newId()),
      shard: this.#options.shard,
      rule: rule.name,
      severity: rule.severity,
      state: 'pending',
      subjectKind: subjectKindOfRule(rule),
      subject,
      summary: summaryOf(rule, subject, sighting, drillId !== null),
      value,
      drill: drillId !== null,
      silenced: false,
      startedAt: atMs,
      updatedAt: this.nowMs,
      snoozedUntilAt: null,
      resolvedAt: null,
      acknowledgedBy: null,
      stages: { receivedAt, durableAt, storedAt: null, firedAt: null, acknowledgedAt: null },
      steps: [],
    };
  }
}

/** Of something that no event told. */
export const sightingAt = (atMs: number, value: Sighting['value'] = null): Sighting => ({
  ...{ value, atMs, unit: null, durableAt: null },
  receivedAt: atMs,
});
