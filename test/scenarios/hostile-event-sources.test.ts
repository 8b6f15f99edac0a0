/**
 * Sources of events that misbehave: names and payloads of every kind, a flood, a crowd that keeps reconnecting, pages read
 * while events come in. The hub takes what is an event, says what is wrong with the rest, and serves everybody else.
 */
import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { generate } from 'mqtt-packet';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { HubClient } from '../support/hub-client.ts';
import { type HubProcess, startHubProcess, until } from '../support/hub-process.ts';
import { connectMqtt, connectRaw, type RawMqttClient } from '../support/mqtt-clients.ts';

/** Of 500 messages each: far more than the hub stores while the alarm is on its way. */
const floodChunks = 100;

interface Page {
  readonly items: readonly { readonly event_id: string; readonly received_at: string }[];
  readonly next_cursor: string | null;
}

interface LaneCounts {
  readonly received: number;
  readonly dead: number;
  readonly in_stream: number;
  readonly balanced: boolean;
}

describe('hostile sources of events', () => {
  let hub: HubProcess;
  let client: HubClient;

  beforeAll(async () => {
    hub = await startHubProcess();
    client = new HubClient(hub.url);
  }, 30_000);

  afterAll(async () => {
    await hub.stop();
  });

  const post = (body: Uint8Array | string, contentType = 'application/json'): Promise<Response> =>
    fetch(`${hub.url}/api/events`, {
      method: 'POST',
      headers: { 'content-type': contentType },
      body: Buffer.from(body),
    });

  const lanes = async (): Promise<readonly LaneCounts[]> =>
    (await client.get<{ lanes: readonly LaneCounts[] }>('/api/ledger')).lanes;

  const settled = (): Promise<readonly LaneCounts[]> =>
    until(
      async () => {
        const counts = await lanes();
        return counts.every(({ in_stream }) => in_stream === 0) ? counts : null;
      },
      50_000,
      'an empty stream',
    );

  const received = async (): Promise<number> => (await lanes()).reduce((sum, lane) => sum + lane.received, 0);

  async function connectAs(clientId: string): Promise<RawMqttClient> {
    const raw = await connectRaw(hub.mqttPort);
    raw.send({ cmd: 'connect', protocolId: 'MQTT', protocolVersion: 4, clean: true, clientId, keepalive: 0 });
    await raw.next('connack');
    return raw;
  }

  it('are told what is wrong with a body, and nothing of it is taken', async () => {
    const before = await received();
    const bodies: readonly (readonly [string, number, (Uint8Array | string)?, string?])[] = [
      ['', 400],
      ['null', 400],
      ['{"type":"t","value":NaN}', 400],
      ['{"type":"t","value":1e999}', 400],
      ['['.repeat(100_000) + ']'.repeat(100_000), 400],
      ['{"a":'.repeat(50_000) + '1' + '}'.repeat(50_000), 400],
      ['{"__proto__":{"value":1},"type":"t"}', 400],
      ['{"sensor_id":"a\\u0000","type":"t","value":1}', 400],
      ['{"sensor_id":"a\\ud800","type":"t","value":1}', 400],
      ['{"type":"t","value":1}', 415, undefined, 'text/plain'],
      [`"${'x'.repeat(2 ** 20)}"`, 413],
      ['not UTF-8', 400, Buffer.from('{"sensor_id":"caf\xe9","type":"t","value":1}', 'latin1')],
    ];
    for (const [text, status, bytes = text, contentType] of bodies)
      expect((await post(bytes, contentType)).status, text.slice(0, 60)).toBe(status);
    const lines = Array.from(
      { length: 9_999 },
      (_, index) => `{"sensor_id":"n${index % 9}","type":"t","value":1}`,
    );
    const broken = await post(lines.toSpliced(5_000, 0, '{"type":').join('\n'), 'application/x-ndjson');
    expect(broken.status).toBe(400);
    expect(await broken.text()).toContain('line 5001 ');
    expect(await received()).toBe(before);
  });

  it('cannot bring it down with what they send to the broker', async () => {
    const connect = Buffer.from([0x10, 13, 0, 4, 0x4d, 0x51, 0x54, 0x54, 4, 2, 0, 0, 0, 1, 0x78]);
    const garbage: readonly Uint8Array[] = [
      Buffer.alloc(64),
      Buffer.from('GET / HTTP/1.1\r\n\r\n'),
      Buffer.from([0x10, 0xff, 0xff, 0xff, 0xff, 0x7f]),
      Buffer.from([0x30, 0xff, 0xff, 0xff, 0x7f]),
      // After a CONNECT: another one, QoS 3, an empty SUBSCRIBE, a PUBLISH to a filter.
      Buffer.concat([connect, connect]),
      Buffer.concat([connect, Buffer.from([0x36, 5, 0, 1, 0x61, 0, 1])]),
      Buffer.concat([connect, Buffer.from([0x82, 2, 0, 1])]),
      Buffer.concat([connect, Buffer.from([0x32, 5, 0, 1, 0x23, 0, 1])]),
    ];
    for (const bytes of garbage) {
      const raw = await connectRaw(hub.mqttPort);
      raw.sendBytes(bytes);
      await raw.closed();
    }
    expect((await client.get<{ ready: boolean }>('/readyz')).ready).toBe(true);
  });

  it('get a PUBACK for a payload of any kind: an event, a dead letter, or nobody’s', async () => {
    const mqtt = await connectMqtt(hub.mqttPort);
    const payloads = [
      '',
      '\0',
      '[',
      '['.repeat(50_000),
      'NaN',
      '1e999',
      '21,5',
      '{}',
      'null',
      '{"__proto__":{"value":1}}',
    ];
    const topics = [
      'sensors/odd',
      'sensors//t',
      'sensors/ /t',
      'sensors/__proto__/constructor',
      'sensors/é😀/t',
    ];
    topics.push('sensors/a/b/c/d', `sensors/${'x'.repeat(200)}/t`, 'zigbee2mqtt/__proto__', 'tele//SENSOR');
    topics.push('homeassistant/sensor/x/config', 'x'.repeat(10_000));
    const before = await lanes();
    for (const topic of topics)
      for (const payload of payloads) await mqtt.publishAsync(topic, payload, { qos: 1 });
    await mqtt.publishAsync('sensors/__proto__/constructor', '21', { qos: 1 });
    await mqtt.endAsync();
    const after = await settled();
    expect(after.every(({ balanced }) => balanced)).toBe(true);
    const dead = (counts: readonly LaneCounts[]) => counts.reduce((sum, lane) => sum + lane.dead, 0);
    expect(dead(after) - dead(before)).toBeGreaterThan(payloads.length);
    const sensor = await client.get<{ readings: readonly unknown[] }>('/api/sensors/__proto__');
    expect(sensor.readings).toContainEqual(expect.objectContaining({ type: 'constructor', value: 21 }));
  });

  it('that flood do not keep an alarm of somebody else from being acknowledged and seen', async () => {
    const flooding = await connectAs('flood');
    let isOver = false;
    const packet = generate({
      cmd: 'publish',
      topic: 'sensors/flood/rain',
      payload: '1',
      qos: 0,
      dup: false,
      retain: false,
    });
    const flood = async (): Promise<void> => {
      const gone = flooding.closed();
      const chunk = Buffer.concat(Array.from({ length: 500 }, () => packet));
      for (let chunks = 0; chunks < floodChunks && !isOver && !flooding.isClosed; chunks += 1) {
        if (flooding.socket.write(chunk)) await new Promise((resolve) => setImmediate(resolve));
        else await Promise.race([once(flooding.socket, 'drain').catch(() => undefined), gone]);
      }
    };
    const flooded = flood();
    const before = await received();
    await until(async () => (await received()) > before + 1_000, 20_000, 'a flood that arrives');
    const detector = await connectMqtt(hub.mqttPort);
    await detector.publishAsync('sensors/detector/smoke', 'true', { qos: 1 });
    await until(
      async () => {
        const { items } = await client.get<{ items: readonly { state: string }[] }>('/api/alerts');
        return items.some(({ state }) => state === 'firing');
      },
      20_000,
      'an alarm',
    );
    isOver = true;
    flooding.destroy();
    await flooded;
    await detector.endAsync();
    expect((await settled()).every(({ balanced }) => balanced)).toBe(true);
  }, 60_000);

  it('may come a thousand at once, and again under the same names: the newest connection of each is served', async () => {
    const names = Array.from({ length: 1_000 }, (_, index) => `crowd-${index}`);
    const first = await Promise.all(names.map(connectAs));
    const second = await Promise.all(names.map(connectAs));
    await Promise.all(first.map((raw) => raw.closed()));
    expect(second.filter(({ isClosed }) => isClosed)).toEqual([]);
    for (const raw of second)
      raw.send({
        cmd: 'publish',
        topic: 'sensors/crowd/t',
        payload: '1',
        qos: 1,
        messageId: 1,
        dup: false,
        retain: false,
      });
    await Promise.all(second.map((raw) => raw.next('puback')));
    for (const raw of second) raw.destroy();
  }, 60_000);

  it('do not make a reader’s pages repeat or miss what was there when it began', async () => {
    const make = (from: number, count: number) =>
      post(
        JSON.stringify(
          Array.from({ length: count }, (_, index) => ({
            sensor_id: `paged-${index % 7}`,
            type: 't',
            value: 1,
            event_id: `paged:${from + index}`,
          })),
        ),
      );
    expect((await make(0, 1_000)).status).toBe(202);
    await settled();
    const seen: string[] = [];
    const times: string[] = [];
    let cursor: string | null = null;
    let made = 1_000;
    do {
      const query: string = cursor === null ? '' : `&cursor=${encodeURIComponent(cursor)}`;
      const page: Page = await client.get(`/api/events?limit=97&type=t&sensor=paged-3${query}`);
      seen.push(...page.items.map(({ event_id }) => event_id));
      times.push(...page.items.map(({ received_at }) => received_at));
      cursor = page.next_cursor;
      expect((await make(made, 50)).status).toBe(202);
      made += 50;
    } while (cursor !== null);
    expect(new Set(seen).size).toBe(seen.length);
    for (let index = 3; index < 1_000; index += 7) expect(seen).toContain(`paged:${index}`);
    expect(times).toEqual(times.toSorted().reverse());
  });
});

it('starts, says so and goes on where the store was removed while the stream remembers it', async () => {
  const first = await startHubProcess();
  let second: HubProcess | null = null;
  const event = (id: number) =>
    JSON.stringify({ sensor_id: 's', type: 't', value: id, event_id: `kept:${id}` });
  const send = async (hub: HubProcess, id: number): Promise<number> =>
    (
      await fetch(`${hub.url}/api/events`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: event(id),
      })
    ).status;
  try {
    expect(await send(first, 1)).toBe(202);
    await until(async () => (await fetch(`${first.url}/api/sensors/s`)).ok, 20_000, 'a stored event');
    first.signal('SIGTERM');
    expect(await first.exited).toBe(0);
    for (const ending of ['', '-wal', '-shm'])
      await rm(join(first.dataDir, `events.db${ending}`), { force: true });
    const hub = await startHubProcess({ dataDir: first.dataDir });
    second = hub;
    expect(hub.output()).toContain('the ledger does not balance');
    expect(await send(hub, 2)).toBe(202);
    await until(async () => (await fetch(`${hub.url}/api/sensors/s`)).ok, 20_000, 'a new stored event');
    expect((await fetch(`${hub.url}/readyz`)).status).toBe(200);
  } finally {
    await first.stop({ keepData: second !== null });
    await second?.stop();
  }
}, 60_000);
