/**
 * The actions of the REST API and the one place where they run: the radio side of the agent does one at a time.
 *
 *   pending ── its turn, destination known ──► active ── answered ──► completed
 *   pending ── timeout since the POST ──► stopped
 *   active ── timeout since it became active ──► completed, with what came or nothing
 *   active ── timeout since the POST, which came clearly earlier ──► stopped
 *
 * Both timeouts are as long as the POST asked; they differ by the time that the action waited for its turn. The agent
 * looks at them when something wakes it, up to 0.4 s late: an action that never waited completes.
 */
import type { Clock } from '../../clock.ts';
import type { JsonObject } from '../../protocol/json.ts';
import type { SeededRandom } from '../random.ts';
import { ItemCollection, mostItems } from './item-collection.ts';

export type ActionStatus = 'pending' | 'active' | 'completed' | 'stopped';

/** What an action does when it is its turn. */
export interface ActionRun {
  /** Answered so much later; null: only the timeout ends it. */
  readonly answeredAfterMs: number | null;
  /** Called once, at the end; the id of a result, empty for none. Null where the action has no result at all. */
  readonly finish: (timedOut: boolean) => string | null;
  /** Nothing ends it, and all others wait behind it. */
  readonly hangs?: boolean;
  /** Ends by its timeout, which is this long at least, ms. */
  readonly leastTimeoutMs?: number;
}

export interface ActionRequest {
  readonly type: string;
  /** As they are shown, but for timeout, status and creation. */
  readonly attributes: JsonObject;
  readonly timeoutMs: number;
  /** Null: it cannot start now, such as for a destination that is not known. */
  readonly start: () => ActionRun | null;
}

export interface Action {
  readonly id: string;
  readonly type: string;
  readonly attributes: JsonObject;
  readonly timeoutMs: number;
  readonly postedMs: number;
  readonly createdMs: number;
  readonly status: ActionStatus;
  readonly resultId: string | null;
}

interface ActionAtWork extends Action {
  status: ActionStatus;
  resultId: string | null;
  readonly start: () => ActionRun | null;
}

/** The agent's loop takes up new actions so soon, ms. */
const takenUpAfterMs = 1;
const mostLateMs = 400;

export class ActionQueue {
  readonly #clock: Clock;
  readonly #random: SeededRandom;
  readonly #actions: ItemCollection<ActionAtWork>;
  #active: { readonly action: ActionAtWork; readonly run: ActionRun; readonly sinceMs: number } | null = null;
  readonly #timers = new Set<() => void>();

  constructor(clock: Clock, random: SeededRandom) {
    this.#clock = clock;
    this.#random = random;
    this.#actions = new ItemCollection(random.fork('places'));
  }

  get size(): number {
    return this.#actions.size;
  }

  get unfinished(): number {
    return this.entries().filter((action) => action.status === 'pending' || action.status === 'active')
      .length;
  }

  entries(): Action[] {
    return this.#actions.entries().map(([, action]) => action);
  }

  get(id: string): Action | undefined {
    return this.#actions.get(id);
  }

  /** False where so many more would push out unfinished ones. */
  hasRoomFor(count: number): boolean {
    return this.unfinished + count <= mostItems;
  }

  add(request: ActionRequest, id: string): Action {
    const action: ActionAtWork = {
      id,
      type: request.type,
      attributes: request.attributes,
      timeoutMs: request.timeoutMs,
      start: request.start,
      postedMs: this.#clock.monotonicMs(),
      createdMs: this.#clock.nowMs(),
      status: 'pending',
      resultId: null,
    };
    this.#actions.add(id, action);
    this.#later(takenUpAfterMs, () => this.#takeUp());
    this.#later(request.timeoutMs + this.#lateMs(), () => this.#timeOut(action));
    return action;
  }

  /** Forgets one action, and stops it where it runs. */
  delete(id: string): boolean {
    if (this.#active?.action.id === id) this.#active = null;
    const known = this.#actions.delete(id);
    this.#later(takenUpAfterMs, () => this.#takeUp());
    return known;
  }

  clear(): void {
    this.#active = null;
    this.#actions.clear();
  }

  close(): void {
    this.clear();
    for (const cancel of this.#timers) cancel();
    this.#timers.clear();
  }

  /** In the order of the collection, not of the POST. */
  #takeUp(): void {
    for (const [, action] of this.#actions.entries()) {
      if (this.#active !== null) return;
      if (action.status !== 'pending') continue;
      if (this.#clock.monotonicMs() >= action.postedMs + action.timeoutMs) {
        action.status = 'stopped';
        continue;
      }
      const run = action.start();
      if (run === null) continue;
      const active = { action, run, sinceMs: this.#clock.monotonicMs() };
      this.#active = active;
      action.status = 'active';
      if (run.hangs === true) return;
      const answered = (): void => {
        if (this.#active === active) this.#finish(run.finish(false));
      };
      if (run.answeredAfterMs === 0) answered();
      else if (run.answeredAfterMs !== null) this.#later(run.answeredAfterMs, answered);
      const runsForMs = Math.max(action.timeoutMs, run.leastTimeoutMs ?? 0);
      this.#later(runsForMs + this.#lateMs(), () => {
        if (this.#active === active) this.#finish(run.finish(true));
      });
    }
  }

  #finish(resultId: string | null): void {
    const active = this.#active;
    if (active === null) return;
    active.action.status = 'completed';
    active.action.resultId = resultId;
    this.#active = null;
    this.#takeUp();
  }

  #timeOut(action: ActionAtWork): void {
    if (action.status === 'pending') {
      action.status = 'stopped';
      return;
    }
    const active = this.#active;
    if (active?.action !== action || active.run.hangs === true) return;
    const runsForMs = Math.max(action.timeoutMs, active.run.leastTimeoutMs ?? 0);
    if (this.#clock.monotonicMs() >= active.sinceMs + runsForMs) {
      this.#finish(active.run.finish(true));
      return;
    }
    action.status = 'stopped';
    this.#active = null;
    this.#takeUp();
  }

  #lateMs(): number {
    return this.#random.integer(takenUpAfterMs + 1, mostLateMs);
  }

  #later(afterMs: number, callback: () => void): void {
    const cancel = this.#clock.after(afterMs, () => {
      this.#timers.delete(cancel);
      callback();
    });
    this.#timers.add(cancel);
  }
}
