/**
 * The hub's one port: REST and the web pages, Socket.IO for browsers, `/ws/br` for border routers, `/ws/live` for live
 * clients. These share it and never mix: who gets an upgrade is decided here, by path.
 */
import { createServer as createHttpServer, type IncomingMessage } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Clock } from '../clock.ts';
import type { Config } from '../config.ts';
import { StartError } from '../errors.ts';
import type { FactEmitter, FactSource } from '../facts.ts';
import type { Logger } from '../observability/logger.ts';
import type { Metrics } from '../observability/metrics.ts';
import type { RecentLogs } from '../observability/recent-logs.ts';
import { borderRouterPath } from '../protocol/border-router-messages.ts';
import { livePath } from '../protocol/live.ts';
import type { ScanArchive } from '../scan/scan-archive.ts';
import { createAccessPolicy } from './access.ts';
import { BorderRouterGateway } from './border-routers/border-router-gateway.ts';
import { BrowserGateway, browserPath } from './browsers/browser-gateway.ts';
import { createApp } from './http/app.ts';
import type { App } from './http/route-schema.ts';
import { makeProblem } from './http/problem.ts';
import { LiveGateway, type LiveGatewayOptions } from './live/live-gateway.ts';
import type {
  BorderRouterDiscovery,
  Links,
  Nodes,
  Scans,
  SensorEvents,
  Tokens,
  TopologyHistory,
} from './ports.ts';
import { refuseUpgrade } from './refuse-upgrade.ts';

export interface ServerOptions {
  readonly config: Config;
  readonly links: Links;
  readonly orchestrator: Scans;
  readonly topologies: TopologyHistory;
  readonly nodes: Nodes;
  readonly tokens: Tokens;
  /** Absent where looking for border routers is switched off. */
  readonly candidates?: BorderRouterDiscovery;
  /** Scans that run or have run. */
  readonly scans: Pick<ScanArchive, 'get' | 'list' | 'lastOutcomes' | 'latencies' | 'saveFailure'>;
  /** Absent in a hub that takes no events. */
  readonly events?: SensorEvents;
  /** What `/ws/live` needs; without it, nobody gets in there. */
  readonly live?: Pick<LiveGatewayOptions, 'feed' | 'budget' | 'observer' | 'random'>;
  readonly logs?: Pick<RecentLogs, 'list' | 'subscribe'>;
  readonly facts: FactSource & FactEmitter;
  readonly metrics: Pick<Metrics, 'render' | 'contentType' | 'watchConnections'>;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Folder of the web build, `dist/web`; it may be absent. */
  readonly webRoot: string;
  /** Shown in the OpenAPI document. */
  readonly version: string;
  /** True from the first moment of a stop: nothing new is taken. */
  readonly isStopping: () => boolean;
}

export interface HubServer {
  /** Throws StartError: `port_in_use`, `port_forbidden`, `listen_failed`. */
  listen(): Promise<{ host: string; port: number }>;
  /** Browsers connected now. */
  readonly browserCount: number;
  /** Live clients connected now. */
  readonly liveClientCount: number;
  /** Ends browser connections and requests. Border-router links are closed by whoever owns them, before this. */
  close(): Promise<void>;
}

/** A client that dribbles its request, or holds a connection without using it, does not hold it for long. */
const httpLimits = {
  noDelay: true,
  headersTimeout: 15_000,
  requestTimeout: 30_000,
  keepAliveTimeout: 60_000,
  connectionsCheckingInterval: 5_000,
} as const;
/** Requests being answered, and browsers that have yet to take what they were sent, get this long when the hub stops. */
const drainMs = 2_000;

export function createServer(options: ServerOptions): HubServer {
  const { clock, config, links, metrics } = options;
  const access = createAccessPolicy(config.server.host);
  const httpServer = createHttpServer(httpLimits);
  const borderRouters = new BorderRouterGateway({ ...options, access });
  const live = options.live === undefined ? null : new LiveGateway({ ...options, ...options.live, access });
  let app: App | null = null;
  let browsers: BrowserGateway | null = null;
  let closed = false;
  const clientConnections = () => [...(browsers?.connections() ?? []), ...(live?.connections() ?? [])];
  const sockets = new Set<Socket>();
  httpServer.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  metrics.watchConnections(() => [...links.connections(), ...clientConnections()]);

  httpServer.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    const url = request.url ?? '';
    if (url.startsWith(browserPath)) return;
    // Node drops its own listener with the upgrade; without one, a reset by the peer would end the process.
    socket.on('error', () => socket.destroy());
    const path = url.split('?', 1)[0];
    if (path === borderRouterPath) {
      borderRouters.handleUpgrade(request, socket, head);
      return;
    }
    if (path === livePath && live !== null) {
      live.handleUpgrade(request, socket, head);
      return;
    }
    const detail = `WebSockets are at ${borderRouterPath} (border routers), ${livePath} (live clients) and ${browserPath} (browsers)`;
    refuseUpgrade(socket, makeProblem('route_not_found', detail, { url }), clock);
  });

  return {
    get browserCount() {
      return browsers?.size ?? 0;
    },
    get liveClientCount() {
      return live?.size ?? 0;
    },
    async listen() {
      ({ app } = await createApp({
        ...options,
        access,
        browsers: { connections: clientConnections },
        serverFactory: (handler) => httpServer.on('request', handler as never),
      }));
      if (closed) {
        await app.close();
        throw new StartError('listen_failed', 'the hub was stopped before it listened; start it again');
      }
      // After the app: Socket.IO wraps the request handlers that it finds.
      browsers = new BrowserGateway({ ...options, access, httpServer });
      return listen(app, config.server);
    },
    async close() {
      closed = true;
      borderRouters.close();
      browsers?.close();
      const liveClosed = live?.close();
      // Not `closeAllConnections()`: it spares what was upgraded, and a browser that never reads would hold the stop up.
      const cancel = clock.after(drainMs, () => {
        for (const socket of sockets) socket.destroy();
      });
      try {
        await Promise.all([liveClosed, app?.close()]);
      } finally {
        cancel();
      }
    },
  };
}

async function listen(
  app: Pick<App, 'listen' | 'server'>,
  { host, port }: { host: string; port: number },
): Promise<{ host: string; port: number }> {
  try {
    // `localhost` may be two addresses; one server listens on one.
    await app.listen({ host: host === 'localhost' ? '127.0.0.1' : host.replace(/^\[(.*)\]$/, '$1'), port });
  } catch (error) {
    throw startErrorOf(error, host, port);
  }
  return { host, port: (app.server.address() as AddressInfo).port };
}

function startErrorOf(error: unknown, host: string, port: number): StartError {
  const code = error instanceof Error && 'code' in error ? error.code : null;
  if (code === 'EADDRINUSE') {
    return new StartError(
      'port_in_use',
      `port ${port} on ${host} is taken by another program; stop it or choose another port with --port ${port + 1}`,
      { cause: error },
    );
  }
  if (code === 'EACCES') {
    return new StartError(
      'port_forbidden',
      `port ${port} on ${host} may not be opened by this user; choose one above 1023 with --port 5001`,
      { cause: error },
    );
  }
  const reason = error instanceof Error ? error.message : String(error);
  return new StartError(
    'listen_failed',
    `the hub cannot listen on ${host} port ${port} (${reason}); check server.host and server.port`,
    { cause: error },
  );
}
