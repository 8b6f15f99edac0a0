import { beforeEach, describe, expect, it } from 'vitest';
import { FakeClock } from '../../../test/support/fake-clock.ts';
import { FakeMeshReader, recordedMesh } from '../../../test/support/fake-mesh-reader.ts';
import { asExtAddress } from '../../protocol/ids.ts';
import type { Ipv6Address } from '../../protocol/ipv6.ts';
import type { Rloc16 } from '../../protocol/rloc16.ts';
import type { ScanNodeAnswer } from '../node-source.ts';
import { MeshNodeSource } from './mesh-node-source.ts';
import type { BorderRouterState } from './mesh-reader.ts';
import { SharedCollections } from './shared-collections.ts';

/** Router 2 of the recorded mesh as a second border router. */
const second = { extAddress: asExtAddress('2ea1ab536697cdd7'), rloc16: '0x7400' as Rloc16, role: 'router' };
/** Of router 9, five requests away from both. */
const farAddress = 'fd0d:7fc:a1b9:f050:a52c:b896:9e41:412d' as Ipv6Address;

let clock: FakeClock;
let readers: FakeMeshReader[];
let sources: MeshNodeSource[];

function open(stateOfSecond: Partial<BorderRouterState>): void {
  const mesh = recordedMesh();
  const shared = new SharedCollections();
  clock = new FakeClock();
  readers = [mesh, { ...mesh, state: { ...mesh.state, ...stateOfSecond } }].map(
    (seen) => new FakeMeshReader(seen, clock),
  );
  sources = readers.map((reader) => new MeshNodeSource({ reader, clock, shared }));
}

function scanAll(): Promise<ScanNodeAnswer>[] {
  return sources.map((source) =>
    source.scanNode({ targetIpv6: farAddress, nodeName: '' }, new AbortController().signal),
  );
}

const surveys = (): number[] => readers.map((reader) => reader.surveys);

beforeEach(() => open(second));

describe('two border routers of one mesh', () => {
  it('read it once, and both answer', async () => {
    const answers = scanAll();
    await clock.advance(5_000);
    expect(await Promise.all(answers)).toMatchObject([{ ok: true }, { ok: true }]);
    expect(surveys()).toEqual([1, 0]);
    expect(sources.map((source) => source.identity())).toMatchObject([
      { role: 'leader', rloc16: '0x3400', collection: { complete: true } },
      { role: 'router', rloc16: '0x7400', collection: { complete: true, radioRequests: 0, devices: 13 } },
    ]);
  });

  it('answer from what the other has read a moment ago', async () => {
    const [first, other] = sources;
    const request = { targetIpv6: farAddress, nodeName: '' };
    const answer = first?.scanNode(request, new AbortController().signal);
    await clock.advance(4_000);
    await answer;
    const later = other?.scanNode(request, new AbortController().signal);
    await clock.advance(150);
    expect(await later).toMatchObject({ ok: true });
    expect(surveys()).toEqual([1, 0]);
  });

  it('read on by themselves when the one that reads fails', async () => {
    readers[0]?.failures.set(4, { ok: false, code: 'unreachable', reason: 'it has gone' });
    const answers = scanAll();
    await clock.advance(10_000);
    expect(await Promise.all(answers)).toMatchObject([{ ok: false, reason: 'it has gone' }, { ok: true }]);
    expect(surveys()).toEqual([1, 1]);
  });

  it('do so as well when that one is closed', async () => {
    const [, answer] = scanAll();
    await clock.advance(350);
    await sources[0]?.close();
    await clock.advance(10_000);
    expect(await answer).toMatchObject({ ok: true });
  });
});

it.each<[string, Partial<BorderRouterState>]>([
  ['two partitions', { ...second, partitionId: 1 }],
  ['two networks', { ...second, extPanId: '00000000000000bb' }],
  ['networks that nobody tells', { ...second, extPanId: null }],
])('border routers of %s read for themselves', async (_, state) => {
  open(state);
  const answers = scanAll();
  await clock.advance(10_000);
  await Promise.all(answers);
  expect(surveys()).toEqual([1, 1]);
});
