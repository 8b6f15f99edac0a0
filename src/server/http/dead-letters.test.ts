import { describe, expect, it } from 'vitest';
import { sampleTimeMs, sensorEvent } from '../../../test/support/event-samples.ts';
import { startTestServer } from '../../../test/support/test-server.ts';
import type { DeadLetter } from '../../events/store/event-store.ts';

const json = async (answer: Response): Promise<Record<string, unknown>> =>
  (await answer.json()) as Record<string, unknown>;

const letter = (fields: Partial<DeadLetter> = {}): DeadLetter => ({
  id: 'letter-1',
  reason: 'out_of_range',
  detail: 'temperature is 900, above 60',
  state: 'dead',
  sensorId: sensorEvent().sensorId,
  lane: 'bulk',
  topic: null,
  receivedAt: sampleTimeMs,
  event: sensorEvent(),
  payload: null,
  ...fields,
});

describe('dead letters over REST', () => {
  it('show their event, or their bytes and text where they never were one', async () => {
    await using server = await startTestServer();
    const { letters } = server.world.events;
    letters.set('letter-1', letter());
    letters.set(
      'letter-2',
      letter({ id: 'letter-2', event: null, payload: new TextEncoder().encode('{"t":') }),
    );
    letters.set('letter-3', letter({ id: 'letter-3', event: null, payload: new Uint8Array([0xff, 0xfe]) }));
    const { items } = (await json(await server.get('/api/dead_letters'))) as { items: object[] };
    expect(items).toMatchObject([
      { id: 'letter-1', event: { sensor_id: 'kitchen-1', ts: '2026-01-31T14:00:00.000Z' }, payload: null },
      { id: 'letter-2', event: null, payload: 'eyJ0Ijo=', payload_text: '{"t":' },
      { id: 'letter-3', payload: '//4=', payload_text: null },
    ]);
  });

  it('are replayed as they came, or mended', async () => {
    await using server = await startTestServer();
    const { asked, letters } = server.world.events;
    letters.set('letter-1', letter());
    const asItCame = await server.send('POST', '/api/dead_letters/letter-1/replay');
    expect([asItCame.status, await json(asItCame)]).toEqual([202, { replayed: 1 }]);
    const mended = await server.send('POST', '/api/dead_letters/letter-1/replay', {
      event: {
        sensor_id: 'kitchen-1',
        readings: [{ type: 'temperature', value: 20 }],
        ts: '2026-01-31T14:00:00Z',
      },
    });
    expect(mended.status).toBe(202);
    expect(asked.replays).toMatchObject([
      { id: 'letter-1', edited: null },
      { edited: { sensorId: 'kitchen-1', readings: [{ type: 'temperature', value: 20, unit: null }] } },
    ]);
    const ofSensor = await server.send('POST', '/api/dead_letters/replay', { sensor: 'kitchen-1' });
    expect(await json(ofSensor)).toEqual({ replayed: 1 });
  });

  it('are gone once they are discarded, and missing where they never were', async () => {
    await using server = await startTestServer();
    server.world.events.letters.set('letter-1', letter());
    expect((await server.send('DELETE', '/api/dead_letters/letter-1')).status).toBe(204);
    for (const [method, path] of [
      ['GET', '/api/dead_letters/letter-1'],
      ['DELETE', '/api/dead_letters/letter-1'],
      ['POST', '/api/dead_letters/letter-1/replay'],
    ] as const) {
      const answer = await server.send(method, path);
      expect([answer.status, (await json(answer))['code']]).toEqual([404, 'dead_letter_not_found']);
    }
  });
});

it('GET /api/ledger shows each lane and whether it balances', async () => {
  await using server = await startTestServer();
  server.world.events.ledgerView = {
    lanes: [{ lane: 'bulk', received: 5, stored: 2, duplicate: 1, dead: 1, inStream: 1, balanced: true }],
    dropped: [{ reason: 'unknown_topic', events: 3 }],
    gaps: [{ sensorId: 's', missed: 2 }],
  };
  expect(await json(await server.get('/api/ledger'))).toEqual({
    lanes: [{ lane: 'bulk', received: 5, stored: 2, duplicate: 1, dead: 1, in_stream: 1, balanced: true }],
    dropped: [{ reason: 'unknown_topic', events: 3 }],
    gaps: [{ sensor_id: 's', missed: 2 }],
  });
});

it('GET /readyz is not ready while events cannot be made durable', async () => {
  await using server = await startTestServer();
  expect((await server.get('/readyz')).status).toBe(200);
  server.world.events.failing = 'there is no room left to write stream.db';
  const answer = await server.get('/readyz');
  expect(answer.status).toBe(503);
  expect(await json(answer)).toMatchObject({
    not_ready: [{ name: 'events', detail: 'there is no room left to write stream.db' }],
  });
});

it('GET /api/logs finds records by their fields', async () => {
  await using server = await startTestServer();
  const { logs } = server.world;
  logs.write('{"level":"info","time":"2026-01-31T14:00:00.000Z","sensor":"a","msg":"one"}\n');
  logs.write('{"level":"warn","time":"2026-01-31T14:00:01.000Z","sensor":"b","msg":"two"}\n');
  expect(await json(await server.get('/api/logs?sensor=b&level=info'))).toMatchObject({
    items: [{ msg: 'two', sensor: 'b' }],
  });
  expect(await json(await server.get('/api/logs?from=2026-01-31T14:00:02Z'))).toMatchObject({ items: [] });
  expect((await server.get('/api/logs?level=loud')).status).toBe(400);
});
