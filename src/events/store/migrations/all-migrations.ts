/** Every change of the tables of `events.db`, in order; forward only, and never edited once released. */
import type { Migration } from 'kysely';
import { eventsAlerts } from './0001-events-alerts.ts';

export const eventMigrations: Readonly<Record<string, Migration>> = {
  '0001-events-alerts': eventsAlerts,
};
