import assert from 'node:assert';
import { createRequire } from 'node:module';
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FakeClock } from '../../../../test/support/fake-clock.ts';
import { temporaryFolder } from '../../../../test/support/temporary-folder.ts';
import type { BrokerPacket } from './aedes-internals.ts';
import { openBrokerFile, readBrokerFile } from './broker-file.ts';
import { GroupCommit } from './group-commit.ts';
import { type BrokerPersistenceLimits, SqliteBrokerPersistence } from './sqlite-broker-persistence.ts';

const require = createRequire(import.meta.url);

const roomy: BrokerPersistenceLimits = {
  sessionMessages: 10_000,
  sessionBytes: 1e9,
  queuedBytes: 1e9,
  sessions: 1_000,
  retainedMessages: 1_000,
  retainedBytes: 1e9,
};

interface Opened {
  readonly persistence: SqliteBrokerPersistence;
  readonly clock: FakeClock;
  readonly dropped: [string, number, string][];
  readonly forgotten: string[];
  /** Statements sent to the disk. */
  statements(): number;
  close(): Promise<void>;
}

async function open(dataDir: string, limits: Partial<BrokerPersistenceLimits> = {}): Promise<Opened> {
  const thread = await openBrokerFile(dataDir, () => undefined);
  const clock = new FakeClock();
  let statements = 0;
  const disk = new GroupCommit({
    thread: {
      execute(request) {
        statements += request.statements.length;
        return thread.execute(request);
      },
    },
    clock,
    onNotesFailed: (error) => {
      throw error;
    },
  });
  const dropped: Opened['dropped'] = [];
  const forgotten: string[] = [];
  const persistence = new SqliteBrokerPersistence({
    disk,
    content: await readBrokerFile(thread),
    deliveries: {
      forgetDelivery: (key) => Promise.resolve(void forgotten.push(key)),
      forgetDeliveriesOf: (clientId) => Promise.resolve(void forgotten.push(`all of ${clientId}`)),
    },
    clock,
    limits: { ...roomy, ...limits },
    onDropped: (...each) => dropped.push(each),
  });
  await persistence.setup({ id: 'this broker' });
  return {
    persistence,
    clock,
    dropped,
    forgotten,
    statements: () => statements,
    async close() {
      await disk.close();
      await thread.close();
    },
  };
}

const publish = (fields: Partial<BrokerPacket> = {}): BrokerPacket => ({
  cmd: 'publish',
  topic: 'a/b',
  payload: Buffer.from('x'),
  qos: 1,
  retain: false,
  dup: false,
  ...fields,
});

let counter = 0;

/** What the broker does with a publish. */
async function deliver(persistence: SqliteBrokerPersistence, packet: BrokerPacket): Promise<void> {
  const prepared = persistence.prepare(packet);
  if (prepared === null) return;
  await persistence.store(prepared, packet.topic);
  counter += 1;
  persistence.apply(prepared, { ...packet, brokerId: 'this broker', brokerCounter: counter });
}

const waiting = async (persistence: SqliteBrokerPersistence, id: string): Promise<BrokerPacket[]> =>
  (await persistence.outgoingStream({ id }).toArray()) as BrokerPacket[];
const texts = (packets: readonly BrokerPacket[]): string[] =>
  packets.map(({ payload }) => payload.toString());

describe("Aedes' suite for persistences, on SQLite", () => {
  type SuiteTest = (context: object) => Promise<void>;
  const suite = require('aedes-persistence/abstract.js') as (options: {
    test: (title: string, body: SuiteTest) => void;
    persistence: () => Promise<unknown>;
    testAsync: true;
  }) => void;
  const releases: (() => Promise<void>)[] = [];
  afterAll(async () => {
    for (const release of releases) await release();
  });

  suite({
    testAsync: true,
    async persistence() {
      const folder = await temporaryFolder();
      const opened = await open(folder.path);
      releases.push(
        () => opened.close(),
        () => folder.remove(),
      );
      return opened.persistence;
    },
    // Written for node:test: its assertions and its plan of how many there are.
    test: (title, body) => {
      it(title, async () => {
        const assertions: { planned: number | null; made: number } = { planned: null, made: 0 };
        const counted = Object.fromEntries(
          (['equal', 'notEqual', 'deepEqual', 'ok'] as const).map((name) => [
            name,
            (...values: [unknown, unknown, string?]) => {
              assertions.made += 1;
              (assert[name] as (...given: unknown[]) => void)(...values);
            },
          ]),
        );
        await body({
          plan: (count: number) => (assertions.planned = count),
          diagnostic: () => undefined,
          assert: counted,
        });
        expect(assertions.made).toBe(assertions.planned ?? assertions.made);
      });
    },
  });
});

describe('SqliteBrokerPersistence', () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  let opened: Opened;
  const reopen = async (limits: Partial<BrokerPersistenceLimits> = {}): Promise<SqliteBrokerPersistence> => {
    await opened.close();
    opened = await open(folder.path, limits);
    return opened.persistence;
  };

  beforeEach(async () => {
    folder = await temporaryFolder();
    opened = await open(folder.path);
  });
  afterEach(async () => {
    await opened.close();
    await folder.remove();
  });

  it('has after a restart what it had: subscriptions, waiting messages in order, retained messages, wills', async () => {
    const client = { id: 'maison 🏠' };
    await opened.persistence.addSubscriptions(client, [
      { topic: 'a/+', qos: 1 },
      { topic: 'zero', qos: 0 },
    ]);
    for (const text of ['1', '2', '3'])
      await deliver(opened.persistence, publish({ payload: Buffer.from(text) }));
    await deliver(opened.persistence, publish({ topic: 'kept', qos: 0, retain: true }));
    await opened.persistence.putWill(client, {
      topic: 'gone',
      payload: Buffer.from('bye'),
      qos: 1,
      retain: true,
    });
    const first = await waiting(opened.persistence, client.id);
    await opened.persistence.outgoingUpdate(client, { ...(first[0] as BrokerPacket), messageId: 7 });
    await opened.persistence.outgoingClearMessageId(client, { messageId: 7 });

    const persistence = await reopen();
    expect(await persistence.subscriptionsByClient(client)).toMatchObject([
      { topic: 'a/+', qos: 1 },
      { topic: 'zero', qos: 0 },
    ]);
    expect(texts(await waiting(persistence, client.id))).toEqual(['2', '3']);
    expect(await persistence.createRetainedStream('#').toArray()).toMatchObject([
      { topic: 'kept', retain: true },
    ]);
    const thread = await openBrokerFile(folder.path, () => undefined);
    const { wills } = await readBrokerFile(thread);
    await thread.close();
    expect(wills).toMatchObject([{ clientId: client.id, will: { topic: 'gone', qos: 1, retain: true } }]);
    // What came before the restart is before what comes after it.
    await deliver(persistence, publish({ payload: Buffer.from('4') }));
    expect(texts(await waiting(persistence, client.id))).toEqual(['2', '3', '4']);
  });

  it('goes on with a QoS 2 exchange after a restart where it was', async () => {
    const client = { id: 'one' };
    await opened.persistence.addSubscriptions(client, [{ topic: '#', qos: 2 }]);
    await deliver(opened.persistence, publish({ qos: 2, payload: Buffer.from('sent') }));
    await deliver(opened.persistence, publish({ qos: 2, payload: Buffer.from('released') }));
    const [sent, released] = (await waiting(opened.persistence, 'one')) as [BrokerPacket, BrokerPacket];
    await opened.persistence.outgoingUpdate(client, { ...sent, messageId: 11 });
    await opened.persistence.outgoingUpdate(client, { ...released, messageId: 12 });
    await opened.persistence.outgoingUpdate(client, { ...publish(), cmd: 'pubrel', messageId: 12 });

    const persistence = await reopen();
    expect(await waiting(persistence, 'one')).toMatchObject([
      { cmd: 'publish', messageId: 11, qos: 2 },
      { cmd: 'pubrel', messageId: 12 },
    ]);
    await persistence.outgoingClearMessageId(client, { messageId: 12 });
    expect(await waiting(await reopen(), 'one')).toMatchObject([{ messageId: 11 }]);
  });

  it('knows a QoS 2 delivery after a restart until PUBREL, and then its packet identifier means another', async () => {
    await opened.persistence.incomingStorePacket(
      { id: 'one', clean: false },
      publish({ qos: 2, messageId: 5 }),
    );
    const persistence = await reopen();
    expect(persistence.isIncoming('one', 5)).toBe(true);
    await persistence.incomingDelPacket({ id: 'one' }, { messageId: 5 });
    expect(opened.forgotten).toEqual(['5:one']);
    expect((await reopen()).isIncoming('one', 5)).toBe(false);
  });

  it('ends all deliveries of a client that begins a clean session', async () => {
    const client = { id: 'one', clean: false };
    await opened.persistence.incomingStorePacket(client, publish({ qos: 2, messageId: 5 }));
    await opened.persistence.cleanSubscriptions(client);
    await opened.persistence.cleanIncoming(client);
    expect(opened.persistence.isIncoming('one', 5)).toBe(false);
    expect(opened.forgotten).toEqual(['all of one']);
    expect((await reopen()).isIncoming('one', 5)).toBe(false);
  });

  it('costs no disk where nobody is away and nothing is retained', async () => {
    const clean = { id: 'one', clean: true };
    const before = opened.statements();
    await opened.persistence.cleanSubscriptions(clean);
    await opened.persistence.delWill(clean);
    await opened.persistence.cleanIncoming(clean);
    opened.persistence.opened(clean);
    for (const qos of [0, 1, 2] as const) await deliver(opened.persistence, publish({ qos }));
    await opened.persistence.incomingStorePacket(clean, publish({ qos: 2, messageId: 9 }));
    expect(opened.persistence.isIncoming('one', 9)).toBe(true);
    await opened.persistence.incomingDelPacket(clean, { messageId: 9 });
    opened.persistence.closed(clean);
    expect(opened.statements()).toBe(before);
  });

  it('queues one copy for a client at the highest QoS that its filters grant', async () => {
    await opened.persistence.addSubscriptions({ id: 'one' }, [
      { topic: 'a/#', qos: 1 },
      { topic: 'a/b', qos: 2 },
      { topic: '+/b', qos: 0 },
    ]);
    await deliver(opened.persistence, publish({ qos: 2 }));
    await deliver(opened.persistence, publish({ qos: 1 }));
    await deliver(opened.persistence, publish({ qos: 0 }));
    expect((await waiting(opened.persistence, 'one')).map(({ qos }) => qos)).toEqual([2, 1]);
  });

  it('keeps so many messages for a session, drops the newest beyond, and says so', async () => {
    const persistence = await reopen({ sessionMessages: 2 });
    await persistence.addSubscriptions({ id: 'one' }, [{ topic: '#', qos: 1 }]);
    for (const text of ['1', '2', '3', '4'])
      await deliver(persistence, publish({ payload: Buffer.from(text) }));
    expect(texts(await waiting(persistence, 'one'))).toEqual(['1', '2']);
    expect(opened.dropped).toEqual([
      ['session_full', 1, 'a/b'],
      ['session_full', 1, 'a/b'],
    ]);
  });

  it('bounds what waits in all sessions together, and has room again once it was taken', async () => {
    const persistence = await reopen({ queuedBytes: 3_000 });
    for (const id of ['one', 'two']) await persistence.addSubscriptions({ id }, [{ topic: '#', qos: 1 }]);
    const large = publish({ payload: Buffer.alloc(1_000) });
    await deliver(persistence, large);
    await deliver(persistence, large);
    expect(opened.dropped).toEqual([['session_full', 2, 'a/b']]);
    const [first] = (await waiting(persistence, 'one')) as [BrokerPacket];
    await persistence.outgoingUpdate({ id: 'one' }, { ...first, messageId: 1 });
    await persistence.outgoingClearMessageId({ id: 'one' }, { messageId: 1 });
    await persistence.cleanSubscriptions({ id: 'two' });
    await deliver(persistence, large);
    expect(opened.dropped).toHaveLength(1);
    expect(await waiting(persistence, 'one')).toHaveLength(1);
  });

  it('bounds retained messages, and takes one away for an empty payload', async () => {
    const persistence = await reopen({ retainedMessages: 1 });
    await deliver(persistence, publish({ topic: 'one', retain: true }));
    await deliver(persistence, publish({ topic: 'two', retain: true }));
    await deliver(persistence, publish({ topic: 'one', retain: true, payload: Buffer.from('newer') }));
    expect(opened.dropped).toEqual([['retained_full', 1, 'two']]);
    const retained = async (): Promise<string[]> =>
      texts((await opened.persistence.createRetainedStream('#').toArray()) as BrokerPacket[]);
    expect(await retained()).toEqual(['newer']);
    await reopen();
    expect(await retained()).toEqual(['newer']);
    await deliver(opened.persistence, publish({ topic: 'one', retain: true, payload: Buffer.alloc(0) }));
    await reopen();
    expect(await retained()).toEqual([]);
  });

  it('forgets a session that was away too long, and no other', async () => {
    for (const id of ['away', 'back']) {
      const client = { id, clean: false };
      await opened.persistence.addSubscriptions(client, [{ topic: '#', qos: 1 }]);
      opened.persistence.opened(client);
      opened.persistence.closed(client);
    }
    await opened.clock.advance(1_000);
    opened.persistence.opened({ id: 'back', clean: false });
    expect(await opened.persistence.expire(opened.clock.nowMs())).toBe(1);
    expect(opened.forgotten).toEqual(['all of away']);
    const persistence = await reopen();
    expect(await persistence.subscriptionsByClient({ id: 'away' })).toEqual([]);
    expect(await persistence.subscriptionsByClient({ id: 'back' })).toHaveLength(1);
  });

  it('counts a session as away since the restart where its client was connected before', async () => {
    const client = { id: 'one', clean: false };
    await opened.persistence.addSubscriptions(client, [{ topic: '#', qos: 1 }]);
    opened.persistence.opened(client);
    const persistence = await reopen();
    expect(await persistence.expire(opened.clock.nowMs())).toBe(0);
    await opened.clock.advance(1);
    expect(await persistence.expire(opened.clock.nowMs())).toBe(1);
  });

  it('refuses sessions beyond the bound before anything is written', async () => {
    const persistence = await reopen({ sessions: 1 });
    await persistence.addSubscriptions({ id: 'one' }, [{ topic: '#', qos: 1 }]);
    await expect(persistence.addSubscriptions({ id: 'two' }, [{ topic: '#', qos: 1 }])).rejects.toMatchObject(
      {
        code: 'store_full',
      },
    );
    expect(await persistence.subscriptionsByClient({ id: 'two' })).toEqual([]);
  });

  it('does not take the will of a connection away with that of the one it replaced', async () => {
    const old = { id: 'one', closed: true };
    const current = { id: 'one', closed: false };
    const will = (text: string) => ({
      topic: 'gone',
      payload: Buffer.from(text),
      qos: 1 as const,
      retain: false,
    });
    await opened.persistence.putWill(old, will('old'));
    await opened.persistence.delWill(current);
    await opened.persistence.putWill(current, will('current'));
    // As Aedes does once the old one's will is out.
    await opened.persistence.delWill({ id: 'one' });
    expect(await opened.persistence.getWill(current)).toMatchObject({ payload: Buffer.from('current') });
  });

  it('hands everything that waits to a new connection before it takes new messages directly', async () => {
    const { persistence } = opened;
    const client = { id: 'one', clean: false };
    await persistence.addSubscriptions(client, [{ topic: '#', qos: 1 }]);
    await deliver(persistence, publish({ payload: Buffer.from('1') }));
    persistence.opened(client);
    const got: string[] = [];
    let packetId = 0;
    for await (const each of persistence.outgoingStream(client)) {
      const packet = each as BrokerPacket;
      got.push(packet.payload.toString());
      // It comes while the queue is being sent.
      if (got.length === 1) await deliver(persistence, publish({ payload: Buffer.from('2') }));
      expect(persistence.isDrained(client)).toBe(false);
      packetId += 1;
      await persistence.outgoingUpdate(client, { ...packet, messageId: packetId });
    }
    expect(got).toEqual(['1', '2']);
    expect(persistence.isDrained(client)).toBe(true);
  });
});
