/** `threadhub border-router` with the sources of stock border routers; the agent over CoAP is in `long-running.test.ts`. */
import { describe, expect, it } from 'vitest';
import { type CliHarness, createCliHarness } from '../../test/support/cli-harness.ts';
import { FakeClock, settle } from '../../test/support/fake-clock.ts';
import type { ReadFailureCode, ReadResult } from '../agent/mesh/mesh-reader.ts';
import type { StockProgramOptions } from '../agent/open-stock-border-router.ts';
import type { CollectionReport } from '../protocol/border-router-messages.ts';
import { asBorderRouterId, asExtAddress } from '../protocol/ids.ts';

const answers: ReadResult<null> = { ok: true, value: null };
const fails = (code: ReadFailureCode): ReadResult<null> => ({ ok: false, code, reason: `it is ${code}` });
const report: CollectionReport = {
  source: 'otbr-rest',
  dialect: 'json-api',
  address: 'http://127.0.0.1:8081',
  endedAgoMs: 0,
  durationMs: 912.4,
  radioRequests: 22,
  radioBudget: 128,
  devices: 13,
  expectedRouters: 9,
  answeredRouters: 9,
  complete: true,
  problemCode: null,
  problem: null,
};

function setUp(probes: { rest?: ReadResult<null>; otCtl?: ReadResult<null> } = {}, environment = {}) {
  const world = { rest: probes.rest ?? fails('off'), otCtl: probes.otCtl ?? fails('unreachable') };
  const opened: StockProgramOptions[] = [];
  const calls: string[] = [];
  const clock = new FakeClock();
  const harness = createCliHarness({
    clock,
    environment,
    programs: {
      probeOtbrRest: () => Promise.resolve(world.rest),
      probeOtCtl: () => Promise.resolve(world.otCtl),
      createStockBorderRouter: (options) => {
        opened.push(options);
        const close = () => {
          calls.push('closed');
          return Promise.resolve();
        };
        return Promise.resolve({ run: () => new Promise<void>(() => undefined), close });
      },
    },
  });
  return { world, opened, calls, clock, harness };
}

/** Runs until so many border routers run, does `then`, and stops. */
async function run(
  { harness, opened }: { harness: CliHarness; opened: readonly unknown[] },
  count: number,
  commandLine: string,
  then: () => Promise<void> | void = () => undefined,
) {
  const words = commandLine.split(' ').filter((word) => word !== '');
  const running = harness.run('border-router', ...words);
  for (let turn = 0; turn < 100 && opened.length < count; turn += 1) await settle();
  await then();
  harness.signal('SIGTERM');
  return running;
}

describe('threadhub border-router with a stock border router', () => {
  it('takes the REST API of this machine where it answers, under the host name', async () => {
    const world = setUp({ rest: answers });
    const { exitCode, stderr } = await run(world, 1, '');
    expect(exitCode).toBe(0);
    expect(world.opened).toMatchObject([
      {
        address: { source: 'otbr-rest', url: 'http://127.0.0.1:8081' },
        hub: 'ws://127.0.0.1:5001',
        networkPrefix: null,
        radioBudget: 128,
        firmware: 'threadhub 1.2.3',
      },
    ]);
    expect(world.opened[0]?.idOf(null)).toBe('pi4');
    expect(stderr).toContain('the mesh is read through otbr-rest');
    expect(world.calls).toEqual(['closed']);
  });

  it('takes ot-ctl where the REST API is off, and says why not that', async () => {
    const world = setUp({ otCtl: answers });
    const { stderr } = await run(world, 1, '--id BR-1');
    expect(world.opened).toMatchObject([{ address: { source: 'ot-ctl', command: ['ot-ctl'] } }]);
    expect(stderr).toContain('not otbr-rest: it is off.');
    expect(stderr).toContain('the mesh is read through ot-ctl');
  });

  it('waits for a daemon that is starting, with few words, and hears a signal meanwhile', async () => {
    const world = setUp({ otCtl: fails('off') });
    const { exitCode, stderr } = await run(world, 1, '', async () => {
      await world.clock.advance(120_000);
      expect(world.opened).toEqual([]);
    });
    expect(exitCode).toBe(0);
    expect(stderr.match(/does not run yet/g)).toHaveLength(1);
    expect(stderr.match(/not otbr-rest/g)).toHaveLength(1);
  });

  it('takes up what appears later', async () => {
    const world = setUp({ otCtl: fails('off') });
    await run(world, 1, '', async () => {
      world.world.rest = answers;
      await world.clock.advance(10_000);
    });
    expect(world.opened).toMatchObject([{ address: { source: 'otbr-rest' } }]);
  });

  it('gives each of several its id and its token, and shows no password', async () => {
    const world = setUp();
    const { exitCode, stderr } = await run(
      world,
      2,
      '--hub wss://hub.example --token attic=one,pi4-9fcc=two --radio-budget 64 ' +
        '--otbr-url attic=http://me:s3cret@a:8081 --otbr-url http://b:8081',
      () => {
        const report = { kind: 'waiting', failure: { ok: false, code: 'off', reason: 'it is off' } } as const;
        world.opened[0]?.onFact(report);
      },
    );
    expect(exitCode).toBe(0);
    expect(world.opened).toMatchObject([
      { address: { url: 'http://me:s3cret@a:8081' }, hub: 'wss://hub.example', radioBudget: 64 },
      { address: { url: 'http://b:8081' }, hub: 'wss://hub.example', radioBudget: 64 },
    ]);
    const [attic, other] = world.opened;
    expect(attic?.idOf(null)).toBe('attic');
    expect(attic?.tokenOf(asBorderRouterId('attic'))).toBe('one');
    expect(other?.idOf(null)).toBeNull();
    const id = other?.idOf(asExtAddress('52a10c4208649fcc')) ?? null;
    expect(id).toBe('pi4-9fcc');
    expect(other?.tokenOf(id ?? asBorderRouterId('x'))).toBe('two');
    expect(stderr).toContain('"address":"http://a:8081"');
    expect(stderr).not.toContain('s3cret');
    expect(world.calls).toEqual(['closed', 'closed']);
  });

  it('refuses one token for several, also from the environment', async () => {
    const { harness } = setUp({}, { THREADHUB_TOKEN: 's3cret' });
    const result = await harness.run('border-router', '--otbr-url', 'http://a', '--otbr-url', 'http://b');
    expect(result.exitCode).toBe(2);
    expect(result.stderr).toMatch(/A token belongs to one border router/);
  });

  it.each([
    ['--otbr-url ftp://a', /REST API, such as http:/],
    ['--source coap --otbr-url http://a', /belongs to --source otbr-rest/],
    ['--radio-budget 0', /whole number from 1/],
  ])('refuses %s as a wrong command line', async (commandLine, sentence) => {
    const result = await setUp().harness.run('border-router', ...commandLine.split(' '));
    expect(result.exitCode).toBe(2);
    expect(result.stderr).toMatch(sentence);
  });

  it('tells a reading of the mesh once, and again when its outcome is another', async () => {
    const world = setUp({ rest: answers });
    const lost = {
      ...report,
      complete: false,
      answeredRouters: 8,
      problemCode: 'silent',
      problem: '0x8400 is silent',
    };
    const { stderr } = await run(world, 1, '', () => {
      for (const each of [report, { ...report, durationMs: 800 }, lost, lost, report]) {
        world.opened[0]?.onFact({ kind: 'collected', report: each });
      }
    });
    const lines = stderr
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { level: string; msg: string; radio_requests?: number })
      .filter(({ msg }) => msg.startsWith('the mesh was'));
    expect(lines).toMatchObject([
      {
        level: 'info',
        msg: 'the mesh was read',
        routers: 9,
        expected_routers: 9,
        devices: 13,
        radio_requests: 22,
        radio_budget: 128,
        duration_ms: 912,
        complete: true,
      },
      { level: 'warn', msg: 'the mesh was not read completely: 0x8400 is silent.', code: 'silent' },
      { level: 'info', msg: 'the mesh was read' },
    ]);
  });
});
