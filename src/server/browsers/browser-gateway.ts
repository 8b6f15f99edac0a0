/**
 * Socket.IO for browsers, namespace `/`: takes `trigger_scan`, and puts the feed on the wire. What is sent to whom, and
 * when, is decided in `browser-feed.ts`.
 */
import type { Server as HttpServer } from 'node:http';
import { type DefaultEventsMap, Server, type Socket } from 'socket.io';
import type { Clock } from '../../clock.ts';
import { ThreadhubError } from '../../errors.ts';
import type { FactSource } from '../../facts.ts';
import type { Logger } from '../../observability/logger.ts';
import type { RecentLogs } from '../../observability/recent-logs.ts';
import type { Connection } from '../../protocol/border-router.ts';
import { scanFilterSchema } from '../../protocol/scan.ts';
import { fromWire, toWire } from '../../protocol/wire.ts';
import type { AccessPolicy } from '../access.ts';
import { invalidRequest } from '../http/validation.ts';
import type { Links, Scans } from '../ports.ts';
import { normaliseRemoteAddress } from '../remote-address.ts';
import { EdgeError } from '../http/problem.ts';
import { BrowserFeed } from './browser-feed.ts';
import { acceptJsonPayloads, JsonPayload } from './json-event.ts';
import { WriteCoalescing } from './write-coalescing.ts';

/** Requests to this path, upgrades included, belong to Socket.IO. */
export const browserPath = '/socket.io/';

export interface BrowserGatewayOptions {
  readonly httpServer: HttpServer;
  readonly access: Pick<AccessPolicy, 'checkBrowser'>;
  readonly orchestrator: Pick<Scans, 'trigger'>;
  readonly links: Pick<Links, 'get'>;
  readonly facts: FactSource;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly logs?: Pick<RecentLogs, 'subscribe'>;
  readonly isStopping: () => boolean;
}

/** Pages open at once; far more than people, and few enough for a page that reconnects in a loop. */
const maxBrowsers = 2_000;
/** The largest thing that a page sends is a scan filter. */
const maxMessageBytes = 256 * 1_024;

/** Somebody waits for these; what came before them leaves with them. */
const hurriedEvents = new Set(['scan_started', 'scan_completed']);

interface Counts {
  connectedAt: number;
  sent: number;
  received: number;
}

type BrowserServer = Server<DefaultEventsMap, DefaultEventsMap, DefaultEventsMap, Counts>;
type BrowserClient = Socket<DefaultEventsMap, DefaultEventsMap, DefaultEventsMap, Counts>;

export class BrowserGateway {
  readonly #options: BrowserGatewayOptions;
  readonly #io: BrowserServer;
  readonly #feed: BrowserFeed;
  readonly #writes: WriteCoalescing;

  constructor(options: BrowserGatewayOptions) {
    this.#options = options;
    const { access, clock, facts, httpServer, links } = options;
    this.#io = new Server<DefaultEventsMap, DefaultEventsMap, DefaultEventsMap, Counts>({
      serveClient: false,
      maxHttpBufferSize: maxMessageBytes,
      destroyUpgrade: false,
      allowRequest: (request, answer) => {
        const refusal = access.checkBrowser({ headers: request.headers });
        if (refusal !== null) answer(`${refusal.code}: ${refusal.detail}`, false);
        else if (options.isStopping()) answer('hub_stopping: the hub is stopping', false);
        else if (this.#feed.size >= maxBrowsers) answer('too_many_browsers: close some pages', false);
        else answer(null, true);
      },
    });
    acceptJsonPayloads(this.#io.encoder);
    this.#writes = new WriteCoalescing(clock);
    this.#feed = new BrowserFeed({
      facts,
      borderRouters: links,
      clock,
      ...(options.logs === undefined ? {} : { logs: options.logs }),
      send: (socketIds, event, json) => this.#send(socketIds, event, json),
    });
    this.#io.on('connection', (client) => this.#connected(client));
    this.#io.attach(httpServer, { destroyUpgrade: false });
  }

  /** Browsers connected now. */
  get size(): number {
    return this.#feed.size;
  }

  connections(): Connection[] {
    return [...this.#io.sockets.sockets.values()].map((client) => {
      const waiting = waitingPackets(client);
      return {
        id: client.id,
        kind: 'browser',
        remoteAddress: normaliseRemoteAddress(client.handshake.address),
        connectedAt: client.data.connectedAt,
        queueMessages: waiting.length,
        queueBytes: waiting.reduce((bytes, { data }) => bytes + (data?.length ?? 0), 0),
        sentMessages: client.data.sent,
        receivedMessages: client.data.received,
      };
    });
  }

  /** Disconnects all browsers; the http server stays. */
  close(): void {
    this.#feed.close();
    this.#writes.close();
    this.#io.disconnectSockets(true);
    this.#io.engine.close();
  }

  #connected(client: BrowserClient): void {
    client.data.connectedAt = this.#options.clock.nowMs();
    client.data.sent = 0;
    client.data.received = 0;
    let taken = 0;
    const countTaken = (transport: { on(event: 'drain', listener: () => void): unknown }): void =>
      void transport.on('drain', () => (taken += 1));
    countTaken(client.conn.transport);
    client.conn.on('upgrade', countTaken);
    this.#feed.add({
      id: client.id,
      taken: () => taken,
      isDrained: () => client.conn.transport.writable && waitingPackets(client).length === 0,
      waiting: () => waitingPackets(client).length,
      disconnect: () => {
        this.#options.logger.info(
          { browser: client.id },
          'disconnected a browser that took nothing for 30 s',
        );
        client.disconnect(true);
      },
    });
    this.#writes.add(client.conn);
    client.onAny(() => (client.data.received += 1));
    client.on('trigger_scan', (...parameters: unknown[]) => this.#triggerScan(parameters));
    client.on('disconnect', () => this.#feed.remove(client.id));
  }

  /** `trigger_scan(filter?, ack?)`; pages may leave out either. */
  #triggerScan(parameters: readonly unknown[]): void {
    const last = parameters.at(-1);
    const acknowledge = typeof last === 'function' ? (last as (answer: unknown) => void) : () => undefined;
    const [filter] = parameters.filter((parameter) => typeof parameter !== 'function');
    try {
      const { joined, scanId } = this.#options.orchestrator.trigger({
        filter: readFilter(filter),
        trigger: 'browser',
      });
      acknowledge(toWire({ scanId, joined }));
      this.#writes.hurry();
    } catch (error) {
      if (error instanceof ThreadhubError || error instanceof EdgeError) {
        acknowledge(failure(String(error.code), error.message));
        return;
      }
      this.#options.logger.error({ err: error }, 'trigger_scan failed');
      acknowledge(failure('internal_error', 'the hub failed at this; its log has the cause'));
    }
  }

  #send(socketIds: readonly string[], event: string, json: string): void {
    for (const id of socketIds) {
      const client = this.#io.sockets.sockets.get(id);
      if (client !== undefined) client.data.sent += 1;
    }
    // Each browser's id is a room of its own; the in-memory adapter encodes the event once for all of them.
    this.#io.to([...socketIds]).emit(event, new JsonPayload(json));
    if (hurriedEvents.has(event)) this.#writes.hurry();
  }
}

/** `detail` is what REST calls the same sentence. */
const failure = (code: string, message: string) => ({ error: { code, message, detail: message } });

function readFilter(filter: unknown) {
  if (filter === undefined || filter === null) return null;
  const parsed = scanFilterSchema.safeParse(filter);
  if (!parsed.success) throw invalidRequest('body', scanFilterSchema, parsed.error.issues);
  return fromWire(parsed.data);
}

/** Packets that wait for the transport. */
function waitingPackets(client: BrowserClient): readonly { readonly data?: { readonly length: number } }[] {
  return (client.conn as unknown as { writeBuffer: { data?: { length: number } }[] }).writeBuffer;
}
