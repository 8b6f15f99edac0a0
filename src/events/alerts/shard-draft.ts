/**
 * What an evaluation would change, on top of what is committed: read through it, and thrown away where the batch is rolled
 * back.
 */
import type { AlertId } from '../../protocol/ids.ts';
import type { AlertChanges, AlertRow, AlertStateRow, NewNotification } from './alert-evaluator.ts';
import { notificationsOf } from './alert-notifications.ts';
import type { RuleBook } from './rule-book.ts';
import { dueAtOf, isIdle, type Move, serialise, type TrackedSubject } from './tracked-subject.ts';

export interface ShardDraftOptions {
  readonly committed: ReadonlyMap<string, TrackedSubject>;
  readonly book: RuleBook;
  readonly newId: () => string;
  readonly nowMs: number;
}

export const subjectKey = (rule: string, subject: string): string => `${rule}\u0000${subject}`;

export class ShardDraft {
  readonly #options: ShardDraftOptions;
  readonly #subjects = new Map<string, TrackedSubject>();
  readonly #alerts = new Map<AlertId, AlertRow>();
  readonly #notifications: NewNotification[] = [];

  constructor(options: ShardDraftOptions) {
    this.#options = options;
  }

  get subjects(): ReadonlyMap<string, TrackedSubject> {
    return this.#subjects;
  }

  get isEmpty(): boolean {
    return this.#subjects.size === 0;
  }

  get(key: string): TrackedSubject | undefined {
    return this.#subjects.get(key) ?? this.#options.committed.get(key);
  }

  take(key: string, { advances, tracked }: Move): void {
    const before = this.get(key);
    if (before === tracked) return;
    this.#subjects.set(key, tracked);
    const { book, newId, nowMs } = this.#options;
    for (const { row, tell } of advances) {
      this.#alerts.set(row.id, row);
      for (const telling of tell) {
        const rule = book.get(tracked.rule);
        this.#notifications.push(
          ...notificationsOf({ row, telling, rule, channels: book.channels, newId, nowMs }),
        );
      }
    }
  }

  /** The rows, and every subject as it is once they are committed. */
  finish(): { readonly changes: AlertChanges; readonly subjects: ReadonlyMap<string, TrackedSubject> } {
    const states: AlertStateRow[] = [];
    const removedStates: { rule: string; subject: string }[] = [];
    const subjects = new Map<string, TrackedSubject>();
    for (const [key, tracked] of this.#subjects) {
      const { rule, stored, subject } = tracked;
      const ruleInForce = this.#options.book.get(rule);
      if (ruleInForce === null || isIdle(tracked)) {
        if (stored !== null) removedStates.push({ rule, subject });
        subjects.set(key, { ...tracked, stored: null });
        continue;
      }
      const state = serialise(tracked);
      if (state !== stored) states.push({ rule, subject, state, dueAt: dueAtOf(tracked, ruleInForce) });
      subjects.set(key, { ...tracked, stored: state });
    }
    const changes = {
      states,
      removedStates,
      alerts: [...this.#alerts.values()],
      notifications: this.#notifications,
    };
    return { changes, subjects };
  }
}
