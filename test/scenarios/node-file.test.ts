/** The node list as a file that a person edits while the hub runs. */
import { rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { HubClient } from '../support/hub-client.ts';
import { type HubProcess, startHubProcess, until } from '../support/hub-process.ts';

describe('adresses.json', () => {
  let hub: HubProcess;
  let client: HubClient;
  let file: string;

  beforeEach(async () => {
    hub = await startHubProcess();
    client = new HubClient(hub.url);
    file = join(hub.dataDir, 'adresses.json');
  });

  afterEach(() => hub.stop());

  const names = async () =>
    (await client.get<{ items: { name: string }[] }>('/api/nodes')).items.map(({ name }) => name);
  const untilNames = (expected: string[]) =>
    until(
      async () => JSON.stringify(await names()) === JSON.stringify(expected),
      5_000,
      `the nodes ${expected.join()}`,
    );

  it('is read when it appears, again when it changes or is replaced, and empties the list when it goes', async () => {
    expect(await names()).toEqual([]);
    await writeFile(file, '{"a":"fd00::a","b":{"ipv6":"fd00::b","br_id":"BR-1"}}');
    await untilNames(['a', 'b']);
    await writeFile(`${file}.new`, '{"b":"fd00::b","c":"fd00::c"}');
    await rename(`${file}.new`, file);
    await untilNames(['b', 'c']);
    await rm(file);
    await untilNames([]);
  });

  it('skips bad entries, names them with their line, and keeps the last good list where it is not JSON', async () => {
    await writeFile(
      file,
      '{\n"good":"fd00::1",\n"bad":"10.0.0.1",\n"a name of more than thirty-one bytes":"fd00::2"\n}',
    );
    await untilNames(['good']);
    await until(
      () => /line 3/.test(hub.output()) && /31/.test(hub.output()),
      5_000,
      'the report of the bad entries',
    );
    await writeFile(file, '{"good":');
    await until(
      () => /not (valid )?JSON|JSON/.test(hub.output().split('line 3').at(-1) ?? ''),
      5_000,
      'the report of the broken file',
    );
    expect(await names()).toEqual(['good']);
  });

  it('keeps a node that REST and the file both have as one, and does not let REST delete what the file says', async () => {
    await writeFile(file, '{"a":"fd00::a"}');
    await untilNames(['a']);
    expect((await client.request('PUT', '/api/nodes/a', { ipv6: 'fd00::a', br_id: 'BR-1' })).status).toBe(
      200,
    );
    expect(await client.get('/api/nodes/a')).toMatchObject({ origins: ['file', 'rest'], br_id: 'BR-1' });
    await client.request('DELETE', '/api/nodes/a');
    const again = await client.request('DELETE', '/api/nodes/a');
    expect(again).toMatchObject({ status: 409, body: { code: 'node_read_only' } });
    expect(await names()).toEqual(['a']);
  });

  it('refuses names and addresses over the limits of the firmware, with the limit named', async () => {
    const long = await client.request('PUT', `/api/nodes/${'n'.repeat(32)}`, { ipv6: 'fd00::1' });
    expect(long).toMatchObject({ status: 400, body: { code: 'node_limit_exceeded' } });
    expect(long.text).toContain('31');
    expect(await client.request('PUT', '/api/nodes/ok', { ipv6: 'not an address' })).toMatchObject({
      status: 400,
      body: { code: 'node_invalid' },
    });
  });
});
