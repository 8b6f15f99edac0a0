/** A sensor may send the same type in both lanes: as critical when it is, and in bulk when all is well. */
import { beforeEach, describe, expect, it } from 'vitest';
import { AlertShard, bookOf } from '../../../test/support/alert-shard.ts';
import { FakeClock } from '../../../test/support/fake-clock.ts';
import type { ShardName } from '../../protocol/ids.ts';
import { shardName } from '../stream/durable-stream.ts';
import type { AlertChanges, AlertRow, ShardAlerts } from './alert-evaluator.ts';
import { AlertEngine } from './alert-engine.ts';

const rules = `
alerts:
  - {name: hot, when: {type: t, above: 60}, for: 1m}
  - {name: silent, when: {sensor: "*", silent: 5m}}
`;
const [critical, bulk] = [shardName('critical', 0), shardName('bulk', 0)];

describe('a sensor that uses both lanes', () => {
  const source = new AlertShard(rules);
  let clock: FakeClock;
  let shards: Map<ShardName, ShardAlerts>;
  let rows: Map<string, AlertRow>;
  let lastAt: number;
  let woken: number;

  beforeEach(async () => {
    clock = new FakeClock();
    rows = new Map();
    shards = new Map();
    lastAt = 0;
    woken = 0;
    const book = bookOf(rules);
    const engine = new AlertEngine({
      store: { shardAlerts: () => Promise.resolve({ states: [], alerts: [] }) },
      book: () => book,
      silences: { version: 1, matching: () => null, nextChangeAfter: () => null },
      latestValues: {
        get: () => null,
        lastReceivedAt: () => lastAt,
        list: () => ({ items: [], nextCursor: null }),
      },
      isBorderRouterOnline: () => false,
      counts: { critical: 1, bulk: 1 },
      newId: source.newId,
      clock,
      onDue: () => (woken += 1),
    });
    for (const shard of [critical, bulk]) shards.set(shard, await engine.openShard(shard));
  });

  const evaluate = (shard: ShardName, value: number | null): AlertChanges => {
    const nowMs = clock.nowMs();
    const event = source.event({ sensor: 'oven', type: 't', value: value ?? 0, receivedAt: nowMs });
    const events = value === null ? [] : [{ event, durableAt: nowMs }];
    const alerts = shards.get(shard);
    if (alerts === undefined) throw new Error(shard);
    const changes = alerts.evaluate({ events, facts: [], nowMs, drainedThroughMs: nowMs });
    for (const row of changes.alerts) rows.set(row.id, row);
    alerts.applied(changes);
    if (value !== null) lastAt = nowMs;
    return changes;
  };
  const states = () => [...rows.values()].map(({ rule, shard, state }) => `${rule} ${shard} ${state}`);

  it('has one alert, which the readings of either lane end', async () => {
    evaluate(critical, 80);
    evaluate(bulk, 70);
    await clock.advance(60_000);
    evaluate(critical, null);
    expect(states()).toEqual(['hot critical-0 firing']);
    evaluate(bulk, 20);
    expect(woken).toBe(2);
    expect(shards.get(critical)?.nextDueAt).toBe(0);
    evaluate(critical, null);
    expect(states()).toEqual(['hot critical-0 resolved']);
    expect(shards.get(critical)?.nextDueAt).toBeNull();
    evaluate(bulk, 80);
    expect(states()).toEqual(['hot critical-0 resolved', 'hot bulk-0 pending']);
  });

  it('is watched once, in its bulk shard', async () => {
    evaluate(critical, 1);
    await clock.advance(4 * 60_000);
    evaluate(critical, 1);
    await clock.advance(4 * 60_000);
    for (const shard of [critical, bulk]) evaluate(shard, null);
    expect(states()).toEqual([]);
    await clock.advance(60_000);
    for (const shard of [critical, bulk]) evaluate(shard, null);
    expect(states()).toEqual(['silent bulk-0 firing']);
    await clock.advance(1_000);
    evaluate(critical, 1);
    await clock.advance(10_000);
    evaluate(bulk, null);
    expect(states()).toEqual(['silent bulk-0 resolved']);
  });
});
