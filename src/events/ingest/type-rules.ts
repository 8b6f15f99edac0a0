/**
 * What readings of a type may be (`events.types`). Asked by the workers: an event outside of it is a dead letter, not a
 * refusal, since its source can do nothing about it and somebody may want to look. Limits of size and form are not here
 * but in `accept-event.ts`.
 */
import type { Reading, SensorEvent } from '../../protocol/sensor-event.ts';

/** A type with a rule is a number. Bounds are inclusive and in `unit`. */
export interface TypeRule {
  readonly min?: number | undefined;
  readonly max?: number | undefined;
  readonly unit?: string | undefined;
}

export interface ReadingProblem {
  readonly reason: 'out_of_range' | 'wrong_type';
  /** A sentence with the value and the rule. */
  readonly detail: string;
}

/** The first reading that breaks its type's rule; null where none does. Readings of types without a rule are always good. */
export function checkReadings(
  event: Pick<SensorEvent, 'readings'>,
  rules: ReadonlyMap<string, TypeRule>,
): ReadingProblem | null {
  for (const reading of event.readings) {
    const rule = rules.get(reading.type);
    const problem = rule === undefined ? null : checkReading(reading, rule);
    if (problem !== null) return problem;
  }
  return null;
}

function checkReading({ type, unit, value }: Reading, rule: TypeRule): ReadingProblem | null {
  if (typeof value !== 'number') {
    return {
      reason: 'wrong_type',
      detail: `${type} is ${JSON.stringify(value)}, and events.types.${type} takes numbers`,
    };
  }
  const { max, min } = rule;
  if ((min === undefined || value >= min) && (max === undefined || value <= max)) return null;
  // 75 °F is no 75 °C: bounds say nothing about another unit.
  if (unit !== null && rule.unit !== undefined && !isSameUnit(unit, rule.unit)) return null;
  return {
    reason: 'out_of_range',
    detail: `${type} is ${value}, and events.types.${type} takes ${rangeOf(rule)}`,
  };
}

function rangeOf({ max, min, unit }: TypeRule): string {
  const suffix = unit === undefined ? '' : ` ${unit}`;
  if (min === undefined) return `at most ${max}${suffix}`;
  if (max === undefined) return `at least ${min}${suffix}`;
  return `${min} to ${max}${suffix}`;
}

/** `°C`, `℃`, `ºC` and `C` are one; `mW` and `MW` are not. */
const isSameUnit = (a: string, b: string): boolean => plainUnit(a) === plainUnit(b);
const plainUnit = (unit: string): string => unit.normalize('NFKC').replaceAll(/[°\s]|o(?=[CF]$)/g, '');
