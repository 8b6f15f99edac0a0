/** What the REST routes of sensor events need, in memory; tests put in what they want to be found. */
import { AlertError, EventError } from '../../src/errors.ts';
import type { DecodedEvent } from '../../src/events/ingest/event-intake.ts';
import type { AlertQuery } from '../../src/events/store/alert-store.ts';
import type {
  DeadLetter,
  EventQuery,
  History,
  HistoryQuery,
  SensorView,
  StoredEvent,
} from '../../src/events/store/event-store.ts';
import type { Alert, Silence } from '../../src/protocol/alert.ts';
import type { LedgerView } from '../../src/events/workers/ledger.ts';
import type { NewSilence } from '../../src/events/alerts/silences.ts';
import type { SensorEvents } from '../../src/server/ports.ts';

export class FakeSensorEvents implements SensorEvents {
  readonly stored: StoredEvent[] = [];
  readonly sensors = new Map<string, SensorView>();
  readonly letters = new Map<string, DeadLetter>();
  readonly raised = new Map<string, Alert>();
  readonly silenced: Silence[] = [];
  /** What was asked of each part. */
  readonly asked: {
    events: EventQuery[];
    history: HistoryQuery[];
    alerts: AlertQuery[];
    replays: { id: string; edited: DecodedEvent | null }[];
    acknowledged: { id: string; by: string; note: string | null }[];
    snoozed: { id: string; by: string; untilMs: number }[];
    drills: (string | null)[];
  } = { events: [], history: [], alerts: [], replays: [], acknowledged: [], snoozed: [], drills: [] };
  historyAnswer: History = { resolution: 'raw', stepMs: 0, points: [] };
  ledgerView: LedgerView = { lanes: [], dropped: [], gaps: [] };
  failing: string | null = null;

  readonly failure = () => this.failing;
  readonly ledger = () => Promise.resolve(this.ledgerView);

  readonly intake: SensorEvents['intake'] = {
    take: (events) =>
      Promise.resolve(events.map(({ sensorId }, index) => ({ sensorId, eventId: `event-${index}` }))),
    takePublish: () => Promise.resolve(),
  };

  readonly store: SensorEvents['store'] = {
    events: (query) => {
      this.asked.events.push(query);
      if (query.cursor !== null)
        return Promise.reject(new EventError('cursor_invalid', `${query.cursor} is no cursor of this list`));
      return Promise.resolve({ items: this.stored.slice(0, query.limit), nextCursor: null });
    },
    history: (query) => {
      this.asked.history.push(query);
      return Promise.resolve(this.historyAnswer);
    },
  };

  readonly latestValues: SensorEvents['latestValues'] = {
    list: ({ limit }) => ({ items: [...this.sensors.values()].slice(0, limit), nextCursor: null }),
    get: (id) => this.sensors.get(id) ?? null,
  };

  readonly deadLetters: SensorEvents['deadLetters'] = {
    list: ({ state }) =>
      Promise.resolve({
        items: [...this.letters.values()].filter((letter) => letter.state === state),
        nextCursor: null,
      }),
    get: (id) => this.#letter(id),
    replay: async (id, edited) => {
      await this.#letter(id);
      this.asked.replays.push({ id, edited });
    },
    replaySensor: (sensorId) =>
      Promise.resolve([...this.letters.values()].filter((letter) => letter.sensorId === sensorId).length),
    discard: async (id) => {
      await this.#letter(id);
      this.letters.delete(id);
    },
  };

  readonly alerts: SensorEvents['alerts'] = {
    list: (query) => {
      this.asked.alerts.push(query);
      return Promise.resolve({ items: [...this.raised.values()], nextCursor: null });
    },
    get: (id) => this.#alert(id),
    acknowledge: (id, { by, note }) => {
      this.asked.acknowledged.push({ id, by, note });
      return this.#alert(id);
    },
    snooze: (id, { by, untilMs }) => {
      this.asked.snoozed.push({ id, by, untilMs });
      return this.#alert(id);
    },
    silences: () => Promise.resolve(this.silenced),
    createSilence: (silence: NewSilence) => {
      const created = { ...silence, id: `silence-${this.silenced.length}`, createdAt: 0 };
      this.silenced.push(created);
      return Promise.resolve(created);
    },
    endSilence: (id) =>
      this.silenced.some((silence) => silence.id === id)
        ? Promise.resolve()
        : Promise.reject(new AlertError('silence_not_found', `there is no silence ${id}`)),
    rules: () => ({
      source: 'threadhub.yaml',
      rules: [{ name: 'smoke' }],
      problems: ['threadhub.yaml:3:5: …'],
    }),
    drill: (rule) => {
      this.asked.drills.push(rule);
      return Promise.resolve({ drillId: 'drill-1', rules: ['smoke'] });
    },
    drillReport: () => Promise.resolve([...this.raised.values()]),
  };

  readonly subscribed = new Map<string, Parameters<SensorEvents['notifications']['subscribe']>[0]>();
  readonly seen: string[] = [];
  readonly notifications: SensorEvents['notifications'] = {
    publicKey: 'BPublicKey',
    subscriptions: () => [...this.subscribed].map(([id, one]) => ({ ...one, id, createdAt: 0 })),
    subscribe: (subscription) => {
      const id = `device-${this.subscribed.size + 1}`;
      this.subscribed.set(id, subscription);
      return Promise.resolve({ id });
    },
    unsubscribe: (id) =>
      this.subscribed.delete(id)
        ? Promise.resolve()
        : Promise.reject(new AlertError('subscription_not_found', `there is no subscription ${id}`)),
    noteSeen: (id) => {
      if (id === 'unknown')
        return Promise.reject(new AlertError('notification_not_found', `there is no notification ${id}`));
      this.seen.push(id);
      return Promise.resolve();
    },
  };

  #letter(id: string): Promise<DeadLetter> {
    const letter = this.letters.get(id);
    return letter === undefined
      ? Promise.reject(new EventError('dead_letter_not_found', `there is no dead letter ${id}`))
      : Promise.resolve(letter);
  }

  #alert(id: string): Promise<Alert> {
    const alert = this.raised.get(id);
    return alert === undefined
      ? Promise.reject(new AlertError('alert_not_found', `there is no alert ${id}`))
      : Promise.resolve(alert);
  }
}
