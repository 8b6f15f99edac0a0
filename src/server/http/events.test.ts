import { describe, expect, it } from 'vitest';
import { sampleTimeMs, sensorEvent, sensorView } from '../../../test/support/event-samples.ts';
import { startTestServer } from '../../../test/support/test-server.ts';

const json = async (answer: Response): Promise<Record<string, unknown>> =>
  (await answer.json()) as Record<string, unknown>;

describe('GET /api/events', () => {
  it('gives events newest first with ISO times, and passes on every filter', async () => {
    await using server = await startTestServer();
    const { events } = server.world;
    events.stored.push({ event: sensorEvent({ flags: ['late'] }), storedAt: sampleTimeMs + 5 });
    const answer = await server.get(
      '/api/events?sensor=kitchen-1&type=temperature&lane=bulk&from=2026-01-31T13:00Z&to=2026-01-31T15:00:00%2B01:00&limit=7',
    );
    expect(answer.status).toBe(200);
    expect(await json(answer)).toMatchObject({
      items: [
        {
          sensor_id: 'kitchen-1',
          readings: [{ type: 'temperature', value: 22.5, unit: '°C' }],
          ts: '2026-01-31T14:00:00.000Z',
          stored_at: '2026-01-31T14:00:00.005Z',
          flags: ['late'],
        },
      ],
      next_cursor: null,
    });
    expect(events.asked.events).toEqual([
      {
        sensor: 'kitchen-1',
        type: 'temperature',
        lane: 'bulk',
        fromMs: Date.UTC(2026, 0, 31, 13),
        toMs: Date.UTC(2026, 0, 31, 14),
        limit: 7,
        cursor: null,
      },
    ]);
  });

  it.each([
    ['cursor=garbage', 400, 'cursor_invalid'],
    ['lane=fast', 400, 'invalid_request'],
    ['from=yesterday', 400, 'invalid_request'],
    ['limit=0', 400, 'invalid_request'],
    ['senser=a', 400, 'invalid_request'],
  ])('refuses %s', async (query, status, code) => {
    await using server = await startTestServer();
    const answer = await server.get(`/api/events?${query}`);
    expect(answer.status).toBe(status);
    expect(await json(answer)).toMatchObject({ code });
  });
});

describe('GET /api/sensors', () => {
  it('gives each sensor with its latest values', async () => {
    await using server = await startTestServer();
    server.world.events.sensors.set('kitchen-1', sensorView({ name: 'Kitchen', qos0Events: 3 }));
    const list = await json(await server.get('/api/sensors'));
    const one = await json(await server.get('/api/sensors/kitchen-1'));
    expect(list).toMatchObject({ items: [one], next_cursor: null });
    expect(one).toMatchObject({
      id: 'kitchen-1',
      name: 'Kitchen',
      qos0_events: 3,
      last_seen_at: '2026-01-31T14:00:00.000Z',
      readings: [{ type: 'temperature', ts: '2026-01-31T14:00:00.000Z' }],
    });
  });

  it('finds one whose id has slashes and other letters, and says so where there is none', async () => {
    await using server = await startTestServer();
    server.world.events.sensors.set('étage/1 é', sensorView({ id: 'étage/1 é' }));
    const found = await server.get(`/api/sensors/${encodeURIComponent('étage/1 é')}`);
    expect(await json(found)).toMatchObject({ id: 'étage/1 é' });
    for (const id of ['nobody', '__proto__', 'a%00b']) {
      const missing = await server.get(`/api/sensors/${id}`);
      expect([missing.status, (await json(missing))['code']], id).toEqual([404, 'sensor_not_found']);
    }
  });
});

describe('GET /api/sensors/{id}/history', () => {
  it('asks for a day up to now where no time is given', async () => {
    await using server = await startTestServer();
    const { events } = server.world;
    events.sensors.set('kitchen-1', sensorView());
    events.historyAnswer = {
      resolution: 'minute',
      stepMs: 60_000,
      points: [{ ts: sampleTimeMs, min: 1, max: 3, mean: 2, count: 4, value: null }],
    };
    const before = Date.now();
    const answer = await server.get('/api/sensors/kitchen-1/history?type=temperature&points=1000');
    expect(await json(answer)).toEqual({
      sensor_id: 'kitchen-1',
      type: 'temperature',
      resolution: 'minute',
      step_ms: 60_000,
      points: [{ ts: '2026-01-31T14:00:00.000Z', min: 1, max: 3, mean: 2, count: 4, value: null }],
    });
    const [asked] = events.asked.history;
    expect(asked?.points).toBe(1_000);
    expect((asked?.toMs ?? 0) - (asked?.fromMs ?? 0)).toBe(86_400_000);
    expect(asked?.toMs).toBeGreaterThanOrEqual(before);
  });

  it.each([
    ['', 'invalid_request'],
    ['type=t&points=10001', 'invalid_request'],
    ['type=t&from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z', 'event_invalid'],
  ])('refuses %s', async (query, code) => {
    await using server = await startTestServer();
    server.world.events.sensors.set('kitchen-1', sensorView());
    const answer = await server.get(`/api/sensors/kitchen-1/history?${query}`);
    expect([answer.status, (await json(answer))['code']]).toEqual([400, code]);
  });
});
