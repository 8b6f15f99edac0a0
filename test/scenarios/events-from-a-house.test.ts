/** A house of sensors from different systems, and programs that post: what was acknowledged is stored, once, in order. */
import { connectAsync, type MqttClient } from 'mqtt';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type HubProcess, startHubProcess } from '../support/hub-process.ts';

interface Sensor {
  readonly id: string;
  readonly name: string | null;
  readonly events: number;
  readonly readings: readonly {
    readonly type: string;
    readonly value: unknown;
    readonly unit: string | null;
  }[];
}
interface StoredEvent {
  readonly sensor_id: string;
  readonly lane: string;
  readonly seq: number | null;
}
interface DeadLetter {
  readonly reason: string;
  readonly topic: string | null;
  readonly payload_text: string | null;
}
interface Ledger {
  readonly lanes: readonly {
    readonly in_stream: number;
    readonly balanced: boolean;
    readonly received: number;
  }[];
  readonly dropped: readonly { readonly reason: string; readonly events: number }[];
}

const published: readonly (readonly [topic: string, payload: string])[] = [
  [
    'homeassistant/sensor/weather/config',
    '{"name":"Garden","stat_t":"garden/state","unit_of_meas":"°C","dev_cla":"temperature"}',
  ],
  ['garden/state', '3.5'],
  ['maison/capteurs/temperature', '{"temp": 22.5}'],
  ['maison/capteurs/entree/fumee', '{"value":true}'],
  ['sensors/cellar/humidity', '61'],
  ['zigbee2mqtt/hall', '{"battery":97,"temperature":21.5,"update":{"state":"idle"},"voltage":null}'],
  [
    'tele/attic/SENSOR',
    '{"Time":"2026-11-20T14:02:11","AM2301":{"Temperature":18.1,"Humidity":52},"TempUnit":"C"}',
  ],
  ['boiler/binary_sensor/boiler_gas_alarm/state', 'OFF'],
];
const waitMs = 20_000;

describe('a house of sensors', () => {
  let hub: HubProcess;
  let mqtt: MqttClient;

  beforeAll(async () => {
    hub = await startHubProcess();
    mqtt = await connectAsync(hub.mqttUrl, { reconnectPeriod: 0 });
  });
  afterAll(async () => {
    await mqtt.endAsync(true);
    await hub.stop();
  });

  const get = async <T>(path: string): Promise<T> => (await (await fetch(hub.url + path)).json()) as T;
  const list = async <T>(path: string): Promise<readonly T[]> => {
    const items: T[] = [];
    let cursor: string | null = null;
    do {
      const query = new URLSearchParams({ limit: '1000', ...(cursor === null ? {} : { cursor }) });
      const page: { items: readonly T[]; next_cursor: string | null } = await get(
        `${path}${path.includes('?') ? '&' : '?'}${query.toString()}`,
      );
      items.push(...page.items);
      cursor = page.next_cursor;
    } while (cursor !== null);
    return items;
  };
  const post = (path: string, body: string, contentType = 'application/json') =>
    fetch(hub.url + path, { method: 'POST', headers: { 'content-type': contentType }, body });
  /** Once nothing waits any more. */
  const settled = async (): Promise<Ledger> => {
    const giveUpAtMs = performance.now() + waitMs;
    for (;;) {
      const ledger = await get<Ledger>('/api/ledger');
      if (ledger.lanes.every(({ in_stream: waiting }) => waiting === 0)) return ledger;
      if (performance.now() > giveUpAtMs)
        throw new Error(`the stream does not drain: ${JSON.stringify(ledger)}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  };

  it('reads what each system publishes', async () => {
    for (const [topic, payload] of published)
      await mqtt.publishAsync(topic, payload, { qos: 1, retain: topic.startsWith('homeassistant/') });
    await settled();
    const sensors = new Map((await list<Sensor>('/api/sensors')).map((sensor) => [sensor.id, sensor]));
    const readings = (id: string) =>
      sensors
        .get(id)
        ?.readings.map(({ type, unit, value }) => `${type} ${String(value)} ${unit ?? ''}`.trim());
    expect(Object.fromEntries([...sensors.keys()].sort().map((id) => [id, readings(id)?.sort()]))).toEqual({
      'attic/AM2301': ['humidity 52 %', 'temperature 18.1 °C'],
      'boiler/boiler_gas_alarm': ['gas false'],
      cellar: ['humidity 61'],
      entree: ['smoke true'],
      garden: ['temperature 3.5 °C'],
      hall: ['battery 97 %', 'temperature 21.5 °C'],
      temperature: ['temperature 22.5'],
    });
    expect(sensors.get('garden')?.name).toBe('Garden');
    const [smoke] = await list<StoredEvent>('/api/events?sensor=entree');
    expect(smoke?.lane).toBe('critical');
  });

  it('keeps what it cannot read or must not believe as dead letters, and counts what nobody reads', async () => {
    await mqtt.publishAsync('sensors/cellar/humidity', '{"value":', { qos: 1 });
    await mqtt.publishAsync('sensors/cellar/humidity', '400', { qos: 1 });
    await mqtt.publishAsync('cmnd/attic/POWER', 'ON', { qos: 1 });
    const ledger = await settled();
    expect(ledger.lanes.every(({ balanced }) => balanced)).toBe(true);
    expect(ledger.dropped).toContainEqual({ reason: 'unknown_topic', events: 1 });
    const letters = await list<DeadLetter>('/api/dead_letters');
    expect(letters.map(({ payload_text: text, reason }) => [reason, text]).sort()).toEqual([
      ['out_of_range', null],
      ['undecodable', '{"value":'],
    ]);
  });

  it('stores what is posted again only once', async () => {
    const body = '{"sensor_id":"meter","type":"energy","value":7,"event_id":"e-1"}';
    for (let count = 0; count < 5; count += 1) expect((await post('/event', body)).status).toBe(200);
    const lines = Array.from({ length: 3 }, () => body).join('\n');
    expect((await post('/api/events', lines, 'application/x-ndjson')).status).toBe(202);
    await settled();
    expect(await list<StoredEvent>('/api/events?sensor=meter')).toHaveLength(1);
  });

  it('has everything that it acknowledged, in order, after a kill in the middle', async () => {
    const acknowledged = new Map<string, number[]>();
    let stopped = false;
    const publisher = async (sensor: string): Promise<void> => {
      const seqs: number[] = [];
      acknowledged.set(sensor, seqs);
      for (let seq = 0; !stopped; seq += 1) {
        const event = JSON.stringify({ sensor_id: sensor, type: 'count', value: seq, seq, boot_id: 'b' });
        try {
          if (sensor.startsWith('mqtt')) await mqtt.publishAsync(`sensors/${sensor}`, event, { qos: 1 });
          else if ((await post('/api/events', event)).status !== 202) return;
        } catch {
          return;
        }
        seqs.push(seq);
      }
    };
    const running = ['mqtt-1', 'mqtt-2', 'http-1', 'http-2'].map(publisher);
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    const { dataDir } = hub;
    hub.signal('SIGKILL');
    await hub.exited;
    stopped = true;
    mqtt.end(true);
    await Promise.all(running);

    hub = await startHubProcess({ dataDir });
    mqtt = await connectAsync(hub.mqttUrl, { reconnectPeriod: 0 });
    await settled();
    for (const [sensor, seqs] of acknowledged) {
      expect(seqs.length, sensor).toBeGreaterThan(10);
      const stored = (await list<StoredEvent>(`/api/events?sensor=${sensor}`))
        .map(({ seq }) => seq)
        .reverse();
      // The last one may have been stored without its acknowledgement having arrived.
      const expected = stored.length > seqs.length ? [...seqs, seqs.length] : seqs;
      expect(stored, sensor).toEqual(expected);
    }
  });

  it('still knows, after that, what a device said of itself once', async () => {
    await mqtt.publishAsync('garden/state', '4.5', { qos: 1 });
    await settled();
    const garden = await get<Sensor & { name: string }>('/api/sensors/garden');
    expect(garden).toMatchObject({ name: 'Garden', readings: [{ type: 'temperature', value: 4.5 }] });
  });
});
