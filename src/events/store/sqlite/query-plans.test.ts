/** What runs beside the commits, and in them, costs what it touches: no statement walks or sorts a whole table. */
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sampleTimeMs } from '../../../../test/support/event-samples.ts';
import { FakeClock } from '../../../../test/support/fake-clock.ts';
import { temporaryFolder } from '../../../../test/support/temporary-folder.ts';
import * as commitSql from './commit-sql.ts';
import { openEventStores } from './open-event-stores.ts';
import * as retentionSql from './retention-sql.ts';

const { deleteRollups, highestHash: _highest, lowestHash: _lowest, seriesAfter, ...retention } = retentionSql;
const statements = Object.entries({
  ...commitSql,
  ...retention,
  deleteMinutes: deleteRollups('minutes'),
  deleteHours: deleteRollups('hours'),
  minutesAfter: seriesAfter('minutes'),
  hoursAfter: seriesAfter('hours'),
});

describe('the statements of commits and of retention', () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  let database: DatabaseSync;
  let tables: string[];

  beforeAll(async () => {
    folder = await temporaryFolder();
    const clock = new FakeClock(sampleTimeMs);
    const stores = await openEventStores({ dataDir: folder.path, clock, onCrash: () => undefined });
    await stores.close();
    database = new DatabaseSync(join(folder.path, 'events.db'));
    const rows = database.prepare(`select name from sqlite_schema where type = 'table'`).all();
    tables = rows.map(({ name }) => String(name));
  });

  afterAll(async () => {
    database.close();
    await folder.remove();
  });

  const planOf = (sql: string): string[] => {
    const parameters = Array.from({ length: sql.split('?').length - 1 }, () => '[]');
    const rows = database.prepare(`explain query plan ${sql}`).all(...parameters);
    return rows.map(({ detail }) => String(detail));
  };
  const isCostly = (step: string): boolean =>
    step.includes('FOR ORDER BY') || tables.includes(/^SCAN (\w+)/.exec(step)?.[1] ?? '');

  it.each(statements)('%s finds its rows by their keys', (_, sql) => {
    expect(planOf(sql).filter(isCostly)).toEqual([]);
  });

  it('would show in their plans', () => {
    expect(planOf('select * from events where event_id = ?').filter(isCostly)).toHaveLength(1);
    expect(planOf('select * from events where key > ? order by ts').filter(isCostly)).toHaveLength(1);
  });
});
