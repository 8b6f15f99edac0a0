import { describe, expect, it } from 'vitest';
import { json, problem } from '../../../test/support/http-answers.ts';
import { startTestServer, type TestServer } from '../../../test/support/test-server.ts';
import { EventError, StreamError } from '../../errors.ts';
import type { Arrival, DecodedEvent } from '../../events/ingest/event-intake.ts';

/** What the intake was given; `failure` is what it answers with. */
function watchIntake({ world }: TestServer): {
  taken: DecodedEvent[];
  arrivals: Arrival[];
  failure: Error | null;
} {
  const watched = { taken: [] as DecodedEvent[], arrivals: [] as Arrival[], failure: null as Error | null };
  world.events.intake.take = (events, arrival) => {
    if (watched.failure !== null) return Promise.reject(watched.failure);
    const from = watched.taken.push(...events) - events.length;
    watched.arrivals.push(arrival);
    return Promise.resolve(
      events.map(({ eventId, sensorId }, index) => ({
        eventId: eventId ?? `made-${from + index}`,
        sensorId,
      })),
    );
  };
  return watched;
}

const post = (server: TestServer, path: string, body: string, contentType = 'application/json') =>
  server.get(path, { method: 'POST', headers: { 'content-type': contentType }, body });
const ndjson = 'application/x-ndjson';

describe('POST /api/events', () => {
  it('takes one event and answers 202 with its ids', async () => {
    await using server = await startTestServer();
    const intake = watchIntake(server);
    const before = Date.now();
    const answer = await server.send('POST', '/api/events', {
      sensor_id: 'kitchen-1',
      type: 'temperature',
      value: 22.5,
      unit: '°C',
      ts: 1_763_646_000_000,
      seq: 17,
      boot_id: 7,
      priority: 'critical',
      event_id: 'e1',
    });
    expect(answer.status).toBe(202);
    expect(await json(answer)).toEqual({
      accepted: 1,
      events: [{ event_id: 'e1', sensor_id: 'kitchen-1' }],
    });
    expect(intake.taken).toEqual([
      {
        sensorId: 'kitchen-1',
        readings: [{ type: 'temperature', value: 22.5, unit: '°C' }],
        ts: 1_763_646_000_000,
        seq: 17,
        bootId: '7',
        eventId: 'e1',
        critical: true,
      },
    ]);
    expect(intake.arrivals[0]?.protocol).toBe('http');
    expect(intake.arrivals[0]?.receivedAt).toBeGreaterThanOrEqual(before);
  });

  it('takes a list, and one event a line, in their order', async () => {
    await using server = await startTestServer();
    const { taken } = watchIntake(server);
    const list = await server.send('POST', '/api/events', [
      { type: 'temperature', value: 1 },
      { sensor_id: 'a', readings: { temperature: 2, smoke: { value: false, unit: '' } } },
    ]);
    expect([list.status, (await json(list))['accepted']]).toEqual([202, 2]);
    const lines = '{"type":"x","value":3}\r\n\n{"type":"x","value":"four"}';
    const answer = await post(server, '/api/events', lines, `${ndjson}; charset=utf-8`);
    expect([answer.status, (await json(answer))['accepted']]).toEqual([202, 2]);
    expect(taken.map(({ readings, sensorId }) => [sensorId, readings[0]?.value])).toEqual([
      ['temperature', 1],
      ['a', 2],
      ['x', 3],
      ['x', 'four'],
    ]);
  });

  it.each([
    ['[]', 'application/json'],
    ['\n', ndjson],
  ])('takes nothing of %j, and says so', async (body, contentType) => {
    await using server = await startTestServer();
    watchIntake(server);
    const answer = await post(server, '/api/events', body, contentType);
    expect([answer.status, await json(answer)]).toEqual([202, { accepted: 0, events: [] }]);
  });

  const invalid = 'event_invalid';
  it.each([
    ['{"type":"t"}', invalid, 'value: it is missing'],
    ['{"value":1}', invalid, 'type: it is missing'],
    ['7', invalid, 'an event is an object such as {"type":"temperature","value":21}, not 7'],
    ['[{"type":"t","value":1},{"type":"t","value":null}]', invalid, 'event 2 of 2, value: write a number'],
    ['{"type":"t","value":1,"sensorid":"x"}', invalid, 'sensorid: unknown property; valid: sensor_id, type'],
    ['{"type":"t","value":1,"__proto__":{}}', invalid, '__proto__: unknown property'],
    ['{"type":"t","value":1,"priority":"high"}', invalid, 'priority: write "critical" or "bulk", not "high"'],
    ['{"readings":{"a":1,"b":2}}', invalid, 'sensor_id: it is missing'],
    ['', 'malformed_json', 'the body is empty'],
    ['{"type":', 'malformed_json', 'the body is not JSON'],
  ])('refuses %s', async (body, code, detail) => {
    await using server = await startTestServer();
    const { taken } = watchIntake(server);
    expect((await problem(post(server, '/api/events', body), 400, code))['detail']).toContain(detail);
    expect(taken).toEqual([]);
  });

  it('names the line that is not JSON, and the event that is none', async () => {
    await using server = await startTestServer();
    watchIntake(server);
    const line = '{"type":"t","value":1}';
    const send = (...lines: string[]) => post(server, '/api/events', lines.join('\n'), ndjson);
    expect((await problem(send(line, '', line, '{"a'), 400, 'malformed_json'))['detail']).toContain(
      'line 4 is not JSON',
    );
    expect((await problem(send(line, '[]', line), 400, invalid))['detail']).toContain('event 2 of 3, ');
  });

  it('refuses what is not UTF-8, since two names could become one', async () => {
    await using server = await startTestServer();
    const { taken } = watchIntake(server);
    const body = Buffer.from('{"sensor_id":"caf\xe9","type":"t","value":1}', 'latin1');
    for (const type of ['application/json', ndjson]) {
      const answer = server.get('/api/events', { method: 'POST', headers: { 'content-type': type }, body });
      expect((await problem(answer, 400, 'malformed_json'))['detail']).toContain('not UTF-8');
    }
    expect(taken).toEqual([]);
  });

  it('passes on what the intake finds wrong', async () => {
    await using server = await startTestServer();
    watchIntake(server).failure = new EventError('event_invalid', 'event 2 of 3, seq: -1 is no whole number');
    const body = await problem(post(server, '/api/events', '{"type":"t","value":1}'), 400, invalid);
    expect(body['detail']).toBe('event 2 of 3, seq: -1 is no whole number');
  });

  it.each(['stream_full', 'stream_unavailable', 'stream_closed'] as const)(
    'answers %s with 503 and when to come back',
    async (code) => {
      await using server = await startTestServer();
      watchIntake(server).failure = new StreamError(code, 'not now');
      for (const path of ['/api/events', '/event']) {
        const answer = post(server, path, '{"type":"t","value":1}');
        await problem(answer, 503, code);
        expect((await answer).headers.get('retry-after')).toMatch(/^[1-9]\d*$/);
      }
    },
  );

  it('takes as many events as may be in one body, and no more', async () => {
    await using server = await startTestServer();
    const { taken } = watchIntake(server);
    const lines = (count: number) => '{"type":"t","value":1}\n'.repeat(count);
    expect((await post(server, '/api/events', lines(10_000), ndjson)).status).toBe(202);
    const body = await problem(post(server, '/api/events', lines(10_001), ndjson), 400, invalid);
    expect(body['detail']).toContain('10001 events; send at most 10000');
    await problem(post(server, '/api/events', `"${'x'.repeat(1_048_576)}"`), 413, 'body_too_large');
    expect(taken).toHaveLength(10_000);
  });

  it('takes no forms, no text, and no parameter', async () => {
    await using server = await startTestServer();
    watchIntake(server);
    const form = post(server, '/api/events', 'type=t&value=1', 'application/x-www-form-urlencoded');
    expect((await problem(form, 400, invalid))['detail']).toContain('/event');
    await problem(post(server, '/api/events', 'x', 'text/plain'), 415, 'unsupported_media_type');
    await problem(post(server, '/api/events?x=1', '{"type":"t","value":1}'), 400, 'invalid_request');
  });
});

describe('POST /event', () => {
  it('takes the shortest event there is, with 200', async () => {
    await using server = await startTestServer();
    const { taken } = watchIntake(server);
    const answer = await post(server, '/event', '{"type":"temperature","value":21}');
    expect([answer.status, await json(answer)]).toEqual([
      200,
      { event_id: 'made-0', sensor_id: 'temperature' },
    ]);
    expect(taken[0]?.readings).toEqual([{ type: 'temperature', value: 21, unit: null }]);
  });

  it.each([
    ['type=temperature&value=21.5', 21.5],
    ['type=temperature&value=true&seq=4', true],
    ['type=temperature&value=very+hot%21', 'very hot!'],
  ])('takes the form %s', async (body, value) => {
    await using server = await startTestServer();
    const { taken } = watchIntake(server);
    const answer = await post(server, '/event', body, 'application/x-www-form-urlencoded');
    expect(answer.status).toBe(200);
    expect(taken[0]?.readings[0]?.value).toBe(value);
  });

  it('takes one event, not several', async () => {
    await using server = await startTestServer();
    watchIntake(server);
    await problem(post(server, '/event', '[{"type":"t","value":1}]'), 400, 'event_invalid');
    await problem(post(server, '/event', '{"type":"t","value":1}', ndjson), 400, 'event_invalid');
    await problem(
      post(server, '/event', '__proto__=1&type=t&value=1', 'application/x-www-form-urlencoded'),
      400,
      'event_invalid',
    );
  });
});

it('takes events beyond the rate limit of other routes', async () => {
  await using server = await startTestServer({ config: { server: { rate_limit: 5 } } });
  const statuses = new Set<number>();
  for (let count = 0; count < 30; count += 1) {
    statuses.add((await post(server, '/event', '{"type":"t","value":1}')).status);
    statuses.add((await post(server, '/api/events', '{"type":"t","value":1}')).status);
  }
  expect([...statuses]).toEqual([200, 202]);
});

it('leaves other routes to read bodies as before', async () => {
  await using server = await startTestServer();
  await problem(post(server, '/api/trigger_scan', '{}', ndjson), 415, 'unsupported_media_type');
  await problem(post(server, '/api/trigger_scan', '{"__proto__":{}}'), 400, 'malformed_json');
});

it('documents both content types of each body', async () => {
  await using server = await startTestServer();
  const document = await json(server.get('/openapi.json'));
  const paths = document['paths'] as Record<string, { post: { requestBody: { content: object } } }>;
  const contentTypes = (path: string) => Object.keys(paths[path]?.post.requestBody.content ?? {});
  expect(contentTypes('/api/events')).toEqual(['application/json', ndjson]);
  expect(contentTypes('/event')).toEqual(['application/json', 'application/x-www-form-urlencoded']);
});
