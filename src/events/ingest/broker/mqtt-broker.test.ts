import { execFile } from 'node:child_process';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { promisify } from 'node:util';
import type { MqttClient } from 'mqtt';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  connectMqtt,
  connectPacket,
  connectRaw,
  publishPacket,
  type RawMqttClient,
} from '../../../../test/support/mqtt-clients.ts';
import { temporaryFolder } from '../../../../test/support/temporary-folder.ts';
import { systemClock } from '../../../clock.ts';
import { type ConfigInput, defaultConfig } from '../../../config.ts';
import { StreamError } from '../../../errors.ts';
import { FactBus, type FactName, type Facts } from '../../../facts.ts';
import type { Publish } from '../event-intake.ts';
import { createMqttBroker, type MqttBroker } from './mqtt-broker.ts';

const hasMosquittoClients = await promisify(execFile)('mosquitto_pub', ['--help']).then(
  () => true,
  (error: unknown) => (error as { code?: unknown }).code !== 'ENOENT',
);

/** Keeps what it took; holds or refuses where told. QoS 2 deliveries are kept once, as the stream does. */
class FakeIntake {
  readonly taken: Publish[] = [];
  /** Set: nothing becomes durable until it is called. */
  readonly held: (() => void)[] = [];
  holds = false;
  refuses = false;
  readonly #deliveries = new Set<string>();

  async takePublish(publish: Publish): Promise<void> {
    // The broker's packet is a window of what its client sent.
    const copy = { ...publish, payload: Buffer.from(publish.payload) };
    if (this.holds) await new Promise<void>((resolve) => this.held.push(resolve));
    if (this.refuses) throw new StreamError('stream_unavailable', 'the disk is full');
    if (copy.deliveryKey !== null) {
      if (this.#deliveries.has(copy.deliveryKey)) return;
      this.#deliveries.add(copy.deliveryKey);
    }
    this.taken.push(copy);
  }

  forgetDelivery(key: string): Promise<void> {
    this.#deliveries.delete(key);
    return Promise.resolve();
  }

  forgetDeliveriesOf(clientId: string): Promise<void> {
    for (const key of this.#deliveries) if (key.endsWith(`:${clientId}`)) this.#deliveries.delete(key);
    return Promise.resolve();
  }

  release(): void {
    this.holds = false;
    for (const release of this.held.splice(0)) release();
  }

  get texts(): string[] {
    return this.taken.map(({ payload }) => Buffer.from(payload).toString());
  }
}

describe('MqttBroker', () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  let intake: FakeIntake;
  let broker: MqttBroker;
  let port: number;
  let facts: { name: FactName; fact: unknown }[];
  let warnings: string[];
  const clients: (MqttClient | RawMqttClient)[] = [];

  const make = (mqtt: ConfigInput['mqtt'] = {}, host = '127.0.0.1'): Promise<MqttBroker> => {
    const bus = new FactBus({
      onListenerError: (_, error) => {
        throw error;
      },
    });
    for (const name of [
      'mqtt:client_connected',
      'mqtt:client_disconnected',
      'mqtt:client_refused',
      'events:dropped',
    ] as const)
      bus.on(name, (fact) => facts.push({ name, fact }));
    return createMqttBroker({
      config: { ...defaultConfig().mqtt, ...mqtt, port: 0 } as ReturnType<typeof defaultConfig>['mqtt'],
      host,
      dataDir: folder.path,
      intake,
      stream: intake,
      facts: bus,
      clock: systemClock,
      logger: { warn: (_, message) => warnings.push(message) },
      onCrash: (error) => {
        throw error;
      },
    });
  };
  const start = async (mqtt: ConfigInput['mqtt'] = {}): Promise<void> => {
    broker = await make(mqtt);
    ({ port } = await broker.listen());
  };
  const restart = async (mqtt: ConfigInput['mqtt'] = {}): Promise<void> => {
    await broker.close();
    await start(mqtt);
  };
  const client = async (options?: Parameters<typeof connectMqtt>[1]): Promise<MqttClient> => {
    const connected = await connectMqtt(port, options);
    connected.on('error', () => undefined);
    clients.push(connected);
    return connected;
  };
  const raw = async (connect?: Parameters<RawMqttClient['send']>[0]): Promise<RawMqttClient> => {
    const connected = await connectRaw(port);
    clients.push(connected);
    if (connect !== undefined) {
      connected.send(connect);
      await connected.next('connack');
    }
    return connected;
  };
  const named = <Name extends FactName>(name: Name): Facts[Name][] =>
    facts.filter((each) => each.name === name).map(({ fact }) => fact as Facts[Name]);
  const ended = (clientId: string): Promise<string> =>
    vi.waitUntil(
      () => named('mqtt:client_disconnected').find((fact) => fact.clientId === clientId)?.reason ?? null,
      { timeout: 10_000 },
    );
  /** What a subscriber gets, in order. */
  const collect = (subscriber: MqttClient): string[] => {
    const got: string[] = [];
    subscriber.on('message', (_, payload) => got.push(payload.toString()));
    return got;
  };

  beforeEach(async () => {
    folder = await temporaryFolder();
    intake = new FakeIntake();
    facts = [];
    warnings = [];
    await start();
  });
  afterEach(async () => {
    for (const each of clients.splice(0)) {
      if ('endAsync' in each) await each.endAsync(true);
      else each.destroy();
    }
    intake.release();
    await broker.close();
    await folder.remove();
  });

  describe('takes a publish', () => {
    it('and acknowledges QoS 1 once it is durable, and not before', async () => {
      const publisher = await raw(connectPacket('one'));
      intake.holds = true;
      publisher.send(publishPacket({ messageId: 3 }));
      await vi.waitUntil(() => intake.held.length === 1);
      // A round trip over another connection: the acknowledgement had its chance.
      const other = await raw(connectPacket('two'));
      other.send({ cmd: 'pingreq' });
      await other.next('pingresp');
      expect(publisher.packets.map(({ cmd }) => cmd)).toEqual(['connack']);
      intake.release();
      expect(await publisher.next('puback')).toMatchObject({ messageId: 3 });
      expect(intake.taken).toMatchObject([
        { topic: 'sensors/a/temperature', qos: 1, retain: false, deliveryKey: null },
      ]);
    });

    it('and acknowledges in the order of arrival, whatever becomes durable first', async () => {
      const publisher = await raw(connectPacket('one'));
      intake.holds = true;
      for (const messageId of [1, 2, 3]) publisher.send(publishPacket({ messageId }));
      await vi.waitUntil(() => intake.held.length === 3);
      intake.held[2]?.();
      intake.held[1]?.();
      await new Promise((resolve) => setImmediate(resolve));
      intake.held[0]?.();
      await publisher.next('puback', (packet) => packet.messageId === 3);
      const acknowledged = publisher.packets.filter(({ cmd }) => cmd === 'puback');
      expect(acknowledged.map(({ messageId }) => messageId)).toEqual([1, 2, 3]);
    });

    it('closes the connection without an acknowledgement where it could not be made durable, and takes it again', async () => {
      const publisher = await raw(connectPacket('one'));
      intake.refuses = true;
      publisher.send(publishPacket());
      await publisher.closed();
      expect(publisher.packets.map(({ cmd }) => cmd)).toEqual(['connack']);
      expect(await ended('one')).toBe('not_durable');
      intake.refuses = false;
      const again = await raw(connectPacket('one'));
      again.send(publishPacket({ dup: true }));
      await again.next('puback');
      expect(intake.texts).toEqual(['21.5']);
    });

    it('of QoS 2 once, however often it is sent before PUBREL, and a new one with the same identifier after', async () => {
      const exchange = publishPacket({ qos: 2, messageId: 9, payload: 'first' });
      const one = await raw(connectPacket('one', { clean: false }));
      one.send(exchange);
      await one.next('pubrec');
      one.destroy();
      await ended('one');
      const two = await raw(connectPacket('one', { clean: false }));
      two.send(publishPacket({ ...exchange, dup: true }));
      await two.next('pubrec');
      two.destroy();
      await restart();
      const three = await raw(connectPacket('one', { clean: false }));
      three.send(publishPacket({ ...exchange, dup: true }));
      await three.next('pubrec');
      expect(intake.texts).toEqual(['first']);
      three.send({ cmd: 'pubrel', messageId: 9 });
      await three.next('pubcomp');
      three.send(publishPacket({ qos: 2, messageId: 9, payload: 'second' }));
      await vi.waitUntil(() => intake.taken.length === 2);
      expect(intake.texts).toEqual(['first', 'second']);
    });

    it('of QoS 2 that was durable but not answered when its connection broke, once', async () => {
      const one = await raw(connectPacket('one', { clean: false }));
      intake.holds = true;
      one.send(publishPacket({ qos: 2, messageId: 9 }));
      await vi.waitUntil(() => intake.held.length === 1);
      one.destroy();
      await ended('one');
      intake.release();
      const two = await raw(connectPacket('one', { clean: false }));
      two.send(publishPacket({ qos: 2, messageId: 9, dup: true }));
      await two.next('pubrec');
      expect(intake.taken).toHaveLength(1);
    });

    it('of QoS 2 again from a client that began a clean session', async () => {
      const one = await raw(connectPacket('one'));
      one.send(publishPacket({ qos: 2, messageId: 9, payload: 'first' }));
      await one.next('pubrec');
      one.destroy();
      const two = await raw(connectPacket('one'));
      two.send(publishPacket({ qos: 2, messageId: 9, payload: 'second' }));
      await two.next('pubrec');
      expect(intake.texts).toEqual(['first', 'second']);
    });

    it.each(['maison/capteurs/température 🌡', '/', 'a//b', ' ', '$share-like/x', '__proto__/constructor'])(
      'of topic "%s" as it is, and forwards it',
      async (topic) => {
        const subscriber = await client();
        const got = collect(subscriber);
        await subscriber.subscribeAsync(topic, { qos: 1 });
        await (await client()).publishAsync(topic, 'x', { qos: 1 });
        await vi.waitUntil(() => got.length === 1);
        expect(intake.taken.map((publish) => publish.topic)).toEqual([topic]);
      },
    );

    it.each(['$SYS/broker/uptime', 'a\u0000b', '', 'a/#', 'a/+/b', 'a/'.repeat(40)])(
      'of no reserved, malformed or endless topic: %j',
      async (topic) => {
        const publisher = await raw(connectPacket('one'));
        // By hand: the encoder refuses some of them too.
        const name = Buffer.from(topic);
        const body = Buffer.concat([
          Buffer.from([0, name.length]),
          name,
          Buffer.from([0, 1]),
          Buffer.from('x'),
        ]);
        publisher.sendBytes(Buffer.concat([Buffer.from([0x32, body.length]), body]));
        await publisher.closed();
        expect(intake.taken).toEqual([]);
      },
    );
  });

  describe('keeps', () => {
    it('a session, what waits for it and retained messages over a restart', async () => {
      const before = await client({ clientId: 'app', clean: false });
      await before.subscribeAsync('sensors/#', { qos: 1 });
      await before.endAsync();
      const publisher = await client();
      for (const text of ['1', '2', '3']) await publisher.publishAsync('sensors/a', text, { qos: 1 });
      await publisher.publishAsync('state', 'on', { qos: 1, retain: true });
      await restart();
      const again = await raw(connectPacket('app', { clean: false }));
      expect(again.packets[0]).toMatchObject({ cmd: 'connack', sessionPresent: true, returnCode: 0 });
      for (const text of ['1', '2', '3']) {
        const { messageId } = await again.next('publish', (packet) => textOf(packet) === text);
        again.send({ cmd: 'puback', messageId });
      }
      const reader = await client();
      const got = collect(reader);
      await reader.subscribeAsync('state', { qos: 1 });
      await vi.waitUntil(() => got.length === 1);
      expect(got).toEqual(['on']);
    });

    it.each([
      ['a retained message', { topic: 'state', retain: true }],
      ['what waits for a session', { topic: 'app/x' }],
    ])('%s on disk before the publish is acknowledged', async (_, fields) => {
      const away = await client({ clientId: 'app', clean: false });
      await away.subscribeAsync('app/#', { qos: 1 });
      await away.endAsync();
      await ended('app');
      const publisher = await raw(connectPacket('one'));
      const other = new DatabaseSync(join(folder.path, 'mqtt.db'), { timeout: 5_000 });
      other.exec('begin immediate');
      publisher.send(publishPacket({ ...fields, messageId: 2 }));
      await vi.waitUntil(() => intake.taken.length === 1);
      // A round trip over another connection: the acknowledgement had its chance.
      const witness = await raw(connectPacket('two'));
      witness.send({ cmd: 'pingreq' });
      await witness.next('pingresp');
      expect(publisher.packets.map(({ cmd }) => cmd)).toEqual(['connack']);
      other.exec('rollback');
      other.close();
      expect(await publisher.next('puback')).toMatchObject({ messageId: 2 });
    });

    it('the order of what waited and of what comes while that is being sent', async () => {
      const away = await client({ clientId: 'app', clean: false });
      await away.subscribeAsync('#', { qos: 1 });
      await away.endAsync();
      await restart();
      const publisher = await client();
      const count = 600;
      for (let index = 0; index < count / 2; index += 1) publisher.publish('a', String(index), { qos: 1 });
      await vi.waitUntil(() => intake.taken.length === count / 2, { timeout: 10_000 });
      for (let index = count / 2; index < count; index += 1)
        publisher.publish('a', String(index), { qos: 1 });
      const subscriber = await raw(connectPacket('app', { clean: false }));
      const texts = (): string[] => subscriber.packets.filter(({ cmd }) => cmd === 'publish').map(textOf);
      await vi.waitUntil(() => texts().length >= count, { timeout: 10_000 });
      expect(texts()).toEqual(Array.from({ length: count }, (_, index) => String(index)));
    });

    it('a message that was sent and not acknowledged, and sends it again as a repetition', async () => {
      const first = await raw(connectPacket('app', { clean: false }));
      first.send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: '#', qos: 2 }] });
      await first.next('suback');
      await (await client()).publishAsync('a', 'x', { qos: 2 });
      const sent = await first.next('publish');
      first.destroy();
      await ended('app');
      const second = await raw(connectPacket('app', { clean: false }));
      expect(await second.next('publish')).toMatchObject({ messageId: sent.messageId, dup: true, qos: 2 });
      second.send({ cmd: 'pubrec', messageId: sent.messageId });
      await second.next('pubrel');
      await restart();
      const third = await raw(connectPacket('app', { clean: false }));
      expect(await third.next('pubrel')).toMatchObject({ messageId: sent.messageId });
      third.send({ cmd: 'pubcomp', messageId: sent.messageId });
      third.send({ cmd: 'pingreq' });
      await third.next('pingresp');
      third.destroy();
      await restart();
      const fourth = await raw(connectPacket('app', { clean: false }));
      fourth.send({ cmd: 'pingreq' });
      await fourth.next('pingresp');
      expect(fourth.packets.map(({ cmd }) => cmd)).toEqual(['connack', 'pingresp']);
    });

    it('so many messages for a session and no more', async () => {
      await restart({ session_messages: 3 });
      const away = await client({ clientId: 'app', clean: false });
      await away.subscribeAsync('#', { qos: 1 });
      await away.endAsync();
      const publisher = await client();
      for (const text of ['1', '2', '3', '4', '5']) await publisher.publishAsync('a', text, { qos: 1 });
      expect(named('events:dropped')).toEqual([
        { reason: 'session_full', events: 1, topic: 'a' },
        { reason: 'session_full', events: 1, topic: 'a' },
      ]);
      expect(intake.texts).toEqual(['1', '2', '3', '4', '5']);
      const back = await raw(connectPacket('app', { clean: false }));
      await back.next('publish', (packet) => textOf(packet) === '3');
      expect(back.packets.filter(({ cmd }) => cmd === 'publish').map(textOf)).toEqual(['1', '2', '3']);
    });
  });

  describe('treats a will', () => {
    const will = {
      topic: 'sensors/a/availability',
      payload: Buffer.from('offline'),
      qos: 1 as const,
      retain: true,
    };

    it('as a publish of the client that broke off, and as none where it took its leave', async () => {
      (await raw(connectPacket('breaks', { will }))).destroy();
      await vi.waitUntil(() => intake.taken.length === 1);
      expect(intake.taken).toMatchObject([{ topic: will.topic, qos: 1, retain: true, deliveryKey: null }]);
      const polite = await raw(connectPacket('leaves', { will }));
      polite.send({ cmd: 'disconnect' });
      await polite.closed();
      expect(await ended('leaves')).toBe('disconnected');
      expect(intake.taken).toHaveLength(1);
    });

    it('with patience: it is tried until it is durable', async () => {
      const one = await raw(connectPacket('one', { will }));
      intake.refuses = true;
      one.destroy();
      await vi.waitUntil(() => warnings.length > 0);
      intake.refuses = false;
      await vi.waitUntil(() => intake.taken.length === 1, { timeout: 5_000 });
      expect(intake.texts).toEqual(['offline']);
    });

    it('that could not be kept before the hub stopped as one of the next start', async () => {
      await raw(connectPacket('one', { will }));
      intake.refuses = true;
      await broker.close();
      expect(intake.taken).toEqual([]);
      intake.refuses = false;
      await start();
      await vi.waitUntil(() => intake.taken.length === 1);
      await restart();
      await raw(connectPacket('two'));
      expect(intake.texts).toEqual(['offline']);
    });

    it.each(['a/#', '$SYS/x', ''])('of topic "%s" as a reason to refuse the connection', async (topic) => {
      const one = await raw();
      one.send(connectPacket('one', { will: { ...will, topic: 'x' } }));
      await one.next('connack');
      const encoded = connectBytes('two', topic);
      const two = await raw();
      two.sendBytes(encoded);
      await two.closed();
      expect(named('mqtt:client_connected').map(({ clientId }) => clientId)).toEqual(['one']);
    });
  });

  describe('bounds', () => {
    it('a packet: what announces more than the limit ends the connection before it is gathered', async () => {
      await restart({ max_packet: 1_024 });
      const one = await raw(connectPacket('one'));
      one.send(publishPacket({ payload: 'x'.repeat(900) }));
      await one.next('puback');
      one.sendBytes(Buffer.from([0x32, 0xff, 0xff, 0x03, 0x00]));
      await one.closed();
      expect(await ended('one')).toBe('too_big');
    });

    it('connections', async () => {
      await restart({ max_connections: 2 });
      await raw(connectPacket('one'));
      const two = await raw(connectPacket('two'));
      const three = await raw();
      three.send(connectPacket('three'));
      await three.closed();
      expect(named('mqtt:client_refused')).toEqual([{ clientId: null, reason: 'too_many_connections' }]);
      two.destroy();
      await ended('two');
      await raw(connectPacket('three'));
    });

    it('client ids, and refuses none with a session to keep', async () => {
      const long = await raw(connectPacket('x'.repeat(256)));
      expect(long.packets[0]).toMatchObject({ returnCode: 0 });
      const longer = await raw(connectPacket('x'.repeat(257)));
      expect(longer.packets[0]).toMatchObject({ returnCode: 2 });
      const nameless = await raw();
      nameless.sendBytes(Buffer.from('100c00044d5154540400003c0000', 'hex'));
      expect(await nameless.next('connack')).toMatchObject({ returnCode: 2 });
      expect(named('mqtt:client_refused').map(({ reason }) => reason)).toEqual(['client_id', 'client_id']);
    });

    it('what a client leaves unread: it is given up, and nobody else is slower', async () => {
      const slow = await raw(connectPacket('slow'));
      slow.send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: '#', qos: 0 }] });
      await slow.next('suback');
      slow.socket.pause();
      const subscriber = await client();
      const got = collect(subscriber);
      await subscriber.subscribeAsync('#', { qos: 1 });
      const publisher = await client();
      const payload = Buffer.alloc(200_000);
      for (let sent = 0; sent < 60; sent += 1) await publisher.publishAsync('a', payload, { qos: 1 });
      expect(await ended('slow')).toBe('too_slow');
      await vi.waitUntil(() => got.length === 60, { timeout: 10_000 });
    });

    it('the filters of a client, one by one', async () => {
      const one = await raw(connectPacket('one'));
      const subscriptions = Array.from({ length: 1_002 }, (_, index) => ({
        topic: `a/${index}`,
        qos: 0 as const,
      }));
      one.send({ cmd: 'subscribe', messageId: 1, subscriptions });
      const { granted } = (await one.next('suback')) as unknown as { granted: number[] };
      expect(granted.filter((qos) => qos === 128)).toHaveLength(2);
      one.send({ cmd: 'unsubscribe', messageId: 2, unsubscriptions: ['a/0'] });
      await one.next('unsuback');
      expect(broker.connections()).toMatchObject([{ subscriptions: 999 }]);
    });

    it('the filters of a session that lasts, and keeps none that it refused', async () => {
      const subscriptions = Array.from({ length: 1_002 }, (_, index) => ({
        topic: `a/${index}`,
        qos: 1 as const,
      }));
      const one = await raw(connectPacket('one', { clean: false }));
      one.send({ cmd: 'subscribe', messageId: 1, subscriptions });
      await one.next('suback');
      one.destroy();
      await ended('one');
      await broker.close();
      const file = new DatabaseSync(join(folder.path, 'mqtt.db'));
      expect(file.prepare('select count(*) as filters from subscriptions').get()).toEqual({ filters: 1_000 });
      file.close();
      await start();
    });

    it('a client that is silent for longer than it said', async () => {
      await raw(connectPacket('quiet', { keepalive: 1 }));
      expect(await ended('quiet')).toBe('silent');
    });
  });

  it.each([
    ['a web request', Buffer.from('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n')],
    ['zeros', Buffer.alloc(64)],
    ['a publish before CONNECT', Buffer.from('300500036162', 'hex')],
    ['a CONNECT that ends in the middle of its name', Buffer.from('101000044d5154540400003c00ff6162', 'hex')],
    ['an endless length', Buffer.from([0x10, 0xff, 0xff, 0xff, 0xff, 0xff])],
  ])('closes a connection that sends %s, and serves the others', async (_, bytes) => {
    const good = await raw(connectPacket('good'));
    const bad = await raw();
    bad.sendBytes(bytes);
    bad.sendBytes(Buffer.from('3000', 'hex'));
    await bad.closed();
    good.send(publishPacket());
    await good.next('puback');
  });

  it('refuses MQTT 5 with the answer of 3.1.1, so that a client can fall back', async () => {
    const one = await raw();
    one.sendBytes(Buffer.from('100f00044d5154540502003c00000003616263', 'hex'));
    await one.closed().catch(() => undefined);
    await vi.waitUntil(() => named('mqtt:client_refused').length === 1);
    expect(named('mqtt:client_refused')).toMatchObject([{ reason: 'protocol_version' }]);
  });

  it('lets a second connection of the same name take over', async () => {
    const first = await raw(connectPacket('same', { clean: false }));
    await raw(connectPacket('same', { clean: false }));
    await first.closed();
    expect(await ended('same')).toBe('replaced');
    expect(broker.connections()).toMatchObject([{ clientId: 'same', cleanSession: false }]);
  });

  it('delivers at the highest QoS that overlapping filters grant, once', async () => {
    const one = await raw(connectPacket('one', { clean: false }));
    one.send({
      cmd: 'subscribe',
      messageId: 1,
      subscriptions: [
        { topic: 'a/#', qos: 0 },
        { topic: '+/b', qos: 1 },
        { topic: 'a/b', qos: 0 },
      ],
    });
    await one.next('suback');
    const publisher = await client();
    await publisher.publishAsync('a/b', 'both', { qos: 2 });
    await publisher.publishAsync('a/c', 'only one', { qos: 2 });
    await one.next('publish', (packet) => textOf(packet) === 'only one');
    const got = one.packets.filter(({ cmd }) => cmd === 'publish');
    expect(got.map((packet) => [textOf(packet), (packet as { qos?: number }).qos])).toEqual([
      ['both', 1],
      ['only one', 0],
    ]);
  });

  it('takes 1,000 clients that come at once, and what they publish', async () => {
    const count = 1_000;
    const publishers = await Promise.all(
      Array.from({ length: count }, async (_, index) => {
        const one = await raw(connectPacket(`client-${index}`));
        one.send(publishPacket({ payload: String(index) }));
        await one.next('puback');
        return one;
      }),
    );
    expect(publishers).toHaveLength(count);
    expect(broker.connections()).toHaveLength(count);
    expect(new Set(intake.texts).size).toBe(count);
  });

  it('publishes as the hub without making events of it', async () => {
    const subscriber = await client();
    const got = collect(subscriber);
    await subscriber.subscribeAsync('alerts/#', { qos: 1 });
    await broker.publish('alerts/smoke', 'fire', { qos: 1, retain: true });
    await vi.waitUntil(() => got.length === 1);
    expect(got).toEqual(['fire']);
    expect(intake.taken).toEqual([]);
    await restart();
    const later = await client();
    const kept = collect(later);
    await later.subscribeAsync('alerts/#', { qos: 1 });
    await vi.waitUntil(() => kept.length === 1);
  });

  it('refuses everybody where it listens beyond loopback, and says why', async () => {
    const open = await make({}, '0.0.0.0').catch(() => null);
    await broker.close();
    broker = open ?? (await make({}, '0.0.0.0'));
    ({ port } = await broker.listen());
    expect(warnings.join()).toContain('loopback only');
    const one = await raw();
    one.send(connectPacket('one'));
    expect(await one.next('connack')).toMatchObject({ returnCode: 5 });
    await one.closed();
    expect(named('mqtt:client_refused')).toEqual([{ clientId: 'one', reason: 'not_authorized' }]);
  });

  it('names the setting where its port is taken', async () => {
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const taken = (other.address() as { port: number }).port;
    await broker.close();
    broker = await createMqttBroker({
      config: { ...defaultConfig().mqtt, port: taken },
      host: '127.0.0.1',
      dataDir: folder.path,
      intake,
      stream: intake,
      facts: { emit: () => undefined },
      clock: systemClock,
      logger: { warn: () => undefined },
      onCrash: () => undefined,
    });
    await expect(broker.listen()).rejects.toMatchObject({ name: 'StartError', code: 'port_in_use' });
    await expect(broker.listen()).rejects.toThrow(/mqtt\.port/);
    other.close();
  });

  it('acknowledges what is on its way before it closes', async () => {
    const publisher = await raw(connectPacket('one'));
    intake.holds = true;
    publisher.send(publishPacket({ messageId: 4 }));
    await vi.waitUntil(() => intake.held.length === 1);
    const closing = broker.close();
    intake.release();
    expect(await publisher.next('puback')).toMatchObject({ messageId: 4 });
    await closing;
    expect(await ended('one')).toBe('hub_stopping');
    await expect(connectRaw(port)).rejects.toThrow(/ECONNREFUSED/);
  });

  it.runIf(hasMosquittoClients)('serves mosquitto_pub and mosquitto_sub', async () => {
    const run = promisify(execFile);
    const address = ['-h', '127.0.0.1', '-p', String(port), '-V', 'mqttv311'];
    const received = run('mosquitto_sub', [...address, '-t', 'a/#', '-q', '2', '-C', '3', '-W', '15']);
    await vi.waitUntil(() => broker.connections().some(({ subscriptions }) => subscriptions === 1));
    for (const qos of ['0', '1', '2'])
      await run('mosquitto_pub', [...address, '-t', `a/${qos}`, '-m', `qos ${qos}`, '-q', qos]);
    expect((await received).stdout).toBe('qos 0\nqos 1\nqos 2\n');
    expect(intake.texts).toEqual(['qos 0', 'qos 1', 'qos 2']);
  });
});

const textOf = (packet: unknown): string => String((packet as { payload?: Buffer }).payload);

/** CONNECT with a will of any topic; the encoder refuses some. */
function connectBytes(clientId: string, willTopic: string): Buffer {
  const text = (value: string): Buffer => {
    const bytes = Buffer.from(value);
    return Buffer.concat([Buffer.from([0, bytes.length]), bytes]);
  };
  const body = Buffer.concat([
    text('MQTT'),
    // Level 4; a will, clean session; no keep-alive.
    Buffer.from([4, 0b0000_0110, 0, 0]),
    text(clientId),
    text(willTopic),
    text('offline'),
  ]);
  return Buffer.concat([Buffer.from([0x10, body.length]), body]);
}
