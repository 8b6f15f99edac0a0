import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Place, wallsBetween } from './building.ts';
import {
  createRadioModel,
  leastLinkMarginDb,
  linkCostOf,
  linkMarginOf,
  linkQualityOf,
} from './radio-model.ts';

const place = (x: number, column = 0): Place => ({ room: { kind: 'hall', column, row: 0 }, x, y: 1 });

describe('the radio model', () => {
  it('takes link quality from the margin by the thresholds of OpenThread', () => {
    const qualities = [0, 2, 3, 10, 11, 20, 21, 60].map(linkQualityOf);
    expect(qualities).toEqual([0, 0, 1, 1, 2, 2, 3, 3]);
    expect(linkQualityOf(leastLinkMarginDb)).toBe(1);
    expect([0, 1, 2, 3].map(linkCostOf)).toEqual([null, 4, 2, 1]);
  });

  it('measures the margin above a noise floor of -98 dBm', () => {
    expect(linkMarginOf(-60)).toBe(38);
    expect(linkMarginOf(-110)).toBe(0);
  });

  it('loses signal with distance and with walls', () => {
    const radio = createRadioModel(1);
    const at = (x: number, column = 0): number => radio.rssi(1, place(0), 2, place(x, column));
    expect(at(2)).toBeGreaterThan(at(8));
    expect(at(8)).toBeGreaterThan(at(8, 2));
    expect(at(8) - at(8, 2)).toBe(12);
  });

  it('hears both directions of a link a little differently, never by more than 5 dB', () => {
    const radio = createRadioModel(2);
    const differences = Array.from({ length: 200 }, (_, number) =>
      Math.abs(radio.rssi(0, place(0), number + 1, place(6)) - radio.rssi(number + 1, place(6), 0, place(0))),
    );
    expect(Math.max(...differences)).toBeLessThanOrEqual(5);
    expect(Math.max(...differences)).toBeGreaterThanOrEqual(2);
  });

  it('gives the same RSSI for the same seed, whatever was asked before', () => {
    fc.assert(
      fc.property(fc.integer(), fc.nat(200), fc.nat(200), fc.nat(40), (seed, from, to, metres) => {
        const first = createRadioModel(seed);
        first.rssi(to, place(3), from, place(9));
        const asked = first.rssi(from, place(0), to, place(metres));
        expect(asked).toBe(createRadioModel(seed).rssi(from, place(0), to, place(metres)));
        expect(Number.isInteger(asked)).toBe(true);
        expect(asked).toBeLessThanOrEqual(-20);
      }),
    );
  });

  it('counts the walls that a straight line crosses', () => {
    const room = (column: number, row: number) => ({ kind: 'hall', column, row });
    expect(wallsBetween(room(0, 0), room(0, 0))).toBe(0);
    expect(wallsBetween(room(0, 2), room(3, 1))).toBe(4);
  });
});
