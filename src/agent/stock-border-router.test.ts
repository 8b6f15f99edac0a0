import { describe, expect, it } from 'vitest';
import { FakeClock, settle } from '../../test/support/fake-clock.ts';
import { FakeNodeSource } from '../../test/support/fake-node-source.ts';
import type { CollectionReport } from '../protocol/border-router-messages.ts';
import { asExtAddress } from '../protocol/ids.ts';
import { asIpv6Address } from '../protocol/ipv6.ts';
import type { Agent, AgentFact } from './agent-options.ts';
import { defaultBorderRouterId } from './default-border-router-id.ts';
import type { BorderRouterState, MeshReader, ReadResult } from './mesh/mesh-reader.ts';
import type { DiscoverAnswer, SourceNews } from './node-source.ts';
import { StockBorderRouter, type StockBorderRouterFact } from './stock-border-router.ts';

const there: BorderRouterState = {
  extAddress: asExtAddress('52a10c4208649fcc'),
  rloc16: null,
  role: 'leader',
  partitionId: 1,
  leaderRouterId: 13,
  extPanId: '1a2b3c4d5e6f7081',
  networkName: 'OtLab',
  meshLocalPrefix: 'fd0d:7fc:a1b9:f050::/64',
  ipv6Addresses: [],
  routerCount: 9,
  channel: 15,
  panId: 0x1234,
};
const omrAddress = 'fd7c:8336:ffd4:1:9f35:3d61:ffc6:c165';
const withOmr: BorderRouterState = { ...there, ipv6Addresses: [asIpv6Address(omrAddress)] };
const seen = (ownAddress: string): SourceNews => ({
  kind: 'seen',
  network: {},
  nodes: [
    { ipv6: 'fd55::1', extAddress: '2ea1ab536697cdd7', rloc16: null, name: null, networkInfo: null },
    { ipv6: ownAddress, extAddress: there.extAddress, rloc16: null, name: null, networkInfo: null },
  ],
});
const report: CollectionReport = {
  source: 'otbr-rest',
  dialect: 'json-api',
  address: 'http://127.0.0.1:8081',
  endedAgoMs: 0,
  durationMs: 900,
  radioRequests: 20,
  radioBudget: 128,
  devices: 13,
  expectedRouters: 9,
  answeredRouters: 9,
  complete: true,
  problemCode: null,
  problem: null,
};

type State = ReadResult<BorderRouterState>;

function setUp(options: { idNeedsAddress?: boolean; networkPrefix?: string } = {}) {
  const clock = new FakeClock();
  const world = {
    state: { ok: false, code: 'off', reason: 'connection refused' } as State,
    answer: null as ((signal: AbortSignal) => Promise<State>) | null,
    reads: 0,
    tell: (_: SourceNews): void => undefined,
    collection: null as CollectionReport | null,
    meshLocalPrefix: there.meshLocalPrefix,
    discoveries: 0,
    /** What the source learns when it is asked for the mesh; null: it never settles by itself. */
    learns: (): unknown => undefined,
    sources: 0,
    sourceClosed: false,
    readerClosed: false,
  };
  const agents: {
    id: string;
    networkPrefix: string | null;
    closed: boolean;
    onFact: (fact: AgentFact) => void;
  }[] = [];
  const facts: StockBorderRouterFact[] = [];
  const reader: Partial<MeshReader> = {
    state: ({ signal }) => {
      world.reads += 1;
      return world.answer?.(signal) ?? Promise.resolve(world.state);
    },
    close: () => {
      world.readerClosed = true;
      return Promise.resolve();
    },
  };
  const router = new StockBorderRouter({
    openReader: () => reader as MeshReader,
    openSource: () => {
      world.sources += 1;
      return Object.assign(new FakeNodeSource(), {
        identity: () => ({
          extAddress: there.extAddress,
          collection: world.collection,
          network: {
            extPanId: there.extPanId,
            name: there.networkName,
            panId: null,
            channel: null,
            meshLocalPrefix: world.meshLocalPrefix,
          },
        }),
        onNews: (listener: (news: SourceNews) => void) => {
          world.tell = listener;
          return () => undefined;
        },
        discover: async (signal: AbortSignal): Promise<DiscoverAnswer> => {
          world.discoveries += 1;
          if (world.learns() === null)
            await new Promise((resolve) => signal.addEventListener('abort', resolve));
          return { ok: true, network: {}, nodes: [] };
        },
        close: () => {
          world.sourceClosed = true;
          return Promise.resolve();
        },
      });
    },
    createAgent: ({ id, networkPrefix, onFact }) => {
      const agent = { id, networkPrefix, closed: false, onFact: onFact ?? (() => undefined) };
      agents.push(agent);
      const close = () => {
        agent.closed = true;
        return Promise.resolve();
      };
      return { start: () => undefined, close } as Partial<Agent> as Agent;
    },
    idOf: (extAddress) =>
      options.idNeedsAddress === true && extAddress === null
        ? null
        : defaultBorderRouterId('pi4', extAddress),
    networkPrefix: options.networkPrefix ?? null,
    clock,
    random: () => 0,
    onFact: (fact) => facts.push(fact),
  });
  const waits = () => facts.filter((fact) => fact.kind === 'waiting').map(({ failure }) => failure.code);
  const connect = (index: number) => {
    agents[index]?.onFact({ kind: 'connected', encoding: 'json' });
    return settle();
  };
  return { router, clock, world, agents, facts, waits, connect };
}

describe('a stock border router', () => {
  it('connects at once under its off-mesh prefix and ends in order', async () => {
    const { router, world, agents } = setUp();
    world.state = { ok: true, value: withOmr };
    const running = router.run();
    await settle();
    expect(agents).toMatchObject([{ id: 'pi4-9fcc', networkPrefix: 'fd7c:8336:ffd4:1::/64', closed: false }]);
    await router.close();
    await running;
    expect(agents[0]?.closed).toBe(true);
    expect(world).toMatchObject({ sourceClosed: true, readerClosed: true });
  });

  it('is waited for, with each reason told once, and less and less often', async () => {
    const { router, clock, world, agents, waits } = setUp({ idNeedsAddress: true });
    void router.run();
    await clock.advance(60_000);
    const readsInFirstMinute = world.reads;
    world.state = { ok: false, code: 'unreachable', reason: 'no route' };
    await clock.advance(60_000);
    expect(waits()).toEqual(['off', 'unreachable']);
    expect(readsInFirstMinute).toBeGreaterThan(4);
    expect(world.reads - readsInFirstMinute).toBeLessThan(readsInFirstMinute);
    expect(agents).toEqual([]);
    world.state = { ok: true, value: there };
    await clock.advance(30_000);
    expect(agents).toMatchObject([{ id: 'pi4-9fcc', networkPrefix: 'fd0d:7fc:a1b9:f050::/64' }]);
    await router.close();
    expect(clock.pending).toBe(0);
  });

  it('connects after 10 s without its prefix, and takes it up when it is told', async () => {
    const { router, clock, world, agents, connect } = setUp();
    void router.run();
    await clock.advance(9_999);
    expect(agents).toEqual([]);
    await clock.advance(1);
    expect(agents).toMatchObject([{ id: 'pi4', networkPrefix: null }]);
    world.state = { ok: true, value: there };
    await clock.advance(30_000);
    expect(agents).toMatchObject([{ id: 'pi4' }, { id: 'pi4', networkPrefix: 'fd0d:7fc:a1b9:f050::/64' }]);
    expect(agents[0]?.closed).toBe(false);
    await connect(1);
    expect(agents.map(({ closed }) => closed)).toEqual([true, false]);
    expect(world.sources).toBe(1);
    await router.close();
  });

  it('takes a border router that never answers for silent', async () => {
    const { router, clock, world, waits } = setUp();
    world.answer = (signal) =>
      new Promise((resolve) => {
        const gone: State = { ok: false, code: 'cancelled', reason: '' };
        signal.addEventListener('abort', () => resolve(gone));
      });
    void router.run();
    await clock.advance(4_999);
    expect(waits()).toEqual([]);
    await clock.advance(1);
    expect(waits()).toEqual(['silent']);
    await router.close();
  });

  it('reads the mesh before it connects where it does not tell its own addresses', async () => {
    const { router, world, agents } = setUp();
    world.state = { ok: true, value: there };
    world.learns = () => world.tell(seen(omrAddress));
    void router.run();
    await settle();
    expect(agents).toMatchObject([{ networkPrefix: 'fd7c:8336:ffd4:1::/64' }]);
    expect(world.sources).toBe(1);
    await router.close();
  });

  it('waits no longer than 10 s for that reading', async () => {
    const { router, clock, world, agents } = setUp();
    world.state = { ok: true, value: there };
    world.learns = () => null;
    void router.run();
    await clock.advance(9_999);
    expect(agents).toEqual([]);
    await clock.advance(1);
    expect(agents).toMatchObject([{ networkPrefix: there.meshLocalPrefix }]);
    await router.close();
    expect(clock.pending).toBe(0);
  });

  it('reads again, less and less often, until a reading has told devices: before that nobody scans', async () => {
    const { router, clock, world } = setUp();
    world.state = { ok: true, value: withOmr };
    void router.run();
    await settle();
    expect(world.discoveries).toBe(0);
    await clock.advance(15_000);
    expect(world.discoveries).toBe(1);
    await clock.advance(29_999);
    expect(world.discoveries).toBe(1);
    world.learns = () => world.tell(seen(omrAddress));
    await clock.advance(1);
    expect(world.discoveries).toBe(2);
    await clock.advance(3_600_000);
    expect(world.discoveries).toBe(2);
    await router.close();
    expect(clock.pending).toBe(0);
  });

  it('connects again when a reading shows that the prefix became another, and only then', async () => {
    const { router, world, agents, connect, facts } = setUp();
    world.state = { ok: true, value: withOmr };
    void router.run();
    await settle();
    await connect(0);
    world.tell(seen(omrAddress));
    await settle();
    expect(agents).toHaveLength(1);
    world.meshLocalPrefix = 'fd11:2233:4455:6677::/64';
    world.tell(seen('fd99:1:2:3::7'));
    await settle();
    await connect(1);
    expect(agents).toMatchObject([
      { networkPrefix: 'fd7c:8336:ffd4:1::/64', closed: true },
      { networkPrefix: 'fd99:1:2:3::/64', closed: false },
    ]);
    // What becomes of the earlier connection is nobody's trouble.
    const told = facts.length;
    agents[0]?.onFact({ kind: 'replaced' });
    expect(facts).toHaveLength(told);
    await router.close();
  });

  it('tells how its readings went', async () => {
    const { router, world, facts } = setUp();
    world.state = { ok: true, value: withOmr };
    void router.run();
    await settle();
    world.collection = report;
    world.tell({ kind: 'collected' });
    expect(facts.at(-1)).toEqual({ kind: 'collected', report });
    await router.close();
  });

  it('keeps the prefix that the operator gave', async () => {
    const { router, world, agents } = setUp({ networkPrefix: 'fd99::/64' });
    world.state = { ok: true, value: withOmr };
    void router.run();
    await settle();
    world.tell(seen(omrAddress));
    await settle();
    expect(agents).toMatchObject([{ networkPrefix: 'fd99::/64' }]);
    expect(world.discoveries).toBe(0);
    await router.close();
  });
});
