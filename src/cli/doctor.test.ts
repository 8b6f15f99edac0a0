import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { createCliHarness } from '../../test/support/cli-harness.ts';
import { FakeClock } from '../../test/support/fake-clock.ts';
import { problem, startFakeHub } from '../../test/support/fake-hub.ts';
import { borderRouterView, meshReadingView } from '../../test/support/samples.ts';
import type { ReadFailureCode, ReadResult } from '../agent/mesh/mesh-reader.ts';
import { defaultConfig } from '../config.ts';
import { borderRouterSchema } from '../protocol/border-router.ts';
import { toWire } from '../protocol/wire.ts';
import { checkCollections, checkLocalBorderRouter } from './doctor-border-routers.ts';
import { checkClock, checkDataFolder, checkFreeSpace, checkNodeVersion, checkPort } from './doctor-checks.ts';

const folder = mkdtempSync(join(tmpdir(), 'threadhub-doctor-test-'));
afterAll(() => rmSync(folder, { recursive: true }));

const statusesOf = (stdout: string) =>
  Object.fromEntries(
    (JSON.parse(stdout) as { name: string; status: string }[]).map(({ name, status }) => [name, status]),
  );

/** A machine where all is well but for what a test changes; the hub is not running on its port. */
async function doctor(
  change: {
    environment?: Record<string, string>;
    files?: Record<string, string>;
    hub?: string;
  } = {},
) {
  const environment = {
    THREADHUB_DATA_DIR: folder,
    THREADHUB_SERVER_PORT: '0',
    ...change.environment,
  };
  const hub = change.hub === undefined ? [] : ['--hub', change.hub];
  return createCliHarness({ environment, files: change.files ?? {} }).run('doctor', '--json', ...hub);
}

describe('threadhub doctor', () => {
  it('finds nothing wrong on a machine that can run a hub', async () => {
    await using hub = await startFakeHub({
      'GET /healthz': () => ({ body: {} }),
      'GET /api/border_routers': () => ({ body: { items: [toWire(borderRouterView())] } }),
    });
    const { exitCode, stdout } = await doctor({ hub: hub.url });
    expect(statusesOf(stdout)).toMatchObject({
      configuration: 'ok',
      Node: 'ok',
      UDP: 'ok',
      'data folder': 'ok',
      clock: 'ok',
      'node file': 'ok',
      port: 'ok',
      hub: 'ok',
      'border routers': 'ok',
    });
    expect(exitCode).toBe(0);
  });

  it('takes a hub that is not running for a warning', async () => {
    const { exitCode, stdout } = await doctor();
    expect(statusesOf(stdout)).toMatchObject({ hub: 'warning', port: 'ok' });
    expect(exitCode).toBe(0);
  });

  it('does not take another program that answers for a hub', async () => {
    await using other = await startFakeHub({
      'GET /healthz': () => ({ body: 'fine' }),
      'GET /api/border_routers': () => ({ body: '<html>' }),
    });
    const { stdout } = await doctor({ hub: other.url });
    expect(statusesOf(stdout)).toMatchObject({ hub: 'warning' });
    expect(stdout).toContain('is not a Threadhub hub');
  });

  it('takes a hub that keeps its border routers to itself for a hub', async () => {
    await using hub = await startFakeHub({
      'GET /healthz': () => ({ body: {} }),
      'GET /api/border_routers': () => problem(403, 'setup_required', 'this hub has no users yet'),
    });
    const { stdout } = await doctor({ hub: hub.url });
    expect(statusesOf(stdout)).toMatchObject({ hub: 'ok', 'border routers': 'warning' });
  });

  it('names every problem of the configuration and exits with 1', async () => {
    const { exitCode, stdout } = await doctor({ environment: { THREADHUB_LOG_LEVEL: 'loud' } });
    expect(statusesOf(stdout)).toMatchObject({ configuration: 'problem', Node: 'ok' });
    expect(stdout).toContain('log.level is');
    expect(exitCode).toBe(1);
  });

  it('finds a node file that cannot be read', async () => {
    const { exitCode, stdout } = await doctor({ files: { './adresses.json': '{' } });
    expect(statusesOf(stdout)).toMatchObject({ 'node file': 'problem' });
    expect(exitCode).toBe(1);
  });

  it('names border routers that are offline or flapping', async () => {
    const items = [
      borderRouterView({ id: 'BR-001', online: false }),
      borderRouterView({ id: 'BR-002', flapping: true }),
    ].map(toWire);
    await using hub = await startFakeHub({
      'GET /healthz': () => ({ body: {} }),
      'GET /api/border_routers': () => ({ body: { items } }),
    });
    const { stdout } = await doctor({ hub: hub.url });
    expect(statusesOf(stdout)).toMatchObject({ 'border routers': 'warning' });
    expect(stdout).toContain('1 of 2 border routers online: BR-001 is offline; BR-002 is replaced');
  });

  it('says in words what is wrong and what to do', async () => {
    const harness = createCliHarness({ environment: { THREADHUB_DATA_DIR: '/proc/threadhub' } });
    const { exitCode, stdout } = await harness.run('doctor', '--port', '0');
    expect(exitCode).toBe(1);
    expect(stdout).toMatch(/✖ data folder +\/proc\/threadhub cannot be written/);
    expect(stdout).toContain('→ give this user the folder, or name another with data_dir');
    expect(stdout).toMatch(/\n1 problem, /);
  });
});

describe('checks of border routers', () => {
  const ok: ReadResult<null> = { ok: true, value: null };
  const failed = (code: ReadFailureCode): ReadResult<null> => ({ ok: false, code, reason: `it is ${code}` });

  it.each([
    [ok, failed('unreachable'), 'ok', 'answers at http://127.0.0.1:8081', ''],
    [failed('off'), failed('unreachable'), 'ok', 'no border router on this machine', ''],
    [failed('off'), ok, 'warning', 'ot-ctl works here', '--source ot-ctl'],
    [failed('too_old'), ok, 'warning', 'it is too_old', 'update otbr-agent'],
    [failed('too_old'), failed('unreachable'), 'warning', 'it is too_old', 'update otbr-agent'],
    [failed('off'), failed('rejected'), 'warning', 'cannot be used', 'sudo ot-ctl'],
    [failed('off'), failed('off'), 'warning', 'cannot be used', 'start otbr-agent'],
  ])('judge %j with %j', async (rest, otCtl, status, found, advice) => {
    const { programs } = createCliHarness({
      programs: { probeOtbrRest: () => Promise.resolve(rest), probeOtCtl: () => Promise.resolve(otCtl) },
    }).context;
    const check = await checkLocalBorderRouter({ clock: new FakeClock(), programs }, null);
    expect(check.status).toBe(status);
    expect(check.found).toContain(found);
    expect(check.advice ?? '').toContain(advice);
  });

  it('misses one that the configuration names', async () => {
    const { context } = createCliHarness();
    const config = defaultConfig({ border_routers: { local: 'http://otbr.local:8081' } });
    const check = await checkLocalBorderRouter(
      { clock: new FakeClock(), programs: context.programs },
      config,
    );
    expect(check).toMatchObject({ status: 'warning', found: 'nobody there' });
  });

  it('say which meshes could not be read, and what to do', () => {
    const collection = meshReadingView({
      complete: false,
      problemCode: 'over_budget',
      problem: 'the budget of 128 requests is spent',
    });
    const views = [
      borderRouterView({
        id: 'BR-1',
        collection: { ...collection, complete: true, problemCode: null, problem: null },
      }),
      borderRouterView({ id: 'BR-2', collection }),
      borderRouterView({ id: 'BR-3', collection: null }),
      borderRouterView({ id: 'BR-4', collection, online: false }),
    ].map((view) => borderRouterSchema.parse(toWire(view)));
    expect(checkCollections(views)).toEqual({
      name: 'mesh readings',
      status: 'warning',
      found: '1 of 2 mesh readings complete\nBR-2: the budget of 128 requests is spent',
      advice: 'raise --radio-budget of its agent, or scan less often',
    });
    expect(checkCollections(views.slice(0, 1))).toMatchObject({ status: 'ok' });
    expect(checkCollections(views.slice(2))).toBeNull();
  });
});

describe('checks of the machine', () => {
  it('finds a port that something else uses', async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    const port = typeof address === 'object' ? (address?.port ?? 0) : 0;
    expect(await checkPort('127.0.0.1', port)).toMatchObject({
      status: 'problem',
      found: expect.stringContaining('EADDRINUSE') as string,
      advice: expect.stringContaining('server.port') as string,
    });
    await new Promise((resolve) => server.close(resolve));
    expect(await checkPort('127.0.0.1', port)).toMatchObject({ status: 'ok' });
  });

  it('leaves no trace in the data folder, and takes one that is still to be made', () => {
    expect(checkDataFolder(folder).status).toBe('ok');
    expect(checkDataFolder(join(folder, 'a', 'b'))).toMatchObject({
      status: 'ok',
      found: expect.stringContaining('will be made') as string,
    });
  });

  it.each([
    [50, 'ok'],
    [5, 'warning'],
    [0, 'problem'],
  ])('takes a disk with %i %% free for %s', (percent, status) => {
    const statfs = () => ({ bsize: 1024 ** 3, blocks: 100, bavail: percent });
    expect(checkFreeSpace(folder, statfs).status).toBe(status);
  });

  it('finds a clock that was never set, and one that was set back', () => {
    const nowMs = Date.UTC(2026, 5, 1);
    expect(checkClock(0, null).status).toBe('problem');
    expect(checkClock(nowMs, nowMs + 3_600_000).status).toBe('warning');
    expect(checkClock(nowMs, nowMs + 1_000).status).toBe('ok');
    expect(checkClock(nowMs, null).status).toBe('ok');
  });

  it('refuses a Node that is too old', () => {
    expect(checkNodeVersion('20.20.2').status).toBe('problem');
    expect(checkNodeVersion('24.0.0').status).toBe('ok');
    expect(checkNodeVersion('25.1.0').status).toBe('ok');
  });
});
