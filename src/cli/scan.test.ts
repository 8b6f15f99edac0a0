import { describe, expect, it } from 'vitest';
import { createCliHarness } from '../../test/support/cli-harness.ts';
import { type FakeHubAnswer, problem, startFakeHub } from '../../test/support/fake-hub.ts';
import { borderRouterView, finishedScan, meshReadingView, scanNode } from '../../test/support/samples.ts';
import { type Clock, systemClock } from '../clock.ts';
import type { Scan, ScanState } from '../protocol/scan.ts';
import { toWire } from '../protocol/wire.ts';

/** As the hub writes it: one node answered, one did not, or has not yet. */
function scan(state: ScanState, fields: Partial<Scan> = {}): unknown {
  const running = state === 'running';
  const silent = scanNode({
    name: 'attic',
    outcome: running ? null : 'timed_out',
    durationMs: running ? null : 5_000,
    error: 'no answer\u001b[2J',
    networkInfo: null,
  });
  const nodes = [scanNode({ name: 'kitchen', durationMs: 120 }), silent];
  return toWire(finishedScan({ id: 's-1', state, nodes, durationMs: running ? null : 5_012, ...fields }));
}

/** Polls without waiting for real. */
const clock: Clock = { ...systemClock, after: (_delayMs, callback) => systemClock.after(1, callback) };

const triggered = (joined = false): FakeHubAnswer => ({
  status: 202,
  body: { scan_id: 's-1', joined, nodes: 2, border_routers: 1 },
});

/** A hub whose scan runs for `runningAnswers` polls and then is `finished`. */
const hubWith = (finished: FakeHubAnswer, runningAnswers = 1, joined = false) => {
  let polls = 0;
  return startFakeHub({
    'POST /api/trigger_scan': () => triggered(joined),
    'GET /api/scans/s-1': () => (polls++ < runningAnswers ? { body: scan('running') } : finished),
  });
};

describe('threadhub scan', () => {
  it.each([
    ['completed', 0],
    ['partial', 3],
    ['failed', 1],
    ['cancelled', 1],
  ] as const)(
    'waits for the end of a scan and tells that it is %s by exit code %i',
    async (state, exitCode) => {
      await using hub = await hubWith({ body: scan(state) });
      const run = await createCliHarness({ clock }).run('scan', '--hub', hub.url);
      expect(run.exitCode).toBe(exitCode);
      expect(run.stderr).toBe('');
    },
  );

  it('tells how the border routers that were asked read their meshes', async () => {
    const collection = meshReadingView({
      ...{ durationMs: 1_240, radioRequests: 22, answeredRouters: 8 },
      ...{ complete: false, problemCode: 'silent', problem: '0x8400 is silent\u001b[2J' },
    });
    const items = [
      borderRouterView({ id: 'BR-001', collection }),
      borderRouterView({ id: 'BR-009', collection }),
    ].map(toWire);
    let polls = 0;
    await using hub = await startFakeHub({
      'POST /api/trigger_scan': () => triggered(),
      'GET /api/scans/s-1': () => ({ body: scan(polls++ === 0 ? 'running' : 'completed') }),
      'GET /api/border_routers': () => ({ body: { items, next_cursor: null } }),
    });
    const { stdout } = await createCliHarness({ clock }).run('scan', '--hub', hub.url);
    expect(stdout).toContain(
      'BR-001: read through otbr-rest: 8 of 9 routers read, 22 of 128 radio requests, 1.2 s. Incomplete: 0x8400 is silent\\u001b[2J\n',
    );
    expect(stdout).not.toContain('BR-009: read');
  });

  it('prints border routers, their nodes and each outcome, without control characters of others', async () => {
    await using hub = await hubWith({ body: scan('completed', { notes: ['BR-002 was lost after 1.2 s.'] }) });
    const { stdout } = await createCliHarness({ clock }).run('scan', '--hub', hub.url);
    expect(stdout).toBe(
      [
        'BR-001  1 of 2 nodes answered',
        '├─ attic    timed out  5.0 s  no answer\\u001b[2J',
        '└─ kitchen  answered  120 ms',
        '',
        'Scan is complete: 1 of 2 nodes answered in 5.0 s, 1 timed out.',
        'BR-002 was lost after 1.2 s.',
        '',
      ].join('\n'),
    );
  });

  it('colours on a terminal, and not where NO_COLOR is set', async () => {
    await using hub = await hubWith({ body: scan('completed') }, 0);
    const coloured = await createCliHarness({ clock, isTerminal: true }).run('scan', '--hub', hub.url);
    expect(coloured.stdout).toContain('\u001b[');
    const plain = await createCliHarness({ clock, isTerminal: true, environment: { NO_COLOR: '1' } }).run(
      'scan',
      '--hub',
      hub.url,
    );
    expect(plain.stdout).not.toContain('\u001b[');
  });

  it('prints the scan exactly as REST gives it with --json', async () => {
    const body = JSON.stringify(scan('partial'), null, 3);
    await using hub = await hubWith({ body });
    const { exitCode, stdout } = await createCliHarness({ clock }).run('scan', '--json', '--hub', hub.url);
    expect(stdout).toBe(`${body}\n`);
    expect(exitCode).toBe(3);
  });

  it('restricts the scan as the options say, and says who asks', async () => {
    await using hub = await hubWith({ body: scan('completed') });
    const options = [
      '--network',
      'fd00::/64',
      '--border-router',
      'BR-001,BR-002',
      '--node',
      'a',
      '--node',
      'b',
    ];
    await createCliHarness({ clock }).run('scan', '--hub', hub.url, ...options);
    expect(hub.requests[0]).toMatchObject({
      userAgent: 'threadhub-cli/1.2.3',
      body: { networks: ['fd00::/64'], border_routers: ['BR-001', 'BR-002'], nodes: ['a', 'b'] },
    });
  });

  it('says why there is nothing to scan', async () => {
    await using hub = await startFakeHub({
      'POST /api/trigger_scan': () => problem(409, 'nothing_to_scan', 'no node is registered; import some'),
    });
    expect(await createCliHarness({ clock }).run('scan', '--hub', hub.url)).toEqual({
      exitCode: 1,
      stdout: '',
      stderr: 'threadhub: no node is registered; import some.\n',
    });
  });

  it('says in one sentence that no hub answers', async () => {
    const gone = await startFakeHub({});
    await gone[Symbol.asyncDispose]();
    const { exitCode, stderr } = await createCliHarness({ clock }).run('scan', '--hub', gone.url);
    expect(exitCode).toBe(1);
    expect(stderr).toBe(
      `threadhub: No hub answers at ${gone.url} (connection refused); start one with 'threadhub serve', or name it with --hub.\n`,
    );
  });

  it('finds the hub of THREADHUB_HUB, and takes ws:// for http://', async () => {
    await using hub = await hubWith({ body: scan('completed') });
    const environment = { THREADHUB_HUB: hub.url.replace('http', 'ws') };
    expect((await createCliHarness({ clock, environment }).run('scan')).exitCode).toBe(0);
  });

  it('says so when something else answers there', async () => {
    await using other = await startFakeHub({ 'POST /api/trigger_scan': () => ({ body: '<html>' }) });
    const { exitCode, stderr } = await createCliHarness({ clock }).run('scan', '--hub', other.url);
    expect(exitCode).toBe(1);
    expect(stderr).toContain('is not a Threadhub hub of this version');
  });

  it('cancels its scan at the first Ctrl-C and reports how it ended', async () => {
    const harness = createCliHarness({ clock });
    let cancelled = false;
    await using hub = await startFakeHub({
      'POST /api/trigger_scan': () => triggered(),
      'GET /api/scans/s-1': () => {
        if (cancelled) return { body: scan('cancelled') };
        if (harness.signalListeners() === 1 && hub.requests.length === 2) harness.signal('SIGINT');
        return { body: scan('running') };
      },
      'DELETE /api/scans/s-1': () => {
        cancelled = true;
        return { status: 204 };
      },
    });
    const { exitCode, stdout, stderr } = await harness.run('scan', '--hub', hub.url);
    expect(exitCode).toBe(1);
    expect(stdout).toContain('Scan was cancelled');
    expect(stderr).toContain('Cancelling the scan; Ctrl-C again leaves at once.');
    expect(harness.signalListeners()).toBe(0);
  });

  it('leaves at the second Ctrl-C', async () => {
    const harness = createCliHarness({ clock });
    await using hub = await startFakeHub({
      'POST /api/trigger_scan': () => triggered(),
      'GET /api/scans/s-1': () => {
        harness.signal('SIGINT');
        return { body: scan('running') };
      },
      'DELETE /api/scans/s-1': () => ({ status: 204 }),
    });
    const { exitCode, stderr } = await harness.run('scan', '--hub', hub.url);
    expect(exitCode).toBe(130);
    expect(stderr).toContain('may still be running');
  });

  it('does not cancel a scan that somebody else started', async () => {
    const harness = createCliHarness({ clock });
    await using hub = await startFakeHub({
      'POST /api/trigger_scan': () => triggered(true),
      'GET /api/scans/s-1': () => {
        harness.signal('SIGINT');
        return { body: scan('running') };
      },
    });
    const { exitCode, stderr } = await harness.run('scan', '--hub', hub.url);
    expect(exitCode).toBe(130);
    expect(stderr).toContain('Joined the scan s-1');
    expect(stderr).toContain('goes on');
    expect(hub.requests.map((request) => request.method)).not.toContain('DELETE');
  });
});
