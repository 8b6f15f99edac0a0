/**
 * A program of its own that opens a data folder, runs what its second argument names, says `ready` and stays until it is
 * killed: `node hold-data-dir.ts FOLDER hold|unfinished-scan|half-transaction`.
 */
import { openDatabase } from '../../src/database/open-database.ts';
import { createStores } from '../../src/stores.ts';
import { runningScan } from './stored-scans.ts';

const [dataDir = '', what = 'hold'] = process.argv.slice(2);
const database = await openDatabase({ dataDir });
if (what === 'unfinished-scan') await createStores(database).scans.saveStarted(runningScan('interrupted'));
if (what === 'half-transaction') {
  const transaction = await database.kysely.startTransaction().execute();
  await transaction
    .insertInto('border_router_tokens')
    .values({ id: 'half', br_id: 'BR-1', hash: new Uint8Array(32), created_at: 0, last_used_at: null })
    .execute();
}
process.stdout.write('ready\n');
setInterval(() => undefined, 60_000);
