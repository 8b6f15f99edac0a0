/** One shard of the alert engine as its owner runs it: evaluates, stores the rows, says that they are committed. */
import type {
  AlertChanges,
  AlertCommand,
  AlertRow,
  AlertStateRow,
  NewNotification,
  ShardAlerts,
} from '../../src/events/alerts/alert-evaluator.ts';
import { AlertEngine } from '../../src/events/alerts/alert-engine.ts';
import { readAlertRules } from '../../src/events/alerts/read-alert-rules.ts';
import { RuleBook } from '../../src/events/alerts/rule-book.ts';
import { type NewSilence, Silences } from '../../src/events/alerts/silences.ts';
import type { MeshFact } from '../../src/events/mesh-fact.ts';
import type { SensorView } from '../../src/events/store/event-store.ts';
import { shardName } from '../../src/events/stream/durable-stream.ts';
import type { Alert, Silence } from '../../src/protocol/alert.ts';
import { asSensorId, type SensorId } from '../../src/protocol/ids.ts';
import type { EventFlag, ReadingValue, SensorEvent } from '../../src/protocol/sensor-event.ts';
import { FakeClock } from './fake-clock.ts';

export function bookOf(yaml: string, channels: readonly string[] = ['phone']): RuleBook {
  const { problems, rules } = readAlertRules('threadhub.yaml', yaml);
  if (problems.length > 0 || rules === null)
    throw new Error(`the rules of this test: ${problems.join('; ')}`);
  return new RuleBook(rules, channels);
}

/** As the store shows it. */
export const viewOf = (row: AlertRow, fields: Partial<Alert> = {}): Alert => ({
  ...row,
  steps: [...row.steps],
  stages: { ...row.stages, sentAt: null, deliveredAt: null },
  notifications: [],
  ...fields,
});

export interface TestReading {
  readonly sensor: string;
  readonly type: string;
  readonly value: ReadingValue;
  readonly flags?: readonly EventFlag[];
  readonly ts?: number;
  readonly receivedAt?: number;
}

/** In memory what the store would have; a restart forgets everything else. */
export class AlertShard {
  readonly clock = new FakeClock();
  readonly states = new Map<string, AlertStateRow>();
  readonly rows = new Map<string, AlertRow>();
  readonly notifications: NewNotification[] = [];
  readonly online = new Set<string>();
  readonly silences: Silences;
  readonly #shard = shardName('bulk', 0);
  readonly #sensors = new Map<
    SensorId,
    { lastAt: number; usualMs: number | null; ts: Map<string, number> }
  >();
  readonly #silenceRows = new Map<string, Silence>();
  #book: RuleBook;
  #ids = 0;
  #alerts: ShardAlerts | null = null;
  /** Everything received before is read; null: all of it. */
  drainedThroughMs: number | null = null;

  constructor(yaml: string, channels?: readonly string[]) {
    this.#book = bookOf(yaml, channels);
    this.silences = new Silences({
      clock: this.clock,
      newId: this.newId,
      store: {
        silences: () => Promise.resolve([...this.#silenceRows.values()]),
        putSilence: (silence) => Promise.resolve(void this.#silenceRows.set(silence.id, silence)),
        endSilence: (id) => Promise.resolve(this.#silenceRows.delete(id)),
      },
    });
  }

  readonly newId = (): string => `id-${(this.#ids += 1)}`;

  get alerts(): ShardAlerts {
    if (this.#alerts === null) throw new Error('open the shard first');
    return this.#alerts;
  }

  /** An event of the other lane has been stored. */
  heardElsewhere(sensor: string): void {
    const known = this.#sensors.get(asSensorId(sensor));
    if (known !== undefined) known.lastAt = this.clock.nowMs();
  }

  /** As when a process starts and takes the shard. */
  async open(): Promise<this> {
    await this.silences.load();
    const engine = new AlertEngine({
      store: {
        shardAlerts: () =>
          Promise.resolve({
            states: [...this.states.values()],
            alerts: [...this.rows.values()].filter(({ state }) => state !== 'resolved'),
          }),
      },
      book: () => this.#book,
      silences: this.silences,
      latestValues: {
        lastReceivedAt: (id) => this.#sensors.get(id)?.lastAt ?? null,
        get: (id) => this.#view(id),
        list: () => ({
          items: [...this.#sensors.keys()].flatMap((id) => this.#view(id) ?? []),
          nextCursor: null,
        }),
      },
      isBorderRouterOnline: (id) => this.online.has(id),
      onDue: () => undefined,
      counts: { critical: 1, bulk: 1 },
      clock: this.clock,
      newId: this.newId,
    });
    this.#alerts = await engine.openShard(this.#shard);
    return this;
  }

  /** The engine has not looked yet. */
  replaceRules(yaml: string, channels?: readonly string[]): void {
    this.#book = bookOf(yaml, channels);
  }

  useRules(yaml: string, channels?: readonly string[]): void {
    this.replaceRules(yaml, channels);
    this.run();
  }

  usualInterval(sensor: string, usualMs: number): void {
    const known = this.#sensors.get(asSensorId(sensor));
    this.#sensors.set(asSensorId(sensor), {
      lastAt: known?.lastAt ?? this.clock.nowMs(),
      usualMs,
      ts: known?.ts ?? new Map<string, number>(),
    });
  }

  event({
    flags = [],
    receivedAt = this.clock.nowMs(),
    sensor,
    ts = receivedAt,
    type,
    value,
  }: TestReading): SensorEvent {
    return {
      eventId: this.newId(),
      sensorId: asSensorId(sensor),
      lane: 'bulk',
      readings: [{ type, value, unit: null }],
      ts,
      sourceTs: null,
      receivedAt,
      seq: null,
      bootId: null,
      dedupKey: null,
      flags,
      protocol: 'mqtt',
      qos: 1,
      topic: null,
    };
  }

  /** One batch, committed. */
  receive(...readings: readonly TestReading[]): AlertChanges {
    return this.take(readings.map((reading) => this.event(reading)));
  }

  take(events: readonly SensorEvent[], facts: readonly MeshFact[] = []): AlertChanges {
    const changes = this.evaluate(events, facts);
    this.commit(changes);
    for (const { readings, receivedAt, sensorId, ts } of events) {
      const known = this.#sensors.get(sensorId);
      const times = known?.ts ?? new Map<string, number>();
      for (const { type } of readings) times.set(type, ts);
      this.#sensors.set(sensorId, { lastAt: receivedAt, usualMs: known?.usualMs ?? null, ts: times });
    }
    return changes;
  }

  learn(...facts: readonly MeshFact[]): AlertChanges {
    return this.take([], facts);
  }

  evaluate(events: readonly SensorEvent[] = [], facts: readonly MeshFact[] = []): AlertChanges {
    const nowMs = this.clock.nowMs();
    return this.alerts.evaluate({
      events: events.map((event) => ({ event, durableAt: event.receivedAt })),
      facts,
      nowMs,
      drainedThroughMs: this.drainedThroughMs ?? nowMs,
    });
  }

  commit(changes: AlertChanges): void {
    for (const { rule, subject } of changes.removedStates) this.states.delete(`${rule}|${subject}`);
    for (const row of changes.states) this.states.set(`${row.rule}|${row.subject}`, row);
    for (const row of changes.alerts) this.rows.set(row.id, row);
    this.notifications.push(...changes.notifications);
    this.alerts.applied(changes);
  }

  /** Every timer that is due now. */
  run(): void {
    for (let round = 0; round < 20; round += 1) {
      const { nextDueAt } = this.alerts;
      if (nextDueAt === null || nextDueAt > this.clock.nowMs()) return;
      const changes = this.evaluate();
      this.commit(changes);
    }
  }

  /** Time passes; timers run when they are due. */
  async pass(durationMs: number): Promise<void> {
    const untilMs = this.clock.monotonicMs() + durationMs;
    for (;;) {
      this.run();
      const { nextDueAt } = this.alerts;
      const leftMs = untilMs - this.clock.monotonicMs();
      if (leftMs <= 0) return;
      const dueInMs = nextDueAt === null ? leftMs : Math.max(100, nextDueAt - this.clock.nowMs());
      await this.clock.advance(Math.min(leftMs, dueInMs));
    }
  }

  command(command: AlertCommand): void {
    this.commit(this.alerts.command(command, this.clock.nowMs()));
  }

  acknowledge(alert: AlertRow, by = 'Ada'): void {
    this.command({ kind: 'acknowledge', alertId: alert.id, by, note: null });
  }

  silence(fields: Partial<NewSilence> & { readonly forMs: number }): Promise<Silence> {
    const { forMs, ...rest } = fields;
    const startsAt = rest.startsAt ?? this.clock.nowMs();
    return this.silences.create({
      ...{ rule: null, subject: null, reason: 'works on the roof', createdBy: 'Ada' },
      ...rest,
      startsAt,
      endsAt: startsAt + forMs,
    });
  }

  get all(): readonly AlertRow[] {
    return [...this.rows.values()];
  }

  /** The only alert there is. */
  get only(): AlertRow {
    const [row, another] = this.all;
    if (row === undefined || another !== undefined) throw new Error(`there are ${this.all.length} alerts`);
    return row;
  }

  /** What was told so far: `fired phone`. */
  get told(): readonly string[] {
    return this.notifications.map(({ channel, transition }) => `${transition} ${channel}`);
  }

  get stepKinds(): readonly string[] {
    return this.only.steps.map(({ kind }) => kind);
  }

  #view(id: SensorId): SensorView | null {
    const known = this.#sensors.get(id);
    if (known === undefined) return null;
    return {
      id,
      name: null,
      firstSeenAt: known.lastAt,
      lastSeenAt: known.lastAt,
      events: 1,
      qos0Events: 0,
      missedSeqs: 0,
      usualIntervalMs: known.usualMs,
      readings: [...known.ts].map(([type, ts]) => ({
        type,
        value: 0,
        unit: null,
        ts,
        receivedAt: known.lastAt,
      })),
    };
  }
}
