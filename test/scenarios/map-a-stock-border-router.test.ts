/**
 * Meshes behind stock border routers, mapped through their REST API: hub, agents and HTTP are real, the border routers and
 * their meshes simulated, so that what is on the map can be held to what is so. Nothing may be invented, and nothing may be
 * missing without the map saying so.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openStockBorderRouter } from '../../src/agent/open-stock-border-router.ts';
import type { StockBorderRouter } from '../../src/agent/stock-border-router.ts';
import { systemClock } from '../../src/clock.ts';
import type { CollectionReport } from '../../src/protocol/border-router-messages.ts';
import { asBorderRouterId } from '../../src/protocol/ids.ts';
import type { ScanWire } from '../../src/protocol/scan.ts';
import type { TopologyWire } from '../../src/protocol/topology.ts';
import { createOtbrNetwork, type OtbrNetwork } from '../../src/simulator/otbr/otbr-network.ts';
import { HubClient } from '../support/hub-client.ts';
import { type HubProcess, startHubProcess, until } from '../support/hub-process.ts';

const radioBudget = 128;

/** A stock border router, its mesh, and the agent that speaks for it. */
interface Site {
  readonly network: OtbrNetwork;
  readonly reports: CollectionReport[];
  readonly speaker: StockBorderRouter;
}

interface SiteOptions {
  readonly index: number;
  readonly nodes: number;
  readonly routers: number;
  readonly faults?: Parameters<typeof createOtbrNetwork>[0]['faults'];
}

async function openSite(hubUrl: string, options: SiteOptions): Promise<Site> {
  const id = asBorderRouterId(`OTBR-00${options.index + 1}`);
  const network = createOtbrNetwork({ ...options, id, dialect: 'json-api', seed: 7, clock: systemClock });
  await network.otbr.open();
  const reports: CollectionReport[] = [];
  const speaker = openStockBorderRouter({
    address: { source: 'otbr-rest', url: network.otbr.url },
    hub: hubUrl.replace(/^http/, 'ws'),
    idOf: () => id,
    tokenOf: () => null,
    networkPrefix: null,
    encoding: 'json',
    radioBudget,
    threadInterface: null,
    firmware: 'test',
    clock: systemClock,
    onFact: (fact) => {
      if (fact.kind === 'collected') reports.push(fact.report);
    },
  });
  void speaker.run();
  return { network, reports, speaker };
}

/** What the mesh really is, by extended address. */
const truthOf = ({ network }: Site) =>
  new Map(network.groundTruth().devices.map((device) => [device.extAddress as string, device]));

const networkKeyOf = ({ network }: Site): string => network.groundTruth().extPanId;

/** The part of the map that is of this site. */
function mapOf(topology: TopologyWire, site: Site) {
  const network = topology.networks.find(({ key }) => key === networkKeyOf(site));
  const nodes = topology.nodes.filter(({ network: key }) => key === networkKeyOf(site));
  const ids = new Set(nodes.map(({ id }) => id));
  return { network, nodes, links: topology.links.filter(({ a, b }) => ids.has(a) && ids.has(b)) };
}

/** Devices, roles, places and parents are true, and no link is there that is not, nor with another strength. */
function expectNothingInvented(topology: TopologyWire, site: Site): void {
  const truth = truthOf(site);
  const real = new Map(site.network.groundTruth().links.map((link) => [`${link.a}|${link.b}`, link]));
  const { links, nodes } = mapOf(topology, site);
  for (const node of nodes) {
    const device = truth.get(node.id);
    expect(device?.rloc16, `${node.id} is on the map`).toBe(node.rloc16);
    if (node.state !== 'answered') continue;
    expect([node.id, node.role, node.partition_id]).toEqual([node.id, device?.role, device?.partitionId]);
    expect([node.id, node.parent_id]).toEqual([node.id, device?.parent ?? null]);
  }
  for (const link of links) {
    const signal = real.get(link.id);
    expect(signal?.kind, `${link.id} is on the map`).toBe(link.kind);
    for (const { rssi } of link.a_hears_b) if (rssi !== null) expect(rssi).toBe(signal?.aHearsB.rssi);
    for (const { rssi } of link.b_hears_a) if (rssi !== null) expect(rssi).toBe(signal?.bHearsA.rssi);
  }
}

describe('meshes behind three stock border routers', () => {
  let hub: HubProcess;
  let client: HubClient;
  /** 32 routers and 168 children: as many as a border router lists. */
  let full: Site;
  /** 32 routers and 200 children. */
  let beyond: Site;
  /** A dead router, a dead child, a child whose old parent still lists it, and answers that take twice as long. */
  let troubled: Site;
  const sites: Site[] = [];
  let scan: ScanWire;
  let topology: TopologyWire;

  beforeAll(async () => {
    hub = await startHubProcess();
    client = new HubClient(hub.url);
    const open = async (options: SiteOptions): Promise<Site> => {
      const site = await openSite(hub.url, options);
      sites.push(site);
      return site;
    };
    troubled = await open({
      index: 2,
      nodes: 60,
      routers: 12,
      faults: [
        { kind: 'dead', devices: 2 },
        { kind: 'ghost', devices: 1 },
        { kind: 'slow', factor: 2 },
      ],
    });
    // What is read first must still be fresh when the last is read.
    await until(() => Promise.resolve(troubled.network.otbr.requests.length > 0), 5_000, 'a first request');
    full = await open({ index: 0, nodes: 199, routers: 32 });
    beyond = await open({ index: 1, nodes: 231, routers: 32 });
    const areRead = () => Promise.resolve(sites.every(({ reports }) => reports.length > 0));
    await until(areRead, 40_000, 'a first reading of each mesh');
    scan = await client.scanToEnd();
    topology = await client.topology();
  }, 60_000);

  afterAll(async () => {
    for (const { speaker } of sites) await speaker.close();
    for (const { network } of sites) await network.otbr.close();
    await hub.stop();
  });

  it('ends the scan within 30 s', () => {
    expect(scan).toMatchObject({ state: 'completed', undecided: 0 });
    expect(scan.duration_ms).toBeLessThan(30_000);
  });

  it('stays within the radio budget, and asks for no keys', () => {
    for (const { network, reports } of sites) {
      for (const report of reports) expect(report.radioRequests).toBeLessThanOrEqual(radioBudget);
      expect(network.otbr.requests.filter(({ url }) => url.includes('dataset'))).toEqual([]);
      expect(network.otbr.requests.filter(({ method }) => method === 'DELETE')).toEqual([]);
    }
  });

  it('has each border router in the network of its mesh', () => {
    expect(topology.networks.map(({ br_ids, key }) => [key, br_ids]).sort()).toEqual(
      sites.map((site) => [networkKeyOf(site), [site.network.id]]).sort(),
    );
  });

  it('invents no device, no role, no parent and no link', () => {
    for (const site of sites) expectNothingInvented(topology, site);
  });

  it('drops nothing of a mesh of 32 routers that its border router lists', () => {
    const { links, network, nodes } = mapOf(topology, full);
    expect(nodes.map(({ id }) => id).sort()).toEqual([...truthOf(full).keys()].sort());
    expect(nodes.filter(({ state }) => state !== 'answered')).toEqual([]);
    expect(network?.completeness).toMatchObject({
      complete: true,
      proved: true,
      expected_routers: 32,
      answered_routers: 32,
    });
    const real = full.network.groundTruth().links;
    expect(links.map(({ id }) => id).sort()).toEqual(real.map(({ a, b }) => `${a}|${b}`).sort());
    for (const link of links) {
      const heard = [...link.a_hears_b, ...link.b_hears_a].filter(({ rssi }) => rssi !== null);
      expect(heard.length, link.id).toBeGreaterThanOrEqual(link.kind === 'router_router' ? 2 : 1);
    }
  });

  it('says which routers of a larger mesh the border router does not list', () => {
    const { network, nodes } = mapOf(topology, beyond);
    const completeness = network?.completeness;
    const routers = [...truthOf(beyond).values()].filter(
      ({ role }) => role === 'leader' || role === 'router',
    );
    expect(completeness).toMatchObject({ complete: false, proved: true, expected_routers: routers.length });
    const answered = nodes.filter(({ state, role }) => state === 'answered' && role !== null);
    const missing = new Set(completeness?.missing_routers.map(({ rloc16 }) => rloc16));
    // The border router itself may be unlisted too: it is there, and its agent says that its tables were not read.
    for (const { problem } of beyond.reports) {
      for (const [rloc16] of problem?.matchAll(/0x[0-9a-f]{4}/g) ?? []) missing.add(rloc16);
    }
    expect(missing.size).toBeGreaterThan(0);
    for (const { extAddress, rloc16 } of routers) {
      const isAnswered = answered.some(({ id }) => id === extAddress);
      expect([rloc16, isAnswered || missing.has(rloc16)]).toEqual([rloc16, true]);
    }
    // Of those that are not on the map, the parent was not read.
    const truth = truthOf(beyond);
    const shown = new Set(nodes.map(({ id }) => id));
    for (const [id, { parent }] of truth) {
      if (shown.has(id)) continue;
      expect(missing.has(truth.get(parent ?? '')?.rloc16 ?? null), `${id} is missing`).toBe(true);
    }
  });

  it('names the router that is dead, and no living one', () => {
    const { network } = mapOf(topology, troubled);
    const dead = [...truthOf(troubled).values()].filter((device) => device.dead);
    const routers = dead.filter(({ role }) => role === 'router');
    expect(routers).toHaveLength(1);
    expect(network?.completeness.missing_routers.map(({ rloc16 }) => rloc16)).toEqual(
      routers.map(({ rloc16 }) => rloc16),
    );
    expect(troubled.reports[0]).toMatchObject({ complete: false, problemCode: 'silent' });
  });

  it('shows a child that two parents list once, where it is, and its old entry as a ghost', () => {
    const { observed } = troubled.network;
    const rows = observed.mesh.routers.flatMap((router) => observed.childrenOf(router));
    const ghost = rows.find(({ device, rloc16 }) => rloc16 !== observed.mesh.rloc16Of(device));
    if (ghost === undefined) throw new Error('no child is listed by two parents');
    const id = ghost.device.extAddress;
    const { network, nodes } = mapOf(topology, troubled);
    expect(nodes.filter((node) => node.id === id).map(({ rloc16 }) => rloc16)).toEqual([
      observed.mesh.rloc16Of(ghost.device),
    ]);
    expect(network?.ghosts?.map(({ ext_addr, rloc16 }) => [ext_addr, rloc16])).toEqual([[id, ghost.rloc16]]);
  });

  it('finds the same mesh in a second reading', async () => {
    const readings = full.reports.length;
    const names = scan.nodes
      .filter(({ br_id: borderRouter }) => borderRouter === full.network.id)
      .map(({ name }) => name);
    // The first reading answers for a while; then there is another one.
    const second = await until(
      async () => {
        const again = await client.scanToEnd({ nodes: names });
        return full.reports.length > readings ? again : null;
      },
      20_000,
      'a second reading',
    );
    expect(second.outcomes['answered']).toBe(names.length);
    const summaryOf = (map: TopologyWire): unknown => {
      const { links, nodes } = mapOf(map, full);
      return {
        nodes: nodes.map(({ id, parent_id, rloc16, role }) => [id, role, rloc16, parent_id]).sort(),
        links: links.map(({ id, link_margin }) => [id, link_margin]).sort(),
      };
    };
    expect(summaryOf(await client.topology())).toEqual(summaryOf(topology));
  }, 30_000);
});
