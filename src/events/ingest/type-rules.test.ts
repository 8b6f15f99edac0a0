import { describe, expect, it } from 'vitest';
import type { ReadingValue } from '../../protocol/sensor-event.ts';
import { checkReadings, type TypeRule } from './type-rules.ts';

const rules = new Map<string, TypeRule>([
  ['temperature', { min: -20, max: 60, unit: '°C' }],
  ['pressure', { min: 0 }],
  ['level', { max: 5 }],
  ['power', { unit: 'W' }],
]);
const check = (type: string, value: ReadingValue, unit: string | null = null) =>
  checkReadings({ readings: [{ type, value, unit }] }, rules);

describe('checkReadings', () => {
  it.each([-20, 0, 60])('takes %d °C, bounds included', (value) => {
    expect(check('temperature', value)).toBeNull();
    expect(check('temperature', value, '°C')).toBeNull();
  });

  it.each([-20.1, 60.1, 1e300])('says what %d °C breaks', (value) => {
    expect(check('temperature', value, '°C')).toEqual({
      reason: 'out_of_range',
      detail: `temperature is ${value}, and events.types.temperature takes -20 to 60 °C`,
    });
  });

  it('knows bounds on one side only', () => {
    expect(check('pressure', -1)?.detail).toContain('at least 0');
    expect(check('pressure', 1e9)).toBeNull();
    expect(check('level', 6)?.detail).toContain('at most 5');
    expect(check('level', -1e9)).toBeNull();
  });

  it.each(['hot', true, '22.5'])('takes no %j where a number belongs', (value) => {
    expect(check('temperature', value)).toMatchObject({ reason: 'wrong_type' });
    expect(check('power', value)).toMatchObject({ reason: 'wrong_type' });
  });

  it('does not hold the bounds of one unit against another', () => {
    expect(check('temperature', 75, '°F')).toBeNull();
    for (const unit of ['C', '℃', 'ºC', '° C']) expect(check('temperature', 75, unit)).not.toBeNull();
  });

  it('says nothing of a type without a rule, whatever its name', () => {
    for (const type of ['smoke', '__proto__', 'constructor']) expect(check(type, true)).toBeNull();
  });

  it('judges every reading of an event', () => {
    const readings = [
      { type: 'humidity', value: 40, unit: '%' },
      { type: 'temperature', value: 999, unit: null },
    ];
    expect(checkReadings({ readings }, rules)?.detail).toContain('temperature is 999');
  });
});
