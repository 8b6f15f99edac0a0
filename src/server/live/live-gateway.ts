/**
 * The door for live clients: `/ws/live`, native WebSocket, newline-delimited JSON. Whoever may not come in is told why in
 * plain HTTP, before the upgrade. Holds the clients that are in.
 *
 * Outboxes write whole frames to what the WebSocket runs over, so that clients share their bytes. Nothing else is between
 * the two: there is no compression, so that `ws` writes its own frames (pong, close) at once and whole as well.
 */
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { type WebSocket, WebSocketServer } from 'ws';
import type { Clock } from '../../clock.ts';
import type { Config } from '../../config.ts';
import type { LiveFeed } from '../../events/live/live-feed.ts';
import { FlushSchedule } from '../../outbox/flush-schedule.ts';
import { LiveOutbox, type LiveSocket } from '../../outbox/live-outbox.ts';
import { LivenessWheel } from '../../outbox/liveness-wheel.ts';
import type { OutboxBudget } from '../../outbox/outbox-budget.ts';
import type { OutboxObserver } from '../../outbox/outbox-observer.ts';
import type { Connection } from '../../protocol/border-router.ts';
import { livePath, maxLiveRequestBytes } from '../../protocol/live.ts';
import type { AccessPolicy } from '../access.ts';
import { makeProblem, type ProblemCode } from '../http/problem.ts';
import { refuseUpgrade } from '../refuse-upgrade.ts';
import { normaliseRemoteAddress } from '../remote-address.ts';
import { LiveClient, liveCloseCodes } from './live-client.ts';
import { LiveGroups } from './live-groups.ts';
import { LiveSubscription } from './live-subscription.ts';

export interface LiveGatewayOptions {
  readonly config: Pick<Config, 'live'>;
  readonly access: Pick<AccessPolicy, 'checkBrowser'>;
  readonly feed: LiveFeed;
  readonly budget: OutboxBudget;
  readonly observer: OutboxObserver;
  readonly clock: Clock;
  /** 0 ≤ x < 1. */
  readonly random: () => number;
  /** Calls back at the end of this turn of the event loop; `setImmediate` where absent. */
  readonly defer?: (callback: () => void) => void;
  readonly isStopping: () => boolean;
}

/** More often costs more than it tells. */
const mostAckBytes = 65_536;
/** Clients may be silent for a minute: each is looked at every ten seconds. */
const livenessTickMs = 1_000;

export class LiveGateway {
  readonly #options: LiveGatewayOptions;
  readonly #defer: (callback: () => void) => void;
  readonly #webSockets = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    perMessageDeflate: false,
    maxPayload: maxLiveRequestBytes,
  });
  readonly #clients = new Set<LiveClient>();
  readonly #groups: LiveGroups;
  readonly #schedule: FlushSchedule;
  readonly #wheel: LivenessWheel;
  readonly #unsubscribe: () => void;
  #accepted = 0;

  constructor(options: LiveGatewayOptions) {
    this.#options = options;
    const { budget, clock, config, feed, observer } = options;
    this.#defer = options.defer ?? ((callback) => void setImmediate(callback));
    this.#schedule = new FlushSchedule({ clock, defer: this.#defer });
    this.#groups = new LiveGroups({
      schedule: this.#schedule,
      budget,
      observer,
      clock,
      coalesceMs: config.live.coalesce,
    });
    this.#wheel = new LivenessWheel(clock, { tickMs: livenessTickMs });
    this.#unsubscribe = feed.subscribe((entries) => this.#groups.publish(entries, clock.monotonicMs()));
    this.#webSockets.on('wsClientError', (error, socket, request) =>
      this.#refuse(request, socket, 'malformed_http', `not a WebSocket handshake: ${error.message}`),
    );
  }

  get size(): number {
    return this.#clients.size;
  }

  connections(): Connection[] {
    return [...this.#clients].map((client) => client.view());
  }

  /** Takes over the socket of an upgrade request to `/ws/live`. */
  handleUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const { access, isStopping } = this.#options;
    if (isStopping()) {
      this.#refuse(request, socket, 'hub_stopping', 'the hub is stopping; connect again in a few seconds');
      return;
    }
    const refusal = access.checkBrowser({ headers: request.headers });
    if (refusal !== null) {
      this.#refuse(request, socket, refusal.code, refusal.detail);
      return;
    }
    this.#webSockets.handleUpgrade(request, socket, head, (webSocket) =>
      this.#accept(webSocket, socket, request),
    );
  }

  /** Sends what is being gathered, closes every client with 1001 and waits until that has left, 2 s at most. */
  async close(): Promise<void> {
    this.#unsubscribe();
    this.#groups.deliver();
    this.#schedule.close();
    this.#webSockets.close();
    await Promise.all(
      [...this.#clients].map((client) => client.end(liveCloseCodes.hubStopping, 'hub stopping')),
    );
    this.#wheel.close();
  }

  #accept(webSocket: WebSocket, transport: Duplex, request: IncomingMessage): void {
    const { budget, clock, config, feed, observer, random } = this.#options;
    this.#accepted += 1;
    const outbox = new LiveOutbox({
      socket: liveSocketOf(webSocket, transport),
      kind: 'live',
      maxMessages: config.live.outbox_messages,
      maxBytes: config.live.outbox_bytes,
      maxUnacknowledgedBytes: config.live.unacknowledged_bytes,
      budget,
      clock,
      observer,
    });
    const client: LiveClient = new LiveClient({
      id: `live-${this.#accepted}`,
      socket: webSocket,
      transport: request.socket,
      remoteAddress: normaliseRemoteAddress(request.socket.remoteAddress),
      outbox,
      clock,
      random,
      ackBytes: Math.min(mostAckBytes, Math.ceil(config.live.unacknowledged_bytes / 4)),
      head: () => feed.head,
      knows: (position) => feed.since(position, 0) !== null,
      subscribe: (filter) =>
        new LiveSubscription({ feed, groups: this.#groups, outbox, filter, defer: this.#defer }),
      onEnded: () => {
        this.#clients.delete(client);
        this.#wheel.remove(client);
      },
    });
    this.#clients.add(client);
    this.#wheel.add(client);
  }

  #refuse(request: IncomingMessage, socket: Duplex, code: ProblemCode, detail: string): void {
    refuseUpgrade(socket, makeProblem(code, detail, { url: request.url ?? livePath }), this.#options.clock);
  }
}

const nothing = Buffer.alloc(0);

function liveSocketOf(webSocket: WebSocket, transport: Duplex): LiveSocket {
  return {
    write(frame, callback) {
      // After a close frame nothing may follow.
      if (webSocket.readyState !== webSocket.OPEN) throw new Error('the WebSocket is closing');
      transport.write(frame);
      // Most often the kernel takes a frame at once: a callback would then cost more than the frame.
      if (transport.writableLength === 0) callback();
      else transport.write(nothing, callback);
    },
    ping: () => webSocket.ping(),
    close: (code, reason) => webSocket.close(code, reason),
    terminate: () => webSocket.terminate(),
  };
}
