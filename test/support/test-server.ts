/** The hub's server on a free port of loopback, with everything behind it faked. */
import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { WebSocket } from 'ws';
import { type Clock, systemClock } from '../../src/clock.ts';
import { type ConfigInput, defaultConfig } from '../../src/config.ts';
import { NodeError, ScanError, type StoreError, TokenError } from '../../src/errors.ts';
import { MemoryLiveFeed } from '../../src/events/live/memory-live-feed.ts';
import { FactBus, type Facts } from '../../src/facts.ts';
import { silentLogger } from '../../src/observability/logger.ts';
import { createMetrics, type Metrics } from '../../src/observability/metrics.ts';
import { RecentLogs } from '../../src/observability/recent-logs.ts';
import { defaultOutboxBudgetBytes, OutboxBudget } from '../../src/outbox/outbox-budget.ts';
import { silentOutboxObserver } from '../../src/outbox/outbox-observer.ts';
import type { BorderRouter, Connection } from '../../src/protocol/border-router.ts';
import type { CoapResponseMessage } from '../../src/protocol/border-router-messages.ts';
import {
  asBorderRouterId,
  asNodeName,
  asScanId,
  type BorderRouterId,
  type ScanId,
} from '../../src/protocol/ids.ts';
import { parseIpv6 } from '../../src/protocol/ipv6.ts';
import type { Scan, ScanFilter, ScanTrigger } from '../../src/protocol/scan.ts';
import type { Topology } from '../../src/protocol/topology.ts';
import type { RegisteredNode } from '../../src/scan/registered-node.ts';
import type { BorderRouterHandshake, CoapCommand } from '../../src/server/ports.ts';
import { createServer, type ServerOptions } from '../../src/server/server.ts';
import { FakeSensorEvents } from './fake-sensor-events.ts';
import { borderRouterView, emptyTopology } from './samples.ts';

export interface TestServer extends AsyncDisposable {
  readonly url: string;
  readonly webRoot: string;
  readonly facts: FactBus;
  readonly world: TestWorld;
  /** What was refused at `/ws/br`. */
  readonly refused: Facts['border_router:refused'][];
  browserCount(): number;
  get(path: string, init?: RequestInit): Promise<Response>;
  /** Sends JSON. */
  send(method: string, path: string, body?: unknown): Promise<Response>;
}

/** What the fakes answer from; tests change it. */
export class TestWorld {
  readonly borderRouters = new Map<BorderRouterId, BorderRouter>();
  readonly connections: Connection[] = [];
  readonly accepted: { readonly socket: WebSocket; readonly handshake: BorderRouterHandshake }[] = [];
  readonly coapCommands: { readonly id: BorderRouterId; readonly command: CoapCommand }[] = [];
  readonly nodes = new Map<string, RegisteredNode>();
  readonly fileNodes = new Map<string, RegisteredNode>();
  readonly runningScans = new Map<ScanId, Scan>();
  /** Newest first. */
  readonly storedScans: Scan[] = [];
  readonly topologies = new Map<ScanId, Topology>();
  readonly triggered: { readonly filter: ScanFilter | null; readonly trigger: ScanTrigger }[] = [];
  readonly cancelled: ScanId[] = [];
  readonly tokens = new Map<string, { readonly token: string; readonly borderRouterId: BorderRouterId }>();
  topology: Topology = emptyTopology();
  stopping = false;
  /** The names in each question for latencies. */
  readonly latencyQuestions: (readonly string[])[] = [];
  readonly events = new FakeSensorEvents();
  readonly logs = new RecentLogs();
  readonly liveFeed = new MemoryLiveFeed({
    resumeMessages: 10_000,
    resumeMs: 120_000,
    clock: systemClock,
    newId: randomUUID,
  });
  storeFailure: Error | null = null;
  saveFailure: StoreError | null = null;
  triggerFailure: Error | null = null;
  coap: (command: CoapCommand) => Promise<CoapResponseMessage> = () =>
    Promise.reject(new Error('no CoAP answer was set'));

  addBorderRouter(fields: Partial<BorderRouter> = {}): void {
    const view = borderRouterView(fields);
    this.borderRouters.set(asBorderRouterId(view.id), view);
  }

  addNode(name: string, ipv6: string, origins: RegisteredNode['origins'] = ['rest']): RegisteredNode {
    const address = parseIpv6(ipv6);
    if (address === null) throw new NodeError('node_invalid', `${ipv6} is no IPv6 address`);
    const node = { name: asNodeName(name), ipv6: address, extAddress: null, borderRouterId: null, origins };
    this.nodes.set(name, node);
    if (origins.includes('file')) this.fileNodes.set(name, node);
    return node;
  }
}

export interface TestServerOptions {
  readonly config?: ConfigInput;
  readonly clock?: Clock;
  readonly logger?: ServerOptions['logger'];
  /** Folder of the web build; an empty one where absent. */
  readonly webRoot?: string;
}

/** What a server needs, faked. */
export function fakeServerOptions(
  world: TestWorld,
  { config, logger, ...options }: TestServerOptions,
): Omit<ServerOptions, 'facts' | 'metrics'> & { readonly facts: FactBus; readonly metrics: Metrics } {
  const clock = options.clock ?? systemClock;
  const facts = new FactBus({
    onListenerError: (_name, error) => {
      throw error;
    },
  });
  return {
    config: defaultConfig({ ...config, server: { port: 0, ...config?.server } }),
    links: fakeLinks(world),
    orchestrator: {
      trigger(request) {
        world.triggered.push(request);
        if (world.triggerFailure !== null) throw world.triggerFailure;
        return {
          scanId: 'scan-new',
          joined: world.triggered.length > 1,
          nodes: world.nodes.size,
          borderRouters: world.borderRouters.size,
        };
      },
      cancel: (id) => void world.cancelled.push(id),
      get: (id) => world.runningScans.get(id) ?? null,
      running: () => [...world.runningScans.values()],
    },
    topologies: {
      current: () => world.topology,
      at: (atMs) => Promise.resolve(atMs >= world.topology.madeAt ? world.topology : null),
      ofScan: (id) => Promise.resolve(world.topologies.get(id) ?? null),
      importBundle: () => Promise.resolve({ scanId: asScanId('scan-imported') }),
    },
    nodes: fakeNodes(world),
    tokens: fakeTokens(world),
    scans: fakeScans(world),
    events: world.events,
    live: {
      feed: world.liveFeed,
      budget: new OutboxBudget(defaultOutboxBudgetBytes),
      observer: silentOutboxObserver,
      random: Math.random,
    },
    logs: world.logs,
    facts,
    metrics: createMetrics({ facts, clock, version: '1.2.3', processMetrics: false }),
    clock,
    logger: logger ?? silentLogger,
    webRoot: options.webRoot ?? '',
    version: '1.2.3',
    isStopping: () => world.stopping,
  };
}

export async function startTestServer(options: TestServerOptions = {}): Promise<TestServer> {
  const world = new TestWorld();
  const ownRoot =
    options.webRoot === undefined ? mkdtempSync(path.join(os.tmpdir(), 'threadhub-web-')) : null;
  const webRoot = options.webRoot ?? ownRoot ?? '';
  const serverOptions = fakeServerOptions(world, { ...options, webRoot });
  const { facts, metrics } = serverOptions;
  const refused: Facts['border_router:refused'][] = [];
  facts.on('border_router:refused', (fact) => void refused.push(fact));
  const server = createServer(serverOptions);
  const { port } = await server.listen();
  const url = `http://127.0.0.1:${port}`;
  return {
    url,
    webRoot,
    facts,
    world,
    refused,
    browserCount: () => server.browserCount,
    get: (address, init) => fetch(url + address, init),
    send: (method, address, body) =>
      fetch(url + address, {
        method,
        ...(body === undefined
          ? {}
          : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
      }),
    async [Symbol.asyncDispose]() {
      for (const { socket } of world.accepted) socket.terminate();
      await server.close();
      metrics.close();
      if (ownRoot !== null) rmSync(ownRoot, { recursive: true, force: true });
    },
  };
}

function fakeLinks(world: TestWorld): ServerOptions['links'] {
  return {
    accept: (socket, handshake) => void world.accepted.push({ socket, handshake }),
    list: () => [...world.borderRouters.values()],
    get: (id) => world.borderRouters.get(id) ?? null,
    sendCoap(id, command) {
      world.coapCommands.push({ id, command });
      return world.coap(command);
    },
    connections: () => world.connections,
  };
}

function fakeNodes(world: TestWorld): ServerOptions['nodes'] {
  return {
    list: () => [...world.nodes.values()],
    get: (name) => world.nodes.get(name) ?? null,
    put: async (name, { ipv6 }) => Promise.resolve(world.addNode(name, ipv6)),
    remove(name) {
      if (!world.nodes.delete(name))
        return Promise.reject(new NodeError('node_not_found', `there is no node ${name}`));
      return Promise.resolve(world.fileNodes.get(name) ?? null);
    },
    importNodes(object) {
      const problems: string[] = [];
      let accepted = 0;
      for (const [name, ipv6] of Object.entries(object as Record<string, unknown>)) {
        if (typeof ipv6 === 'string' && parseIpv6(ipv6) !== null) {
          world.addNode(name, ipv6);
          accepted += 1;
        } else problems.push(`${name} has no IPv6 address`);
      }
      return Promise.resolve({ accepted, problems });
    },
  };
}

function fakeTokens(world: TestWorld): ServerOptions['tokens'] {
  return {
    create(borderRouterId) {
      const id = `token-${world.tokens.size + 1}`;
      world.tokens.set(id, { token: `secret-${id}`, borderRouterId });
      return Promise.resolve({ id, token: `secret-${id}` });
    },
    list: () =>
      [...world.tokens].map(([id, { borderRouterId }]) => ({
        id,
        borderRouterId,
        createdAt: Date.UTC(2026, 0, 1),
        lastUsedAt: null,
      })),
    revoke: (id) =>
      world.tokens.delete(id)
        ? Promise.resolve()
        : Promise.reject(new TokenError('token_not_found', `there is no token ${id}`)),
    verify(token, borderRouterId) {
      for (const [id, known] of world.tokens)
        if (known.token === token && known.borderRouterId === borderRouterId)
          return { ok: true, tokenId: id };
      return { ok: false };
    },
  };
}

function fakeScans(world: TestWorld): ServerOptions['scans'] {
  return {
    get saveFailure() {
      return world.saveFailure;
    },
    get: (id) =>
      Promise.resolve(world.runningScans.get(id) ?? world.storedScans.find((scan) => scan.id === id) ?? null),
    list({ cursor, limit }) {
      if (world.storeFailure !== null) return Promise.reject(world.storeFailure);
      const from = cursor === null ? 0 : Number(cursor);
      const items = world.storedScans
        .slice(from, from + limit)
        .map((scan) => world.runningScans.get(asScanId(scan.id)) ?? scan)
        .map(({ nodes: _nodes, ...summary }) => summary);
      const next = from + limit;
      return Promise.resolve({ items, nextCursor: next < world.storedScans.length ? String(next) : null });
    },
    lastOutcomes: () =>
      new Map(
        [...world.storedScans].reverse().flatMap((scan) =>
          scan.nodes.map((node) => [
            node.name,
            {
              lastOutcome: node.outcome ?? 'timed_out',
              lastScanId: asScanId(scan.id),
              lastSeenAt: node.outcome === 'answered' ? node.decidedAt : null,
            },
          ]),
        ),
      ),
    latencies(names, limit) {
      world.latencyQuestions.push(names);
      const ofNode = (name: string) =>
        world.storedScans
          .flatMap((scan) =>
            scan.nodes
              .filter((node) => node.name === name && node.outcome === 'answered')
              .map((node) => ({
                scanId: scan.id,
                measuredAt: node.decidedAt ?? 0,
                durationMs: node.durationMs ?? 0,
              })),
          )
          .slice(0, limit);
      return Promise.resolve(new Map(names.map((name) => [name, ofNode(name)])));
    },
  };
}

export const nothingToScan = new ScanError('nothing_to_scan', 'no node is registered; import adresses.json');
