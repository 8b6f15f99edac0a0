import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseIpv6Prefix, prefixContains } from '../protocol/ipv6.ts';
import { parseNetworkInfo } from '../protocol/network-info.ts';
import { isRouterRloc16, rloc16Number, routerIdOf as routerIdOfRloc16 } from '../protocol/rloc16.ts';
import { maxRouters } from './mesh-device.ts';
import { Mesh, routerIdOf } from './mesh.ts';
import { networkInfoOf } from './node-answer.ts';
import { linkMarginOf, linkQualityOf } from './radio-model.ts';
import { createRandom } from './random.ts';
import { isConnected, unreachableCost } from './route-table.ts';

function meshOf(seed: number, nodeCount: number, borderRouters = 2): Mesh {
  const borderRouterIds = Array.from({ length: borderRouters }, (_, index) => `BR-${index + 1}`);
  return new Mesh({ networkIndex: 0, borderRouterIds, nodeCount }, seed, createRandom(seed, 'network'));
}

const anyMesh = fc
  .record({
    seed: fc.integer(),
    nodes: fc.integer({ min: 0, max: 220 }),
    routers: fc.integer({ min: 1, max: 4 }),
  })
  .map(({ seed, nodes, routers }) => meshOf(seed, nodes, routers));

/** What must hold of every mesh, after whatever happened to it. */
function expectConsistent(mesh: Mesh): void {
  const rloc16s = mesh.devices.map((device) => mesh.rloc16Of(device));
  expect(new Set(rloc16s).size).toBe(rloc16s.length);
  expect(new Set(mesh.devices.map((device) => device.extAddress)).size).toBe(mesh.devices.length);
  expect(new Set(mesh.devices.map((device) => device.ipv6)).size).toBe(mesh.devices.length);
  expect(mesh.routers.length).toBeLessThanOrEqual(maxRouters);

  for (const device of mesh.devices) {
    const parent = mesh.parentOf(device);
    expect(isRouterRloc16(mesh.rloc16Of(device))).toBe(parent === null);
    if (parent === null) continue;
    expect(parent.attachment.kind).toBe('router');
    expect(routerIdOfRloc16(mesh.rloc16Of(device))).toBe(routerIdOf(parent));
    expect(linkQualityOf(linkMarginOf(mesh.rssi(parent, device)))).toBeGreaterThan(0);
    expect(linkQualityOf(linkMarginOf(mesh.rssi(device, parent)))).toBeGreaterThan(0);
    expect(mesh.partitionIdOf(device)).toBe(mesh.partitionIdOf(parent));
  }

  for (const router of mesh.routers) {
    const graph = mesh.routerGraph(router);
    expect(isConnected(graph)).toBe(true);
    const routes = mesh.routesOf(router);
    // In one half of a split network the rest may be out of reach: paths of 16 and more count as none.
    if (!mesh.isSplit) expect(routes.size).toBe(graph.routerIds.length - 1);
    for (const [destination, { cost, nextHop }] of routes) {
      const hop = graph.linkCost(routerIdOf(router), nextHop);
      expect(hop).not.toBeNull();
      const next = mesh.routers.find((other) => routerIdOf(other) === nextHop);
      const onward =
        nextHop === destination || next === undefined ? 0 : mesh.routesOf(next).get(destination)?.cost;
      expect(cost).toBe((hop ?? 0) + (onward ?? NaN));
      expect(cost).toBeLessThan(unreachableCost);
      const target = mesh.routers.find((other) => routerIdOf(other) === destination);
      if (target !== undefined) expect(mesh.routesOf(target).get(routerIdOf(router))?.cost).toBe(cost);
    }
  }
}

const circumstances = (answerNumber = 1) => ({
  seed: 1,
  answerNumber,
  fadeDb: 3,
  silentForSeconds: () => null,
});

describe('a mesh', () => {
  it('is connected, with unique addresses and consistent routes, whatever the seed and size', () => {
    fc.assert(fc.property(anyMesh, expectConsistent), { numRuns: 40 });
  });

  it('is the same for the same seed and another for another seed', () => {
    const truth = (seed: number) => meshOf(seed, 40).groundTruth(() => false);
    expect(truth(11)).toEqual(truth(11));
    expect(truth(11).devices.map(({ name }) => name)).not.toEqual(truth(12).devices.map(({ name }) => name));
    expect(truth(11).prefix).not.toBe(truth(12).prefix);
  });

  it('has a router for every three to five nodes, border routers besides, and children with room', () => {
    for (let seed = 1; seed <= 20; seed += 1) {
      const mesh = meshOf(seed, 60);
      const routers = mesh.routers.filter((router) => router.kind === 'node').length;
      expect(routers).toBeGreaterThanOrEqual(12);
      expect(routers).toBeLessThanOrEqual(20);
      expect(mesh.borderRouters.every((router) => router.attachment.kind === 'router')).toBe(true);
      for (const router of mesh.routers) expect(mesh.childrenOf(router).length).toBeLessThanOrEqual(10);
    }
  });

  it('has at most 32 routers and all of 200 nodes attached', () => {
    const mesh = meshOf(5, 200);
    expect(mesh.routers).toHaveLength(32);
    expect(mesh.nodes).toHaveLength(200);
    expect(mesh.nodes.some((node) => mesh.roleOf(node) === 'sleepy_child')).toBe(true);
    expect(mesh.devices.filter((device) => mesh.roleOf(device) === 'leader')).toHaveLength(1);
  });

  it('names nodes for their rooms, within 31 bytes, with addresses inside its prefix', () => {
    const mesh = meshOf(3, 80);
    const prefix = parseIpv6Prefix(mesh.prefix);
    if (prefix === null) throw new Error(mesh.prefix);
    const names = mesh.nodes.map((node) => node.name);
    expect(new Set(names).size).toBe(80);
    for (const node of mesh.devices) expect(prefixContains(prefix, node.ipv6)).toBe(true);
    for (const name of names) expect(name).toMatch(/^n1-[a-z-]+-\d{2}$/);
  });

  it('stays consistent through new parents, moved RLOC16s, drift, a split and its healing', () => {
    const change = fc.constantFrom('reroll', 'drift', 'split', 'heal', 'move');
    fc.assert(
      fc.property(anyMesh, fc.array(change, { maxLength: 6 }), (mesh, changes) => {
        for (const name of changes) {
          const [node] = mesh.nodes;
          if (name === 'move' && node !== undefined) mesh.moveRloc16(node);
          else if (name !== 'move') mesh[name]();
        }
        expectConsistent(mesh);
      }),
      { numRuns: 25 },
    );
  });

  it('moves a child to another parent that it hears', () => {
    const mesh = meshOf(4, 60);
    const child = mesh.nodes.find((node) => node.attachment.kind === 'child');
    if (child === undefined) throw new Error('no child');
    const before = { parent: mesh.parentOf(child), rloc16: mesh.rloc16Of(child) };
    expect(mesh.reparent(child)).toBe(true);
    expect(mesh.parentOf(child)).not.toBe(before.parent);
    expect(mesh.rloc16Of(child)).not.toBe(before.rloc16);
    expect(child.parentChanges).toBe(1);
  });

  it('takes its children along when a router moves to another router id', () => {
    const mesh = meshOf(4, 60);
    const router = mesh.routers.find((one) => one.kind === 'node' && mesh.childrenOf(one).length > 0);
    if (router === undefined) throw new Error('no router with children');
    const children = mesh.childrenOf(router);
    const before = children.map((child) => rloc16Number(mesh.rloc16Of(child)) & 0x3ff);
    const oldId = routerIdOf(router);
    mesh.moveRloc16(router);
    expect(routerIdOf(router)).not.toBe(oldId);
    expect(children.map((child) => rloc16Number(mesh.rloc16Of(child)) >> 10)).toEqual(
      children.map(() => routerIdOf(router)),
    );
    expect(children.map((child) => rloc16Number(mesh.rloc16Of(child)) & 0x3ff)).toEqual(before);
  });

  it('splits into two partitions with a leader and a border router each, and heals', () => {
    const mesh = meshOf(6, 60);
    expect(mesh.split()).toBe(true);
    expect(mesh.split()).toBe(false);
    const { partitions } = mesh.groundTruth(() => false);
    expect(partitions).toHaveLength(2);
    expect(new Set(partitions.map((partition) => partition.partitionId)).size).toBe(2);
    expect(mesh.devices.filter((device) => mesh.roleOf(device) === 'leader')).toHaveLength(2);
    const [one, other] = mesh.borderRouters;
    if (one === undefined || other === undefined) throw new Error('two border routers are needed');
    expect(mesh.inOnePartition(one, other)).toBe(false);
    mesh.heal();
    expect(mesh.groundTruth(() => false).partitions).toHaveLength(1);
    expect(mesh.inOnePartition(one, other)).toBe(true);
  });
});

describe('a node’s answer', () => {
  it('is a network_info that agrees with the mesh, for every node', () => {
    fc.assert(
      fc.property(anyMesh, (mesh) => {
        for (const node of mesh.nodes) {
          const parsed = parseNetworkInfo(networkInfoOf(mesh, node, circumstances()));
          if (!parsed.ok) throw new Error(parsed.reason);
          const info = parsed.networkInfo;
          expect(info.role).toBe(mesh.roleOf(node));
          expect(info.rloc16).toBe(mesh.rloc16Of(node));
          expect(info.extAddress).toBe(node.extAddress);
          expect(info.partitionId).toBe(mesh.partitionIdOf(node));
          expect(info.parent?.extAddress ?? null).toBe(mesh.parentOf(node)?.extAddress ?? null);
          expect(info.children.map((child) => child.extAddress)).toEqual(
            mesh.childrenOf(node).map((child) => child.extAddress),
          );
          const router = node.attachment.kind === 'router';
          expect(info.routes.length).toBe(router ? mesh.routers.length : 0);
          expect(info.batteryMillivolts === null).toBe(node.deviceKind !== 'sleepy');
          for (const measured of [...info.children, ...info.neighbors]) {
            expect(measured.linkMargin).toBe(linkMarginOf(measured.rssi ?? 0));
            expect(measured.lqi).toBe(linkQualityOf(measured.linkMargin ?? 0));
            expect(measured.lqi).toBeGreaterThan(0);
          }
        }
      }),
      { numRuns: 10 },
    );
  });

  it('shows direct links in its routes exactly where its neighbour table has them', () => {
    const mesh = meshOf(8, 100);
    for (const router of mesh.routers) {
      const parsed = parseNetworkInfo(networkInfoOf(mesh, router, circumstances()));
      if (!parsed.ok) throw new Error(parsed.reason);
      const linked = parsed.networkInfo.routes.filter((route) => (route.linkQualityIn ?? 0) > 0);
      expect(linked.map((route) => route.routerId).toSorted()).toEqual(
        parsed.networkInfo.neighbors.map((neighbor) => routerIdOfRloc16(neighbor.rloc16)).toSorted(),
      );
    }
  });

  it('repeats itself for the same answer number and fades by at most 3 dB in the next', () => {
    const mesh = meshOf(9, 60);
    const router = mesh.routers.find((one) => one.kind === 'node');
    if (router === undefined) throw new Error('no router');
    const rssis = (answerNumber: number): (number | null)[] => {
      const parsed = parseNetworkInfo(networkInfoOf(mesh, router, circumstances(answerNumber)));
      return parsed.ok ? parsed.networkInfo.neighbors.map((neighbor) => neighbor.rssi) : [];
    };
    const truth = mesh.neighborRoutersOf(router).map((neighbor) => mesh.rssi(neighbor, router));
    expect(rssis(1)).toEqual(rssis(1));
    expect(rssis(1)).not.toEqual(rssis(2));
    for (const [index, rssi] of rssis(2).entries()) {
      expect(Math.abs((rssi ?? 0) - (truth[index] ?? 0))).toBeLessThanOrEqual(3);
    }
  });

  it('still names a silent neighbour, with the time since it was heard', () => {
    const mesh = meshOf(10, 60);
    const router = mesh.routers.find((one) => one.kind === 'node' && mesh.neighborRoutersOf(one).length > 1);
    const [silent] = router === undefined ? [] : mesh.neighborRoutersOf(router);
    if (router === undefined || silent === undefined) throw new Error('no neighbours');
    const answer = networkInfoOf(mesh, router, {
      ...circumstances(),
      silentForSeconds: (device) => (device === silent ? 500 : null),
    });
    const parsed = parseNetworkInfo(answer);
    if (!parsed.ok) throw new Error(parsed.reason);
    const ages = new Map(parsed.networkInfo.neighbors.map((entry) => [entry.extAddress, entry.ageSeconds]));
    expect(ages.get(silent.extAddress)).toBeGreaterThanOrEqual(500);
    expect([...ages.values()].filter((age) => (age ?? 0) >= 500)).toHaveLength(1);
  });
});
