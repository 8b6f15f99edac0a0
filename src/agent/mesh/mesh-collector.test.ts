import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FakeClock, settle } from '../../../test/support/fake-clock.ts';
import { type FakeMesh, FakeMeshReader, listedOf } from '../../../test/support/fake-mesh-reader.ts';
import { asExtAddress, type ExtAddress } from '../../protocol/ids.ts';
import { asIpv6Address, type Ipv6Address, parseIpv6 } from '../../protocol/ipv6.ts';
import { formatRloc16, type Rloc16, rloc16OfRouter } from '../../protocol/rloc16.ts';
import type { ScanNodeAnswer } from '../node-source.ts';
import { type ChildRow, type DeviceDiagnostics, nothingTold } from './device-diagnostics.ts';
import { type MeshFact, MeshNodeSource } from './mesh-node-source.ts';
import type { BorderRouterState, ReadFailure } from './mesh-reader.ts';
import { readFailureCodes } from './mesh-reader.ts';

const modes = {
  full: { rxOnWhenIdle: true, fullThreadDevice: true, fullNetworkData: true },
  sleepy: { rxOnWhenIdle: false, fullThreadDevice: false, fullNetworkData: false },
} as const;

const noSignal = {
  linkMargin: 30,
  averageRssi: -60,
  lastRssi: -61,
  frameErrorRate: 0,
  messageErrorRate: 0,
  linkQuality: 3,
};

function addressOf(number: number): Ipv6Address {
  return parseIpv6(`fd7c::${(number + 1).toString(16)}`) ?? asIpv6Address('');
}

const extAddressOf = (number: number): ExtAddress =>
  asExtAddress((number + 1).toString(16).padStart(16, '0'));

/** Routers in a ring, each with a few sleepy children, and every tenth child a full device. */
function meshOf(routers: number, children: number): FakeMesh {
  const devices = new Map<ExtAddress, DeviceDiagnostics>();
  const rows = new Map<number, ChildRow[]>();
  for (let number = 0; number < children; number += 1) {
    const parent = number % routers;
    const siblings = rows.get(parent) ?? [];
    rows.set(parent, siblings);
    const device = routers + number;
    const isFull = number % 10 === 0;
    const mode = isFull ? modes.full : modes.sleepy;
    const rloc16 = formatRloc16((parent << 10) + siblings.length + 1);
    siblings.push({
      ...noSignal,
      extAddress: extAddressOf(device),
      rloc16,
      mode,
      ageSeconds: 1,
      linkAgeSeconds: 100,
      timeoutSeconds: 240,
      queuedMessages: 0,
      threadVersion: 5,
      ipv6Addresses: isFull ? null : [addressOf(device)],
    });
    devices.set(extAddressOf(device), {
      ...nothingTold,
      extAddress: extAddressOf(device),
      rloc16,
      mode,
      ipv6Addresses: [addressOf(device)],
    });
  }
  const routes = Array.from({ length: routers }, (_, routerId) => ({
    routerId,
    linkQualityIn: 0,
    linkQualityOut: 0,
    cost: 2,
    nextHop: null,
  }));
  for (let number = 0; number < routers; number += 1)
    devices.set(extAddressOf(number), {
      ...nothingTold,
      extAddress: extAddressOf(number),
      rloc16: rloc16OfRouter(number),
      mode: modes.full,
      leader: { partitionId: 1, leaderRouterId: 0 },
      routes,
      neighbors: [(number + 1) % routers, (number + routers - 1) % routers].map((neighbor) => ({
        ...noSignal,
        extAddress: extAddressOf(neighbor),
        rloc16: rloc16OfRouter(neighbor),
        linkAgeSeconds: 100,
        ageSeconds: 3,
      })),
      children: rows.get(number) ?? [],
      ipv6Addresses: [addressOf(number)],
      counters: { parent_changes: 1 },
    });
  const state: BorderRouterState = {
    extAddress: extAddressOf(0),
    rloc16: rloc16OfRouter(0),
    role: 'leader',
    partitionId: 1,
    leaderRouterId: 0,
    extPanId: '00000000000000aa',
    networkName: 'Building',
    meshLocalPrefix: 'fd00::/64',
    ipv6Addresses: [],
    routerCount: routers,
    channel: 15,
    panId: 1,
  };
  return { state, listed: listedOf(devices), devices };
}

/** As a hub asks: so many at a time, the next when one is answered. */
async function scanAll(
  source: MeshNodeSource,
  clock: FakeClock,
  devices: number,
): Promise<{ answers: ScanNodeAnswer[]; waits: number[] }> {
  const answers: ScanNodeAnswer[] = [];
  const waits: number[] = [];
  let next = 0;
  const work = async (): Promise<void> => {
    for (let number = next++; number < devices; number = next++) {
      const askedMs = clock.monotonicMs();
      answers[number] = await source.scanNode(
        { targetIpv6: addressOf(number), nodeName: '' },
        new AbortController().signal,
      );
      waits[number] = clock.monotonicMs() - askedMs;
    }
  };
  const all = Promise.all(Array.from({ length: 16 }, work));
  for (let second = 0; second < 60; second += 1) await clock.advance(1_000);
  for (let turn = 0; turn < 100; turn += 1) await settle();
  await all;
  return { answers, waits };
}

describe('a mesh of 32 routers and 200 children', () => {
  it('is told to a hub, 16 at a time, each within 5 s and all inside the radio budget', async () => {
    const clock = new FakeClock();
    const reader = new FakeMeshReader(meshOf(32, 200), clock);
    const facts: MeshFact[] = [];
    const source = new MeshNodeSource({ reader, clock, onFact: (fact) => facts.push(fact) });
    const { answers, waits } = await scanAll(source, clock, 232);
    expect(answers.filter(({ ok }) => !ok)).toEqual([]);
    expect(Math.max(...waits)).toBeLessThanOrEqual(5_000);
    expect(facts).toMatchObject([
      { report: { complete: true, devices: 232, expectedRouters: 32, answeredRouters: 32, problem: null } },
    ]);
    expect(source.identity().collection?.radioRequests).toBeLessThanOrEqual(128);
    expect(reader.overlaps).toBe(0);
  });
});

interface Trouble {
  readonly delayMs: number;
  readonly silent: readonly number[];
  readonly failures: readonly (readonly [number, ReadFailure])[];
  readonly budget: number;
  readonly asksDevices: boolean;
  /** Devices that children rows are told to be under, whatever is true. */
  readonly lies: readonly (readonly [router: number, child: number, age: number | null])[];
}

const routers = 6;
const children = 12;

const trouble: fc.Arbitrary<Trouble> = fc.record({
  delayMs: fc.integer({ min: 0, max: 6_000 }),
  silent: fc.array(fc.integer({ min: 0, max: routers + children }), { maxLength: 8 }),
  failures: fc.array(
    fc.tuple(
      fc.nat(30),
      fc.record({
        ok: fc.constant(false as const),
        code: fc.constantFrom(...readFailureCodes),
        reason: fc.string({ maxLength: 20 }),
      }),
    ),
    { maxLength: 6 },
  ),
  budget: fc.integer({ min: 0, max: 60 }),
  asksDevices: fc.boolean(),
  lies: fc.array(
    fc.tuple(fc.nat(routers - 1), fc.nat(routers + children), fc.option(fc.nat(300), { nil: null })),
    { maxLength: 4 },
  ),
});

function troubled(
  { asksDevices, delayMs, failures, lies, silent }: Trouble,
  clock: FakeClock,
): FakeMeshReader {
  const mesh = meshOf(routers, children);
  const devices = new Map(mesh.devices);
  for (const [router, child, ageSeconds] of lies) {
    const told = devices.get(extAddressOf(router));
    const [pattern] = told?.children ?? [];
    if (told === undefined || pattern === undefined) continue;
    const rloc16: Rloc16 = formatRloc16((router << 10) + 100 + child);
    devices.set(extAddressOf(router), {
      ...told,
      children: [
        ...(told.children ?? []),
        { ...pattern, extAddress: extAddressOf(child), rloc16, ageSeconds },
      ],
    });
  }
  const reader = new FakeMeshReader({ ...mesh, devices }, clock);
  reader.delayMs = delayMs;
  reader.asksDevices = asksDevices;
  if (!asksDevices) reader.surveyed = [...devices.values()].filter((_, index) => !silent.includes(index));
  for (const number of silent) reader.silent.add(extAddressOf(number));
  for (const [call, failure] of failures) reader.failures.set(call, failure);
  return reader;
}

describe('whatever a border router answers, in whatever order, delay or failure', () => {
  it('settles every scan, keeps to the budget, overlaps no calls, and neither invents nor drops a device', async () => {
    await fc.assert(
      fc.asyncProperty(trouble, fc.nat(4_000), async (made, abortsAfterMs) => {
        const clock = new FakeClock();
        const reader = troubled(made, clock);
        const facts: MeshFact[] = [];
        const source = new MeshNodeSource({
          reader,
          clock,
          radioBudget: made.budget,
          onFact: (fact) => facts.push(fact),
        });
        const leaving = new AbortController();
        const answers: (ScanNodeAnswer | null)[] = [];
        const leavers: (ScanNodeAnswer | null)[] = [];
        for (let number = 0; number <= routers + children; number += 1) {
          answers[number] = leavers[number] = null;
          const request = { targetIpv6: addressOf(number), nodeName: '' };
          void source
            .scanNode(request, new AbortController().signal)
            .then((answer) => (answers[number] = answer));
          void source.scanNode(request, leaving.signal).then((answer) => (leavers[number] = answer));
        }
        await clock.advance(abortsAfterMs);
        leaving.abort();
        await settle();
        expect(leavers).not.toContain(null);
        await clock.advance(25_000);
        await settle();
        expect(answers).not.toContain(null);
        expect(facts).toHaveLength(1);
        expect(reader.overlaps).toBe(0);
        expect(source.identity().collection?.radioRequests ?? 0).toBeLessThanOrEqual(made.budget);

        const namedByTables = new Set(
          [...reader.mesh.devices.values()].flatMap(({ children: rows, extAddress }) => [
            extAddress,
            ...(rows ?? []).map((row) => row.extAddress),
          ]),
        );
        for (const answer of answers) {
          if (answer === null || !answer.ok) continue;
          expect(namedByTables).toContain(answer.networkInfo['ext_addr']);
        }
        // The last address is nobody's.
        if (!made.lies.some(([, child]) => child === routers + children))
          expect(answers[routers + children]?.ok).toBe(false);
        const isQuiet = made.failures.length === 0 && made.silent.length === 0 && made.lies.length === 0;
        if (isQuiet && made.asksDevices && made.budget >= 40 && made.delayMs <= 400)
          expect(answers.filter((answer) => answer?.ok === true)).toHaveLength(routers + children);
        const before = clock.monotonicMs();
        await source.close();
        expect([clock.monotonicMs(), clock.pending]).toEqual([before, 0]);
      }),
      { numRuns: 300 },
    );
  });
});
