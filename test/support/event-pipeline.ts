/** The workers with everything around them in memory, on a clock that the test moves; faults are injected at the store and the alerts. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { FactBus } from '../../src/facts.ts';
import {
  type AlertChanges,
  type AlertCommand,
  type AlertEvaluator,
  type EvaluationInput,
  noAlertChanges,
  type ShardAlerts,
} from '../../src/events/alerts/alert-evaluator.ts';
import type { TypeRule } from '../../src/events/ingest/type-rules.ts';
import type { StoreBatch } from '../../src/events/store/event-store.ts';
import { type ShardCounts, shardOf } from '../../src/events/stream/durable-stream.ts';
import { EventWorkers, type EventWorkersOptions } from '../../src/events/workers/event-workers.ts';
import { LocalShardLeases } from '../../src/events/workers/local-shard-leases.ts';
import type { ShardName } from '../../src/protocol/ids.ts';
import type { LiveMessage } from '../../src/protocol/live.ts';
import type { SensorEvent } from '../../src/protocol/sensor-event.ts';
import { sensorEvent } from './event-samples.ts';
import { FakeClock } from './fake-clock.ts';
import { FakeEventStore } from './fake-event-store.ts';
import { MemoryDurableStream } from './memory-durable-stream.ts';

/** The alerts of every shard; what they do is the test's. */
export class FakeAlerts implements AlertEvaluator {
  readonly inputs: EvaluationInput[] = [];
  readonly applied: AlertChanges[] = [];
  readonly opened: ShardName[] = [];
  nextDueAt: number | null = null;
  evaluate: (input: EvaluationInput) => AlertChanges = () => noAlertChanges;
  command: (command: AlertCommand) => AlertChanges = () => noAlertChanges;
  onApplied: (changes: AlertChanges) => void = () => undefined;

  openShard(shard: ShardName): Promise<ShardAlerts> {
    this.opened.push(shard);
    const dueAt = (): number | null => this.nextDueAt;
    return Promise.resolve({
      get nextDueAt() {
        return dueAt();
      },
      evaluate: (input) => {
        this.inputs.push(input);
        return this.evaluate(input);
      },
      command: (command) => this.command(command),
      applied: (changes) => {
        this.applied.push(changes);
        this.onApplied(changes);
      },
    });
  }
}

export interface EventPipelineOptions extends Partial<
  Pick<EventWorkersOptions, 'workers' | 'maxBatchEvents'>
> {
  readonly counts?: ShardCounts;
  readonly typeRules?: Readonly<Record<string, TypeRule>>;
  readonly store?: FakeEventStore;
  readonly clock?: FakeClock;
  readonly stream?: MemoryDurableStream;
}

export const pipelineLeaseMs = 5_000;

export class EventPipeline {
  readonly clock: FakeClock;
  readonly counts: ShardCounts;
  readonly stream: MemoryDurableStream;
  readonly store: FakeEventStore;
  readonly alerts = new FakeAlerts();
  readonly facts = new FactBus({
    onListenerError: (_name, error) => {
      throw error;
    },
  });
  /** What became known of each batch to the latest values. */
  readonly applied: Pick<StoreBatch, 'latest'>[] = [];
  readonly live: LiveMessage[] = [];
  readonly faults: string[] = [];
  notified = 0;
  readonly workers: EventWorkers;
  #made = 0;

  constructor(options: EventPipelineOptions = {}) {
    this.counts = options.counts ?? { critical: 2, bulk: 4 };
    this.clock = options.clock ?? new FakeClock();
    this.stream = options.stream ?? new MemoryDurableStream({ clock: this.clock, counts: this.counts });
    this.store = options.store ?? new FakeEventStore();
    let ids = 0;
    this.workers = new EventWorkers({
      stream: this.stream,
      store: this.store,
      alertStore: { alert: () => Promise.resolve(null) },
      alerts: this.alerts,
      latestValues: { apply: (batch) => void this.applied.push(batch) },
      liveFeed: {
        append: (messages) => void this.live.push(...messages),
      },
      leases: new LocalShardLeases({ clock: this.clock, leaseMs: pipelineLeaseMs }),
      typeRules: new Map(Object.entries(options.typeRules ?? {})),
      facts: this.facts,
      clock: this.clock,
      random: () => 0.5,
      newId: () => `id-${(ids += 1)}`,
      workers: options.workers ?? 3,
      leaseMs: pipelineLeaseMs,
      maxBatchEvents: options.maxBatchEvents ?? 500,
      onNotifications: () => (this.notified += 1),
      onFault: (error, what) => void this.faults.push(`${what}: ${String(error)}`),
    });
  }

  /** Each has its own id and number, in the order made. */
  event(sensorId: string, fields: Partial<Omit<SensorEvent, 'sensorId'>> = {}): SensorEvent {
    this.#made += 1;
    return sensorEvent({
      sensorId,
      eventId: `event-${this.#made}`,
      receivedAt: this.clock.nowMs(),
      ts: this.clock.nowMs(),
      ...fields,
    });
  }

  append(...events: readonly SensorEvent[]): Promise<void> {
    return this.stream.append(
      events.map((event) => ({
        shard: shardOf(event.lane, event.sensorId, this.counts),
        entry: { kind: 'event', event },
      })),
    );
  }

  /** Lets time pass in small steps until the condition holds; throws after a simulated minute. */
  async until(condition: () => boolean, what = 'the condition', limitMs = 60_000): Promise<void> {
    for (let passedMs = 0; !condition(); passedMs += 10) {
      if (passedMs > limitMs) throw new Error(`${what} did not come true; faults: ${this.faults.join('; ')}`);
      await this.pass(10);
    }
  }

  async pass(ms: number): Promise<void> {
    for (let passedMs = 0; passedMs < ms; passedMs += 10) {
      await this.clock.advance(Math.min(10, ms - passedMs));
      for (let turn = 0; turn < 3; turn += 1) await nextTurn();
    }
  }

  /** Until the stream holds nothing that is not stored. */
  drained(): Promise<void> {
    return this.until(() => this.stream.depths().every(({ entries }) => entries === 0), 'an empty stream');
  }

  storedIds(sensorId?: string): readonly string[] {
    return this.store.stored
      .filter((event) => sensorId === undefined || event.sensorId === sensorId)
      .map(({ eventId }) => eventId);
  }

  async stop(): Promise<void> {
    let done = false;
    const stopped = this.workers.stop().then(() => (done = true));
    await this.until(() => done, 'the stop');
    await stopped;
  }
}
