import { describe, expect, it } from 'vitest';
import { asExtAddress, type ExtAddress } from '../../protocol/ids.ts';
import { parseIpv6 } from '../../protocol/ipv6.ts';
import type { Rloc16 } from '../../protocol/rloc16.ts';
import {
  type ChildRow,
  type DeviceDiagnostics,
  type NeighborRow,
  nothingTold,
} from './device-diagnostics.ts';
import { type MeshFacts, type MeshPicture, pictureOf, type ToldDevice } from './mesh-picture.ts';
import type { BorderRouterState } from './mesh-reader.ts';
import { networkInfoOf } from './network-info-of.ts';

const [parentA, parentB, child] = ['a1', 'b2', 'c3'].map((end) => asExtAddress(`00000000000000${end}`)) as [
  ExtAddress,
  ExtAddress,
  ExtAddress,
];
const at = (text: string): Rloc16 => text as Rloc16;

const state: BorderRouterState = {
  extAddress: parentA,
  rloc16: at('0x0000'),
  role: 'leader',
  partitionId: 7,
  leaderRouterId: 0,
  extPanId: '00000000000000ff',
  networkName: 'Home',
  meshLocalPrefix: 'fd00:1:2:3::/64',
  ipv6Addresses: [],
  routerCount: 2,
  channel: null,
  panId: null,
};

const silence = {
  linkMargin: null,
  averageRssi: null,
  lastRssi: null,
  frameErrorRate: null,
  messageErrorRate: null,
  linkQuality: null,
};

function row(rloc16: string, facts: Partial<ChildRow> = {}): ChildRow {
  return {
    ...silence,
    extAddress: child,
    rloc16: at(rloc16),
    mode: { rxOnWhenIdle: false, fullThreadDevice: false, fullNetworkData: false },
    ageSeconds: null,
    linkAgeSeconds: null,
    timeoutSeconds: null,
    queuedMessages: null,
    threadVersion: null,
    ipv6Addresses: null,
    ...facts,
  };
}

function told(facts: Partial<DeviceDiagnostics>, readAtMs = 0): ToldDevice {
  return { diagnostics: { ...nothingTold, ...facts }, readAtMs, wasRead: true };
}

/** Two routers, 0x0000 and 0x0400, with these children. */
function mesh(
  childrenOfA: readonly ChildRow[],
  childrenOfB: readonly ChildRow[],
  facts: Partial<MeshFacts> = {},
  more: readonly ToldDevice[] = [],
): MeshPicture {
  return pictureOf({
    state,
    listed: new Map(),
    told: [
      told({ extAddress: parentA, rloc16: at('0x0000'), children: childrenOfA }),
      told({ extAddress: parentB, rloc16: at('0x0400'), children: childrenOfB }),
      ...more,
    ],
    remembered: { addressesOf: () => [], extAddressAt: () => null, slowFactsOf: () => null },
    ...facts,
  });
}

function childrenShown(picture: MeshPicture): (readonly [ExtAddress | null, readonly Rloc16[]])[] {
  return picture.devices.flatMap(({ extAddress, own, parent }) =>
    parent === null ? [[extAddress, own?.children?.map(({ rloc16 }) => rloc16) ?? []] as const] : [],
  );
}

describe('a child in the tables of two parents', () => {
  it('is where it was heard last, and the older row is a ghost that its table still has', () => {
    const picture = mesh([row('0x0001', { ageSeconds: 90 })], [row('0x0405', { ageSeconds: 2 })]);
    expect(picture.byExtAddress.get(child)).toMatchObject({
      rloc16: '0x0405',
      parent: { rloc16: '0x0400', extAddress: parentB },
      toldBy: parentB,
    });
    expect(picture.ghostRows).toBe(1);
    expect(childrenShown(picture)).toEqual([
      [parentA, ['0x0001']],
      [parentB, ['0x0405']],
    ]);
  });

  it('is at its own place where the rows have no ages', () => {
    const own = told({ extAddress: child, rloc16: at('0x0001') });
    const picture = mesh([row('0x0001')], [row('0x0405')], {}, [own]);
    expect(picture.byExtAddress.get(child)).toMatchObject({ rloc16: '0x0001', toldBy: null });
    expect(picture.ghostRows).toBe(1);
  });

  it('is one device', () => {
    const picture = mesh([row('0x0001')], [row('0x0405')]);
    expect(picture.devices.filter(({ extAddress }) => extAddress === child)).toHaveLength(1);
  });
});

describe('a row of a child table', () => {
  it('is a ghost where the device is a router by its own word', () => {
    const router = told({ extAddress: child, rloc16: at('0x0800') });
    const picture = mesh([row('0x0001', { ageSeconds: 1 })], [], {}, [router]);
    expect(picture.byExtAddress.get(child)).toMatchObject({ rloc16: '0x0800', role: 'router' });
    expect(picture.ghostRows).toBe(1);
  });

  it('without a name has the one that an earlier reading confirmed for its place', () => {
    const remembered = {
      addressesOf: () => [],
      extAddressAt: (rloc16: Rloc16) => (rloc16 === '0x0001' ? child : null),
      slowFactsOf: () => null,
    };
    const unnamed = row('0x0001', { extAddress: null });
    const picture = mesh([unnamed], [], { remembered });
    expect(picture.byExtAddress.get(child)).toMatchObject({ rloc16: '0x0001' });
    const router = picture.byExtAddress.get(parentA);
    expect(router === undefined ? null : networkInfoOf(router, picture, 0)['children']).toMatchObject([
      { rloc16: '0x0001', ext_addr: child },
    ]);
    // It has said itself that it is elsewhere.
    const moved = mesh([unnamed], [row('0x0405')], { remembered });
    expect(moved.devices.find(({ rloc16 }) => rloc16 === '0x0001')).toMatchObject({ extAddress: null });
  });

  it('that names a place of another router is nobody', () => {
    expect(mesh([row('0x0c01')], []).devices).toHaveLength(2);
  });
});

describe('the routers there must be', () => {
  const neighbor = (rloc16: string, ageSeconds: number | null): NeighborRow => ({
    ...silence,
    extAddress: child,
    rloc16: at(rloc16),
    linkAgeSeconds: null,
    ageSeconds,
  });

  it('are those that Route64 names, those that a neighbour heard lately, and no others', () => {
    const spoke = told({
      extAddress: parentA,
      rloc16: at('0x0000'),
      routes: [{ routerId: 3, linkQualityIn: 0, linkQualityOut: 0, cost: 2, nextHop: null }],
      neighbors: [neighbor('0x1000', 12), neighbor('0x1400', 900), neighbor('0x1800', null)],
    });
    const picture = pictureOf({
      state,
      listed: new Map(),
      told: [spoke],
      remembered: { addressesOf: () => [], extAddressAt: () => null, slowFactsOf: () => null },
    });
    expect([...picture.expectedRouters.keys()]).toEqual(['0x0000', '0x0c00', '0x1000', '0x1800']);
    // Named is not proved.
    expect(picture.devices).toHaveLength(1);
  });
});

it('finds a device by its link-local and its RLOC address, which nobody told', () => {
  const picture = mesh([row('0x0001')], []);
  for (const address of ['fe80::200:0:0:c3', 'fd00:1:2:3:0:ff:fe00:1'])
    expect(picture.byAddress.get(parseIpv6(address) ?? ('' as never))).toMatchObject({ extAddress: child });
});
