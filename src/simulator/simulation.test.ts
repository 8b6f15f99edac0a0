import { afterEach, describe, expect, it } from 'vitest';
import { SimulationError } from '../errors.ts';
import type {
  BorderRouterMessage,
  ScanNodeFailure,
  ScanNodeSuccess,
} from '../protocol/border-router-messages.ts';
import { asNodeName, asRequestId } from '../protocol/ids.ts';
import type { Ipv6Address } from '../protocol/ipv6.ts';
import { type NetworkInfo, parseNetworkInfo } from '../protocol/network-info.ts';
import { isRouterRloc16 } from '../protocol/rloc16.ts';
import { buildTopology } from '../topology/build-topology.ts';
import { nothingKnown } from '../topology/earlier-knowledge.ts';
import { createSimulation, type Simulation, type SimulationOptions } from './simulation.ts';
import { openTinyHub, type TinyHub } from '../../test/support/tiny-hub.ts';

const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function openHub(importStatus?: number): Promise<TinyHub> {
  const hub = await openTinyHub(importStatus);
  closers.push(() => hub.close());
  return hub;
}

/** Without delays and rate limits, unless told. */
async function simulate(options: Partial<SimulationOptions> = {}): Promise<Simulation> {
  const simulation = await createSimulation({
    hubUrl: 'ws://127.0.0.1:9',
    borderRouters: 2,
    nodesPerBorderRouter: 8,
    rttMs: [0, 0],
    sleepyPollMs: 0,
    agentLimits: { commandsPerSecond: 10_000, burst: 10_000, queue: 1_000 },
    ...options,
  });
  closers.push(() => simulation.stop());
  return simulation;
}

async function start(options: Partial<SimulationOptions> = {}) {
  const hub = await openHub();
  const simulation = await simulate({ hubUrl: hub.url, ...options });
  await simulation.start();
  return { hub, simulation };
}

let requests = 0;
function scanNode(name: string, ipv6: string, deadlineMs = 10_000) {
  return {
    command: 'scan_node',
    requestId: asRequestId(`request-${(requests += 1)}`),
    nodeName: asNodeName(name),
    targetIpv6: ipv6 as Ipv6Address,
    deadlineMs,
  } as const;
}

type ScanAnswer = ScanNodeSuccess | ScanNodeFailure;
async function scan(hub: TinyHub, borderRouterId: string, name: string, ipv6: string, deadlineMs?: number) {
  return (await hub.link(borderRouterId).ask(scanNode(name, ipv6, deadlineMs))) as ScanAnswer;
}

/** Asks every node, through the first border router of its network. */
function scanAll(hub: TinyHub, simulation: Simulation): Promise<ScanAnswer[]> {
  return Promise.all(
    simulation.nodes.map(({ name, ipv6, networkIndex }) => {
      const through = simulation.borderRouters.find((one) => one.networkIndex === networkIndex);
      return scan(hub, through?.id ?? '', name, ipv6);
    }),
  );
}

function networkInfoOf(answer: BorderRouterMessage): NetworkInfo {
  if (answer.type !== 'scan_node_result' || !answer.success) throw new Error(JSON.stringify(answer));
  const parsed = parseNetworkInfo(answer.networkInfo);
  if (!parsed.ok) throw new Error(parsed.reason);
  return parsed.networkInfo;
}

describe('a simulation', () => {
  it('is the same again with the same seed: mesh, addresses, faults and answers', async () => {
    const options = { borderRouters: 3, dead: 2, seed: 7 };
    const one = await start(options);
    const other = await start(options);
    expect(other.simulation.nodeFile()).toEqual(one.simulation.nodeFile());
    expect(other.simulation.groundTruth()).toEqual(one.simulation.groundTruth());
    const alive = (simulation: Simulation) =>
      simulation.groundTruth().networks.flatMap(({ devices }) => devices.filter((device) => !device.dead));
    expect(alive(one.simulation)).toHaveLength(3 + 24 - 2);
    const answers = ({ hub, simulation }: typeof one) =>
      Promise.all(
        alive(simulation)
          .filter((device) => device.kind === 'node')
          .map(async ({ name, ipv6 }) => {
            const inFirst = simulation.groundTruth().networks[0]?.devices.some((each) => each.name === name);
            return networkInfoOf(await scan(hub, inFirst === true ? 'BR-001' : 'BR-003', name, ipv6));
          }),
      );
    expect(await answers(other)).toEqual(await answers(one));
    const third = await simulate({ ...options, seed: 8 });
    expect(third.nodeFile()).not.toEqual(one.simulation.nodeFile());
  });

  it('has as many nodes as border routers times nodes each, two border routers to a network', async () => {
    const simulation = await simulate({ borderRouters: 5, nodesPerBorderRouter: 10 });
    expect(simulation.nodes).toHaveLength(50);
    expect(simulation.borderRouters.map(({ id }) => id)).toEqual([
      'BR-001',
      'BR-002',
      'BR-003',
      'BR-004',
      'BR-005',
    ]);
    expect(simulation.borderRouters.map(({ networkIndex }) => networkIndex)).toEqual([0, 0, 1, 1, 2]);
    const prefixes = simulation.borderRouters.map(({ networkPrefix }) => networkPrefix);
    expect(prefixes[0]).toBe(prefixes[1]);
    expect(new Set(prefixes).size).toBe(3);
    const names = Object.keys(simulation.nodeFile());
    expect(new Set(names).size).toBe(50);
    for (const name of names) expect(Buffer.byteLength(name)).toBeLessThanOrEqual(31);
  });

  it('registers its nodes with the hub and connects its border routers with token and prefix', async () => {
    const { hub, simulation } = await start({ tokenOf: (id) => `token-of-${id}` });
    expect(hub.imports).toEqual([{ path: '/api/nodes/import', ...simulation.nodeFile() }]);
    expect(hub.links).toHaveLength(2);
    expect(hub.link('BR-002').authorization).toBe('Bearer token-of-BR-002');
    expect(hub.link('BR-002').networkPrefix).toBe(simulation.borderRouters[1]?.networkPrefix);
    await hub.until(() => hub.links.every((link) => link.messages.length > 0));
    const truth = simulation.groundTruth().networks[0]?.devices.find(({ name }) => name === 'BR-001');
    expect(hub.link('BR-001').messages[0]).toMatchObject({
      type: 'heartbeat',
      borderRouterId: 'BR-001',
      extAddress: truth?.extAddress,
      rloc16: truth?.rloc16,
      role: truth?.role,
      partitionId: truth?.partitionId,
      nodesCount: 16,
    });
  });

  it('says which hub did not take its nodes', async () => {
    const hub = await openHub(403);
    const simulation = await simulate({ hubUrl: hub.url });
    await expect(simulation.start()).rejects.toThrow(/403.*tiny/);
    await expect(simulation.start()).rejects.toThrow('started');
  });

  it('names the option that it cannot use', async () => {
    const wrong: [Partial<SimulationOptions>, RegExp][] = [
      [{ borderRouters: 0 }, /border_routers is 0/],
      [{ hubUrl: 'hub:5001' }, /hub is "hub:5001"/],
      [{ rttMs: [250, 40] }, /rtt is 250\.\.40/],
      [{ loss: 1.5 }, /loss is 1\.5/],
      [{ dead: 10, malformed: 10 }, /together is 20/],
      [{ crash: [{ borderRouterIndex: 2, atMs: 0 }] }, /crash is 2/],
      [{ blockBytes: 100 }, /block_bytes is 100/],
    ];
    for (const [options, sentence] of wrong) {
      const failed: unknown = await simulate(options).catch((error: unknown) => error);
      expect(failed).toBeInstanceOf(SimulationError);
      expect((failed as SimulationError).message).toMatch(sentence);
    }
  });

  it.each(['json', 'cbor'] as const)(
    'answers in %s what its ground truth says of every node',
    async (encoding) => {
      const { hub, simulation } = await start({ encoding, borderRouters: 4, nodesPerBorderRouter: 12 });
      expect(hub.links.map((link) => link.socket.protocol)).toEqual(
        Array.from({ length: 4 }, () => (encoding === 'cbor' ? 'threadhub.cbor' : '')),
      );
      const devices = new Map(
        simulation
          .groundTruth()
          .networks.flatMap((network) => network.devices.map((device) => [device.name, device])),
      );
      for (const answer of await scanAll(hub, simulation)) {
        const truth = devices.get(answer.nodeName ?? '');
        const info = networkInfoOf(answer);
        expect([info.extAddress, info.role, info.rloc16, info.partitionId]).toEqual([
          truth?.extAddress,
          truth?.role,
          truth?.rloc16,
          truth?.partitionId,
        ]);
        expect(info.parent?.extAddress ?? null).toBe(truth?.parent);
        expect(isRouterRloc16(info.rloc16)).toBe(info.parent === null);
      }
    },
  );

  it('gives a hub all that it needs for a topology that agrees with the ground truth', async () => {
    const { hub, simulation } = await start({ borderRouters: 2, nodesPerBorderRouter: 20, fadeDb: 0 });
    const [truth] = simulation.groundTruth().networks;
    if (truth === undefined) throw new Error('no network');
    const answers = await scanAll(hub, simulation);
    const topology = buildTopology({
      scan: { id: 'scan', startedAt: 0, final: true },
      nodes: answers.map((answer) => ({
        name: answer.nodeName ?? '',
        ipv6: answer.targetIpv6 ?? '',
        extAddress: null,
        borderRouterId: 'BR-001',
        outcome: 'answered',
        late: false,
        durationMs: 1,
        decidedAt: 1,
        error: null,
        networkInfo: networkInfoOf(answer),
        networkKey: truth.prefix,
      })),
      borderRouters: truth.devices
        .filter((device) => device.kind === 'border_router')
        .map((device) => ({
          id: device.name,
          online: true,
          networkKey: truth.prefix,
          networkPrefix: truth.prefix,
          extAddress: device.extAddress,
          rloc16: device.rloc16,
          role: device.role,
          partitionId: device.partitionId,
        })),
      earlier: nothingKnown,
      madeAt: 2,
    });
    const byId = <Item extends { id: string }>(items: Item[]) =>
      items.toSorted((one, other) => (one.id < other.id ? -1 : 1));
    expect(
      byId(topology.nodes.map(({ id, role, rloc16, parentId }) => ({ id, role, rloc16, parentId }))),
    ).toEqual(
      byId(
        truth.devices.map(({ extAddress, role, rloc16, parent }) => ({
          id: extAddress,
          role,
          rloc16,
          parentId: parent,
        })),
      ),
    );
    const worse = (one: number, other: number): number => Math.min(one, other);
    const borderRouters = new Set(
      truth.devices.filter((device) => device.kind === 'border_router').map((device) => device.extAddress),
    );
    // What a border router hears is in no answer: of its links only the other end is known.
    const between = truth.links.filter((link) => !borderRouters.has(link.a) && !borderRouters.has(link.b));
    const seen = new Map(topology.links.map((link) => [link.id, link]));
    for (const link of between) {
      expect(seen.get(`${link.a}|${link.b}`)).toMatchObject({
        kind: link.kind,
        lqi: worse(link.aHearsB.linkQuality, link.bHearsA.linkQuality),
        linkMargin: worse(link.aHearsB.linkMargin, link.bHearsA.linkMargin),
      });
    }
    expect(between.length).toBeGreaterThan(40);
    const linksOfNodes = truth.links.filter(
      (link) => !(borderRouters.has(link.a) && borderRouters.has(link.b)),
    );
    for (const link of linksOfNodes) expect(seen.has(`${link.a}|${link.b}`)).toBe(true);
    for (const id of seen.keys()) {
      expect(truth.links.some((link) => `${link.a}|${link.b}` === id)).toBe(true);
    }
    expect(topology.networks[0]?.split).toBe(false);
    expect(topology.networks[0]?.partitions[0]?.leaderId).toBe(truth.partitions[0]?.leader);
    expect(topology.networks[0]?.completeness).toMatchObject({ complete: true, missingRouters: [] });
  });

  it('reports dead and malformed nodes as what they are, and answers again when they are healthy', async () => {
    const { hub, simulation } = await start();
    const [node] = simulation.nodes;
    if (node === undefined) throw new Error('no node');
    const outcome = async (deadlineMs?: number): Promise<string> => {
      const answer = await scan(hub, 'BR-001', node.name, node.ipv6, deadlineMs);
      return answer.success ? 'answered' : (answer.errorCode ?? 'no code');
    };
    expect(await outcome()).toBe('answered');
    simulation.setDead(node.name, true);
    expect(await outcome(200)).toBe('timed_out');
    simulation.setFault(node.name, { kind: 'malformed', how: 'broken_json' });
    expect(await outcome()).toBe('malformed');
    simulation.setFault(node.name, { kind: 'malformed', how: 'reset' });
    expect(await outcome()).toBe('refused');
    simulation.setFault(node.name, { kind: 'malformed', how: 'not_found' });
    expect(await outcome()).toBe('refused');
    simulation.setDead(node.name, false);
    expect(await outcome()).toBe('answered');
  });

  it('hears nobody where every packet is lost, and slow and late nodes in the end', async () => {
    const deaf = await start({ loss: 1 });
    const [node] = deaf.simulation.nodes;
    const lost = await scan(deaf.hub, 'BR-001', node?.name ?? '', node?.ipv6 ?? '', 200);
    expect(lost).toMatchObject({ success: false, errorCode: 'timed_out' });

    const { hub, simulation } = await start({ nodesPerBorderRouter: 4, late: 8, lateAfterMs: 20 });
    const answers = await scanAll(hub, simulation);
    expect(answers.filter((answer) => answer.success)).toHaveLength(8);
  });

  it('carries CoAP requests to a node and back', async () => {
    const { hub, simulation } = await start();
    const [node] = simulation.nodes;
    const sendCoap = (method: 'GET' | 'PUT', payload?: { on: boolean }) =>
      hub.link('BR-001').ask({
        command: 'send_coap',
        requestId: asRequestId(`coap-${(requests += 1)}`),
        targetIpv6: (node?.ipv6 ?? '') as Ipv6Address,
        method,
        path: 'led',
        confirmable: true,
        ...(payload === undefined ? {} : { payload }),
      });
    expect(await sendCoap('PUT', { on: true })).toMatchObject({ success: true, code: '2.04' });
    expect(await sendCoap('GET')).toMatchObject({ success: true, code: '2.05', payload: { on: true } });
  });

  it('lets a border router discover the nodes that listen, by one multicast', async () => {
    const { hub, simulation } = await start();
    const seen = await hub.link('BR-001').ask({
      command: 'discover',
      requestId: asRequestId('discover'),
      deadlineMs: 10_000,
    });
    if (seen.type !== 'node_seen') throw new Error(seen.type);
    const listening = simulation
      .groundTruth()
      .networks.flatMap(({ devices }) => devices)
      .filter((device) => device.kind === 'node' && device.role !== 'sleepy_child');
    expect(seen.nodes.map((node) => node.ipv6).toSorted()).toEqual(
      listening.map(({ ipv6 }) => ipv6).toSorted(),
    );
  });
});

describe('a simulated border router', () => {
  it('breaks its connection when it crashes and is back after its reboot', async () => {
    const { hub, simulation } = await start();
    const first = hub.link('BR-001');
    simulation.crashBorderRouter(0, 1);
    await hub.until(() => first.socket.readyState === first.socket.CLOSED && hub.link('BR-001') !== first);
    const [node] = simulation.nodes;
    expect((await scan(hub, 'BR-001', node?.name ?? '', node?.ipv6 ?? '')).success).toBe(true);
  });

  it('crashes and reboots when its plan says so', async () => {
    const { hub } = await start({ crash: [{ borderRouterIndex: 1, atMs: 1, rebootAfterMs: 1 }] });
    const first = hub.links.find((link) => link.borderRouterId === 'BR-002');
    await hub.until(() => hub.link('BR-002') !== first);
    expect(hub.links).toHaveLength(3);
  });

  it('leaves its connection open and mute when it falls silent', async () => {
    const { hub, simulation } = await start();
    const silent = hub.link('BR-001');
    const living = hub.link('BR-002');
    const pongs: string[] = [];
    silent.socket.prependListener('pong', () => pongs.push('silent'));
    living.socket.prependListener('pong', () => pongs.push('living'));
    simulation.silenceBorderRouter(0);
    for (let ping = 0; ping < 3; ping += 1) {
      silent.socket.ping();
      living.socket.ping();
      await hub.until(() => pongs.length > ping);
    }
    expect(pongs).toEqual(['living', 'living', 'living']);
    expect(silent.socket.readyState).toBe(silent.socket.OPEN);
    simulation.rebootBorderRouter(0);
    await hub.until(() => hub.link('BR-001') !== silent);
  });

  it('connects anew before its old connection has died', async () => {
    const { hub, simulation } = await start();
    const old = hub.link('BR-001');
    simulation.reconnectBorderRouter(0);
    await hub.until(() => hub.link('BR-001') !== old);
    expect(old.socket.readyState).toBe(old.socket.OPEN);
    const [node] = simulation.nodes;
    expect((await scan(hub, 'BR-001', node?.name ?? '', node?.ipv6 ?? '')).success).toBe(true);
  });
});

describe('a simulated network', () => {
  it('answers from two partitions with two leaders while it is split', async () => {
    const { hub, simulation } = await start({ nodesPerBorderRouter: 15 });
    const leaders = async (): Promise<number> => {
      const infos = (await scanAll(hub, simulation)).map(networkInfoOf);
      expect(new Set(infos.map((info) => info.partitionId)).size).toBe(
        simulation.groundTruth().networks[0]?.partitions.length,
      );
      return infos.filter((info) => info.role === 'leader').length;
    };
    expect(await leaders()).toBe(1);
    expect(simulation.splitPartition(0)).toBe(true);
    expect(await leaders()).toBe(2);
    simulation.healPartition(0);
    expect(await leaders()).toBe(1);
  });

  it('keeps each half to its own border router where there is no backbone', async () => {
    const { hub, simulation } = await start({ nodesPerBorderRouter: 15, backbone: false });
    simulation.splitPartition(0);
    const { devices = [] } = simulation.groundTruth().networks[0] ?? {};
    const partitionOf = (name: string) => devices.find((device) => device.name === name)?.partitionId;
    const far = devices.find(
      (device) => device.kind === 'node' && device.partitionId !== partitionOf('BR-001'),
    );
    if (far === undefined) throw new Error('nobody is on the other side');
    expect(partitionOf('BR-002')).toBe(far.partitionId);
    expect(await scan(hub, 'BR-001', far.name, far.ipv6, 200)).toMatchObject({ errorCode: 'timed_out' });
    expect((await scan(hub, 'BR-002', far.name, far.ipv6)).success).toBe(true);
  });

  it('drifts by itself where it is told to: children change their parents', async () => {
    const { simulation } = await start({ nodesPerBorderRouter: 20, driftEveryMs: 1 });
    const parents = () => simulation.groundTruth().networks[0]?.devices.map((device) => device.parent);
    const before = parents();
    await expect.poll(parents).not.toEqual(before);
  });

  it('changes visibly when it is rerolled: parents and RLOC16s', async () => {
    const simulation = await simulate({ nodesPerBorderRouter: 20 });
    const look = () => simulation.groundTruth().networks[0]?.devices ?? [];
    const before = look();
    simulation.reroll(0);
    const after = look();
    const changed = (field: 'parent' | 'rloc16') =>
      after.filter((device, index) => device[field] !== before[index]?.[field]).length;
    expect(changed('parent')).toBeGreaterThan(0);
    expect(changed('rloc16')).toBeGreaterThan(changed('parent'));
    expect(after.map(({ extAddress }) => extAddress)).toEqual(before.map(({ extAddress }) => extAddress));
  });
});
