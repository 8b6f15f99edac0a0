/** Puts a `StoreBatch` together from what was prepared, or from nothing where only alerts change. */
import type { AlertChanges } from '../alerts/alert-evaluator.ts';
import type { StoreBatch } from '../store/event-store.ts';

export type BatchContent = Omit<StoreBatch, 'shard' | 'epoch' | 'from' | 'to' | 'committedAt' | 'alerts'>;

export const nothingRead: BatchContent = {
  events: [],
  duplicates: 0,
  deadLetters: [],
  latest: [],
  minutes: [],
  sensors: [],
  descriptions: [],
};

/** Field by field: what was prepared has more, and objects of one shape are cheap. */
export function storeBatch(
  { epoch, from, shard, to }: Pick<StoreBatch, 'shard' | 'epoch' | 'from' | 'to'>,
  content: BatchContent,
  alerts: AlertChanges,
  committedAt: number,
): StoreBatch {
  return {
    shard,
    epoch,
    from,
    to,
    committedAt,
    events: content.events,
    duplicates: content.duplicates,
    deadLetters: content.deadLetters,
    latest: content.latest,
    minutes: content.minutes,
    sensors: content.sensors,
    descriptions: content.descriptions,
    alerts,
  };
}
