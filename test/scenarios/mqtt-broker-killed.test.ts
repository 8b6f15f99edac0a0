/** The broker is killed (SIGKILL) while it is publishing: what it acknowledged, and what it keeps for clients, is there after. */
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { defaultConfig } from '../../src/config.ts';
import { openSqliteDurableStream } from '../../src/events/stream/sqlite/open-sqlite-durable-stream.ts';
import type { StreamPosition } from '../../src/protocol/ids.ts';
import { ChildProgram } from '../support/child-program.ts';
import { connectPacket, connectRaw, publishPacket, type RawMqttClient } from '../support/mqtt-clients.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const program = join(import.meta.dirname, '..', '..', 'bench', 'peers', 'mqtt-ingest.ts');
const textOf = (packet: unknown): string => String((packet as { payload?: Buffer }).payload);

describe('a broker that is killed', () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  let process: ChildProgram;
  let port: number;
  const clients: RawMqttClient[] = [];

  const start = async (): Promise<void> => {
    process = new ChildProgram(program, ['durable', folder.path]);
    port = Number(/:(\d+)/.exec(await process.firstLine())?.[1]);
  };
  const connect = async (clientId: string, fields: object = {}): Promise<RawMqttClient> => {
    const client = await connectRaw(port);
    clients.push(client);
    client.send(connectPacket(clientId, fields));
    await client.next('connack');
    return client;
  };
  /** Event ids in the stream. */
  const stored = async (): Promise<string[]> => {
    const { events } = defaultConfig();
    const stream = await openSqliteDurableStream({
      dataDir: folder.path,
      counts: { critical: events.critical_shards, bulk: events.bulk_shards },
      maxBytes: events.stream_bytes,
      clock: systemClock,
      facts: { emit: () => undefined },
      onCrash: () => undefined,
    });
    const ids: string[] = [];
    for (const shard of stream.shards) {
      let after: StreamPosition | null = null;
      for (;;) {
        const records = await stream.read(shard, after, { maxEntries: 1_000, maxBytes: 1e7 });
        if (records.length === 0) break;
        for (const { entry } of records) if (entry.kind === 'event') ids.push(entry.event.eventId);
        after = records.at(-1)?.position ?? null;
      }
    }
    await stream.close();
    return ids;
  };

  beforeEach(async () => {
    folder = await temporaryFolder();
    await start();
  });
  afterEach(async () => {
    for (const client of clients.splice(0)) client.destroy();
    await process.kill();
    await folder.remove();
  });

  it.each([20, 120, 400])(
    'has every acknowledged publish, in its stream and for the session that was away (killed after %d ms)',
    async (afterMs) => {
      const app = await connect('app', { clean: false });
      app.send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: '#', qos: 1 }] });
      await app.next('suback');
      app.send({ cmd: 'disconnect' });
      await app.closed();
      const lamp = await connect('lamp', {
        will: {
          topic: 'sensors/lamp/state',
          payload: Buffer.from('{"value":"gone","event_id":"will"}'),
          qos: 1,
          retain: true,
        },
      });
      const publisher = await connect('publisher');
      let sent = 0;
      const send = (): void => {
        sent += 1;
        const payload = `{"value":${sent % 40},"event_id":"e${sent}"}`;
        publisher.send(
          publishPacket({ messageId: sent, payload, topic: `sensors/s${sent % 7}/temperature` }),
        );
      };
      let acknowledged = 0;
      const timer = setTimeout(() => void process.kill(), afterMs);
      for (let index = 0; index < 50; index += 1) send();
      await vi.waitUntil(
        () => {
          const count = publisher.packets.length - 1;
          for (; acknowledged < count; acknowledged += 1) if (sent < 60_000) send();
          return publisher.isClosed;
        },
        { timeout: 20_000, interval: 1 },
      );
      clearTimeout(timer);
      await process.kill();
      expect(acknowledged).toBeGreaterThan(0);
      const promised = Array.from({ length: acknowledged }, (_, index) => `e${index + 1}`);
      const ids = new Set(await stored());
      expect(promised.filter((id) => !ids.has(id))).toEqual([]);
      expect(lamp.isClosed).toBe(true);

      await start();
      const back = await connect('app', { clean: false });
      expect(back.packets[0]).toMatchObject({ sessionPresent: true });
      const received = (): string[] =>
        back.packets
          .filter(({ cmd }) => cmd === 'publish')
          .map((packet) => (JSON.parse(textOf(packet)) as { event_id: string }).event_id);
      await vi.waitUntil(() => received().includes('will') && received().includes(`e${acknowledged}`), {
        timeout: 20_000,
      });
      const got = received().filter((id) => id !== 'will');
      expect(got.slice(0, acknowledged)).toEqual(promised);
      const reader = await connect('reader');
      reader.send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 'sensors/lamp/+', qos: 1 }] });
      expect(await reader.next('publish')).toMatchObject({ retain: true, topic: 'sensors/lamp/state' });
      await process.kill();
      expect(await stored()).toContain('will');
    },
  );

  it('stores a QoS 2 publish once that was sent again after it', async () => {
    const publish = publishPacket({ qos: 2, messageId: 5, payload: '{"value":1,"event_id":"once"}' });
    const before = await connect('meter', { clean: false });
    before.send(publish);
    await before.next('pubrec');
    await process.kill();
    await start();
    const after = await connect('meter', { clean: false });
    after.send(publish);
    await after.next('pubrec');
    after.send({ cmd: 'pubrel', messageId: 5 });
    await after.next('pubcomp');
    await process.kill();
    expect(await stored()).toEqual(['once']);
    await start();
    const next = await connect('meter', { clean: false });
    next.send(publishPacket({ qos: 2, messageId: 5, payload: '{"value":2,"event_id":"another"}' }));
    await next.next('pubrec');
    await process.kill();
    expect((await stored()).sort()).toEqual(['another', 'once']);
  });
});
