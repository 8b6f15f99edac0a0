import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BundleError } from '../errors.ts';
import type { Scan } from '../protocol/scan.ts';
import type { Topology } from '../protocol/topology.ts';
import { buildingMesh } from '../../test/fixtures/topology/building-mesh.ts';
import {
  recordedBorderRouter,
  recordedNodes,
  scanFrom,
  scanOf,
} from '../../test/fixtures/topology/recorded-mesh.ts';
import { recordedAnswers } from '../../test/fixtures/topology/otbr-mesh.ts';
import type { JsonObject } from '../protocol/json.ts';
import { buildTopology } from './build-topology.ts';
import { importedNetworkKey, parseBundle, readBundle, toBundle } from './bundle.ts';
import { nothingKnown } from './earlier-knowledge.ts';
import { observationsFromScan, type TopologyBorderRouter } from './topology-input.ts';

const salt = new Uint8Array([1, 2, 3, 4]);
const recorded = scanOf(recordedNodes('mesh-after-loss'), 'secret-scan', Date.UTC(2026, 10, 20));

const topologyOf = (scan: Scan, borderRouters: readonly TopologyBorderRouter[]): Topology =>
  buildTopology({
    scan: { id: scan.id, startedAt: scan.startedAt, final: true },
    nodes: observationsFromScan(scan, importedNetworkKey),
    borderRouters,
    earlier: nothingKnown,
    madeAt: scan.startedAt + 5_000,
  });

/** The topology with its nodes called by their place in the scan, links and all, in an order that names do not decide. */
function shapeOf(topology: Topology, scan: Scan): unknown {
  const nameOf = new Map<string, string>();
  for (const [index, { name }] of scan.nodes.entries()) {
    const node = topology.nodes.find((item) => item.name === name || item.otherNames?.includes(name));
    if (node !== undefined && !nameOf.has(node.id)) nameOf.set(node.id, `node ${index}`);
  }
  for (const node of topology.nodes)
    if (!nameOf.has(node.id)) nameOf.set(node.id, `unnamed ${node.rloc16 ?? ''} ${String(node.partitionId)}`);
  const called = (id: string | null): string | null => (id === null ? null : (nameOf.get(id) ?? id));
  const evidence = (items: Topology['links'][number]['aHearsB']) =>
    items.map((item) => ({ ...item, reporterId: called(item.reporterId) }));
  const sorted = <T>(items: readonly T[]): T[] =>
    [...items].sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
  return {
    outcomes: topology.outcomes,
    nodes: sorted(
      topology.nodes.map(
        ({ kind, state, outcome, role, rloc16, partitionId, stale, lastSeenAt, ...node }) => ({
          id: called(node.id),
          parent: called(node.parentId),
          namedBy: node.namedBy.map(called).sort(),
          known: node.extAddr !== null,
          others: node.otherNames?.length ?? 0,
          ...{ kind, state, outcome, role, rloc16, partitionId, stale, lastSeenAt },
        }),
      ),
    ),
    links: sorted(
      topology.links.map(({ kind, state, linkMargin, lqi, oneWay, asymmetric, ...link }) => ({
        ends: sorted([
          [called(link.a), evidence(link.aHearsB)],
          [called(link.b), evidence(link.bHearsA)],
        ]),
        ...{ kind, state, linkMargin, lqi, oneWay, asymmetric },
      })),
    ),
    networks: sorted(
      topology.networks.map(({ split, partitions, completeness }) => ({
        split,
        partitions: sorted(
          partitions.map((item) => ({
            ...item,
            nodeIds: item.nodeIds.map(called).sort(),
            leaderId: called(item.leaderId),
          })),
        ),
        complete: completeness.complete,
        proved: completeness.proved,
        missing: completeness.missingRouters.map((item) => called(item.id)).sort(),
      })),
    ),
    weakPoints: sorted(
      topology.weakPoints.map(({ kind, severity, cutOff, nodeId }) => ({
        ...{ kind, severity },
        cutOff: cutOff.map(called).sort(),
        node: called(nodeId),
      })),
    ),
    orphans: topology.orphanIds.map(called).sort(),
  };
}

describe('a bundle', () => {
  it('imports again as a scan with the same topology under other names', () => {
    const { scan, borderRouters } = readBundle(
      toBundle(recorded, { salt, borderRouters: [recordedBorderRouter] }),
    );
    const original = topologyOf(recorded, [{ ...recordedBorderRouter }]);
    expect(original.links.length).toBeGreaterThan(10);
    expect(shapeOf(topologyOf(scan, borderRouters), scan)).toEqual(shapeOf(original, recorded));
  });

  it('keeps what a border router tells of devices, and gives their names, addresses and EUI-64s away to nobody', () => {
    const answers = recordedAnswers().map((item) => {
      const info = item.networkInfo as JsonObject;
      const device = { ...(info['device'] as JsonObject | undefined), hostname: `secret-${item.name}` };
      return { ...item, networkInfo: { ...info, device, network_name: 'secret-home', measured_ago_ms: 900 } };
    });
    const original = scanFrom(answers, 'otbr', Date.UTC(2026, 10, 20));
    const text = toBundle(original, { salt, borderRouters: [recordedBorderRouter] });
    const { scan, borderRouters } = readBundle(text);
    const topology = topologyOf(scan, borderRouters);
    expect(shapeOf(topology, scan)).toEqual(
      shapeOf(topologyOf(original, [{ ...recordedBorderRouter }]), original),
    );
    expect(text).not.toContain('secret');
    expect(text).toContain('sim-node-9');
    for (const node of topologyOf(original, []).nodes) {
      expect(text).not.toContain(node.extAddr);
      if (node.device?.eui64 != null) expect(text).not.toContain(node.device.eui64);
      for (const address of node.ipv6Addresses ?? [])
        if (!address.includes(':ff:fe00:')) expect(text).not.toContain(address);
    }
    const told = topology.nodes.filter(({ toldBy }) => toldBy !== undefined);
    expect(told.map(({ parentId }) => parentId)).toEqual(told.map(({ toldBy }) => toldBy));
    expect(told).toHaveLength(2);
  });

  it('does so for meshes of several networks with silent nodes', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1_000 }), (seed) => {
        const { scan: made, input } = buildingMesh({ nodes: 24, perNetwork: 9, seed, silentShare: 0.2 });
        const keyed = input.borderRouters;
        const { scan, borderRouters } = readBundle(toBundle(made, { salt, borderRouters: keyed }));
        const originals = keyed.map((item) => ({
          ...item,
          networkKey: importedNetworkKey({ ipv6: item.networkKey.replace('/64', '') }),
        }));
        expect(shapeOf(topologyOf(scan, borderRouters), scan)).toEqual(
          shapeOf(topologyOf(made, originals), made),
        );
      }),
      { numRuns: 25 },
    );
  });

  it('tells no name, address, identifier or free text', () => {
    const secret = scanFrom(
      [
        {
          name: 'Chambre de Zoé',
          ipv6: 'fd11:2233:4455:6677:8899:aabb:ccdd:eeff',
          extAddr: 'a1b2c3d4e5f60718',
          outcome: 'answered',
          networkInfo: {
            role: 'Router',
            rloc16: 'A000',
            ext_addr: 'A1B2C3D4E5F60718',
            ext_pan_id: 'dead00beef00cafe',
            partition_id: 99,
            hostname: 'zoe.home',
            counters: { parent_changes: 2, a1b2c3d4e5f60718: 1, 'zoe.home': 3 },
            neighbors: [{ rloc16: '0x7000', ext_addr: 'ffeeddccbbaa9988', rssi: -42, label: 'secret' }],
            children: [{ rloc16: '0xa001', mode: 'zoé' }],
          },
        },
        {
          name: 'Büro',
          ipv6: 'fd11:2233:4455:6677::1',
          extAddr: null,
          outcome: 'malformed',
          networkInfo: 'zoe garbage',
        },
      ],
      'scan-of-zoe',
      Date.UTC(2026, 0, 1),
    );
    const told = {
      ...secret,
      borderRouters: ['BR-zoe'],
      notes: ['BR-zoe was lost'],
      slowest: [{ name: 'Büro', durationMs: 5 }],
      nodes: secret.nodes.map((node) => ({ ...node, brId: 'BR-zoe', error: 'no answer from fd11::1 (zoe)' })),
    };
    const text = toBundle(told, {
      salt,
      borderRouters: [
        {
          ...recordedBorderRouter,
          id: 'BR-zoe',
          networkKey: 'fd11:2233:4455:6677::/64',
          networkPrefix: 'fd11:2233:4455:6677::/64',
          extAddress: 'a1b2c3d4e5f60718',
        },
      ],
    });
    expect(text).not.toMatch(/zo[eé]|b[uü]ro|fd11|2233|8899|a1b2c3|ffeedd|dead00|secret|home|garbage/i);

    const { nodes, borderRouters, slowest } = parseBundle(text);
    const [first, second] = nodes;
    expect(first?.networkInfo).toMatchObject({
      role: 'router',
      rloc16: '0xa000',
      partition_id: 99,
      ext_addr: first?.extAddr,
      counters: { parent_changes: 2 },
      neighbors: [{ rloc16: '0x7000', rssi: -42 }],
      children: [{ rloc16: '0xa001' }],
    });
    expect(second).toMatchObject({ outcome: 'malformed', networkInfo: null, error: null });
    expect(importedNetworkKey(first ?? { ipv6: '' })).toBe(importedNetworkKey(second ?? { ipv6: '' }));
    expect(borderRouters).toEqual([first?.brId]);
    expect(slowest).toEqual([{ name: second?.name, durationMs: 5 }]);
  });

  it('gives other pseudonyms under another salt, and the same under the same', () => {
    const bundle = (bytes: number[]): string => toBundle(recorded, { salt: new Uint8Array(bytes) });
    expect(bundle([1])).toBe(bundle([1]));
    const names = (text: string): string[] => parseBundle(text).nodes.map((node) => node.name);
    expect(names(bundle([1])).filter((name) => names(bundle([2])).includes(name))).toEqual([]);
  });

  it('imports a scan that was still running as one that has ended', () => {
    const running = { ...recorded, state: 'running' as const, finishedAt: null };
    const undecided = {
      ...running,
      nodes: running.nodes.map((node) => ({ ...node, outcome: null, decidedAt: null })),
    };
    const scan = parseBundle(toBundle(undecided, { salt }));
    expect(scan).toMatchObject({ state: 'cancelled', trigger: 'import', undecided: 0 });
    expect(scan.nodes.every((node) => node.outcome === 'cancelled')).toBe(true);
  });

  it('keeps link-local and RLOC addresses what they are', () => {
    const scan = scanFrom(
      ['fe80::1234', 'fd00:1:2:3:0:ff:fe00:a001'].map((ipv6, index) => ({
        name: `n${index}`,
        ipv6,
        extAddr: null,
        outcome: 'timed_out' as const,
        networkInfo: null,
      })),
      's',
      0,
    );
    const [linkLocal, rloc] = parseBundle(toBundle(scan, { salt })).nodes;
    expect(linkLocal?.ipv6).toMatch(/^fe80::/);
    expect(linkLocal?.ipv6).not.toBe('fe80::1234');
    expect(rloc?.ipv6).toMatch(/:0:ff:fe00:a001$/);
    expect(rloc?.ipv6).not.toMatch(/^fd00:1:2:3:/);
  });

  it('is refused with a reason where it is none, or of another version', () => {
    const codeOf = (value: unknown): string => {
      try {
        parseBundle(value);
      } catch (error) {
        if (error instanceof BundleError) return `${error.code}: ${error.message}`;
        throw error;
      }
      return 'read';
    };
    expect(codeOf('{')).toMatch(/^bundle_invalid: .*not JSON/);
    expect(codeOf('[]')).toMatch(/^bundle_invalid: .*no scan bundle/);
    const bundle = JSON.parse(toBundle(recorded, { salt })) as { scan: { nodes: unknown[] } };
    expect(codeOf(bundle)).toBe('read');
    expect(codeOf({ ...bundle, version: 2 })).toMatch(/^bundle_unsupported: .*version 2/);
    expect(codeOf({ ...bundle, scan: { ...bundle.scan, nodes: [{ name: 1 }] } })).toMatch(
      /^bundle_invalid: .*scan\.nodes\.0/,
    );
  });
});
