import { describe, expect, it } from 'vitest';
import { createCliHarness } from '../../test/support/cli-harness.ts';
import { FakeClock, settle } from '../../test/support/fake-clock.ts';
import { problem, startFakeHub } from '../../test/support/fake-hub.ts';
import { until } from '../../test/support/hub-process.ts';
import type { ReadResult } from '../agent/mesh/mesh-reader.ts';
import type { StockProgramOptions } from '../agent/open-stock-border-router.ts';
import { type ConfigInput, defaultConfig } from '../config.ts';
import type { CollectionReport } from '../protocol/border-router-messages.ts';
import { LocalBorderRouter } from './local-border-router.ts';
import { createCliLogger } from './settings.ts';

const off: ReadResult<null> = { ok: false, code: 'off', reason: 'nothing listens' };
const answers: ReadResult<null> = { ok: true, value: null };

function setUp(config: ConfigInput = {}, hub = 'http://127.0.0.1:5001') {
  const clock = new FakeClock();
  const world = { probe: off, probed: [] as string[], closed: 0 };
  const opened: StockProgramOptions[] = [];
  const failures: unknown[] = [];
  const harness = createCliHarness({
    clock,
    programs: {
      probeOtbrRest: (url) => {
        world.probed.push(url);
        return Promise.resolve(world.probe);
      },
      createStockBorderRouter: (options) => {
        opened.push(options);
        const ended = Promise.withResolvers<undefined>();
        const close = () => {
          world.closed += 1;
          ended.resolve(undefined);
          return Promise.resolve();
        };
        return Promise.resolve({ run: () => ended.promise, close });
      },
    },
  });
  const local = new LocalBorderRouter({
    context: harness.context,
    config: defaultConfig(config),
    hub,
    logger: createCliLogger(harness.context, { level: 'info', format: 'json' }),
    fail: (error) => failures.push(error),
  });
  return { local, clock, world, opened, failures, log: () => harness.output.stderr };
}

describe('the border router of the hub’s own machine', () => {
  it('is looked for once a minute without a word, and spoken for when it is there', async () => {
    const { local, clock, world, opened, log } = setUp();
    local.start();
    await clock.advance(179_000);
    expect(world.probed).toEqual(Array(3).fill('http://127.0.0.1:8081'));
    expect(log()).toBe('');
    world.probe = answers;
    await clock.advance(1_000);
    expect(opened).toMatchObject([
      {
        address: { source: 'otbr-rest', url: 'http://127.0.0.1:8081' },
        hub: 'ws://127.0.0.1:5001',
        networkPrefix: null,
      },
    ]);
    expect(opened[0]?.idOf(null)).toBe('pi4');
    await local.stop();
    expect(world.closed).toBe(1);
    expect(clock.pending).toBe(0);
  });

  it('is left alone where the configuration says so', async () => {
    const { local, clock, world } = setUp({ border_routers: { local: 'off' } });
    local.start();
    await clock.advance(120_000);
    await local.stop();
    expect(world.probed).toEqual([]);
  });

  it('is missed aloud where the configuration names it', async () => {
    const { local, clock, world, log } = setUp({ border_routers: { local: 'http://otbr.local:8081' } });
    local.start();
    await clock.advance(300_000);
    expect(world.probed[0]).toBe('http://otbr.local:8081');
    expect(log().match(/no border router yet: nothing listens/g)).toHaveLength(1);
    await local.stop();
  });

  it.each([
    ['beyond loopback', { server: { host: '0.0.0.0' } }],
    ['that asks for tokens', { border_routers: { require_token: true } }],
  ])('is not spoken for by a hub %s, which names the command instead', async (_, config) => {
    const { local, clock, world, opened, log } = setUp(config);
    world.probe = answers;
    local.start();
    await clock.advance(120_000);
    expect(opened).toEqual([]);
    expect(world.probed).toHaveLength(1);
    expect(log()).toContain(
      'threadhub border-router --hub http://127.0.0.1:5001 --id pi4 --otbr-url http://127.0.0.1:8081',
    );
    await local.stop();
  });

  it('is left to another program that speaks for it', async () => {
    const { local, world, opened, log, clock } = setUp();
    world.probe = answers;
    local.start();
    await settle();
    opened[0]?.onFact({ kind: 'agent', fact: { kind: 'replaced' } });
    await clock.advance(120_000);
    expect(world.closed).toBe(1);
    expect(opened).toHaveLength(1);
    expect(log()).toContain('another program speaks for this border router');
    await local.stop();
  });

  it('is scanned once after its first complete reading, as soon as there is something to scan', async () => {
    let asked = 0;
    await using hub = await startFakeHub({
      'POST /api/trigger_scan': () =>
        ++asked > 1 ? { status: 202, body: {} } : problem(409, 'nothing_to_scan', 'no nodes'),
    });
    const { local, clock, world, opened } = setUp({}, hub.url);
    world.probe = answers;
    local.start();
    await settle();
    const report: Partial<CollectionReport> = { complete: true };
    const collected = { kind: 'collected', report: report as CollectionReport } as const;
    opened[0]?.onFact(collected);
    opened[0]?.onFact(collected);
    for (const tries of [1, 2]) {
      await clock.advance(1_000);
      await until(() => asked === tries);
      // Until the answer has been read.
      await until(async () => (await settle(), clock.pending === (tries === 1 ? 1 : 0)));
    }
    await clock.advance(60_000);
    expect(asked).toBe(2);
    await local.stop();
  });
});

it('takes no address with a password, and no other protocol', () => {
  for (const local of ['http://me:s3cret@otbr', 'ftp://otbr', 'on'])
    expect(() => defaultConfig({ border_routers: { local } })).toThrow();
  expect(defaultConfig({ border_routers: { local: false } }).border_routers.local).toBe('off');
});
