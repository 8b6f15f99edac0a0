/**
 * Seam between workers and alerts: a worker hands over what it is about to store, gets back rows to store with it, and
 * says when they are committed. Evaluation changes nothing by itself: a batch that is rolled back never was.
 */
import type {
  AlertState,
  AlertStages,
  AlertStep,
  AlertStepKind,
  Severity,
  SubjectKind,
} from '../../protocol/alert.ts';
import type { AlertId, ShardName } from '../../protocol/ids.ts';
import type { ReadingValue, SensorEvent } from '../../protocol/sensor-event.ts';
import type { MeshFact } from '../mesh-fact.ts';

/** The state of one rule for one subject, as the store keeps it. */
export interface AlertStateRow {
  readonly rule: string;
  readonly subject: string;
  /** The engine's own JSON. */
  readonly state: string;
  /** When its next timer is due, Unix ms; null where none runs. */
  readonly dueAt: number | null;
}

export interface AlertRow {
  readonly id: AlertId;
  readonly shard: ShardName;
  readonly rule: string;
  readonly severity: Severity;
  readonly state: AlertState;
  readonly subjectKind: SubjectKind;
  readonly subject: string;
  readonly summary: string;
  readonly value: ReadingValue | null;
  readonly drill: boolean;
  readonly silenced: boolean;
  readonly startedAt: number;
  readonly updatedAt: number;
  readonly snoozedUntilAt: number | null;
  readonly resolvedAt: number | null;
  readonly acknowledgedBy: string | null;
  /** `storedAt`, `sentAt` and `deliveredAt` are filled in where the row is read. */
  readonly stages: Pick<AlertStages, 'receivedAt' | 'durableAt' | 'storedAt' | 'firedAt' | 'acknowledgedAt'>;
  readonly steps: readonly AlertStep[];
}

/** One message about one transition of one alert to one channel; a row of the transactional outbox. */
export interface NewNotification {
  readonly id: string;
  readonly alertId: AlertId;
  readonly channel: string;
  readonly transition: AlertStepKind;
  /** The same for every attempt; receivers can tell repeats by it. */
  readonly idempotencyKey: string;
  readonly severity: Severity;
  readonly createdAt: number;
  /** What channels render: a snapshot, since the alert moves on. */
  readonly message: NotificationMessage;
}

export interface NotificationMessage {
  readonly alertId: AlertId;
  readonly rule: string;
  readonly severity: Severity;
  readonly state: AlertState;
  readonly transition: AlertStepKind;
  readonly subjectKind: SubjectKind;
  readonly subject: string;
  readonly summary: string;
  readonly value: ReadingValue | null;
  readonly drill: boolean;
  readonly startedAt: number;
  readonly happenedAt: number;
}

/** Rows to commit together with the batch that caused them. */
export interface AlertChanges {
  readonly states: readonly AlertStateRow[];
  readonly removedStates: readonly { readonly rule: string; readonly subject: string }[];
  readonly alerts: readonly AlertRow[];
  readonly notifications: readonly NewNotification[];
}

export const noAlertChanges: AlertChanges = { states: [], removedStates: [], alerts: [], notifications: [] };

export interface EvaluationInput {
  /** Accepted for storage, in stream order. */
  readonly events: readonly { readonly event: SensorEvent; readonly durableAt: number }[];
  readonly facts: readonly MeshFact[];
  /** Unix ms. */
  readonly nowMs: number;
  /**
   * Everything that the shard received before this time has been read, Unix ms; `nowMs` where it is drained. A silence fires
   * only for what was due before it: a backlog is not silence.
   */
  readonly drainedThroughMs: number;
}

export type AlertCommand =
  | {
      readonly kind: 'acknowledge';
      readonly alertId: AlertId;
      readonly by: string;
      readonly note: string | null;
    }
  | { readonly kind: 'snooze'; readonly alertId: AlertId; readonly by: string; readonly untilMs: number };

/** The alerts of one shard, in the hands of its owner. */
export interface ShardAlerts {
  /** Next timer due, Unix ms; null where none runs. */
  readonly nextDueAt: number | null;
  /** Events, facts and every timer that is due. Changes nothing; `applied` does. */
  evaluate(input: EvaluationInput): AlertChanges;
  /** Throws AlertError `alert_not_found`, `alert_not_active`. */
  command(command: AlertCommand, nowMs: number): AlertChanges;
  /** The changes are committed. */
  applied(changes: AlertChanges): void;
}

export interface AlertEvaluator {
  /** Called when a worker has taken a shard: loads its states from the store. */
  openShard(shard: ShardName): Promise<ShardAlerts>;
}
