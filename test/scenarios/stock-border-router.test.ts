/**
 * A mesh whose border router runs stock OpenThread software: mapped through its REST API by `threadhub border-router`, and by
 * `threadhub serve` with nothing typed. The border router answers as the recorded one did.
 */
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { parseIpv6 } from '../../src/protocol/ipv6.ts';
import type { ScanWire } from '../../src/protocol/scan.ts';
import type { TopologyWire } from '../../src/protocol/topology.ts';
import { createOtbrNetwork } from '../../src/simulator/otbr/otbr-network.ts';
import { fakeOtCtl } from '../support/fake-ot-ctl.ts';
import { HubClient } from '../support/hub-client.ts';
import {
  type HubProcess,
  spawnThreadhub,
  startHubProcess,
  type Threadhub,
  until,
} from '../support/hub-process.ts';
import { otbrChildren, otbrLinks } from '../support/otbr-recordings.ts';
import { openOtbrReplay, type OtbrReplay } from '../support/otbr-replay.ts';

const groundTruth = JSON.parse(
  readFileSync(new URL('../fixtures/otbr/mesh-ground-truth.json', import.meta.url), 'utf8'),
) as { nodes: Record<string, { extaddr: string; mleid: string }> };
const nodeNumbers = Object.keys(groundTruth.nodes).map(Number);
const numberOf = new Map(
  Object.entries(groundTruth.nodes).map(([number, { extaddr }]) => [extaddr, Number(number)]),
);

/** A link's nodes, what the first hears of the second, and what the second hears of the first. */
type Row = readonly [number, number, number | null, number | null];
const inOrder = (rows: readonly Row[]): readonly Row[] => rows.toSorted(([a, b], [c, d]) => a - c || b - d);

/** What a scan found of the recorded mesh, by node number. */
function mapOf(topology: TopologyWire) {
  const number = (id: string | null): number | null => (id === null ? null : (numberOf.get(id) ?? null));
  const rssi = (evidence: TopologyWire['links'][number]['a_hears_b']) =>
    evidence.find(({ state }) => state === 'live')?.rssi ?? null;
  return {
    devices: Object.fromEntries(
      topology.nodes
        .filter(({ state }) => state === 'answered')
        .map((node) => [String(number(node.ext_addr)), { role: node.role, parent: number(node.parent_id) }]),
    ),
    links: inOrder(
      topology.links
        .filter(({ state }) => state === 'live')
        .map((link): Row => {
          const [a, b] = [number(link.a) ?? 0, number(link.b) ?? 0];
          const [hears, heard] = [rssi(link.a_hears_b), rssi(link.b_hears_a)];
          return a < b ? [a, b, hears, heard] : [b, a, heard, hears];
        }),
    ),
  };
}

const designedMap = {
  devices: {
    1: { role: 'leader', parent: null },
    ...Object.fromEntries([2, 3, 4, 5, 6, 7, 8, 9].map((node) => [node, { role: 'router', parent: null }])),
    10: { role: 'reed', parent: 5 },
    12: { role: 'child', parent: 7 },
    13: { role: 'sleepy_child', parent: 8 },
    14: { role: 'sleepy_child', parent: 9 },
  },
  links: inOrder([
    ...otbrLinks.map(([a, b, dBm]): Row => [a, b, dBm, dBm - 3]),
    ...otbrChildren.map(([child, parent, dBm]): Row => [parent, child, dBm, null]),
  ]),
};

const answered = (scan: ScanWire) => scan.nodes.filter(({ outcome }) => outcome === 'answered').length;

const untilNodes = (client: HubClient, count: number): Promise<unknown> =>
  until(
    async () => (await client.get<{ items: unknown[] }>('/api/nodes?limit=1000')).items.length >= count,
    30_000,
    `${count} nodes known`,
  );

function startAgent(hub: HubProcess, ...args: string[]): Threadhub {
  return spawnThreadhub(['border-router', '--hub', hub.url, '--source', 'otbr-rest', ...args], {
    THREADHUB_LOG_LEVEL: 'info',
  });
}

async function stopAgent(agent: Threadhub): Promise<void> {
  agent.process.kill('SIGTERM');
  expect(await agent.exited, agent.output()).toBe(0);
}

describe('a stock border router behind the agent', () => {
  let hub: HubProcess;
  let client: HubClient;
  let replay: OtbrReplay;
  let agent: Threadhub;

  beforeAll(async () => {
    replay = await openOtbrReplay({ speed: 4 });
    hub = await startHubProcess();
    client = new HubClient(hub.url);
    agent = startAgent(hub, '--otbr-url', `lab=${replay.url}`);
    await client.untilOnline(1);
    await untilNodes(client, nodeNumbers.length);
  });
  afterAll(async () => {
    await stopAgent(agent);
    await hub.stop();
    await replay[Symbol.asyncDispose]();
  });

  it('shows every device with its role, its parent, its addresses and each link as its ends hear it', async () => {
    const scan = await client.scanToEnd();
    expect([scan.state, answered(scan)], agent.output()).toEqual(['completed', nodeNumbers.length]);
    const topology = await client.topology();
    expect(mapOf(topology)).toEqual(designedMap);
    for (const { extaddr, mleid } of Object.values(groundTruth.nodes)) {
      const node = topology.nodes.find((each) => each.ext_addr === extaddr);
      expect(node?.ipv6_addresses, extaddr).toContain(parseIpv6(mleid));
    }
    expect(topology.networks).toMatchObject([
      { ext_pan_id: '1a2b3c4d5e6f7081', completeness: { complete: true, proved: true } },
    ]);
  });

  it('shows the same in a second scan, and tells what the reading cost', async () => {
    const first = mapOf(await client.topology());
    await client.scanToEnd();
    expect(mapOf(await client.topology())).toEqual(first);
    const [borderRouter] = await client.borderRouters();
    expect(borderRouter).toMatchObject({
      id: 'lab',
      network_prefix: 'fd7c:8336:ffd4:1::/64',
      network: { ext_pan_id: '1a2b3c4d5e6f7081', name: 'OtLab' },
      collection: {
        source: 'otbr-rest',
        dialect: 'json-api',
        complete: true,
        problem_code: null,
        expected_routers: 9,
        answered_routers: 9,
        radio_budget: 128,
      },
    });
    expect(borderRouter?.collection?.radio_requests).toBeLessThanOrEqual(128);
    expect(agent.output()).toContain('the mesh was read');
  });

  it('is asked for nothing that changes it or that is secret', () => {
    const asked = replay.requests.filter(
      ({ method, path }) => path.includes('dataset') || !(method === 'GET' || path === '/api/actions'),
    );
    expect(asked).toEqual([]);
  });

  it('that is gone makes the scan say so, and comes back by itself', async () => {
    const port = Number(new URL(replay.url).port);
    await replay[Symbol.asyncDispose]();
    const without = await until(
      async () => {
        const scan = await client.scanToEnd();
        return answered(scan) === 0 ? scan : null;
      },
      30_000,
      'a scan without the border router',
    );
    expect(without.nodes.map(({ error }) => error).join('\n')).toContain('nothing listens on');
    await until(async () => (await client.borderRouters())[0]?.collection?.problem_code === 'off');

    replay = await openOtbrReplay({ speed: 4, port });
    await until(
      async () => answered(await client.scanToEnd()) === nodeNumbers.length,
      45_000,
      'a scan with the border router again',
    );
    expect(mapOf(await client.topology())).toEqual(designedMap);
  });
});

/** The map that a border router of this dialect gives. */
async function mapThrough(dialect: 'before_2026_07' | 'legacy' | 'esp'): Promise<TopologyWire> {
  await using replay = await openOtbrReplay({ speed: 4, dialect });
  const hub = await startHubProcess();
  const client = new HubClient(hub.url);
  const agent = startAgent(hub, '--id', 'lab', '--otbr-url', replay.url);
  try {
    await client.untilOnline(1);
    await untilNodes(client, 10);
    const scan = await client.scanToEnd();
    expect([scan.state, answered(scan)], agent.output()).toEqual(['completed', scan.expected]);
    const topology = await client.topology();
    await stopAgent(agent);
    return topology;
  } finally {
    agent.process.kill('SIGKILL');
    await hub.stop();
  }
}

it('maps a border router of before July 2026 as one of today', async () => {
  expect(mapOf(await mapThrough('before_2026_07'))).toEqual(designedMap);
});

it.each(['legacy', 'esp'] as const)(
  'maps a border router that speaks the %s dialect: all devices and links, without what it does not tell',
  async (dialect) => {
    const topology = await mapThrough(dialect);
    expect(topology.networks).toMatchObject([{ completeness: { complete: true, proved: true } }]);
    const parentOf = (id: string | null) => topology.nodes.find((node) => node.id === id)?.rloc16 ?? null;
    const devices = topology.nodes.map((node) => [node.rloc16, node.role, parentOf(node.parent_id)]);
    const routers = ['0x1400', '0x2800', '0x3400', '0x3800', '0x6000', '0x8c00', '0xe000', '0xf000'];
    expect(devices).toHaveLength(nodeNumbers.length);
    // Recorded at another time: node 2 was the leader then. The parents tell minimal devices without their extended address.
    expect(devices).toEqual(
      expect.arrayContaining([
        ['0x7400', 'leader', null],
        ...routers.map((rloc16) => [rloc16, 'router', null]),
        ['0x2803', 'reed', '0x2800'],
        ['0xf002', 'child', '0xf000'],
        ['0x8c01', 'sleepy_child', '0x8c00'],
        ['0x6001', 'sleepy_child', '0x6000'],
      ]),
    );
    const betweenRouters = mapOf(topology).links.filter(([a, b]) => a >= 1 && b <= 9);
    expect(betweenRouters).toEqual(otbrLinks.map(([a, b]) => [a, b, null, null]));
  },
);

it('keeps the meshes of two border routers in one agent apart', async () => {
  await using replay = await openOtbrReplay({ speed: 4 });
  const other = createOtbrNetwork({
    index: 1,
    id: 'other',
    nodes: 6,
    dialect: 'json-api',
    seed: 7,
    clock: systemClock,
  });
  await other.otbr.open();
  const hub = await startHubProcess();
  const client = new HubClient(hub.url);
  const agent = startAgent(hub, '--otbr-url', `lab=${replay.url}`, '--otbr-url', `other=${other.otbr.url}`);
  try {
    await client.untilOnline(2);
    await untilNodes(client, nodeNumbers.length + 7);
    await client.scanToEnd();
    const topology = await client.topology();
    expect(topology.networks.map(({ br_ids: ids }) => ids).toSorted()).toEqual([['lab'], ['other']]);
    const byNetwork = Map.groupBy(topology.nodes, ({ network }) => network);
    const sizes = topology.networks.map(({ br_ids: [id = ''], key }) => [id, byNetwork.get(key)?.length]);
    expect(Object.fromEntries(sizes), agent.output()).toEqual({ lab: nodeNumbers.length, other: 7 });
    await stopAgent(agent);
  } finally {
    agent.process.kill('SIGKILL');
    await hub.stop();
    await other.otbr.close();
  }
});

it('maps a border router whose REST API is off through ot-ctl', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'threadhub-ot-ctl-'));
  const hub = await startHubProcess();
  const client = new HubClient(hub.url);
  const command = fakeOtCtl({ log: join(folder, 'log') }).join(' ');
  const agent = spawnThreadhub(['border-router', '--hub', hub.url, '--id', 'lab', '--ot-ctl', command]);
  try {
    await client.untilOnline(1);
    await untilNodes(client, nodeNumbers.length);
    const scan = await client.scanToEnd();
    expect([scan.state, answered(scan)], agent.output()).toEqual(['completed', nodeNumbers.length]);
    const topology = await client.topology();
    expect(mapOf(topology)).toEqual(designedMap);
    expect(topology.networks).toMatchObject([{ completeness: { complete: true, proved: true } }]);
    await stopAgent(agent);
  } finally {
    agent.process.kill('SIGKILL');
    await hub.stop();
    await rm(folder, { recursive: true });
  }
});

it('maps the border router of the hub’s own machine with nothing typed, and stops in order', async () => {
  await using replay = await openOtbrReplay({ speed: 4 });
  const hub = await startHubProcess({
    env: { THREADHUB_BORDER_ROUTERS_LOCAL: replay.url, THREADHUB_LOG_LEVEL: 'info' },
  });
  const client = new HubClient(hub.url);
  try {
    await until(
      async () => {
        const { items } = await client.scans();
        return items.some(({ outcomes, state }) => state === 'completed' && outcomes.answered === 13);
      },
      60_000,
      'a scan of the whole mesh',
    );
    expect(mapOf(await client.topology())).toEqual(designedMap);
    hub.signal('SIGTERM');
    expect(await hub.exited, hub.output()).toBe(0);
  } finally {
    await hub.stop();
  }
});
