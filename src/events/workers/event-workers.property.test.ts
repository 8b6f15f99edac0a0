/** Whatever fails, and whenever: nothing is lost, nothing is there twice, each sensor's order is kept, the ledger balances. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { EventPipeline } from '../../../test/support/event-pipeline.ts';
import { StoreError } from '../../errors.ts';
import type { Lane, SensorEvent } from '../../protocol/sensor-event.ts';
import type { StoreOperation } from '../../../test/support/fake-event-store.ts';

type Fault = 'none' | 'down' | 'down after commit' | 'strange' | 'hangs' | 'hangs after commit' | 'fenced';

interface Plan {
  readonly workers: number;
  readonly batch: number;
  readonly events: readonly {
    readonly sensor: number;
    readonly kind: 'good' | 'again' | 'out of range' | 'poison';
  }[];
  /** What happens to each operation of the store, in turn. */
  readonly faults: readonly Fault[];
  readonly appendsOf: number;
}

const plans: fc.Arbitrary<Plan> = fc.record({
  workers: fc.integer({ min: 1, max: 4 }),
  batch: fc.integer({ min: 10, max: 50 }),
  events: fc.array(
    fc.record({
      sensor: fc.nat(5),
      kind: fc.oneof(
        { weight: 8, arbitrary: fc.constant('good' as const) },
        { weight: 2, arbitrary: fc.constantFrom('again' as const, 'out of range' as const) },
        { weight: 1, arbitrary: fc.constant('poison' as const) },
      ),
    }),
    { minLength: 1, maxLength: 120 },
  ),
  faults: fc.array(
    fc.oneof(
      { weight: 6, arbitrary: fc.constant<Fault>('none') },
      {
        weight: 4,
        arbitrary: fc.constantFrom<Fault>('down', 'down after commit', 'strange', 'fenced'),
      },
      { weight: 1, arbitrary: fc.constantFrom<Fault>('hangs', 'hangs after commit') },
    ),
    { maxLength: 40 },
  ),
  appendsOf: fc.integer({ min: 1, max: 40 }),
});

class Faults {
  readonly #faults: Fault[];
  readonly #woken: (() => void)[] = [];
  #afterCommit: Fault = 'none';

  constructor(faults: readonly Fault[]) {
    this.#faults = [...faults];
  }

  before(operation: StoreOperation): void | Promise<void> {
    const fault = this.#faults.shift() ?? 'none';
    switch (fault) {
      case 'down':
        throw new StoreError('store_failed', 'down');
      case 'strange':
        throw new TypeError('strange');
      case 'fenced':
        if (operation === 'commit') throw new StoreError('store_fenced', 'another owner');
        return;
      case 'hangs':
        return this.#hang();
      case 'down after commit':
      case 'hangs after commit':
        if (operation === 'commit') this.#afterCommit = fault;
        return;
      case 'none':
        return;
    }
  }

  afterCommit(): void | Promise<void> {
    const fault = this.#afterCommit;
    this.#afterCommit = 'none';
    if (fault === 'down after commit') throw new StoreError('store_failed', 'down');
    return fault === 'hangs after commit' ? this.#hang() : undefined;
  }

  wakeAll(): void {
    for (const wake of this.#woken.splice(0)) wake();
  }

  #hang(): Promise<void> {
    return new Promise((resolve) => this.#woken.push(resolve));
  }
}

function eventsOf(pipeline: EventPipeline, plan: Plan): SensorEvent[] {
  const events: SensorEvent[] = [];
  plan.events.forEach(({ kind, sensor }, index) => {
    const lane: Lane = sensor === 0 ? 'critical' : 'bulk';
    const original = events.findLast(({ sensorId }) => sensorId === `sensor-${sensor}`);
    if (kind === 'again' && original !== undefined) {
      events.push(original);
      return;
    }
    const value = { good: 20, again: 20, 'out of range': 99, poison: 13 }[kind];
    events.push(
      pipeline.event(`sensor-${sensor}`, {
        lane,
        dedupKey: `key-${index}`,
        readings: [{ type: 'temperature', value, unit: null }],
      }),
    );
  });
  return events;
}

describe('EventWorkers under random faults', () => {
  it('lose nothing, store nothing twice, keep the order, and balance', { timeout: 60_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(plans, async (plan) => {
        const pipeline = new EventPipeline({
          workers: plan.workers,
          maxBatchEvents: plan.batch,
          typeRules: { temperature: { max: 60 } },
        });
        const faults = new Faults(plan.faults);
        pipeline.store.before = (operation, batch) => {
          if (batch?.events.some(({ readings }) => readings[0]?.value === 13) === true)
            throw new StoreError('store_rejected', 'poison');
          return faults.before(operation);
        };
        pipeline.store.afterCommit = () => faults.afterCommit();
        const events = eventsOf(pipeline, plan);
        await pipeline.workers.start();
        for (let start = 0; start < events.length; start += plan.appendsOf) {
          await pipeline.append(...events.slice(start, start + plan.appendsOf));
          await pipeline.pass(20);
        }
        await pipeline.until(
          () => pipeline.stream.depths().every(({ entries }) => entries === 0),
          'an empty stream',
          600_000,
        );
        faults.wakeAll();
        await pipeline.pass(200);

        const isGood = (event: SensorEvent): boolean => event.readings[0]?.value === 20;
        const wanted = [...new Set(events.filter(isGood))];
        for (const sensor of new Set(events.map(({ sensorId }) => sensorId)))
          expect(pipeline.storedIds(sensor)).toEqual(
            wanted.filter(({ sensorId }) => sensorId === sensor).map(({ eventId }) => eventId),
          );
        const shown = pipeline.live.map((message) => (message.type === 'event' ? message.event_id : ''));
        expect(shown.sort()).toEqual(wanted.map(({ eventId }) => eventId).sort());
        let settled = 0;
        for (const { dead, duplicate, stored } of await pipeline.store.ledger())
          settled += dead + duplicate + stored;
        expect(settled).toBe(events.length);
        const strangers = [...pipeline.store.letters.values()].filter(
          ({ event }) => event !== null && isGood(event),
        );
        // Only a message that fails five times in a row may be taken for a bad one.
        expect(strangers).toEqual([]);
        await pipeline.stop();
      }),
      { numRuns: 300 },
    );
  });
});
