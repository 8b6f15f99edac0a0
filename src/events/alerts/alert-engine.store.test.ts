/** The engine on the real store: what a restart of the whole process finds. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { AlertShard, bookOf } from '../../../test/support/alert-shard.ts';
import { FakeClock } from '../../../test/support/fake-clock.ts';
import { temporaryFolder } from '../../../test/support/temporary-folder.ts';
import { openEventStores } from '../store/sqlite/open-event-stores.ts';
import { shardName } from '../stream/durable-stream.ts';
import type { AlertChanges, EvaluationInput, ShardAlerts } from './alert-evaluator.ts';
import { AlertEngine } from './alert-engine.ts';
import { Silences } from './silences.ts';

const rules = `
alerts:
  - {name: warm, when: {type: t, above: 30}, for: 5m, repeat: 1m}
  - {name: jump, when: {type: p, changes_by: {by: 5, within: 10m}}}
`;
const minuteMs = 60_000;
const shard = shardName('bulk', 0);

describe('AlertEngine on the real store', () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  let clock: FakeClock;
  let stores: Awaited<ReturnType<typeof openEventStores>>;
  let alerts: ShardAlerts;
  let epoch: number;
  let ids = 0;
  const newId = (): string => `id-${(ids += 1)}`;

  const open = async (): Promise<void> => {
    stores = await openEventStores({ dataDir: folder.path, clock, onCrash: () => undefined });
    ({ epoch } = await stores.events.takeShard(shard));
    const silences = new Silences({ store: stores.alerts, clock, newId });
    await silences.load();
    const book = bookOf(rules);
    const engine = new AlertEngine({
      ...{ silences, clock, newId, store: stores.alerts, counts: { critical: 1, bulk: 1 } },
      book: () => book,
      isBorderRouterOnline: () => false,
      onDue: () => undefined,
      latestValues: {
        get: () => null,
        lastReceivedAt: () => null,
        list: () => ({ items: [], nextCursor: null }),
      },
    });
    alerts = await engine.openShard(shard);
  };

  const restart = async (): Promise<void> => {
    await stores.close();
    await open();
  };

  beforeEach(async () => {
    folder = await temporaryFolder();
    clock = new FakeClock();
    await open();
  });

  afterEach(async () => {
    await stores.close();
    await folder.remove();
  });

  const commit = async (changes: AlertChanges): Promise<void> => {
    await stores.events.commit({
      ...{ shard, epoch, from: null, to: null, committedAt: clock.nowMs(), events: [], duplicates: 0 },
      ...{ deadLetters: [], latest: [], minutes: [], sensors: [], descriptions: [], alerts: changes },
    });
    alerts.applied(changes);
  };

  const receive = async (type: string, value: number): Promise<void> => {
    const source = new AlertShard(rules);
    const event = source.event({ sensor: 'a', type, value, receivedAt: clock.nowMs() });
    const input: EvaluationInput = {
      events: [{ event, durableAt: clock.nowMs() }],
      facts: [],
      nowMs: clock.nowMs(),
      drainedThroughMs: clock.nowMs(),
    };
    await commit(alerts.evaluate(input));
  };

  const pass = async (durationMs: number): Promise<void> => {
    await clock.advance(durationMs);
    const nowMs = clock.nowMs();
    await commit(alerts.evaluate({ events: [], facts: [], nowMs, drainedThroughMs: nowMs }));
  };

  const all = async () =>
    (
      await stores.alerts.alerts({
        ...{ states: null, severity: null, rule: null, subject: null, limit: 10, cursor: null },
      })
    ).items;

  it('goes on where it was: pending, firing, acknowledged, resolved', async () => {
    await receive('t', 31);
    await pass(3 * minuteMs);
    await restart();
    expect(await all()).toMatchObject([{ state: 'pending' }]);
    await pass(2 * minuteMs);
    expect(await all()).toMatchObject([{ state: 'firing', stages: { storedAt: clock.nowMs() } }]);
    await restart();
    await pass(minuteMs);
    const [firing] = await all();
    expect(firing?.notifications.map(({ transition }) => transition)).toEqual(['fired', 'repeated']);
    const alertId = (await stores.alerts.shardAlerts(shard)).alerts[0]?.id;
    if (alertId === undefined) throw new Error('no alert');
    await commit(alerts.command({ kind: 'acknowledge', alertId, by: 'Ada', note: null }, clock.nowMs()));
    await restart();
    expect(alerts.nextDueAt).toBe(0);
    await pass(0);
    expect(alerts.nextDueAt).toBeNull();
    await receive('t', 20);
    const [resolved] = await all();
    expect(resolved).toMatchObject({ state: 'resolved', acknowledgedBy: 'Ada' });
    expect(resolved?.steps.map(({ kind }) => kind)).toEqual([
      ...['pending', 'fired', 'repeated', 'acknowledged', 'resolved'],
    ]);
    expect(await stores.alerts.shardAlerts(shard)).toEqual({ states: [], alerts: [] });
  });

  it('remembers the readings of a window', async () => {
    await receive('p', 100);
    await pass(minuteMs);
    await receive('p', 102);
    await pass(minuteMs);
    await restart();
    await receive('p', 106);
    expect(await all()).toMatchObject([{ rule: 'jump', state: 'firing', value: 6 }]);
  });
});
