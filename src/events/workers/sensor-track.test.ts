import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { sensorEvent } from '../../../test/support/event-samples.ts';
import type { SensorEvent } from '../../protocol/sensor-event.ts';
import { followEvent, type SensorTrack, unknownSensor } from './sensor-track.ts';

function follow(events: readonly Partial<Omit<SensorEvent, 'sensorId'>>[]): {
  track: SensorTrack;
  missed: number;
} {
  let track = unknownSensor;
  let missed = 0;
  for (const event of events) {
    const next = followEvent(track, sensorEvent(event));
    track = next.track;
    missed += next.missed;
  }
  return { track, missed };
}

const seqs = (...numbers: number[]) => numbers.map((seq) => ({ seq }));
const at = (...seconds: number[]) => seconds.map((second) => ({ receivedAt: second * 1_000 }));

describe('followEvent', () => {
  it('counts the sequence numbers that a jump forward leaves out', () => {
    expect(follow(seqs(1, 2, 5, 6, 10)).missed).toBe(5);
  });

  it('takes a lower number for a new count, not for a loss', () => {
    const { missed, track } = follow(seqs(100, 101, 0, 1, 3));
    expect(missed).toBe(1);
    expect(track.lastSeq).toBe(3);
  });

  it('takes another boot for a new count, even where its numbers are higher', () => {
    expect(
      follow([
        { seq: 5, bootId: 'a' },
        { seq: 900, bootId: 'b' },
        { seq: 902, bootId: 'b' },
      ]).missed,
    ).toBe(1);
  });

  it('knows nothing missing without numbers, and in a jump that no loss explains', () => {
    expect(follow([{}, {}, {}]).missed).toBe(0);
    expect(follow(seqs(1, 2_000_000_000)).missed).toBe(0);
  });

  it('learns nothing from events around the order, and from drills', () => {
    const before = follow(seqs(5)).track;
    for (const flag of ['late', 'replayed', 'drill', 'retained'] as const)
      expect(followEvent(before, sensorEvent({ seq: 50, flags: [flag] }))).toEqual({
        track: before,
        missed: 0,
      });
  });

  it('has a usual interval from the third event on', () => {
    expect(follow(at(0, 60)).track.usualIntervalMs).toBeNull();
    expect(follow(at(0, 60, 120)).track.usualIntervalMs).toBe(60_000);
  });

  it('learns the time between bursts, not within them', () => {
    const bursts = Array.from({ length: 100 }, (_, minute) => [0, 0.1, 0.2, 0.3].map((s) => minute * 60 + s));
    const { usualIntervalMs } = follow(at(...bursts.flat())).track;
    expect(usualIntervalMs).toBeGreaterThan(40_000);
    expect(usualIntervalMs).toBeLessThanOrEqual(60_000);
  });

  it('forgets a long outage soon', () => {
    const steady = Array.from({ length: 50 }, (_, index) => index * 10);
    const after = Array.from({ length: 100 }, (_, index) => 86_400 + index * 10);
    const { usualIntervalMs } = follow(at(...steady, ...after)).track;
    expect(usualIntervalMs).toBeLessThan(15_000);
  });

  it('keeps the interval between the shortest and the longest gap, whatever comes', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 100_000 }), { minLength: 2, maxLength: 50 }),
        (gapsMs) => {
          let timeMs = 0;
          const times = [{ receivedAt: 0 }, ...gapsMs.map((gap) => ({ receivedAt: (timeMs += gap) }))];
          const { usualIntervalMs } = follow(times).track;
          expect(usualIntervalMs).toBeGreaterThanOrEqual(Math.min(...gapsMs) - 1e-6);
          expect(usualIntervalMs).toBeLessThanOrEqual(Math.max(...gapsMs) + 1e-6);
        },
      ),
    );
  });
});
