import { describe, expect, it } from 'vitest';
import { createCliHarness } from '../../test/support/cli-harness.ts';
import { problem, startFakeHub } from '../../test/support/fake-hub.ts';
import { borderRouterView, emptyTopology, meshReadingView } from '../../test/support/samples.ts';
import type { BorderRouterCandidateWire } from '../protocol/border-router-candidate.ts';
import type { RegisteredNodeWire } from '../protocol/border-router.ts';
import { toWire } from '../protocol/wire.ts';

const node = (name: string): RegisteredNodeWire => ({
  name,
  ipv6: 'fd00::1',
  ext_addr: null,
  br_id: null,
  origins: ['file', 'rest'],
  last_outcome: 'answered',
  last_scan_id: 's-1',
  last_seen_at: '2026-01-01T12:00:00.000Z',
  latencies: [{ scan_id: 's-1', measured_at: '2026-01-01T12:00:00.000Z', duration_ms: 87 }],
});

const borderRouter = (fields: Parameters<typeof borderRouterView>[0]) => toWire(borderRouterView(fields));

describe('threadhub nodes', () => {
  it('imports a file as it is and names what was not taken', async () => {
    await using hub = await startFakeHub({
      'POST /api/nodes/import': () => ({ body: { accepted: 1, problems: ['d4F: no IPv6 address'] } }),
    });
    const nodes = { d4E: 'fd00::1', d4F: 'nonsense' };
    const harness = createCliHarness({ files: { 'adresses.json': JSON.stringify(nodes) } });
    const { exitCode, stdout, stderr } = await harness.run(
      'nodes',
      'import',
      'adresses.json',
      '--hub',
      hub.url,
    );
    expect(hub.requests[0]?.body).toEqual(nodes);
    expect(stdout).toBe('1 node imported.\n');
    expect(stderr).toBe('not imported: d4F: no IPv6 address\n');
    expect(exitCode).toBe(1);
  });

  it.each([
    ['{', /is no JSON/],
    ['[]', /holds a list; write an object/],
    ['"x"', /holds string; write an object/],
  ])('refuses a file that holds %s', async (text, sentence) => {
    const run = await createCliHarness({ files: { f: text } }).run('nodes', 'import', 'f');
    expect(run.exitCode).toBe(1);
    expect(run.stderr).toMatch(sentence);
  });

  it('says that a file is not there', async () => {
    const run = await createCliHarness().run('nodes', 'import', 'gone.json');
    expect(run).toMatchObject({
      exitCode: 1,
      stderr: expect.stringContaining('gone.json was not read') as string,
    });
  });

  it('lists all pages', async () => {
    await using hub = await startFakeHub({
      'GET /api/nodes': ({ path }) =>
        path.includes('cursor=c1')
          ? { body: { items: [node('b')], next_cursor: null } }
          : { body: { items: [node('a')], next_cursor: 'c1' } },
    });
    const table = await createCliHarness().run('nodes', 'list', '--hub', hub.url);
    expect(table.stdout).toMatch(/^NAME {2}IPV6/);
    expect(table.stdout).toMatch(/\na {5}fd00::1 .*87 ms/);
    expect(table.stdout).toMatch(/\nb {5}fd00::1/);
    const json = await createCliHarness().run('nodes', 'list', '--json', '--hub', hub.url);
    expect(JSON.parse(json.stdout)).toEqual([node('a'), node('b')]);
  });

  it('says where a node still comes from after it was removed', async () => {
    await using hub = await startFakeHub({
      'DELETE /api/nodes/a%2Fb': () => ({ status: 204 }),
      'DELETE /api/nodes/filed': () => ({ body: node('filed') }),
      'DELETE /api/nodes/gone': () => problem(404, 'node_not_found', 'no node named "gone" is registered'),
    });
    const remove = (name: string) => createCliHarness().run('nodes', 'rm', name, '--hub', hub.url);
    expect((await remove('a/b')).stdout).toBe('a/b is forgotten.\n');
    expect((await remove('filed')).stdout).toContain('as the node file lists it');
    expect(await remove('gone')).toMatchObject({
      exitCode: 1,
      stderr: 'threadhub: no node named "gone" is registered.\n',
    });
  });
});

describe('threadhub token', () => {
  it('prints a new token alone on stdout, so that it can go into a file', async () => {
    await using hub = await startFakeHub({
      'POST /api/tokens': () => ({
        status: 201,
        body: { id: 't1', border_router_id: 'BR-001', token: 's3cret' },
      }),
    });
    const run = await createCliHarness().run(
      'token',
      'create',
      '--border-router',
      'BR-001',
      '--hub',
      hub.url,
    );
    expect(hub.requests[0]?.body).toEqual({ border_router_id: 'BR-001' });
    expect(run.stdout).toBe('s3cret\n');
    expect(run.stderr).toContain('not shown again');
  });

  it('lists and revokes', async () => {
    await using hub = await startFakeHub({
      'GET /api/tokens': () => ({
        body: {
          items: [
            {
              id: 't1',
              border_router_id: 'BR-001',
              created_at: '2026-01-01T00:00:00.000Z',
              last_used_at: null,
            },
          ],
          next_cursor: null,
        },
      }),
      'DELETE /api/tokens/t1': () => ({ status: 204 }),
    });
    const listed = await createCliHarness().run('token', 'list', '--hub', hub.url);
    expect(listed.stdout).toMatch(/\nt1 {2}BR-001 .* never\n$/);
    const revoked = await createCliHarness().run('token', 'revoke', 't1', '--hub', hub.url);
    expect(revoked.stdout).toBe('Token t1 is revoked.\n');
  });
});

describe('threadhub border-routers', () => {
  it('shows state, heartbeat, latency and success of each', async () => {
    const latencyMs = { p50: 80, p95: 210, max: 300 };
    const lastHeartbeatAt = Date.now() - 3_000;
    const items = [
      borderRouter({ id: 'BR-001', online: true, lastHeartbeatAt, latencyMs, successRate: 0.9 }),
      borderRouter({ id: 'BR-002', online: false, latencyMs: null, successRate: null }),
    ];
    await using hub = await startFakeHub({ 'GET /api/border_routers': () => ({ body: { items } }) });
    const { stdout } = await createCliHarness().run('border-routers', '--hub', hub.url);
    expect(stdout).toMatch(/BR-001 {2}online .*3\.\d s ago .*210 ms .*90 %/);
    expect(stdout).toMatch(/BR-002 {2}offline .*–/);
  });

  it('shows how each reads its mesh: with what, for how many radio requests, and whether all of it', async () => {
    const collection = meshReadingView();
    const ofNoUse = { radioRequests: null, complete: false, problem: 'a reason' };
    const items = [
      borderRouter({ id: 'whole', collection }),
      borderRouter({
        id: 'part',
        collection: { ...collection, complete: false, problemCode: 'silent\u001b[2J' },
      }),
      borderRouter({
        id: 'none',
        collection: { ...collection, ...ofNoUse, source: 'ot-ctl', dialect: null },
      }),
      borderRouter({ id: 'alone', collection: null }),
    ];
    await using hub = await startFakeHub({ 'GET /api/border_routers': () => ({ body: { items } }) });
    const { stdout } = await createCliHarness().run('border-routers', '--hub', hub.url);
    expect(stdout).toMatch(/^ID .* READS BY +RADIO +READING\n/);
    expect(stdout).toMatch(/\nwhole .* otbr-rest json-api {2}27 of 128 {2}complete\n/);
    expect(stdout).toMatch(/\npart .* otbr-rest json-api {2}27 of 128 {2}silent\\u001b\[2J\n/);
    expect(stdout).toMatch(/\nnone .* ot-ctl +– +incomplete\n/);
    expect(stdout).toMatch(/\nalone .* – +– +–\n$/);
  });
});

describe('threadhub border-routers --candidates', () => {
  const candidate: BorderRouterCandidateWire = {
    name: 'OtLab OtLabBR #9FCC',
    host: 'otbr.local',
    addresses: ['fd1a::1'],
    ext_addr: '52a10c4208649fcc',
    agent_id: null,
    network_name: 'OtLab\u001b[2J',
    ext_pan_id: '1a2b3c4d5e6f7081',
    partition_id: 7,
    active_timestamp: null,
    vendor: null,
    model: null,
    thread_version: '1.4.0',
    thread_active: true,
    omr_prefix: null,
    rest: 'answers',
    rest_url: 'http://[fd1a::1]:8081',
    rest_urls: ['http://[fd1a::1]:8081'],
    conflict: null,
    connected_as: null,
    connect_command: 'threadhub border-router --id otbr',
    run_on: 'hub',
    found_at: '2026-01-01T00:00:00.000Z',
  };
  const items = [
    candidate,
    { ...candidate, name: 'Two', connected_as: 'BR-002', connect_command: null, run_on: null },
    { ...candidate, name: 'Three', conflict: 'It has another name.', run_on: 'border_router' as const },
  ];
  const route = { 'GET /api/border_router_candidates': () => ({ body: { items, next_cursor: null } }) };

  it('shows who is there, who is connected, and how to connect the others', async () => {
    await using hub = await startFakeHub(route);
    const { stdout } = await createCliHarness().run('border-routers', '--candidates', '--hub', hub.url);
    expect(stdout).toMatch(/OtLab OtLabBR #9FCC {2}OtLab\\u001b\[2J .* answers {2}not connected\n/);
    expect(stdout).toMatch(/Two .* connected as BR-002\n/);
    expect(stdout).toContain('Conflicts:\n  Three: It has another name.\n');
    expect(stdout).toContain('OtLab OtLabBR #9FCC:\n  threadhub border-router --id otbr\n');
    expect(stdout).toContain('Three, on the border router itself:\n');
    expect(stdout).not.toContain('Two:\n');
  });

  it('prints the items with --json, and says so where there are none', async () => {
    await using hub = await startFakeHub(route);
    const listed = await createCliHarness().run('border-routers', '--candidates', '--json', '--hub', hub.url);
    expect(JSON.parse(listed.stdout)).toEqual(items);
    await using empty = await startFakeHub({
      'GET /api/border_router_candidates': () => ({ body: { items: [] } }),
    });
    const none = await createCliHarness().run('border-routers', '--candidates', '--hub', empty.url);
    expect(none.stdout).toMatch(/^No border router /);
  });
});

describe('threadhub topology', () => {
  it.each(['json', 'graphml', 'dot', 'csv', 'svg', 'bundle'])(
    'prints %s as the hub gives it',
    async (format) => {
      await using hub = await startFakeHub({ 'GET /api/topology': ({ path }) => ({ body: `${path}\n` }) });
      const { stdout } = await createCliHarness().run('topology', '--format', format, '--hub', hub.url);
      expect(stdout).toBe(`/api/topology?format=${format}\n`);
    },
  );

  it('writes a file with --output and prints nothing', async () => {
    await using hub = await startFakeHub({ 'GET /api/topology': () => ({ body: '<svg/>' }) });
    const harness = createCliHarness();
    const { stdout } = await harness.run(
      'topology',
      '--format',
      'svg',
      '--output',
      'm.svg',
      '--hub',
      hub.url,
    );
    expect(stdout).toBe('');
    expect(harness.files['m.svg']).toBe('<svg/>');
  });

  it('prints the way between two nodes, hop by hop', async () => {
    const trace = {
      scan_id: 's-1',
      made_at: '2026-01-31T14:00:00.000Z',
      from_id: 'a',
      to_id: 'b',
      complete: true,
      total_cost: 2,
      hops: [
        {
          from_id: 'a',
          to_id: 'b',
          from_label: 'lamp',
          to_label: 'hall\u001b[2J',
          evidence: 'derived',
          link_cost: 2,
          also_possible: [],
        },
      ],
      problems: ['From lamp, door would cost the same as hall'],
      statement: 'lamp to hall in 1 hop, cost 2: lamp → hall',
    };
    await using hub = await startFakeHub({ 'GET /api/topology/route': () => ({ body: trace }) });
    const harness = createCliHarness();
    const { stdout } = await harness.run('topology', '--route', 'lamp', 'hall', '--hub', hub.url);
    expect(hub.requests[0]?.path).toBe('/api/topology/route?from=lamp&to=hall');
    expect(stdout).toBe(
      'lamp to hall in 1 hop, cost 2: lamp → hall\n' +
        '  1. lamp → hall\\u001b[2J (the costs add up, link cost 2)\n' +
        '! From lamp, door would cost the same as hall\n',
    );
    const { stderr, exitCode } = await harness.run('topology', '--route', 'lamp', '--hub', hub.url);
    expect(exitCode).not.toBe(0);
    expect(stderr).toContain('--route takes two nodes');
  });

  it('draws the tree of the time asked for', async () => {
    await using hub = await startFakeHub({
      'GET /api/topology': () => ({
        body: toWire(emptyTopology({ scanId: 's-1', madeAt: Date.UTC(2026, 0, 1) })),
      }),
    });
    const programs = {
      renderTree: (topology: { scanId: string | null; madeAt: number }) =>
        Promise.resolve(`tree of ${topology.scanId} at ${topology.madeAt}`),
    };
    const harness = createCliHarness({ programs });
    const { stdout } = await harness.run('topology', '--at', '2026-01-31T14:00Z', '--hub', hub.url);
    expect(hub.requests[0]?.path).toBe('/api/topology?at=2026-01-31T14%3A00%3A00.000Z');
    expect(stdout).toBe(`tree of s-1 at ${Date.UTC(2026, 0, 1)}\n`);
  });
});
