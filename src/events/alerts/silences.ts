/**
 * Silences and maintenance windows, in memory for the engine and kept in the store. One that starts later is a maintenance
 * window. What is silenced keeps its state and tells nobody.
 */
import type { Clock } from '../../clock.ts';
import { AlertError } from '../../errors.ts';
import type { Silence } from '../../protocol/alert.ts';
import type { AlertStore } from '../store/alert-store.ts';
import { earliest } from './alert-lifecycle.ts';
import { linkTest, type NameTest, nameTest } from './name-pattern.ts';

export interface SilencesOptions {
  readonly store: Pick<AlertStore, 'silences' | 'putSilence' | 'endSilence'>;
  readonly clock: Pick<Clock, 'nowMs'>;
  readonly newId: () => string;
}

export type NewSilence = Omit<Silence, 'id' | 'createdAt'>;

/** What the engine sees. */
export interface SilencesView {
  /** Grows with every change. */
  readonly version: number;
  /** The one that is in force now; null where none is. */
  matching(rule: string, subject: string, nowMs: number): Silence | null;
  /** When one begins or ends next, Unix ms. */
  nextChangeAfter(timeMs: number): number | null;
}

interface Matcher {
  readonly silence: Silence;
  readonly fitsRule: NameTest;
  readonly fitsSubject: NameTest;
}

export class Silences implements SilencesView {
  readonly #options: SilencesOptions;
  readonly #listeners = new Set<() => void>();
  #matchers: readonly Matcher[] = [];
  #version = 0;

  constructor(options: SilencesOptions) {
    this.#options = options;
  }

  /** Reads those in force and to come; once before the engine starts, and again whenever another hub may have changed them. */
  async load(): Promise<void> {
    const { clock, store } = this.#options;
    const nowMs = clock.nowMs();
    this.#keep((await store.silences({ endedToo: false, nowMs })).filter(({ endsAt }) => endsAt > nowMs));
  }

  get version(): number {
    return this.#version;
  }

  /** Called after each change. Returns the function that unsubscribes. */
  onChanged(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** Rejects with StoreError. */
  async list(options: { readonly endedToo: boolean }): Promise<readonly Silence[]> {
    return this.#options.store.silences({ ...options, nowMs: this.#options.clock.nowMs() });
  }

  /** Rejects with StoreError; it is in force, or will be, once it is stored. */
  async create(wanted: NewSilence): Promise<Silence> {
    const { clock, newId, store } = this.#options;
    const silence: Silence = { ...wanted, id: newId(), createdAt: clock.nowMs() };
    await store.putSilence(silence);
    this.#keep([...this.#matchers.map((matcher) => matcher.silence), silence]);
    return silence;
  }

  /** Rejects with AlertError `silence_not_found`, StoreError. */
  async end(id: string): Promise<void> {
    const isEnded = await this.#options.store.endSilence(id, this.#options.clock.nowMs());
    if (!isEnded) throw new AlertError('silence_not_found', `There is no silence ${id} that has not ended`);
    this.#keep(this.#matchers.map(({ silence }) => silence).filter((silence) => silence.id !== id));
  }

  matching(rule: string, subject: string, nowMs: number): Silence | null {
    for (const { fitsRule, fitsSubject, silence } of this.#matchers) {
      if (silence.startsAt > nowMs || silence.endsAt <= nowMs) continue;
      if (fitsRule(rule) && fitsSubject(subject)) return silence;
    }
    return null;
  }

  nextChangeAfter(timeMs: number): number | null {
    return earliest(
      this.#matchers.flatMap(({ silence: { endsAt, startsAt } }) =>
        [startsAt, endsAt].filter((changeAt) => changeAt > timeMs),
      ),
    );
  }

  #keep(silences: readonly Silence[]): void {
    const nowMs = this.#options.clock.nowMs();
    // A little longer than it lasts: the clock may be set back.
    this.#matchers = silences
      .filter(({ endsAt }) => endsAt > nowMs - 86_400_000)
      .map((silence) => ({
        silence,
        fitsRule: nameTest(silence.rule ?? '*'),
        fitsSubject: linkTest(silence.subject ?? '*'),
      }));
    this.#version += 1;
    for (const listener of this.#listeners) listener();
  }
}
