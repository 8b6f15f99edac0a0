/**
 * One border router's connection: reads its frames, attributes its answers to requests, watches that it is alive.
 * It knows nothing of scans; `BorderRouterLinks` holds all links and tells the scan what they report.
 *
 * States:
 *   open    frames are read and written
 *   ended   reported once, with the reason; the socket may still be flushing its close frame
 *
 * Liveness: any inbound byte counts. A quiet link is pinged every `pingIntervalMs` (± a tenth, so that ten thousand links
 * do not ping together) and ends after `silenceTimeoutMs`. While requests are in flight the link is pinged after
 * `inFlightPingMs` of silence and ends after `inFlightTimeoutMs`: their nodes then move at once, not after their timeout.
 * A socket that this side has paused (see `FrameThrottle`) is not silent.
 *
 * A border router may talk and not read: one that has taken nothing of what waits for it for `stuckAfterMs` is too slow.
 */
import type { RawData, WebSocket } from 'ws';
import type { Clock } from '../clock.ts';
import type { LinkEnd, ProtocolErrorKind } from '../facts.ts';
import { FrameOutbox, type SendResult } from '../outbox/frame-outbox.ts';
import type { OutboxBudget } from '../outbox/outbox-budget.ts';
import type { OutboxObserver } from '../outbox/outbox-observer.ts';
import { decodeBorderRouterFrame, encodeHubCommand } from '../protocol/border-router-codec.ts';
import {
  type BorderRouterMessage,
  closeCodes,
  type CoapResponseMessage,
  type FrameEncoding,
  type HeartbeatMessage,
  type HubCommand,
  type NodeSeenMessage,
  type ScanNodeFailure,
  type ScanNodeSuccess,
} from '../protocol/border-router-messages.ts';
import type { BorderRouterId, RequestId } from '../protocol/ids.ts';
import type { Ipv6Prefix } from '../protocol/ipv6.ts';
import { FrameThrottle } from './frame-throttle.ts';
import { SlidingCount } from './sliding-count.ts';
import { type Request, UnansweredRequests } from './unanswered-requests.ts';

export interface LinkHandshake {
  readonly id: BorderRouterId;
  /** The network it serves; null where it named none. */
  readonly networkPrefix: Ipv6Prefix | null;
  readonly encoding: FrameEncoding;
  readonly remoteAddress: string | null;
  /** The token it came with; null on an open loopback hub. */
  readonly tokenId: string | null;
}

/** What the WebSocket runs over: a large frame on poor Wi-Fi takes seconds, and its bytes are life as well. */
export interface Transport {
  readonly bytesRead: number;
  /** From here to `uncork` what is written is held back, to leave in one piece. Absent where every frame leaves by itself. */
  cork?(): void;
  uncork?(): void;
}

export interface LinkLimits {
  readonly pingIntervalMs: number;
  readonly silenceTimeoutMs: number;
  readonly inFlightPingMs: number;
  readonly inFlightTimeoutMs: number;
  readonly outboxMessages: number;
  readonly outboxBytes: number;
  readonly framesPerSecond: number;
  readonly frameBurst: number;
}

/** What a link tells its owner. */
export interface LinkListener {
  heartbeat(link: BorderRouterLink, message: HeartbeatMessage): void;
  nodeResult(link: BorderRouterLink, request: Request, result: ScanNodeSuccess | ScanNodeFailure): void;
  coapResponse(link: BorderRouterLink, request: Request, response: CoapResponseMessage): void;
  nodesSeen(link: BorderRouterLink, message: NodeSeenMessage): void;
  protocolError(link: BorderRouterLink, kind: ProtocolErrorKind, detail: string): void;
  /** Once. `requests` are those that were in flight. */
  ended(link: BorderRouterLink, reason: LinkEnd, requests: readonly Request[]): void;
}

export interface BorderRouterLinkOptions {
  readonly socket: WebSocket;
  readonly transport: Transport;
  readonly handshake: LinkHandshake;
  readonly limits: LinkLimits;
  readonly budget: OutboxBudget;
  readonly outboxObserver: OutboxObserver;
  readonly clock: Clock;
  /** 0 ≤ x < 1. */
  readonly random: () => number;
  readonly listener: LinkListener;
}

/** So many malformed frames a minute, none with a request id to be found, end the link with 1008. */
const malformedPerMinute = 100;
/** As long as a slow browser gets. */
const stuckAfterMs = 30_000;
/** Answered request ids remembered, to tell a repeated answer from an unknown one. */
const rememberedAnswers = 256;

export class BorderRouterLink {
  readonly handshake: LinkHandshake;
  readonly connectedAtMs: number;
  readonly #options: BorderRouterLinkOptions;
  readonly #outbox: FrameOutbox;
  readonly #throttle: FrameThrottle;
  // Made when first needed: most of ten thousand links only heartbeat.
  #requests: UnansweredRequests | null = null;
  #malformed: SlidingCount | null = null;
  #answered: Set<RequestId> | null = null;
  #cancelResume: (() => void) | null = null;
  #ended = false;
  #lastInboundMs: number;
  #bytesRead: number;
  #pingDueMs: number;
  #inFlightPinged = false;
  #corked = false;
  #received = 0;
  #sent = 0;

  constructor(options: BorderRouterLinkOptions) {
    const { budget, clock, handshake, limits, outboxObserver, socket } = options;
    this.#options = options;
    this.handshake = handshake;
    this.connectedAtMs = clock.nowMs();
    this.#lastInboundMs = clock.monotonicMs();
    this.#bytesRead = options.transport.bytesRead;
    this.#pingDueMs = this.#nextPingMs();
    this.#outbox = new FrameOutbox({
      socket,
      kind: 'border_router',
      maxMessages: limits.outboxMessages,
      maxBytes: limits.outboxBytes,
      budget,
      clock,
      observer: outboxObserver,
    });
    this.#throttle = new FrameThrottle({
      clock,
      framesPerSecond: limits.framesPerSecond,
      burst: limits.frameBurst,
    });
    socket.on('message', (data, isBinary) => this.#receive(data, isBinary));
    socket.on('ping', () => this.#heard());
    socket.on('pong', () => this.#heard());
    socket.on('error', (error) => this.#socketFailed(error));
    socket.on('close', (code) => this.#socketClosed(code));
  }

  get id(): BorderRouterId {
    return this.handshake.id;
  }

  get open(): boolean {
    return !this.#ended;
  }

  get inFlight(): number {
    return this.#requests?.inFlight ?? 0;
  }

  get outboxMessages(): number {
    return this.#outbox.messages;
  }

  get outboxBytes(): number {
    return this.#outbox.bytes;
  }

  get receivedFrames(): number {
    return this.#received;
  }

  get sentCommands(): number {
    return this.#sent;
  }

  /** Sends a command whose answer is awaited. `full`: nothing was sent; wait for `whenWritable`. */
  send(command: HubCommand): SendResult {
    // A `discover` comes alone.
    if (command.command === 'scan_node') this.#cork();
    const result = this.#outbox.send(encodeHubCommand(command, this.handshake.encoding));
    if (result !== 'queued') return result;
    this.#sent += 1;
    // Old firmware ignores `discover`: nobody may wait for its answer.
    if (command.command === 'discover') return result;
    if (this.inFlight === 0) this.#inFlightPinged = false;
    this.#requests ??= new UnansweredRequests(this.#options.clock);
    this.#requests.add({
      requestId: command.requestId,
      kind: command.command,
      nodeName: command.command === 'scan_node' ? command.nodeName : null,
      targetIpv6: command.targetIpv6,
      sentMs: this.#options.clock.monotonicMs(),
    });
    return result;
  }

  /** A scan begins with several commands to each border router: what is sent in one turn is one system call. */
  #cork(): void {
    const { transport } = this.#options;
    if (this.#corked || transport.cork === undefined) return;
    this.#corked = true;
    transport.cork();
    queueMicrotask(() => {
      this.#corked = false;
      transport.uncork?.();
    });
  }

  whenWritable(): Promise<void> {
    return this.#outbox.whenWritable();
  }

  /**
   * Nobody waits for this request any more; a late answer is still told apart from an unknown one. False where it was not
   * in flight.
   */
  giveUp(requestId: RequestId): boolean {
    return this.#requests?.giveUp(requestId) ?? false;
  }

  /** Looks at the time; to be called a few times a second while requests are in flight, else about once. */
  checkLiveness(): void {
    if (this.#ended) return;
    if (this.#outbox.stalledForMs >= stuckAfterMs) {
      void this.end('too_slow');
      return;
    }
    if (this.#cancelResume !== null) return;
    const { clock, limits, transport } = this.#options;
    if (transport.bytesRead !== this.#bytesRead) this.#heard();
    const nowMs = clock.monotonicMs();
    const silentMs = nowMs - this.#lastInboundMs;
    if (silentMs >= limits.silenceTimeoutMs) {
      void this.end('silent');
      return;
    }
    const waitingMs = this.#longestWaitMs(nowMs);
    if (waitingMs !== null) {
      // A link that was quiet before the command was sent is not silent since then, but since the command.
      const silentInFlightMs = Math.min(silentMs, waitingMs);
      if (silentInFlightMs >= limits.inFlightTimeoutMs) {
        void this.end('lost_in_flight');
        return;
      }
      if (silentInFlightMs >= limits.inFlightPingMs && !this.#inFlightPinged) {
        this.#inFlightPinged = true;
        this.#outbox.ping();
        return;
      }
    }
    if (nowMs >= this.#pingDueMs) {
      this.#pingDueMs = this.#nextPingMs();
      this.#outbox.ping();
    }
  }

  /** Ends the link from this side. Resolves when the close frame has left or the socket is gone. */
  end(reason: LinkEnd): Promise<void> {
    if (!this.#finish(reason)) return Promise.resolve();
    const { socket } = this.#options;
    switch (reason) {
      case 'silent':
        return this.#closeUnheard(closeCodes.silent, 'silent');
      case 'lost_in_flight':
        return this.#closeUnheard(closeCodes.silent, 'silent while commands were in flight');
      case 'replaced':
        return this.#close(closeCodes.replaced, 'another connection has this br_id');
      case 'protocol_error':
        return this.#close(closeCodes.protocolError, 'too many malformed frames');
      case 'too_big':
        return this.#close(closeCodes.tooBig, 'frame too big');
      case 'too_slow':
        return this.#close(closeCodes.tooSlow, 'too slow');
      case 'flooding':
        return this.#close(closeCodes.flooding, 'too many frames');
      case 'token_revoked':
        return this.#close(closeCodes.tokenRevoked, 'token revoked');
      case 'hub_stopping':
        return this.#close(closeCodes.hubStopping, 'hub stopping');
      case 'closed_by_peer':
      case 'socket_error':
        socket.terminate();
        this.#outbox.socketClosed();
        return Promise.resolve();
    }
  }

  async #close(code: number, reason: string): Promise<void> {
    await this.#outbox.close(code, reason);
    this.#terminateUnlessClosed(2_000);
  }

  /** The peer does not read: the close frame is a courtesy, the socket goes soon either way. */
  async #closeUnheard(code: number, reason: string): Promise<void> {
    await this.#outbox.close(code, reason, 0);
    this.#terminateUnlessClosed(500);
  }

  #terminateUnlessClosed(afterMs: number): void {
    const { clock, socket } = this.#options;
    if (socket.readyState === socket.CLOSED) return;
    const cancel = clock.after(afterMs, () => socket.terminate());
    socket.once('close', cancel);
  }

  #receive(data: RawData, isBinary: boolean): void {
    if (this.#ended) return;
    this.#heard();
    this.#received += 1;
    const bytes = data as Buffer;
    const verdict = this.#throttle.take(bytes.length);
    if (verdict.kind === 'flooding') {
      void this.end('flooding');
      return;
    }
    if (verdict.kind === 'pause') this.#pause(verdict.forMs);
    if (isBinary && this.handshake.encoding === 'json') {
      this.#countMalformed('a binary frame on a JSON link');
      return;
    }
    const frame = decodeBorderRouterFrame(isBinary ? bytes : bytes.toString('utf8'));
    switch (frame.kind) {
      case 'message':
        this.#dispatch(frame.message);
        return;
      case 'unknown_type':
        this.#options.listener.protocolError(this, 'unknown_type', frame.type);
        return;
      case 'malformed':
        if (frame.requestId === null) this.#countMalformed(frame.reason);
        else this.#salvage(frame.requestId, frame.reason);
        return;
    }
  }

  #dispatch(message: BorderRouterMessage): void {
    const { listener } = this.#options;
    switch (message.type) {
      case 'heartbeat':
        if (message.borderRouterId !== null && message.borderRouterId !== this.id) {
          listener.protocolError(this, 'br_id_mismatch', `a heartbeat of ${message.borderRouterId}`);
        }
        listener.heartbeat(this, message);
        return;
      case 'scan_node_result': {
        const request =
          message.requestId === null
            ? (this.#requests?.takeAnonymous(message) ?? null)
            : this.#take(message.requestId);
        if (request === null) this.#countUnknown(message.requestId);
        else if (request.kind === 'scan_node') {
          this.#rememberAnswered(request.requestId);
          listener.nodeResult(this, request, message);
        } else listener.protocolError(this, 'unknown_request', `a scan_node_result for a ${request.kind}`);
        return;
      }
      case 'coap_response': {
        const request = message.requestId === null ? null : this.#take(message.requestId);
        if (request === null) this.#countUnknown(message.requestId);
        else if (request.kind === 'send_coap') {
          this.#rememberAnswered(request.requestId);
          listener.coapResponse(this, request, message);
        } else listener.protocolError(this, 'unknown_request', `a coap_response for a ${request.kind}`);
        return;
      }
      case 'node_seen':
        listener.nodesSeen(this, message);
        return;
    }
  }

  /** A frame that a node's payload broke: its request is known, so its node ends, and the link is not to blame. */
  #salvage(requestId: RequestId, reason: string): void {
    const { listener } = this.#options;
    listener.protocolError(this, 'salvaged', reason);
    const request = this.#take(requestId);
    if (request === null) return;
    this.#rememberAnswered(requestId);
    const error = `the answer broke its frame: ${reason}`;
    if (request.kind === 'send_coap') {
      listener.coapResponse(this, request, {
        type: 'coap_response',
        requestId,
        success: false,
        code: null,
        contentFormat: null,
        payload: null,
        error,
        errorCode: 'malformed',
      });
      return;
    }
    listener.nodeResult(this, request, {
      type: 'scan_node_result',
      success: false,
      requestId,
      nodeName: request.nodeName,
      targetIpv6: request.targetIpv6,
      error,
      errorCode: 'malformed',
      retryAfterMs: null,
    });
  }

  /** Takes the request that an answer names; null where this link knows none. */
  #take(requestId: RequestId): Request | null {
    return this.#requests?.take(requestId) ?? null;
  }

  #countMalformed(reason: string): void {
    this.#options.listener.protocolError(this, 'malformed', reason);
    const { clock } = this.#options;
    this.#malformed ??= new SlidingCount({ clock, windowMs: 60_000, threshold: malformedPerMinute });
    if (this.#malformed.add()) void this.end('protocol_error');
  }

  #countUnknown(requestId: RequestId | null): void {
    const { listener } = this.#options;
    if (requestId === null)
      listener.protocolError(this, 'unattributed', 'a result that fits no single request');
    else if (this.#answered?.has(requestId) === true) listener.protocolError(this, 'duplicate', requestId);
    else listener.protocolError(this, 'unknown_request', requestId);
  }

  #rememberAnswered(requestId: RequestId): void {
    this.#answered ??= new Set();
    this.#answered.add(requestId);
    if (this.#answered.size <= rememberedAnswers) return;
    for (const oldest of this.#answered) {
      this.#answered.delete(oldest);
      return;
    }
  }

  #heard(): void {
    this.#lastInboundMs = this.#options.clock.monotonicMs();
    this.#bytesRead = this.#options.transport.bytesRead;
    this.#inFlightPinged = false;
  }

  /** How long the oldest request in flight has waited, ms; null where there is none. */
  #longestWaitMs(nowMs: number): number | null {
    const oldest = this.#requests?.oldestInFlight() ?? null;
    return oldest === null ? null : nowMs - oldest.sentMs;
  }

  #pause(forMs: number): void {
    if (this.#cancelResume !== null) return;
    const { clock, listener, socket } = this.#options;
    listener.protocolError(this, 'throttled', `paused for ${Math.round(forMs)} ms`);
    socket.pause();
    this.#cancelResume = clock.after(forMs, () => {
      this.#cancelResume = null;
      this.#heard();
      socket.resume();
    });
  }

  #nextPingMs(): number {
    const { clock, limits, random } = this.#options;
    return clock.monotonicMs() + limits.pingIntervalMs * (0.9 + 0.2 * random());
  }

  #socketFailed(error: Error): void {
    const tooBig = 'code' in error && error.code === 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH';
    if (tooBig) this.#options.listener.protocolError(this, 'too_big', error.message);
    this.#finish(tooBig ? 'too_big' : 'socket_error');
  }

  #socketClosed(code: number): void {
    this.#outbox.socketClosed();
    this.#finish(code === closeCodes.tooBig ? 'too_big' : 'closed_by_peer');
  }

  /** Reports the end; false where that was done before. */
  #finish(reason: LinkEnd): boolean {
    if (this.#ended) return false;
    this.#ended = true;
    if (this.#cancelResume !== null) {
      this.#cancelResume();
      this.#cancelResume = null;
      this.#options.socket.resume();
    }
    this.#options.listener.ended(this, reason, this.#requests?.requestsInFlight() ?? []);
    return true;
  }
}
