/** A sensor publishes, and a person looks: stored, live, latest; an alarm raised, told of, taken care of, with its times. */
import { execFile } from 'node:child_process';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connectLive, type LiveConnection, type PositionedMessage } from '../../src/client/connect-live.ts';
import type { AlertWire } from '../../src/protocol/alert.ts';
import { HubClient } from '../support/hub-client.ts';
import { type HubProcess, startHubProcess, until } from '../support/hub-process.ts';

interface Items<Item> {
  readonly items: readonly Item[];
}
interface Sensor {
  readonly id: string;
  readonly readings: readonly { readonly type: string; readonly value: unknown }[];
}

let hub: HubProcess;
let client: HubClient;
let live: LiveConnection;
let receiver: Server;
let folder: string;
const heard: PositionedMessage[] = [];
const told: { readonly body: Record<string, unknown>; readonly headers: IncomingMessage['headers'] }[] = [];

const publish = (topic: string, payload: string): Promise<unknown> =>
  promisify(execFile)('mosquitto_pub', [
    ...['-h', '127.0.0.1', '-p', String(hub.mqttPort), '-q', '1'],
    ...['-t', topic, '-m', payload],
  ]);

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'threadhub-story-'));
  receiver = createServer((request, response) => {
    let text = '';
    request.on('data', (part: Buffer) => (text += part.toString()));
    request.on('end', () => {
      told.push({ body: JSON.parse(text) as Record<string, unknown>, headers: request.headers });
      response.end('ok');
    });
  });
  await new Promise<void>((done) => receiver.listen(0, '127.0.0.1', done));
  const config = join(folder, 'threadhub.yaml');
  await writeFile(
    config,
    `channels:
  desk: {type: webhook, url: "http://127.0.0.1:${(receiver.address() as AddressInfo).port}/alarm", secret: s3cret}
alerts:
  - name: smoke
    when: {type: smoke, equals: true}
    severity: critical
    notify: [desk]
  - name: freezer warm
    when: {sensor: "freezer-*", type: temperature, above: -12}
    clear: {below: -14}
    severity: warning
`,
  );
  hub = await startHubProcess({ args: ['--config', config] });
  client = new HubClient(hub.url);
  live = connectLive({
    url: hub.url,
    topics: ['events', 'alerts'],
    onMessage: (message) => heard.push(message),
  });
  await until(() => Promise.resolve(live.state === 'live'), 10_000, 'the live feed');
}, 60_000);

afterAll(async () => {
  live.close();
  await hub.stop();
  receiver.closeAllConnections();
  receiver.close();
  await rm(folder, { recursive: true, force: true });
});

describe('a sensor that publishes with mosquitto_pub', () => {
  it('is stored, live, and among the sensors', async () => {
    await publish('maison/capteurs/temperature', '{"temp": 22.5}');
    const event = await until(
      () => Promise.resolve(heard.find(({ type }) => type === 'event') ?? null),
      5_000,
      'the event on the live feed',
    );
    expect(event).toMatchObject({
      sensor_id: 'temperature',
      readings: [{ type: 'temperature', value: 22.5 }],
      qos: 1,
      lane: 'bulk',
    });
    const { items } = await client.get<Items<Sensor>>('/api/sensors');
    expect(items).toMatchObject([{ id: 'temperature', readings: [{ type: 'temperature', value: 22.5 }] }]);
    expect(await client.get('/api/events?sensor=temperature')).toMatchObject({
      items: [{ sensor_id: 'temperature', topic: 'maison/capteurs/temperature' }],
    });
    expect(await client.get('/api/sensors/temperature/history?type=temperature')).toMatchObject({
      resolution: 'minute',
      points: [{ mean: 22.5, count: 1 }],
    });
  });

  it('raises an alarm that is told of, acknowledged, and proved stage by stage', async () => {
    await publish('sensors/hall/smoke', '{"value": true}');
    const delivered = await until(
      async () => {
        const { items } = await client.get<Items<AlertWire>>('/api/alerts');
        return items.find(({ stages }) => stages.delivered_at !== null) ?? null;
      },
      10_000,
      'the delivered alarm',
    );
    expect(delivered).toMatchObject({
      rule: 'smoke',
      subject: 'hall',
      severity: 'critical',
      state: 'firing',
    });
    expect(told).toHaveLength(1);
    expect(JSON.stringify(told[0]?.body)).toContain('hall');

    const path = `/api/alerts/${delivered.id}`;
    const { status } = await client.request('POST', `${path}/acknowledge`, { by: 'Ada', note: 'toast' });
    expect(status).toBe(200);
    const alert = await client.get<AlertWire>(path);
    expect(alert).toMatchObject({ state: 'acknowledged', acknowledged_by: 'Ada' });
    const { stages } = alert;
    const times = [
      stages.received_at,
      stages.durable_at,
      stages.fired_at,
      stages.stored_at,
      stages.sent_at,
      stages.delivered_at,
      stages.acknowledged_at,
    ].map((time) => Date.parse(time ?? 'missing'));
    expect(times).toEqual([...times].sort((a, b) => a - b));
    expect(alert.steps.map(({ by, kind }) => [kind, by])).toEqual([
      ['fired', null],
      ['acknowledged', 'Ada'],
    ]);
    await until(
      () =>
        Promise.resolve(
          heard.some((message) => message.type === 'alert' && message.state === 'acknowledged') || null,
        ),
      5_000,
      'the acknowledgement on the live feed',
    );

    await publish('sensors/hall/smoke', '{"value": false}');
    await until(
      async () => (await client.get<AlertWire>(path)).state === 'resolved' || null,
      5_000,
      'the end of the alarm',
    );
  });

  it('keeps to hysteresis: warm once, and not again before it was cold', async () => {
    for (const value of [-11, -13, -11.5, -15, -11])
      await publish('sensors/freezer-1/temperature', String(value));
    const alerts = await until(
      async () => {
        const { items } = await client.get<Items<AlertWire>>('/api/alerts?state=all&rule=freezer%20warm');
        return items.length === 2 ? items : null;
      },
      5_000,
      'two alerts',
    );
    expect(alerts.map(({ state }) => state)).toEqual(['firing', 'resolved']);
  });

  it('is a dead letter where its value cannot be, and can be replayed mended', async () => {
    await publish('sensors/cellar/temperature', '900');
    const letter = await until(
      async () =>
        (await client.get<Items<{ id: string; detail: string }>>('/api/dead_letters')).items[0] ?? null,
      5_000,
      'the dead letter',
    );
    expect(letter).toMatchObject({ reason: 'out_of_range', sensor_id: 'cellar' });
    const event = { sensor_id: 'cellar', readings: [{ type: 'temperature', value: 9 }] };
    const replay = await client.request('POST', `/api/dead_letters/${letter.id}/replay`, { event });
    expect(replay.status).toBe(202);
    await until(
      async () =>
        (await client.get<Items<{ flags: string[] }>>('/api/events?sensor=cellar')).items[0]?.flags.includes(
          'replayed',
        ) ?? null,
      5_000,
      'the replayed event',
    );
  });

  it('leaves a ledger that balances', async () => {
    const { lanes } = await client.get<{ lanes: readonly { balanced: boolean; received: number }[] }>(
      '/api/ledger',
    );
    expect(lanes.every(({ balanced }) => balanced)).toBe(true);
    expect(lanes.reduce((sum, { received }) => sum + received, 0)).toBe(10);
  });

  it('has every stage in the metrics', async () => {
    const text = await client.text('/metrics');
    for (const stage of ['durable', 'stored', 'live'])
      expect(text).toMatch(
        new RegExp(`threadhub_event_latency_seconds_count\\{lane="critical",stage="${stage}"\\} 2`),
      );
    expect(text).toMatch(/threadhub_notifications_total\{channel="desk",result="delivered"\} [1-9]/);
    expect(text).toContain('threadhub_events_dead_lettered_total{reason="out_of_range"} 1');
  });
});
