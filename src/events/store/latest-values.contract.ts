/** What every `LatestValues` does; each adapter's test runs it. */
import { beforeEach, describe, expect, it } from 'vitest';
import { sampleTimeMs, sensorEvent } from '../../../test/support/event-samples.ts';
import type { SensorDescription } from '../stream/durable-stream.ts';
import { batchOf } from '../../../test/support/store-batches.ts';
import { asSensorId } from '../../protocol/ids.ts';
import type { LatestValues } from './latest-values.ts';

const kitchen = asSensorId('kitchen-1');

export function testLatestValues(name: string, open: () => LatestValues): void {
  describe(`${name} as LatestValues`, () => {
    let values: LatestValues;

    beforeEach(() => {
      values = open();
    });

    const reading = (count: number, value: number, fields: Parameters<typeof sensorEvent>[0] = {}) =>
      sensorEvent({
        ts: sampleTimeMs + count,
        receivedAt: sampleTimeMs + count,
        readings: [{ type: 'temperature', value, unit: null }],
        ...fields,
      });
    const value = (id = kitchen) => values.get(id)?.readings[0]?.value;

    it('know nothing of a sensor that has told nothing', () => {
      expect(values.get(kitchen)).toBeNull();
      expect(values.lastReceivedAt(kitchen)).toBeNull();
      expect(values.list({ limit: 5, cursor: null })).toEqual({ items: [], nextCursor: null });
      expect(values.get(asSensorId('__proto__'))).toBeNull();
    });

    it('show the last reading of each type, and count what came', () => {
      values.apply(batchOf([reading(1, 1), reading(5, 2, { qos: 0 })]));
      values.apply(batchOf([reading(9, 3, { readings: [{ type: 'humidity', value: 40, unit: '%' }] })]));
      expect(values.get(kitchen)).toEqual({
        id: kitchen,
        name: null,
        firstSeenAt: sampleTimeMs + 1,
        lastSeenAt: sampleTimeMs + 9,
        events: 3,
        qos0Events: 1,
        missedSeqs: 0,
        usualIntervalMs: null,
        readings: [
          { type: 'humidity', value: 40, unit: '%', ts: sampleTimeMs + 9, receivedAt: sampleTimeMs + 9 },
          { type: 'temperature', value: 2, unit: null, ts: sampleTimeMs + 5, receivedAt: sampleTimeMs + 5 },
        ],
      });
      expect(values.lastReceivedAt(kitchen)).toBe(sampleTimeMs + 9);
    });

    it('follow the order of the stream, and take late readings only where they are newer', () => {
      values.apply(batchOf([reading(9, 1), reading(5, 2)]));
      expect(value()).toBe(2);
      values.apply(batchOf([reading(4, 3, { flags: ['late'] })]));
      expect(value()).toBe(2);
      values.apply(batchOf([reading(6, 4, { flags: ['replayed'] })]));
      expect(value()).toBe(4);
    });

    it('show names and units that sources describe', () => {
      const descriptions: SensorDescription[] = [
        { sensorId: kitchen, name: 'Kitchen', units: { temperature: '°F' } },
        { sensorId: kitchen, name: null, units: {} },
      ];
      values.apply(batchOf([reading(1, 1)], { descriptions }));
      expect(values.get(kitchen)).toMatchObject({ name: 'Kitchen', readings: [{ unit: '°F' }] });
      values.apply(batchOf([reading(2, 1, { readings: [{ type: 'temperature', value: 1, unit: 'K' }] })]));
      expect(values.get(kitchen)).toMatchObject({ name: 'Kitchen', readings: [{ unit: 'K' }] });
    });

    it('are listed by id, page by page, new sensors too', () => {
      values.apply(batchOf(['c', 'a', 'd'].map((sensorId) => reading(1, 1, { sensorId }))));
      const first = values.list({ limit: 2, cursor: null });
      expect(first.items.map(({ id }) => id)).toEqual(['a', 'c']);
      values.apply(batchOf([reading(1, 1, { sensorId: 'b' }), reading(1, 1, { sensorId: 'e' })]));
      const second = values.list({ limit: 2, cursor: first.nextCursor });
      expect(second).toMatchObject({ items: [{ id: 'd' }, { id: 'e' }], nextCursor: null });
      expect(() => values.list({ limit: 2, cursor: 'nonsense' })).toThrow(
        expect.objectContaining({ code: 'cursor_invalid' }),
      );
    });
  });
}
