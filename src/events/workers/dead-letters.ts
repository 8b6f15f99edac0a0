/**
 * Dead letters in the hands of people: look at them, replay them as they are or mended, discard them. A replay goes
 * through the stream like any event, at the tail and marked `replayed`; its letter is settled once that is durable. A crash
 * between the two leaves the letter as it was, and a second replay of it is known by its key and stored once.
 */
import type { Clock } from '../../clock.ts';
import { EventError } from '../../errors.ts';
import type { SensorEvent } from '../../protocol/sensor-event.ts';
import { acceptEvent, type AcceptanceRules } from '../ingest/accept-event.ts';
import type { DecodedEvent } from '../ingest/event-intake.ts';
import { FieldProblem } from '../ingest/field-problem.ts';
import type { DeadLetter, DeadLetterQuery, EventStore, Page } from '../store/event-store.ts';
import { type DurableStream, type ShardCounts, shardOf } from '../stream/durable-stream.ts';

export interface DeadLettersOptions {
  readonly store: Pick<EventStore, 'deadLetters' | 'deadLetter' | 'settleDeadLetter'>;
  readonly stream: Pick<DurableStream, 'append'>;
  readonly shards: ShardCounts;
  readonly acceptance: AcceptanceRules;
  readonly clock: Pick<Clock, 'nowMs'>;
}

const lettersPerPage = 500;

export class DeadLetters {
  readonly #options: DeadLettersOptions;
  /** Replays follow each other, so that two of the same letters keep their order. */
  #previous: Promise<unknown> = Promise.resolve();

  constructor(options: DeadLettersOptions) {
    this.#options = options;
  }

  /** Newest first. Throws EventError `cursor_invalid`, StoreError. */
  list(query: DeadLetterQuery): Promise<Page<DeadLetter>> {
    return this.#options.store.deadLetters(query);
  }

  /** Throws EventError `dead_letter_not_found`, StoreError. */
  async get(id: string): Promise<DeadLetter> {
    const letter = await this.#options.store.deadLetter(id);
    if (letter === null)
      throw new EventError(
        'dead_letter_not_found',
        `There is no dead letter ${id}; it may have been too old`,
      );
    return letter;
  }

  /**
   * `edited` replaces the event; what it leaves open (time, id, numbers) stays as it was. Throws EventError
   * `dead_letter_not_found`, `dead_letter_not_replayable`, `event_invalid`; StreamError; StoreError.
   */
  replay(id: string, edited: DecodedEvent | null): Promise<void> {
    return this.#inTurn(async () => {
      const letter = await this.get(id);
      if (letter.state !== 'dead')
        throw new EventError('dead_letter_not_replayable', `Dead letter ${id} is ${letter.state} already`);
      await this.#append([{ letter, event: this.#eventOf(letter, edited) }]);
    });
  }

  /** Every dead one that is an event, in the order of the letters. Resolves to how many. Throws StreamError, StoreError. */
  replaySensor(sensorId: string): Promise<number> {
    return this.#inTurn(async () => {
      const replays: { letter: DeadLetter; event: SensorEvent }[] = [];
      let cursor: string | null = null;
      do {
        const page: Page<DeadLetter> = await this.list({
          sensor: sensorId,
          reason: null,
          state: 'dead',
          limit: lettersPerPage,
          cursor,
        });
        for (const letter of page.items)
          if (letter.event !== null) replays.push({ letter, event: this.#eventOf(letter, null) });
        cursor = page.nextCursor;
      } while (cursor !== null);
      replays.reverse();
      for (let start = 0; start < replays.length; start += lettersPerPage)
        await this.#append(replays.slice(start, start + lettersPerPage));
      return replays.length;
    });
  }

  /** Nothing where it was replayed or discarded before. Throws EventError `dead_letter_not_found`, StoreError. */
  async discard(id: string): Promise<void> {
    await this.get(id);
    await this.#options.store.settleDeadLetter(id, 'discarded');
  }

  #eventOf(letter: DeadLetter, edited: DecodedEvent | null): SensorEvent {
    const event = edited === null ? letter.event : this.#mended(letter, edited);
    if (event === null)
      throw new EventError(
        'dead_letter_not_replayable',
        `Dead letter ${letter.id} never was an event; give the event that it should be`,
      );
    return {
      ...event,
      // Its arrival counts for how long it and its key are kept.
      receivedAt: this.#options.clock.nowMs(),
      dedupKey: `d:${letter.id}`,
      flags: event.flags.includes('replayed') ? event.flags : [...event.flags, 'replayed'],
    };
  }

  #mended({ event, receivedAt, topic }: DeadLetter, edited: DecodedEvent): SensorEvent {
    const accepted = acceptEvent(
      {
        ...edited,
        ts: edited.ts ?? event?.ts ?? receivedAt,
        seq: edited.seq ?? event?.seq ?? null,
        bootId: edited.bootId ?? event?.bootId ?? null,
        eventId: edited.eventId ?? event?.eventId ?? null,
      },
      { protocol: event?.protocol ?? 'internal', receivedAt, qos: event?.qos ?? null, topic },
      this.#options.acceptance,
    );
    if (accepted instanceof FieldProblem) throw new EventError('event_invalid', String(accepted));
    return accepted;
  }

  async #append(
    replays: readonly { readonly letter: DeadLetter; readonly event: SensorEvent }[],
  ): Promise<void> {
    const { shards, store, stream } = this.#options;
    await stream.append(
      replays.map(({ event }) => ({
        shard: shardOf(event.lane, event.sensorId, shards),
        entry: { kind: 'event', event },
      })),
    );
    for (const { letter } of replays) await store.settleDeadLetter(letter.id, 'replayed');
  }

  #inTurn<T>(replay: () => Promise<T>): Promise<T> {
    const turn = this.#previous.then(replay);
    this.#previous = turn.catch(() => undefined);
    return turn;
  }
}
