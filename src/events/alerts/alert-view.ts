/** An alert as REST, the live feed and channels' pages show it, from its row and its notifications. */
import type { Alert, Notification } from '../../protocol/alert.ts';
import type { AlertRow } from './alert-evaluator.ts';

/** `storedAt`: when the event that made it fire was stored, Unix ms. */
export function alertView(
  row: AlertRow,
  storedAt: number | null,
  notifications: readonly Notification[],
): Alert {
  const { shard: _, ...shown } = row;
  return {
    ...shown,
    steps: [...row.steps],
    notifications: [...notifications],
    stages: {
      ...row.stages,
      storedAt: row.stages.storedAt ?? storedAt,
      sentAt: first(notifications.map(({ sentAt }) => sentAt)),
      deliveredAt: first(notifications.map(({ deliveredAt }) => deliveredAt)),
    },
  };
}

function first(timesMs: readonly (number | null)[]): number | null {
  const known = timesMs.filter((timeMs) => timeMs !== null);
  return known.length === 0 ? null : Math.min(...known);
}
