/** The whole way: simulated border routers and nodes, real WebSockets and CoAP, the CLI, REST, and every export. */
import { UndirectedGraph } from 'graphology';
import graphml from 'graphology-graphml';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ScanWire } from '../../src/protocol/scan.ts';
import type { TopologyWire } from '../../src/protocol/topology.ts';
import { HubClient } from '../support/hub-client.ts';
import {
  type HubProcess,
  runThreadhub,
  spawnThreadhub,
  startHubProcess,
  type Threadhub,
} from '../support/hub-process.ts';

describe('a scan of 100 nodes of which 3 are dead', () => {
  let hub: HubProcess;
  let client: HubClient;
  let simulation: Threadhub;
  let scan: ScanWire;
  let exitCode: number | null;
  let topology: TopologyWire;

  beforeAll(async () => {
    hub = await startHubProcess();
    client = new HubClient(hub.url);
    simulation = spawnThreadhub([
      'simulate',
      '--hub',
      hub.url,
      '--border-routers',
      '10',
      '--nodes',
      '10',
      '--dead',
      '3',
    ]);
    await client.untilOnline(10);
    const result = await runThreadhub(['scan', '--hub', hub.url, '--json']);
    exitCode = result.code;
    scan = JSON.parse(result.stdout) as ScanWire;
    topology = await client.topology();
  });

  afterAll(async () => {
    simulation.process.kill('SIGTERM');
    await simulation.exited;
    await hub.stop();
  });

  it('reports 97 answered and 3 timed out, through the CLI as through REST', async () => {
    expect(scan).toMatchObject({
      state: 'completed',
      expected: 100,
      undecided: 0,
      outcomes: { answered: 97, timed_out: 3 },
    });
    expect(exitCode).toBe(0);
    expect(await client.scan(scan.id)).toEqual(scan);
    expect((await client.scans()).items[0]?.id).toBe(scan.id);
  });

  it('takes little more than the one time that a dead node takes', () => {
    expect(scan.duration_ms).toBeGreaterThan(3_500);
    expect(scan.duration_ms).toBeLessThan(10_000);
  });

  it('has a topology that agrees, and says what it does not know', () => {
    const nodes = topology.nodes.filter(({ kind }) => kind === 'node');
    expect(nodes.filter(({ state }) => state === 'answered')).toHaveLength(97);
    expect(nodes.filter(({ state }) => state === 'silent')).toHaveLength(3);
    expect(nodes).toHaveLength(100);
    expect(topology.nodes.filter(({ kind }) => kind === 'border_router')).toHaveLength(10);
    expect(topology).toMatchObject({
      scan_id: scan.id,
      final: true,
      outcomes: { answered: 97, timed_out: 3 },
    });
    expect(topology.networks).toHaveLength(5);
    for (const network of topology.networks) {
      expect(network.partitions).toHaveLength(1);
      expect(network.split).toBe(false);
      expect(network.completeness.proved).toBe(true);
    }
    const silentRouters = topology.networks.flatMap(({ completeness }) => completeness.missing_routers);
    for (const router of silentRouters)
      expect(nodes.find(({ id }) => id === router.id)?.state).toBe('silent');
  });

  it('names each node once, with a parent for every child that answered', () => {
    expect(new Set(topology.nodes.map(({ id }) => id)).size).toBe(topology.nodes.length);
    const children = topology.nodes.filter(
      ({ role, state }) => state === 'answered' && (role === 'child' || role === 'sleepy_child'),
    );
    expect(children.length).toBeGreaterThan(20);
    expect(children.filter(({ parent_id }) => parent_id === null)).toEqual([]);
  });

  it('opens as GraphML in a standard reader, with the same nodes and links', async () => {
    const text = await client.text('/api/topology?format=graphml');
    const graph = graphml.parse(UndirectedGraph, text);
    expect(graph.order).toBe(topology.nodes.length);
    expect(graph.size).toBe(topology.links.length);
    const states = graph.mapNodes((_, attributes) => attributes['state'] as string);
    expect(states.filter((state) => state === 'silent')).toHaveLength(3);
  });

  it('exports the same as DOT, CSV, SVG and JSON, through REST as through the CLI', async () => {
    const silent = topology.nodes.filter(({ state }) => state === 'silent').map(({ name }) => name ?? '');
    for (const format of ['dot', 'csv', 'svg', 'json']) {
      const text = await client.text(`/api/topology?format=${format}`);
      for (const name of silent) expect(text).toContain(name);
      const printed = await runThreadhub(['topology', '--hub', hub.url, '--format', format]);
      expect(printed.code).toBe(0);
      if (format !== 'json') expect(printed.stdout.trim()).toBe(text.trim());
    }
    const csv = await client.text('/api/topology?format=csv');
    expect(csv.split('\n').filter((line) => line.includes('timed_out'))).toHaveLength(3);
    const tree = await runThreadhub(['topology', '--hub', hub.url]);
    for (const name of silent) expect(tree.stdout).toContain(name);
  });

  it('imports its own anonymised bundle as a scan with the same shape and none of the names', async () => {
    const bundle = await client.text('/api/topology?format=bundle');
    for (const { ext_addr: extAddr, name } of topology.nodes) {
      if (name !== null) expect(bundle).not.toContain(`"${name}"`);
      if (extAddr !== null) expect(bundle).not.toContain(extAddr);
    }
    const imported = await client.request('POST', '/api/scans/import', JSON.parse(bundle));
    expect(imported.status).toBe(201);
    const { scan_id: id } = imported.body as { scan_id: string };
    expect(await client.scan(id)).toMatchObject({
      trigger: 'import',
      outcomes: { answered: 97, timed_out: 3 },
    });
    const replayed = await client.get<TopologyWire>(`/api/scans/${id}/topology`);
    expect(replayed.nodes.filter(({ kind, state }) => kind === 'node' && state === 'answered')).toHaveLength(
      97,
    );
    expect((await client.topology()).scan_id).toBe(scan.id);
  });

  it('compares with the next scan, and can be asked for at its own time afterwards', async () => {
    const next = await client.scanToEnd();
    const diff = await client.get<{ added: unknown[]; removed: unknown[]; role_changed: unknown[] }>(
      `/api/scans/${scan.id}/diff/${next.id}`,
    );
    expect(diff).toMatchObject({ added: [], removed: [], role_changed: [], parent_changed: [] });
    const then = await client.topology(`?at=${encodeURIComponent(scan.finished_at ?? '')}`);
    expect(then.scan_id).toBe(scan.id);
    expect((await client.topology()).scan_id).toBe(next.id);
  });

  it('counts it all in the metrics', async () => {
    const metrics = await client.text('/metrics');
    expect(metrics).toMatch(/threadhub_scans_total\{result="completed"\} [1-9]/);
    expect(metrics).toMatch(/threadhub_border_router_up\{border_router="BR-001"\} 1/);
    expect(metrics).toMatch(/threadhub_scan_node_results_total\{outcome="timed_out"[^}]*\} [1-9]/);
    expect(metrics).toMatch(/threadhub_coap_request_duration_seconds_bucket\{/);
  });
});
