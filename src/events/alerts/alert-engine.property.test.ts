/** Whatever happens in whatever order, these hold. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AlertShard } from '../../../test/support/alert-shard.ts';
import type { AlertRow } from './alert-evaluator.ts';

const rules = `
alerts:
  - {name: high, when: {type: t, above: 10}, clear: {below: 5}, for: 30s, repeat: 20s, escalate: [{after: 50s, notify: [boss]}]}
  - {name: on, when: {type: on, equals: true}, repeat: 1m}
  - {name: jump, when: {type: t, changes_by: {by: 8, within: 1m}}}
  - {name: silent, when: {sensor: "*", silent: 90s}}
`;

const sensor = fc.constantFrom('a', 'b');
const action = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('value' as const),
      sensor,
      value: fc.integer({ min: 0, max: 15 }),
    }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('on' as const), sensor, value: fc.boolean() }) },
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constant('pass' as const), ms: fc.integer({ min: 1, max: 100_000 }) }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('acknowledge' as const), index: fc.nat(5) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('snooze' as const),
      index: fc.nat(5),
      ms: fc.integer({ min: 1, max: 90_000 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('silence' as const), ms: fc.integer({ min: 1, max: 90_000 }) }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('restart' as const) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('jump' as const),
      ms: fc.integer({ min: -7_200_000, max: 7_200_000 }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('rolled back' as const), sensor, value: fc.boolean() }),
  },
);
type Action = typeof action extends fc.Arbitrary<infer Value> ? Value : never;

async function act(shard: AlertShard, taken: Action, withRollbacks: boolean): Promise<void> {
  const active = shard.all.filter(({ state }) => state === 'firing' || state === 'acknowledged');
  switch (taken.kind) {
    case 'value':
      shard.receive({ sensor: taken.sensor, type: 't', value: taken.value });
      break;
    case 'on':
      shard.receive({ sensor: taken.sensor, type: 'on', value: taken.value });
      break;
    case 'pass':
      await shard.pass(taken.ms);
      break;
    case 'acknowledge': {
      const alert = active[taken.index];
      if (alert !== undefined) shard.acknowledge(alert);
      break;
    }
    case 'snooze': {
      const alert = active[taken.index];
      const untilMs = shard.clock.nowMs() + taken.ms;
      if (alert !== undefined) shard.command({ kind: 'snooze', alertId: alert.id, by: 'Ada', untilMs });
      break;
    }
    case 'silence':
      await shard.silence({ forMs: taken.ms });
      break;
    case 'restart':
      await shard.open();
      break;
    case 'jump':
      shard.clock.jumpWall(taken.ms);
      // It is noticed with whatever is evaluated next; here at once, so that histories can be compared.
      shard.commit(shard.evaluate());
      break;
    case 'rolled back':
      if (withRollbacks)
        shard.evaluate([
          shard.event({ sensor: taken.sensor, type: 'on', value: taken.value }),
          shard.event({ sensor: taken.sensor, type: 't', value: 15 }),
        ]);
  }
}

/** What of an alert does not depend on the ids that were used up. */
const essence = ({ acknowledgedBy, resolvedAt, rule, startedAt, state, steps, subject, value }: AlertRow) =>
  JSON.stringify({
    ...{ subject, rule, startedAt, state, acknowledgedBy, resolvedAt, value },
    steps: steps.map(({ happenedAt, kind }) => `${kind} ${happenedAt}`),
  });

describe('AlertEngine, whatever happens', () => {
  it('has at most one alert of a rule and a subject that is not resolved, and resolves for good', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(action, { maxLength: 40 }), async (actions) => {
        const shard = await new AlertShard(rules, ['phone', 'boss']).open();
        const resolved = new Map<string, AlertRow>();
        for (const taken of actions) {
          await act(shard, taken, true);
          const live = shard.all.filter(({ state }) => state !== 'resolved');
          expect(new Set(live.map(({ rule, subject }) => `${rule} ${subject}`)).size).toBe(live.length);
          for (const [id, row] of resolved) expect(shard.rows.get(id)).toBe(row);
          for (const row of shard.all) if (row.state === 'resolved') resolved.set(row.id, row);
          // Every alert that is not resolved has a state that a restart would find.
          const states = [...shard.states.values()].map(({ state }) => state).join();
          for (const { id } of live) expect(states).toContain(`"${id}"`);
        }
      }),
      { numRuns: 60 },
    );
  });

  it('tells everything once, nothing of what never fired, and nothing after the end', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(action, { maxLength: 40 }), async (actions) => {
        const shard = await new AlertShard(rules, ['phone', 'boss']).open();
        for (const taken of actions) await act(shard, taken, true);
        const keys = shard.notifications.map(({ idempotencyKey }) => idempotencyKey);
        expect(new Set(keys).size).toBe(keys.length);
        for (const row of shard.all) {
          const told = shard.notifications
            .filter(({ alertId }) => alertId === row.id)
            .map(({ transition }) => transition);
          const hasFired = row.steps.some(({ kind }) => kind === 'fired');
          if (!hasFired) expect(told).toEqual([]);
          const end = told.indexOf('resolved');
          if (end >= 0) {
            expect(row.state).toBe('resolved');
            expect(told.slice(end).every((transition) => transition === 'resolved')).toBe(true);
            expect(end).toBeGreaterThan(0);
          }
        }
      }),
      { numRuns: 60 },
    );
  });

  it('is the same whether or not evaluations were rolled back in between', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(action, { maxLength: 40 }), async (actions) => {
        const plain = await new AlertShard(rules, ['phone', 'boss']).open();
        const disturbed = await new AlertShard(rules, ['phone', 'boss']).open();
        // So that both know all sensors, and look at them at the same times.
        for (const shard of [plain, disturbed])
          for (const known of ['a', 'b']) shard.receive({ sensor: known, type: 't', value: 0 });
        for (const taken of actions) {
          await act(plain, taken, false);
          await act(disturbed, taken, true);
        }
        // What falls due at the same instant may do so in another order.
        expect(disturbed.all.map(essence).sort()).toEqual(plain.all.map(essence).sort());
        expect([...disturbed.told].sort()).toEqual([...plain.told].sort());
      }),
      { numRuns: 60 },
    );
  });

  it('hears of a fire in the end, whatever was silenced, snoozed and restarted before', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(action, { maxLength: 30 }), async (actions) => {
        const shard = await new AlertShard(rules, ['phone', 'boss']).open();
        for (const taken of actions) await act(shard, taken, true);
        shard.receive({ sensor: 'a', type: 'on', value: true });
        const alert = shard.all.find(
          ({ rule, state, subject }) => rule === 'on' && subject === 'a' && state !== 'resolved',
        );
        expect(alert).toBeDefined();
        // Longer than any silence, snooze or step of the clock.
        await shard.pass(4 * 3_600_000);
        const told = shard.notifications.filter(({ alertId }) => alertId === alert?.id);
        if (alert?.state === 'firing') expect(told.length).toBeGreaterThan(10);
      }),
      { numRuns: 60 },
    );
  });
});
