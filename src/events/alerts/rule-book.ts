/** The rules in force, looked up by what arrives. A new load is a new book; whoever keeps something by rule compares them. */
import type { SubjectKind } from '../../protocol/alert.ts';
import { type AlertRule, subjectKindOfRule } from './alert-rule.ts';
import { linkTest, type NameTest, nameTest } from './name-pattern.ts';

export interface SensorRules {
  /** By type of reading. */
  readonly byType: ReadonlyMap<string, readonly AlertRule[]>;
  readonly silent: readonly AlertRule[];
}

interface MatchedRule {
  readonly rule: AlertRule;
  readonly fits: NameTest;
}

/** Sensor ids come from outside: the memo is bounded. */
const maxRemembered = 50_000;

export const noSensorRules: SensorRules = { byType: new Map(), silent: [] };

export class RuleBook {
  readonly rules: readonly AlertRule[];
  /** Names of every channel there is. */
  readonly channels: readonly string[];
  readonly #byName: ReadonlyMap<string, MatchedRule>;
  readonly #byKind: ReadonlyMap<SubjectKind, readonly MatchedRule[]>;
  readonly #sensors = new Map<string, SensorRules>();

  constructor(rules: readonly AlertRule[], channels: readonly string[]) {
    this.rules = rules;
    this.channels = channels;
    const matched = rules
      .filter(({ enabled }) => enabled)
      .map((rule): MatchedRule => {
        const pattern = rule.condition.subject;
        return { rule, fits: subjectKindOfRule(rule) === 'link' ? linkTest(pattern) : nameTest(pattern) };
      });
    this.#byName = new Map(matched.map((entry) => [entry.rule.name, entry]));
    this.#byKind = Map.groupBy(matched, ({ rule }) => subjectKindOfRule(rule));
  }

  /** Of those that are enabled. */
  get(name: string): AlertRule | null {
    return this.#byName.get(name)?.rule ?? null;
  }

  get watchesSilence(): boolean {
    return this.rules.some(({ condition, enabled }) => enabled && condition.kind === 'silent');
  }

  /** Whether this rule is in force for that subject. */
  covers(name: string, subject: string): boolean {
    return this.#byName.get(name)?.fits(subject) ?? false;
  }

  hasRulesAbout(kind: SubjectKind): boolean {
    return this.#byKind.has(kind);
  }

  /** Of anything but sensors. */
  about(kind: SubjectKind, subject: string): readonly AlertRule[] {
    const rules: AlertRule[] = [];
    for (const { fits, rule } of this.#byKind.get(kind) ?? []) if (fits(subject)) rules.push(rule);
    return rules;
  }

  forSensor(sensorId: string): SensorRules {
    const known = this.#sensors.get(sensorId);
    if (known !== undefined) return known;
    const rules = this.about('sensor', sensorId);
    const made: SensorRules =
      rules.length === 0
        ? noSensorRules
        : {
            byType: Map.groupBy(
              rules.filter(({ condition }) => condition.kind === 'reading'),
              ({ condition }) => (condition.kind === 'reading' ? condition.type : ''),
            ),
            silent: rules.filter(({ condition }) => condition.kind === 'silent'),
          };
    if (this.#sensors.size >= maxRemembered) this.#sensors.clear();
    this.#sensors.set(sensorId, made);
    return made;
  }
}
