import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { FakeClock } from '../../../test/support/fake-clock.ts';
import { FakeMeshReader, recordedMesh } from '../../../test/support/fake-mesh-reader.ts';
import { otbrChildren, otbrLinks } from '../../../test/support/otbr-recordings.ts';
import { asExtAddress, type ExtAddress } from '../../protocol/ids.ts';
import { asIpv6Address, parseIpv6 } from '../../protocol/ipv6.ts';
import { type NetworkInfo, parseNetworkInfo } from '../../protocol/network-info.ts';
import type { Rloc16 } from '../../protocol/rloc16.ts';
import type { ScanNodeAnswer, SourceNews } from '../node-source.ts';
import { type MeshFact, MeshNodeSource, type MeshNodeSourceOptions } from './mesh-node-source.ts';
import type { ReadFailureCode } from './mesh-reader.ts';

interface GroundTruth {
  readonly nodes: Readonly<
    Record<string, { extaddr: string; rloc16: string; ipaddr: string[]; mleid: string }>
  >;
}

const truth = JSON.parse(
  readFileSync(join(import.meta.dirname, '../../../test/fixtures/otbr/mesh-ground-truth.json'), 'utf8'),
) as GroundTruth;
const nodeNumbers = Object.keys(truth.nodes).map(Number);

const never = new AbortController().signal;

function nodeOf(node: number): GroundTruth['nodes'][string] {
  const entry = truth.nodes[String(node)];
  if (entry === undefined) throw new Error(`there is no node ${node}`);
  return entry;
}

function extAddressOf(node: number): ExtAddress {
  return asExtAddress(nodeOf(node).extaddr);
}

let clock: FakeClock;
let reader: FakeMeshReader;
let source: MeshNodeSource;
let facts: MeshFact[];

beforeEach(() => {
  clock = new FakeClock();
  reader = new FakeMeshReader(recordedMesh(), clock);
  open();
});

function open(options: Partial<MeshNodeSourceOptions> = {}): void {
  facts = [];
  source = new MeshNodeSource({ reader, clock, onFact: (fact) => facts.push(fact), ...options });
}

function scan(address: string, signal = never): Promise<ScanNodeAnswer> {
  return source.scanNode({ targetIpv6: parseIpv6(address) ?? asIpv6Address(address), nodeName: 'n' }, signal);
}

async function readAddress(address: string): Promise<ScanNodeAnswer> {
  const answer = scan(address);
  await clock.advance(25_000);
  return answer;
}

async function readMesh(): Promise<void> {
  await readAddress(nodeOf(1).mleid);
}

async function infoOf(node: number): Promise<NetworkInfo> {
  return parsed(await readAddress(nodeOf(node).mleid));
}

function parsed(answer: ScanNodeAnswer): NetworkInfo {
  if (!answer.ok) throw new Error(answer.reason);
  const info = parseNetworkInfo(answer.networkInfo);
  if (!info.ok) throw new Error(info.reason);
  return info.networkInfo;
}

/** The device is gone: it answers nobody, and no table names it any more. */
function remove(node: number, { fromTables }: { fromTables: boolean }): void {
  const gone = extAddressOf(node);
  const routerId = Number.parseInt(nodeOf(node).rloc16, 16) >> 10;
  const devices = new Map(reader.mesh.devices);
  devices.delete(gone);
  if (fromTables)
    for (const [extAddress, device] of devices)
      devices.set(extAddress, {
        ...device,
        routes: device.routes?.filter((row) => row.routerId !== routerId) ?? null,
        neighbors: device.neighbors?.filter((row) => row.extAddress !== gone) ?? null,
        children: device.children?.filter((row) => row.extAddress !== gone) ?? null,
      });
  reader.mesh = { ...reader.mesh, devices };
}

describe('reading the recorded mesh', () => {
  it('answers all thirteen devices with their roles and parents, from one reading', async () => {
    const answers = nodeNumbers.map((node) => scan(nodeOf(node).mleid));
    await clock.advance(5_000);
    const table = (await Promise.all(answers)).map((answer, index) => {
      const info = parsed(answer);
      return [nodeNumbers[index], info.role, info.rloc16, info.parent?.extAddress ?? null];
    });
    expect(table).toEqual([
      [1, 'leader', '0x3400', null],
      [2, 'router', '0x7400', null],
      [3, 'router', '0x3800', null],
      [4, 'router', '0x1400', null],
      [5, 'router', '0x2800', null],
      [6, 'router', '0xe000', null],
      [7, 'router', '0xf000', null],
      [8, 'router', '0x8c00', null],
      [9, 'router', '0x6000', null],
      [10, 'reed', '0x2803', extAddressOf(5)],
      [12, 'child', '0xf002', extAddressOf(7)],
      [13, 'sleepy_child', '0x8c01', extAddressOf(8)],
      [14, 'sleepy_child', '0x6001', extAddressOf(9)],
    ]);
    expect(reader.surveys).toBe(1);
    expect(facts).toMatchObject([
      { report: { complete: true, devices: 13, expectedRouters: 9, answeredRouters: 9, problem: null } },
    ]);
    expect(facts[0]?.statement).toMatch(
      /^9 of 9 routers and 4 other devices were read with \d+ of 128 radio requests\.$/,
    );
  });

  it('tells each link by its receiver, as the mesh was built', async () => {
    for (const [first, second, dbm] of otbrLinks) {
      const [one, other] = [await infoOf(first), await infoOf(second)];
      const heard = one.neighbors.find(({ extAddress }) => extAddress === extAddressOf(second));
      const heardBack = other.neighbors.find(({ extAddress }) => extAddress === extAddressOf(first));
      expect([first, second, heard?.rssi, heardBack?.rssi]).toEqual([first, second, dbm, dbm - 3]);
    }
    for (const [child, parent, dbm] of otbrChildren) {
      const row = (await infoOf(parent)).children.find(
        ({ extAddress }) => extAddress === extAddressOf(child),
      );
      expect([child, row?.rssi]).toEqual([child, dbm]);
      const own = await infoOf(child);
      // What the child itself hears nobody has told.
      expect(own.parent).toMatchObject({ extAddress: extAddressOf(parent), rssi: null, lqi: null });
    }
  });

  it('knows every device by each of its addresses', async () => {
    await readMesh();
    const isAnycast = (address: string): boolean => /:fe00:fc[0-9a-f]{2}$/.test(address);
    for (const node of nodeNumbers)
      for (const address of nodeOf(node).ipaddr) {
        // In the list of addresses, taken later, node 14 has moved to another parent.
        const hasMoved = node === 14 && address.includes(':ff:fe00:');
        if (isAnycast(address) || hasMoved) continue;
        expect([address, parsed(await readAddress(address)).extAddress]).toEqual([
          address,
          extAddressOf(node),
        ]);
      }
  });

  it('says who told of a child, and how old the facts are', async () => {
    const router = await infoOf(9);
    expect(router.raw).not.toHaveProperty('told_by');
    const answer = await readAddress(nodeOf(14).mleid);
    expect(parsed(answer).raw).toMatchObject({
      told_by: extAddressOf(9),
      parent: { rloc16: '0x6000', ext_addr: extAddressOf(9) },
      mode: '-',
      ext_pan_id: '1a2b3c4d5e6f7081',
      network_name: 'OtLab',
      partition_id: 573_303_309,
      leader_router_id: 13,
    });
    expect(parsed(answer).raw).not.toHaveProperty('children');
  });

  it('asks the border router first, then who is waited for, and never a sleepy device', async () => {
    await readMesh();
    await clock.advance(60_000);
    reader.asked.length = 0;
    void scan(nodeOf(13).mleid);
    await clock.advance(25_000);
    expect(reader.asked.slice(0, 2).map(({ device }) => device.extAddress)).toEqual([
      extAddressOf(1),
      extAddressOf(8),
    ]);
    expect(reader.asked.filter(({ device }) => device.kind === 'sleepy')).toEqual([]);
    expect([reader.timesAsked(extAddressOf(13)), reader.timesAsked(extAddressOf(14))]).toEqual([0, 0]);
  });

  it('answers a device as soon as its own facts are in', async () => {
    let answeredMs: number | null = null;
    void scan(nodeOf(1).mleid).then(() => (answeredMs = clock.monotonicMs()));
    await clock.advance(25_000);
    // State, list, survey, its own tables.
    expect(answeredMs).toBe(310);
  });

  it('asks a full end device for its addresses once and remembers them', async () => {
    await readMesh();
    const asked = reader.asked.filter(
      ({ device, topics }) => device.extAddress === extAddressOf(10) && topics.has('place'),
    );
    expect(asked).toHaveLength(1);
    await clock.advance(60_000);
    reader.asked.length = 0;
    expect((await infoOf(10)).raw).toMatchObject({ told_by: extAddressOf(5) });
    expect(
      reader.asked.filter(({ device, topics }) => device.kind === 'full' && topics.has('place')),
    ).toEqual([]);
  });
});

describe('a border router whose network changes', () => {
  const placesAsked = (): number =>
    reader.asked.filter(({ device, topics }) => device.kind === 'full' && topics.has('place')).length;

  it('asks full end devices for their addresses again in another partition', async () => {
    await readMesh();
    reader.mesh = { ...reader.mesh, state: { ...reader.mesh.state, partitionId: 77 } };
    await clock.advance(60_000);
    expect((await readAddress(nodeOf(10).mleid)).ok).toBe(true);
    expect(placesAsked()).toBe(2);
  });

  it('forgets nothing while it is detached for a moment', async () => {
    await readMesh();
    const { state } = reader.mesh;
    const detached = { ...state, role: 'detached', partitionId: null, leaderRouterId: null };
    reader.mesh = { ...reader.mesh, state: detached };
    await clock.advance(60_000);
    expect((await readAddress(nodeOf(10).mleid)).ok).toBe(false);
    reader.mesh = { ...reader.mesh, state };
    await clock.advance(60_000);
    expect((await readAddress(nodeOf(10).mleid)).ok).toBe(true);
    expect(placesAsked()).toBe(1);
  });

  it('asks a full end device that was gone for its addresses once more', async () => {
    await readMesh();
    const { mesh } = reader;
    remove(10, { fromTables: true });
    await clock.advance(60_000);
    await readMesh();
    reader.mesh = mesh;
    await clock.advance(60_000);
    expect((await readAddress(nodeOf(10).mleid)).ok).toBe(true);
  });
});

describe('searching the mesh', () => {
  const scanInTime = async (number: number): Promise<ScanNodeAnswer> => {
    const answer = scan(nodeOf(number).mleid);
    await clock.advance(4_950);
    return answer;
  };

  it('is done before the first reading only, as long as everybody is listed: it may take 15 s', async () => {
    reader.surveyMs = 15_000;
    reader.silent.add(extAddressOf(9));
    await readMesh();
    for (let scanNumber = 0; scanNumber < 3; scanNumber += 1) {
      await clock.advance(60_000);
      for (const number of [2, 8, 13]) expect((await scanInTime(number)).ok).toBe(true);
    }
    expect(reader.surveys).toBe(1);
  });

  it('is not needed where an earlier agent had it done', async () => {
    reader.isSearched = true;
    expect((await scanInTime(13)).ok).toBe(true);
    expect(reader.surveys).toBe(0);
  });

  it('finds a router that tables name and the border router does not list', async () => {
    await readMesh();
    await clock.advance(60_000);
    reader.unlisted.add(extAddressOf(6));
    expect(parsed(await scanInTime(6)).role).toBe('router');
    expect(reader.surveys).toBe(2);
  });

  it('comes before routers that are only listed, however many', async () => {
    await readMesh();
    await clock.advance(60_000);
    reader.unlisted.add(extAddressOf(6));
    const gone = Array.from({ length: 20 }, (_, index) => ({
      extAddress: asExtAddress(`dead0000000000${String(index).padStart(2, '0')}`),
      kind: 'router' as const,
      ipv6Addresses: [],
      hostname: null,
    }));
    reader.mesh = { ...reader.mesh, listed: [...gone, ...reader.mesh.listed] };
    const answer = scan(nodeOf(6).mleid);
    await clock.advance(10_000);
    expect(parsed(await answer).role).toBe('router');
  });

  it('is not repeated soon for a router that it did not find', async () => {
    reader.mesh = {
      ...reader.mesh,
      listed: reader.mesh.listed.filter(({ extAddress }) => extAddress !== extAddressOf(6)),
    };
    reader.silent.add(extAddressOf(6));
    await readMesh();
    const surveys = reader.surveys;
    await clock.advance(60_000);
    await scanInTime(6);
    expect(reader.surveys).toBe(surveys);
    await clock.advance(600_000);
    await readAddress(nodeOf(6).mleid);
    expect(reader.surveys).toBe(surveys + 1);
  });

  it('is done once an hour when nobody waits', async () => {
    await readMesh();
    await clock.advance(3_600_000);
    reader.surveyMs = 2_000;
    expect((await scanInTime(13)).ok).toBe(true);
    expect(facts.at(-1)?.report.durationMs).toBeLessThan(1_500);
    await clock.advance(10_000);
    expect(reader.surveys).toBe(2);
  });

  it('leaves a reading that was complete as it is when nobody waited for it and it fails', async () => {
    await readMesh();
    await clock.advance(3_600_000);
    reader.survey = () => Promise.resolve({ ok: false, code: 'rejected', reason: 'busy' });
    await readMesh();
    expect(source.identity().collection).toMatchObject({ complete: true, problemCode: null });
  });

  it('tells whom it read before its time was over', async () => {
    reader.delayMs = 3_000;
    const seen: number[] = [];
    source.onNews((news) => {
      if (news.kind === 'seen') seen.push(news.nodes.length);
    });
    void scan(nodeOf(2).mleid);
    await clock.advance(26_000);
    expect(facts).toMatchObject([{ report: { complete: false, problemCode: 'out_of_time' } }]);
    expect(seen).toEqual([expect.any(Number)]);
    expect(seen[0]).toBeGreaterThan(5);
  });
});

describe('sharing a reading', () => {
  it('reads the mesh once for all who ask until the reading is old', async () => {
    const answer = scan(nodeOf(5).mleid);
    await clock.advance(3_000);
    await answer;
    expect((await scan(nodeOf(6).mleid)).ok).toBe(true);
    expect(reader.readings).toBe(1);
    await clock.advance(6_000);
    void scan(nodeOf(6).mleid);
    await clock.advance(25_000);
    expect(reader.readings).toBe(2);
  });

  it('lets one leave without the others', async () => {
    const leaving = new AbortController();
    const left = scan(nodeOf(9).mleid, leaving.signal);
    const stays = scan(nodeOf(8).mleid);
    await clock.advance(150);
    leaving.abort();
    expect(await left).toMatchObject({ ok: false, code: 'refused' });
    await clock.advance(5_000);
    expect(await stays).toMatchObject({ ok: true });
  });

  it('goes on to its end for nobody, and starts nothing slow then', async () => {
    const leaving = new AbortController();
    void scan(nodeOf(9).mleid, leaving.signal);
    await clock.advance(150);
    leaving.abort();
    await clock.advance(25_000);
    expect(facts).toMatchObject([{ report: { complete: true } }]);
    expect(reader.asked.filter(({ topics }) => topics.has('counters'))).toEqual([]);
  });
});

describe('devices that are not there', () => {
  it('says of a router that the border router has no room for that it could not be asked', async () => {
    reader.unlisted.add(extAddressOf(9));
    reader.isListFull = true;
    const answer = await readAddress(nodeOf(9).ipaddr.find((address) => address.startsWith('fe80')) ?? '');
    const reason =
      /^router 0x6000 \(4e518eb2a238c2d2\) could not be asked, though 0x3400, .* name it: the border router does not list it; its list is full$/;
    expect(answer).toMatchObject({
      ok: false,
      code: 'refused',
      reason: expect.stringMatching(reason) as string,
    });
    expect(facts).toMatchObject([
      { report: { complete: false, problem: expect.stringMatching(reason) as string } },
    ]);
  });

  it('asks a silent router twice, then says who names it', async () => {
    reader.silent.add(extAddressOf(9));
    const answer = await readAddress(nodeOf(9).ipaddr.find((address) => address.startsWith('fe80')) ?? '');
    expect(answer).toMatchObject({ ok: false, code: 'timed_out' });
    expect(answer).toHaveProperty(
      'reason',
      expect.stringMatching(
        /^router 0x6000 \(4e518eb2a238c2d2\) stayed silent, though 0x3400, .* and \d more name it$/,
      ),
    );
    expect(
      reader.asked
        .filter(({ device }) => device.extAddress === extAddressOf(9))
        .map(({ timeoutMs }) => timeoutMs),
    ).toEqual([3_000, 2_000]);
    expect(facts).toMatchObject([{ report: { complete: false, answeredRouters: 8, problemCode: 'silent' } }]);
  });

  it('asks a router that was silent before only once, last and shortly, so that its scan is answered in time', async () => {
    reader.silent.add(extAddressOf(9));
    await readMesh();
    await clock.advance(60_000);
    reader.asked.length = 0;
    const answer = scan(nodeOf(9).ipaddr.find((address) => address.startsWith('fe80')) ?? '');
    await clock.advance(4_950);
    expect(await answer).toMatchObject({ reason: expect.stringMatching(/^router 0x6000/) as string });
    const tables = reader.asked.filter(({ topics }) => topics.has('tables'));
    expect(tables.at(-1)).toMatchObject({ device: { extAddress: extAddressOf(9) }, timeoutMs: 2_000 });
    expect(reader.timesAsked(extAddressOf(9))).toBe(1);
    // It is back.
    reader.silent.clear();
    await clock.advance(60_000);
    expect((await infoOf(9)).role).toBe('router');
  });

  it('keeps everyone else’s answer, and does not wait for a router known to be silent', async () => {
    await readMesh();
    reader.silent.add(extAddressOf(9));
    await clock.advance(60_000);
    await readMesh();
    await clock.advance(60_000);
    const startedMs = clock.monotonicMs();
    const waits: number[] = [];
    const others = nodeNumbers.filter((node) => node !== 9 && node !== 14);
    for (const node of others)
      void scan(nodeOf(node).mleid).then(({ ok }) => {
        if (ok) waits.push(clock.monotonicMs() - startedMs);
      });
    await clock.advance(25_000);
    expect(waits).toHaveLength(others.length);
    expect(Math.max(...waits)).toBeLessThan(1_500);
  });

  it('names a device that the border router lists and nobody hears', async () => {
    await readMesh();
    remove(6, { fromTables: true });
    reader.mesh = { ...reader.mesh, state: { ...reader.mesh.state, routerCount: 8 } };
    await clock.advance(60_000);
    expect(await readAddress(nodeOf(6).mleid)).toEqual({
      ok: false,
      code: 'timed_out',
      reason: `no device of this mesh has the address ${nodeOf(6).mleid} (8 routers and 4 other devices were read)`,
    });
    expect(facts.at(-1)?.statement).toContain(
      'One device is listed by the border router and heard by nobody.',
    );
    reader.mesh = {
      ...reader.mesh,
      listed: reader.mesh.listed.map((device) =>
        device.extAddress === extAddressOf(6)
          ? { ...device, ipv6Addresses: [asIpv6Address(nodeOf(6).mleid)] }
          : device,
      ),
    };
    expect(await readAddress(nodeOf(6).mleid)).toMatchObject({
      reason: `the border router still lists ${extAddressOf(6)}, but no router hears it and it did not answer`,
    });
    const discovery = source.discover(never);
    await clock.advance(25_000);
    const found = await discovery;
    if (!found.ok) throw new Error(found.reason);
    expect(found.nodes.map(({ extAddress }) => extAddress)).not.toContain(extAddressOf(6));
    expect(found.network).toMatchObject({ ghosts: [{ ext_addr: extAddressOf(6) }] });
  });

  it('says that a mesh which was read has no such address', async () => {
    expect(await readAddress('fd00::1')).toEqual({
      ok: false,
      code: 'timed_out',
      reason: 'no device of this mesh has the address fd00::1 (9 routers and 4 other devices were read)',
    });
  });

  it('drops a device of an earlier reading only when it is neither named nor answers', async () => {
    await readMesh();
    // Forgotten by the border router, and still there.
    reader.mesh = { ...reader.mesh, listed: [] };
    await clock.advance(60_000);
    expect((await infoOf(9)).role).toBe('router');
  });
});

describe('a border router in trouble', () => {
  const failures: readonly (readonly [ReadFailureCode, string])[] = [
    ['off', 'refused'],
    ['too_old', 'refused'],
    ['rejected', 'refused'],
    ['unreachable', 'timed_out'],
    ['malformed', 'malformed'],
  ];
  it.each(failures)('that is %s fails a scan as %s, with the reason', async (code, expected) => {
    reader.failures.set(0, { ok: false, code, reason: 'what was seen' });
    expect(await readAddress(nodeOf(5).mleid)).toEqual({
      ok: false,
      code: expected,
      reason: 'what was seen',
    });
    expect(source.identity().collection).toMatchObject({ complete: false, problemCode: code });
  });

  it('is not asked for its mesh while it is in none', async () => {
    reader.mesh = { ...reader.mesh, state: { ...reader.mesh.state, role: 'detached', rloc16: null } };
    expect(await readAddress(nodeOf(5).mleid)).toMatchObject({
      code: 'refused',
      reason: 'the border router is in no Thread network: it is detached',
    });
    expect(reader.surveys).toBe(0);
  });

  it('keeps what was read before it failed', async () => {
    reader.failures.set(5, { ok: false, code: 'unreachable', reason: 'it has gone' });
    const answers = nodeNumbers.map((node) => scan(nodeOf(node).mleid));
    await clock.advance(25_000);
    const settled = await Promise.all(answers);
    expect(settled.filter(({ ok }) => ok).length).toBeGreaterThanOrEqual(2);
    expect(settled.filter(({ ok }) => !ok)).toEqual(
      settled.filter(({ ok }) => !ok).map(() => ({ ok: false, code: 'timed_out', reason: 'it has gone' })),
    );
  });

  it('that takes longer than a reading may is told with what is missing', async () => {
    reader.delayMs = 4_000;
    const answer = scan(nodeOf(9).mleid);
    await clock.advance(25_000);
    expect(await answer).toMatchObject({ ok: false, code: 'timed_out' });
    expect(facts).toMatchObject([
      { report: { complete: false, problemCode: 'out_of_time', durationMs: 25_000 } },
    ]);
  });
});

describe('the radio budget', () => {
  it('is kept, and says how many more requests were needed', async () => {
    open({ radioBudget: 8 });
    const answer = scan(nodeOf(9).mleid);
    await clock.advance(25_000);
    expect(await answer).toMatchObject({ ok: false, code: 'timed_out' });
    const report = facts[0]?.report;
    expect(report?.radioRequests).toBeLessThanOrEqual(8);
    expect(report).toMatchObject({ complete: false, problemCode: 'over_budget', radioBudget: 8 });
    expect(report?.problem).toMatch(/^the radio budget of 8 requests was spent; about \d+ more were needed$/);
  });

  it('is spent on what changes slowly only after everybody is answered, on few devices, longest ago first', async () => {
    const answer = scan(nodeOf(14).mleid);
    await clock.advance(25_000);
    await answer;
    const slow = (): ExtAddress[] =>
      reader.asked.filter(({ topics }) => topics.has('counters')).map(({ device }) => device.extAddress);
    const first = slow();
    expect(first).toHaveLength(8);
    const lastTables = reader.asked.findLastIndex(({ topics }) => topics.has('tables'));
    expect(reader.asked.findIndex(({ topics }) => topics.has('counters'))).toBeGreaterThan(lastTables);
    await clock.advance(60_000);
    reader.asked.length = 0;
    await readMesh();
    // Eleven listen: the three that were left out come first.
    expect(
      slow()
        .slice(0, 3)
        .filter((device) => first.includes(device)),
    ).toEqual([]);
    await clock.advance(120_000);
    const raw = (await infoOf(2)).raw;
    expect(raw).toMatchObject({ counters: { attach_attempts: expect.any(Number) as number } });
    expect(raw['counters_ago_ms']).toBeGreaterThan(60_000);
  });

  it('breaks slow topics off for who asks when the reading is old', async () => {
    open({ shareMs: 100 });
    const answer = scan(nodeOf(14).mleid);
    await clock.advance(1_710);
    await answer;
    expect(facts).toHaveLength(1);
    expect(reader.asked.at(-1)?.topics.has('counters')).toBe(true);
    await clock.advance(200);
    const slowSoFar = reader.asked.length;
    void scan(nodeOf(1).mleid);
    await clock.advance(300);
    expect(reader.readings).toBe(2);
    expect(reader.asked.slice(slowSoFar).filter(({ topics }) => topics.has('counters'))).toEqual([]);
    expect(reader.overlaps).toBe(0);
  });
});

describe('a dialect that tells the mesh in surveys only', () => {
  beforeEach(() => {
    reader.asksDevices = false;
    reader.surveyed = [...reader.mesh.devices.values()];
  });

  it('is surveyed again when a router that Route64 names is missing', async () => {
    const all = reader.surveyed;
    reader.surveyed = all.filter(({ extAddress }) => extAddress !== extAddressOf(9));
    const answer = scan(nodeOf(9).mleid);
    await clock.advance(260);
    reader.surveyed = all.filter(({ extAddress }) => extAddress !== extAddressOf(2));
    await clock.advance(5_000);
    expect(parsed(await answer).role).toBe('router');
    expect(reader.surveys).toBe(2);
    expect(reader.asked).toEqual([]);
    expect(facts).toMatchObject([{ report: { complete: true, answeredRouters: 9 } }]);
  });

  it('is surveyed three times at most', async () => {
    reader.surveyed = reader.surveyed
      .filter(({ extAddress }) => extAddress !== extAddressOf(9))
      .map((diagnostics) => ({ ...diagnostics, neighbors: null }));
    expect(await readAddress(nodeOf(9).mleid)).toMatchObject({ ok: false, code: 'timed_out' });
    expect(reader.surveys).toBe(3);
    expect(facts).toMatchObject([
      {
        report: {
          complete: false,
          expectedRouters: 9,
          answeredRouters: 8,
          // Route64 names places only; all the same everybody was asked.
          problem: expect.stringMatching(/^router 0x6000 stayed silent, though /) as string,
        },
      },
    ]);
    // What stayed away is looked for once more, in the next readings, and not longer.
    await clock.advance(60_000);
    await readAddress(nodeOf(9).mleid);
    expect(reader.surveys).toBe(5);
  });

  it('is not surveyed again where the time limit would end it, and everybody read is told', async () => {
    reader.surveyMs = 14_000;
    reader.surveyed = reader.surveyed.filter(({ extAddress }) => extAddress !== extAddressOf(9));
    const seen: number[] = [];
    source.onNews((news) => {
      if (news.kind === 'seen') seen.push(news.nodes.length);
    });
    void scan(nodeOf(2).mleid);
    await clock.advance(25_000);
    expect(reader.surveys).toBe(1);
    expect(facts).toMatchObject([{ report: { complete: false, problemCode: 'silent', answeredRouters: 8 } }]);
    expect(seen).toEqual([12]);
  });

  it('shows a child that its parent names by place alone under the address of that place', async () => {
    const minimal = extAddressOf(12);
    reader.surveyed = reader.surveyed
      .filter(({ mode }) => mode?.fullThreadDevice === true)
      .map((device) => ({
        ...device,
        children: device.children?.map((row) => ({ ...row, extAddress: null })) ?? null,
      }));
    reader.mesh = {
      ...reader.mesh,
      listed: reader.mesh.listed.filter(({ extAddress }) => extAddress !== minimal),
    };
    const rlocAddress = nodeOf(12).ipaddr.find((address) => address.includes(':ff:fe00:')) ?? '';
    const info = parsed(await readAddress(rlocAddress));
    expect(info).toMatchObject({ role: 'child', rloc16: '0xf002', extAddress: null });
  });
});

describe('what is told unasked', () => {
  let news: SourceNews[];

  beforeEach(() => {
    news = [];
    source.onNews((item) => news.push(item));
  });

  const seen = (): SourceNews[] => news.filter(({ kind }) => kind === 'seen');

  it('is the end of every reading, and the devices when they have changed', async () => {
    await readMesh();
    expect(news.map(({ kind }) => kind)).toEqual(['collected', 'seen']);
    await clock.advance(60_000);
    await readMesh();
    expect(news.map(({ kind }) => kind)).toEqual(['collected', 'seen', 'collected']);
    remove(14, { fromTables: true });
    await clock.advance(60_000);
    await readMesh();
    expect(seen()).toHaveLength(2);
    expect(seen()[1]).toMatchObject({ nodes: { length: 12 } });
  });

  it('trap 11: names each device by its routable address, the only one that a LAN host reaches, never by its place', async () => {
    await readMesh();
    const [told] = seen();
    if (told?.kind !== 'seen') throw new Error('nothing was told');
    for (const node of nodeNumbers) {
      const routable = nodeOf(node).ipaddr.find((address) => address.startsWith('fd7c:8336:ffd4:1:'));
      const entry = told.nodes.find(({ extAddress }) => extAddress === extAddressOf(node));
      expect([node, entry?.ipv6, entry?.networkInfo]).toEqual([node, parseIpv6(routable ?? ''), null]);
    }
  });

  it('is told to who listens later, too', async () => {
    await readMesh();
    const later: SourceNews[] = [];
    source.onNews((item) => later.push(item));
    expect(later).toMatchObject([{ kind: 'seen', nodes: { length: 13 } }]);
  });
});

describe('a discovery', () => {
  it('gives all proved devices with what they say of themselves', async () => {
    const answer = source.discover(never);
    await clock.advance(5_000);
    const found = await answer;
    if (!found.ok) throw new Error(found.reason);
    expect(found.nodes).toHaveLength(13);
    expect(found.nodes.every(({ networkInfo }) => parseNetworkInfo(networkInfo).ok)).toBe(true);
    expect(found.network).toMatchObject({ ext_pan_id: '1a2b3c4d5e6f7081', name: 'OtLab', complete: true });
  });

  it('is followed by what changes slowly, as a scan is', async () => {
    const answer = source.discover(never);
    await clock.advance(25_000);
    await answer;
    expect(reader.asked.filter(({ topics }) => topics.has('counters'))).toHaveLength(8);
  });

  it('that is cut off gives what is known so far', async () => {
    const cut = new AbortController();
    const answer = source.discover(cut.signal);
    await clock.advance(650);
    cut.abort();
    const found = await answer;
    if (!found.ok) throw new Error(found.reason);
    expect(found.nodes.length).toBeGreaterThan(1);
    expect(found.nodes.length).toBeLessThan(13);
    expect(found.network).toMatchObject({ complete: false });
  });

  it('fails as the border router does', async () => {
    reader.failures.set(0, { ok: false, code: 'off', reason: 'nothing listens there' });
    const answer = source.discover(never);
    await clock.advance(500);
    expect(await answer).toEqual({ ok: false, code: 'refused', reason: 'nothing listens there' });
  });
});

describe('the border router itself', () => {
  it('says who it is and how its last reading went', async () => {
    expect(source.identity()).toEqual({ collection: null });
    await readMesh();
    expect(source.identity()).toMatchObject({
      extAddress: extAddressOf(1),
      rloc16: '0x3400' as Rloc16,
      role: 'leader',
      partitionId: 573_303_309,
      nodesCount: 13,
      network: { extPanId: '1a2b3c4d5e6f7081', name: 'OtLab' },
      collection: {
        source: 'otbr-rest',
        dialect: 'json-api',
        address: 'http://127.0.0.1:8081',
        complete: true,
      },
    });
  });

  it('is a node like the others, also as a child', async () => {
    const asChild = reader.mesh.devices.get(extAddressOf(10));
    if (asChild === undefined) throw new Error('there is no such device');
    reader.mesh = {
      ...reader.mesh,
      state: {
        ...reader.mesh.state,
        extAddress: extAddressOf(10),
        rloc16: '0x2803' as Rloc16,
        role: 'child',
      },
    };
    const info = await infoOf(10);
    expect(info).toMatchObject({ role: 'reed', parent: { extAddress: extAddressOf(5) } });
    expect(info.raw).toMatchObject({ border_router: true });
    expect(facts).toMatchObject([{ report: { complete: true, answeredRouters: 9 } }]);
  });
});

it('refuses CoAP where it has no way to send it, and passes it on where it has', async () => {
  const request = {
    targetIpv6: asIpv6Address('fd00::1'),
    method: 'GET',
    path: 'led',
    confirmable: true,
  } as const;
  expect(await source.sendCoap(request, never)).toMatchObject({ ok: false, code: 'refused' });
  let closed = 0;
  const coap = {
    sendCoap: () => Promise.resolve({ ok: true, code: '2.05', contentFormat: null, payload: null } as const),
    close: () => Promise.resolve(void (closed += 1)),
  };
  open({ coap });
  expect(await source.sendCoap(request, never)).toMatchObject({ ok: true, code: '2.05' });
  await source.close();
  expect(closed).toBe(1);
});

it('answers everybody when it is closed, and closes its reader', async () => {
  const scans = [scan(nodeOf(9).mleid), scan(nodeOf(8).mleid)];
  const discovery = source.discover(never);
  await clock.advance(150);
  await source.close();
  expect((await Promise.all(scans)).map(({ ok }) => ok)).toEqual([false, false]);
  await discovery;
  expect(reader.closed).toBe(true);
  expect(await scan(nodeOf(9).mleid)).toMatchObject({ ok: false, code: 'refused' });
  expect(clock.pending).toBe(0);
});
