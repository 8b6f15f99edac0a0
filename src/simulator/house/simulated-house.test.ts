import { describe, expect, it } from 'vitest';
import { FakeClock } from '../../../test/support/fake-clock.ts';
import type { HouseMessage } from './house-sensor.ts';
import { createSimulatedHouse, type SimulatedHouseOptions } from './simulated-house.ts';

function setUp(options: Partial<SimulatedHouseOptions> = {}) {
  const clock = new FakeClock(Date.UTC(2026, 0, 31, 7));
  const messages: (HouseMessage & { sensor: string; atMs: number })[] = [];
  const interrupted: string[] = [];
  const closed: string[] = [];
  let stuck = false;
  const house = createSimulatedHouse({
    sensors: 7,
    clock,
    connect: (sensor) => ({
      publish(message) {
        messages.push({ ...message, sensor, atMs: clock.monotonicMs() });
        return stuck ? new Promise(() => undefined) : Promise.resolve();
      },
      interrupt: () => void interrupted.push(sensor),
      close: () => {
        closed.push(sensor);
        return Promise.resolve();
      },
    }),
    ...options,
  });
  const numbersOf = (sensor: string, key: string): number[] =>
    messages
      .filter((message) => message.sensor === sensor)
      .map(({ payload }) => Number((JSON.parse(payload) as Record<string, unknown>)[key]));
  return { clock, house, messages, interrupted, closed, numbersOf, stick: () => (stuck = true) };
}

const hours = (count: number): number => count * 3_600_000;

describe('a simulated house', () => {
  it('has every kind of sensor from seven on, each with a topic of its own', () => {
    const kinds = (sensors: number) => new Set(setUp({ sensors }).house.sensors.map(({ kind }) => kind));
    expect(kinds(7).size).toBe(7);
    const { house } = setUp({ sensors: 200 });
    expect(new Set(house.sensors.map(({ id }) => id)).size).toBe(200);
    const energy = house.sensors.filter(({ kind }) => kind === 'energy').length;
    expect(energy).toBeGreaterThan(15);
    expect(energy).toBeLessThan(35);
  });

  it('is warmest in the afternoon, dark at night, and livelier in the evening', async () => {
    const { clock, house, messages, numbersOf } = setUp();
    house.start();
    await clock.advance(hours(24));
    const ofHour = (values: number[], hour: number): number =>
      values[Math.floor((((hour - 7 + 24) % 24) / 24) * values.length)] ?? NaN;
    const temperatures = numbersOf('temperature-1', 'temp');
    expect(ofHour(temperatures, 17)).toBeGreaterThan(ofHour(temperatures, 5) + 2);
    const light = numbersOf('light-1', 'value');
    expect(ofHour(light, 13)).toBeGreaterThan(500);
    expect(ofHour(light, 2)).toBe(5);
    const motion = messages.filter(({ sensor }) => sensor === 'motion-1').map(({ atMs }) => atMs);
    const between = (from: number, to: number) =>
      motion.filter((atMs) => atMs >= hours(from - 7) && atMs < hours(to - 7)).length;
    expect(between(18, 21)).toBeGreaterThan(10 * Math.max(1, between(26, 29)));
    await house.stop();
  });

  it('is the same for the same seed, and another for another', async () => {
    const run = async (seed: number) => {
      const { clock, house, messages } = setUp({ seed, duplicates: 0.1 });
      house.start();
      await clock.advance(hours(1));
      await house.stop();
      return messages;
    };
    expect(await run(1)).toEqual(await run(1));
    expect(await run(1)).not.toEqual(await run(2));
  });

  it('counts its messages, and publishes the share that is asked for twice, unchanged', async () => {
    const { clock, house, messages } = setUp({ duplicates: 0.2 });
    house.start();
    await clock.advance(hours(2));
    const { acknowledged, duplicates, published } = house.status();
    expect(published).toBe(messages.length);
    expect(acknowledged).toBe(published);
    expect(duplicates / published).toBeGreaterThan(0.1);
    expect(duplicates / published).toBeLessThan(0.25);
    const smoke = messages.filter(({ sensor }) => sensor === 'smoke-1').map(({ payload }) => payload);
    expect(new Set(smoke).size).toBeLessThan(smoke.length);
  });

  it('has wrong clocks where that is asked for', async () => {
    const { clock, house, numbersOf } = setUp({ skewedClocks: 7 });
    house.start();
    await clock.advance(60_000);
    const [ts = 0] = numbersOf('light-1', 'ts');
    expect(Math.abs(ts - Date.UTC(2026, 0, 31, 7))).toBeGreaterThan(60_000);
  });

  it('loses connections, and begins at 1 again where a device rebooted', async () => {
    const { clock, house, interrupted, messages } = setUp({ interruptEveryMs: hours(1) });
    house.start();
    await clock.advance(hours(24));
    expect(interrupted.length).toBe(house.status().interruptions);
    expect(interrupted.length).toBeGreaterThan(50);
    const boots = messages
      .filter(({ sensor }) => sensor === 'light-1')
      .map(({ payload }) => JSON.parse(payload) as { seq: number; boot_id: string });
    expect(new Set(boots.map(({ boot_id }) => boot_id)).size).toBeGreaterThan(1);
    for (const ofBoot of Map.groupBy(boots, ({ boot_id }) => boot_id).values())
      expect(ofBoot.map(({ seq }) => seq)).toEqual(ofBoot.map((_, index) => index + 1));
  });

  it('smokes when told to, and every so often by itself', async () => {
    const { clock, house, messages } = setUp({ alarmEveryMs: hours(1) });
    house.start();
    await clock.advance(hours(2) + 30_000);
    expect(house.status().alarms).toBe(2);
    expect(messages.at(-1)).toBeDefined();
    expect(house.setSmoke(true)).toBe(true);
    expect(JSON.parse(messages.at(-1)?.payload ?? '')).toMatchObject({ value: true });
    expect(setUp({ sensors: 3 }).house.setSmoke(true)).toBe(false);
  });

  it('skips rather than queue without end where nothing is acknowledged, and stops when told', async () => {
    const { clock, closed, house, messages, stick } = setUp({ inFlight: 5 });
    stick();
    house.start();
    await clock.advance(hours(3));
    expect(messages.length).toBe(7 * 5);
    expect(house.status().skipped).toBeGreaterThan(100);
    await house.stop();
    expect(closed).toHaveLength(7);
    await clock.advance(hours(1));
    expect(messages.length).toBe(7 * 5);
  });

  it('passes the day faster, with as many more messages', async () => {
    const count = async (speed: number) => {
      const { clock, house } = setUp({ speed });
      house.start();
      await clock.advance(hours(1));
      return house.status().published;
    };
    const ratio = (await count(10)) / (await count(1));
    expect(ratio).toBeGreaterThan(7);
    expect(ratio).toBeLessThan(13);
  });
});
