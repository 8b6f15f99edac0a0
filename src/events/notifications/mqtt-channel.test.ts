import { once } from 'node:events';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { Aedes } from 'aedes';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { outgoing } from '../../../test/support/notification-samples.ts';
import { channelConfigSchema } from './channel-config.ts';
import { createMqttChannel, type PublishHere } from './mqtt-channel.ts';
import type { NotificationChannel } from './notification-channel.ts';

interface Published {
  readonly topic: string;
  readonly payload: string;
  readonly qos: number;
  readonly retain: boolean;
}

const signal = new AbortController().signal;
let broker: Aedes;
let server: Server;
let url: string;
let published: Published[];

beforeEach(async () => {
  published = [];
  broker = await Aedes.createBroker({
    authenticate: (_client, username, password, done) =>
      done(null, username === undefined || String(password) === 'right'),
  });
  broker.on('publish', ({ payload, qos, retain, topic }, client) => {
    if (client !== null) published.push({ topic, payload: payload.toString(), qos, retain });
  });
  server = createServer(broker.handle);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  url = `mqtt://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterEach(async () => {
  await new Promise<void>((done) => broker.close(done));
  server.close();
});

function mqtt(fields: object, publishHere: PublishHere = () => Promise.resolve()): NotificationChannel {
  const config = channelConfigSchema.parse({ type: 'mqtt', topic: 'alarm', timeout: 1, ...fields });
  if (config.type !== 'mqtt') throw new Error('no mqtt');
  return createMqttChannel({ name: 'siren', config, environment: {}, publishHere });
}

describe('MQTT', () => {
  it('is delivered when the broker has acknowledged it', async () => {
    const channel = mqtt({ url, topic: 'alarm/{severity}/{subject}/{state}', retain: true });
    expect(await channel.send(outgoing(), signal)).toEqual({ state: 'delivered' });
    expect(published).toMatchObject([{ topic: 'alarm/critical/hall/firing', qos: 1, retain: true }]);
    expect(JSON.parse(published[0]?.payload ?? '')).toMatchObject({
      idempotency_key: 'alert-1:fired:0:phone',
      rule: 'smoke',
    });
  });

  it('fills in one level only, whatever a sensor is called', async () => {
    await mqtt({ url, topic: 'alarm/{subject}/{unknown}' }).send(
      outgoing({ subject: 'a/b+c#\u0000' }),
      signal,
    );
    expect(published).toMatchObject([{ topic: 'alarm/a_b_c__/{unknown}' }]);
  });

  it('leaves no connection behind', async () => {
    await mqtt({ url }).send(outgoing(), signal);
    await expect.poll(() => broker.connectedClients).toBe(0);
  });

  it('goes to the broker of the hub where there is no URL', async () => {
    const here: unknown[] = [];
    await mqtt({}, (...parts) => Promise.resolve(void here.push(parts))).send(outgoing(), signal);
    expect(here).toMatchObject([
      ['alarm', expect.stringContaining('"rule":"smoke"'), { qos: 1, retain: false }],
    ]);
  });

  it('logs in, and is tried again where that is refused', async () => {
    await mqtt({ url, username: 'me', password: 'right' }).send(outgoing(), signal);
    expect(published).toHaveLength(1);
    await expect(
      mqtt({ url, username: 'me', password: 'wrong' }).send(outgoing(), signal),
    ).rejects.toMatchObject({ code: 'channel_failed' });
  });

  it('is tried again where no broker is there, or it never acknowledges', async () => {
    broker.authorizePublish = () => undefined;
    const abort = new AbortController();
    const silent = mqtt({ url }).send(outgoing(), abort.signal);
    await expect.poll(() => broker.connectedClients).toBe(1);
    abort.abort();
    await expect(silent).rejects.toMatchObject({ code: 'channel_failed' });
    await expect(mqtt({ url: 'mqtt://127.0.0.1:1' }).send(outgoing(), signal)).rejects.toMatchObject({
      code: 'channel_failed',
    });
  });

  it('is tried again where the broker closes the connection instead', async () => {
    broker.authorizePublish = (client) => client?.conn.destroy();
    await expect(mqtt({ url }).send(outgoing(), signal)).rejects.toMatchObject({ code: 'channel_failed' });
  });
});
