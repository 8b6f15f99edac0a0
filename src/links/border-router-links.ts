/**
 * The border routers connected to this hub: one link per id, what is known of each, and the commands that go to them.
 * The scan sends through it and listens to it; it knows nothing of scans.
 *
 * A second connection with the same id replaces the first: a rebooted ESP32 reconnects before its old socket dies. More
 * than 5 replacements within a minute are flapping: the requests in flight are then not sent again on the new link.
 */
import { randomUUID } from 'node:crypto';
import type { WebSocket } from 'ws';
import type { Clock } from '../clock.ts';
import { LinkError } from '../errors.ts';
import type { FactEmitter, LinkEnd, ProtocolErrorKind } from '../facts.ts';
import { LivenessWheel } from '../outbox/liveness-wheel.ts';
import type { OutboxBudget } from '../outbox/outbox-budget.ts';
import type { SendResult } from '../outbox/frame-outbox.ts';
import type { OutboxObserver } from '../outbox/outbox-observer.ts';
import { encodeHubCommand, frameBytes } from '../protocol/border-router-codec.ts';
import {
  type CoapMethod,
  type CoapResponseMessage,
  firmwareLimits,
  type HeartbeatMessage,
  type NodeSeenMessage,
  type ScanNodeCommand,
  type ScanNodeFailure,
  type ScanNodeSuccess,
} from '../protocol/border-router-messages.ts';
import type { BorderRouter, Connection } from '../protocol/border-router.ts';
import { failureOutcome, type FailureOutcome } from '../protocol/failure-outcome.ts';
import { asRequestId, type BorderRouterId, type RequestId } from '../protocol/ids.ts';
import type { Ipv6Address, Ipv6Prefix } from '../protocol/ipv6.ts';
import type { JsonValue } from '../protocol/json.ts';
import { type NetworkInfo, parseNetworkInfo } from '../protocol/network-info.ts';
import {
  BorderRouterLink,
  type LinkHandshake,
  type LinkLimits,
  type Transport,
  type LinkListener,
} from './border-router-link.ts';
import { BorderRouterRecord } from './border-router-record.ts';
import type { Request } from './unanswered-requests.ts';

/** What a node said, or why it said nothing. */
export type NodeAnswer =
  | { readonly ok: true; readonly networkInfo: NetworkInfo }
  | {
      readonly ok: false;
      readonly outcome: FailureOutcome;
      readonly error: string;
      /** The border router was too busy to ask: try again after this time, ms. */
      readonly retryAfterMs: number | null;
    };

/** What the scan needs to hear. */
export type LinkEvent =
  | { readonly type: 'online'; readonly borderRouterId: BorderRouterId }
  | {
      readonly type: 'lost';
      readonly borderRouterId: BorderRouterId;
      readonly reason: LinkEnd;
      /** Commands that were in flight on the lost link. */
      readonly requestIds: readonly RequestId[];
    }
  | {
      readonly type: 'answer';
      readonly borderRouterId: BorderRouterId;
      readonly requestId: RequestId;
      readonly answer: NodeAnswer;
    };

export interface OnlineBorderRouter {
  readonly id: BorderRouterId;
  readonly networkPrefix: Ipv6Prefix | null;
  /** False while it flaps: what it loses is not sent to it again. */
  readonly steady: boolean;
}

export interface CoapRequest {
  readonly targetIpv6: Ipv6Address;
  readonly method: CoapMethod;
  /** Without the leading slash. */
  readonly path: string;
  readonly payload?: JsonValue | Uint8Array;
  readonly confirmable: boolean;
  readonly timeoutMs: number;
}

export interface BorderRouterLinksOptions {
  readonly limits: LinkLimits;
  readonly clock: Clock;
  readonly random: () => number;
  readonly facts: FactEmitter;
  readonly outboxObserver: OutboxObserver;
  /** Shared with every other outbox of the process. */
  readonly outboxBudget: OutboxBudget;
}

interface CoapWaiter {
  readonly borderRouterId: BorderRouterId;
  readonly resolve: (response: CoapResponseMessage) => void;
  readonly reject: (error: LinkError) => void;
  readonly cancelTimeout: () => void;
}

/** Border routers remembered after they have gone; beyond it the one gone longest is forgotten. */
const rememberedBorderRouters = 20_000;

export class BorderRouterLinks {
  readonly #options: BorderRouterLinksOptions;
  readonly #links = new Map<BorderRouterId, BorderRouterLink>();
  readonly #records = new Map<BorderRouterId, BorderRouterRecord>();
  readonly #coapWaiters = new Map<RequestId, CoapWaiter>();
  readonly #listeners = new Set<(event: LinkEvent) => void>();
  readonly #wheel: LivenessWheel;
  /** One for all links: ten thousand of them share it. */
  readonly #listener: LinkListener = {
    heartbeat: (from, message) => this.#heartbeat(from, message),
    nodeResult: (from, request, result) => this.#nodeResult(from, request, result),
    coapResponse: (from, request, response) => this.#coapResponse(from, request, response),
    nodesSeen: (from, message) => this.#nodesSeen(from, message),
    protocolError: (from, kind, detail) => this.#protocolError(from, kind, detail),
    ended: (from, reason, requests) => this.#ended(from, reason, requests),
  };
  #closing = false;

  constructor(options: BorderRouterLinksOptions) {
    this.#options = options;
    this.#wheel = new LivenessWheel(options.clock);
  }

  /** Takes over an upgraded socket, which runs over `transport`; the handshake has been checked. */
  accept(socket: WebSocket, handshake: LinkHandshake, transport: Transport): void {
    const { clock, facts, limits, outboxObserver, random } = this.#options;
    if (this.#closing) {
      socket.terminate();
      return;
    }
    const previous = this.#links.get(handshake.id);
    const link = new BorderRouterLink({
      socket,
      transport,
      handshake,
      limits,
      budget: this.#options.outboxBudget,
      outboxObserver,
      clock,
      random,
      listener: this.#listener,
    });
    // The new link stands before the old one ends, so that what the old one loses can be sent again at once.
    this.#links.set(handshake.id, link);
    this.#wheel.add(link);
    const record = this.#recordOf(handshake.id);
    record.connected(link);
    if (previous !== undefined) {
      const { flapping } = record;
      if (record.replaced() && !flapping)
        facts.emit('border_router:flapping', { id: handshake.id, replacements: record.replacements });
      void previous.end('replaced');
    }
    facts.emit('border_router:connected', { id: handshake.id, atMs: link.connectedAtMs });
    this.#tell({ type: 'online', borderRouterId: handshake.id });
  }

  /** Online border routers, in the order in which they connected. */
  online(): OnlineBorderRouter[] {
    return [...this.#links.values()].map((link) => ({
      id: link.id,
      networkPrefix: link.handshake.networkPrefix,
      steady: !this.#recordOf(link.id).flapping,
    }));
  }

  /** How long its last reading of its whole mesh took; null where it asks each node by itself, or has not said yet. */
  meshReadingMs(id: BorderRouterId): number | null {
    return this.#records.get(id)?.meshReadingMs ?? null;
  }

  /** Sends one `scan_node`. `full`: wait for `whenWritable`; `closed`: it is not connected. */
  sendScanNode(id: BorderRouterId, command: ScanNodeCommand): SendResult {
    return this.#links.get(id)?.send(command) ?? 'closed';
  }

  whenWritable(id: BorderRouterId): Promise<void> {
    return this.#links.get(id)?.whenWritable() ?? Promise.resolve();
  }

  /** The scan no longer waits for this answer; `silent`: because the node's time was up. */
  giveUp(id: BorderRouterId, requestId: RequestId, why: 'silent' | 'cancelled'): void {
    const wasInFlight = this.#links.get(id)?.giveUp(requestId) === true;
    if (wasInFlight && why === 'silent') this.#records.get(id)?.answered(false, 0);
  }

  /**
   * A CoAP request through a border router. Resolves with its response, successful or not.
   * Throws LinkError: `border_router_not_found`, `border_router_offline`, `command_too_large`, `outbox_full`,
   * `command_timed_out`, `border_router_lost`.
   */
  async sendCoap(id: BorderRouterId, request: CoapRequest): Promise<CoapResponseMessage> {
    const link = this.#links.get(id);
    if (link === undefined) {
      throw this.#records.has(id)
        ? new LinkError('border_router_offline', `${id} is not connected; try again when it is back`)
        : new LinkError('border_router_not_found', `no border router named ${id} has connected to this hub`);
    }
    const { timeoutMs, ...rest } = request;
    const requestId = asRequestId(randomUUID());
    const command = { command: 'send_coap' as const, requestId, deadlineMs: timeoutMs, ...rest };
    const bytes = frameBytes(encodeHubCommand(command, link.handshake.encoding));
    if (bytes >= firmwareLimits.commandBytes) {
      throw new LinkError(
        'command_too_large',
        `the command takes ${bytes} bytes; a border router reads fewer than ${firmwareLimits.commandBytes}: send a smaller payload`,
      );
    }
    return new Promise((resolve, reject) => {
      const cancelTimeout = this.#options.clock.after(timeoutMs, () => {
        link.giveUp(requestId);
        this.#coapWaiters.delete(requestId);
        reject(
          new LinkError(
            'command_timed_out',
            `${id} sent no answer of ${request.targetIpv6} within ${timeoutMs} ms`,
          ),
        );
      });
      this.#coapWaiters.set(requestId, { borderRouterId: id, resolve, reject, cancelTimeout });
      const sent = link.send(command);
      if (sent === 'queued') return;
      this.#takeWaiter(requestId)?.reject(
        sent === 'full'
          ? new LinkError('outbox_full', `${id} has too many commands waiting; try again in a second`)
          : new LinkError('border_router_offline', `${id} has just disconnected; try again when it is back`),
      );
    });
  }

  /** Asks a border router to report the nodes that it sees; false where it could not be asked. */
  discover(id: BorderRouterId): boolean {
    return (
      this.#links.get(id)?.send({ command: 'discover', requestId: asRequestId(randomUUID()) }) === 'queued'
    );
  }

  /** Every border router that is or was connected, by id. */
  list(): BorderRouter[] {
    return [...this.#records.values()].map((record) => record.view()).sort((a, b) => (a.id < b.id ? -1 : 1));
  }

  get(id: BorderRouterId): BorderRouter | null {
    return this.#records.get(id)?.view() ?? null;
  }

  /** The prefix that a border router serves or served last; null where it named none or never connected. */
  networkPrefixOf(id: BorderRouterId): string | null {
    return this.#records.get(id)?.networkPrefix ?? null;
  }

  connections(): Connection[] {
    return [...this.#links.values()].map((link) => ({
      id: link.id,
      kind: 'border_router',
      remoteAddress: link.handshake.remoteAddress,
      connectedAt: link.connectedAtMs,
      queueMessages: link.outboxMessages,
      queueBytes: link.outboxBytes,
      sentMessages: link.sentCommands,
      receivedMessages: link.receivedFrames,
    }));
  }

  /** Returns the function that unsubscribes. */
  subscribe(listener: (event: LinkEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** Ends the links that came with a token, because it was revoked. */
  closeByToken(tokenId: string): void {
    for (const link of [...this.#links.values()])
      if (link.handshake.tokenId === tokenId) void link.end('token_revoked');
  }

  /** Closes every link with 1001 and waits until that has left. */
  async close(): Promise<void> {
    this.#closing = true;
    await Promise.all([...this.#links.values()].map((link) => link.end('hub_stopping')));
    this.#wheel.close();
  }

  #heartbeat(link: BorderRouterLink, heartbeat: HeartbeatMessage): void {
    const atMs = this.#options.clock.nowMs();
    this.#recordOf(link.id).heartbeat(heartbeat, atMs);
    this.#options.facts.emit('border_router:heartbeat', { id: link.id, atMs, heartbeat });
  }

  #nodeResult(link: BorderRouterLink, request: Request, result: ScanNodeSuccess | ScanNodeFailure): void {
    const answer = readAnswer(result);
    const durationMs = this.#options.clock.monotonicMs() - request.sentMs;
    if (answer.ok || answer.retryAfterMs === null) {
      this.#recordOf(link.id).answered(answer.ok, durationMs);
      this.#options.facts.emit('border_router:answered', { id: link.id, success: answer.ok, durationMs });
    }
    this.#tell({ type: 'answer', borderRouterId: link.id, requestId: request.requestId, answer });
  }

  #coapResponse(link: BorderRouterLink, request: Request, response: CoapResponseMessage): void {
    const durationMs = this.#options.clock.monotonicMs() - request.sentMs;
    this.#recordOf(link.id).answered(response.success, durationMs);
    this.#options.facts.emit('border_router:answered', {
      id: link.id,
      success: response.success,
      durationMs,
    });
    this.#takeWaiter(request.requestId)?.resolve(response);
  }

  #nodesSeen(link: BorderRouterLink, message: NodeSeenMessage): void {
    this.#options.facts.emit('border_router:nodes_seen', {
      id: link.id,
      atMs: this.#options.clock.nowMs(),
      network: message.network,
      nodes: message.nodes,
    });
  }

  #protocolError(link: BorderRouterLink, kind: ProtocolErrorKind, detail: string): void {
    this.#recordOf(link.id).protocolError();
    this.#options.facts.emit('border_router:protocol_error', {
      id: link.id,
      kind,
      detail: detail.slice(0, 200),
    });
  }

  #ended(link: BorderRouterLink, reason: LinkEnd, requests: readonly Request[]): void {
    this.#wheel.remove(link);
    const current = this.#links.get(link.id) === link;
    const atMs = this.#options.clock.nowMs();
    if (current) {
      this.#links.delete(link.id);
      const record = this.#recordOf(link.id);
      record.disconnected(reason, atMs);
      // To the end: the first record without a link is then the one gone longest.
      this.#records.delete(link.id);
      this.#records.set(link.id, record);
    }
    for (const { requestId } of requests) {
      this.#takeWaiter(requestId)?.reject(
        new LinkError('border_router_lost', `${link.id} was lost (${reason}) before it answered`),
      );
    }
    this.#options.facts.emit('border_router:disconnected', { id: link.id, atMs, reason, replaced: !current });
    this.#tell({
      type: 'lost',
      borderRouterId: link.id,
      reason,
      requestIds: requests
        .filter((request) => request.kind === 'scan_node')
        .map((request) => request.requestId),
    });
  }

  #takeWaiter(requestId: RequestId): CoapWaiter | null {
    const waiter = this.#coapWaiters.get(requestId);
    if (waiter === undefined) return null;
    this.#coapWaiters.delete(requestId);
    waiter.cancelTimeout();
    return waiter;
  }

  #recordOf(id: BorderRouterId): BorderRouterRecord {
    const known = this.#records.get(id);
    if (known !== undefined) return known;
    const record = new BorderRouterRecord(id, this.#options.clock);
    if (this.#records.size >= rememberedBorderRouters) this.#forgetOne();
    this.#records.set(id, record);
    return record;
  }

  #forgetOne(): void {
    for (const id of this.#records.keys()) {
      if (this.#links.has(id)) continue;
      this.#records.delete(id);
      return;
    }
  }

  #tell(event: LinkEvent): void {
    for (const listener of this.#listeners) listener(event);
  }
}

function readAnswer(result: ScanNodeSuccess | ScanNodeFailure): NodeAnswer {
  if (!result.success) {
    return {
      ok: false,
      outcome: failureOutcome(result),
      error: result.error,
      retryAfterMs: result.retryAfterMs,
    };
  }
  const parsed = parseNetworkInfo(result.networkInfo);
  return parsed.ok ? parsed : { ok: false, outcome: 'malformed', error: parsed.reason, retryAfterMs: null };
}
