/**
 * One live client: reads its requests, answers them, watches that it is alive. What it gets of the feed comes through its
 * subscription; all that is sent goes through its outbox.
 *
 * States:
 *   open    requests are read, with or without a subscription
 *   ended   reported once; the socket may still be flushing its close frame
 *
 * A request that is not understood is answered with an error and costs nothing more, until there are too many of them.
 * Liveness: any inbound byte counts. A client that has been silent is pinged, and ends when it stays so.
 */
import type { RawData, WebSocket } from 'ws';
import type { Clock } from '../../clock.ts';
import { FrameThrottle } from '../../links/frame-throttle.ts';
import { SlidingCount } from '../../links/sliding-count.ts';
import type { LiveOutbox } from '../../outbox/live-outbox.ts';
import type { Watched } from '../../outbox/liveness-wheel.ts';
import type { Connection } from '../../protocol/border-router.ts';
import type { LiveErrorCode, LiveRequest } from '../../protocol/live.ts';
import { answerMessage } from './answer-message.ts';
import { LiveFilter } from './live-filter.ts';
import { acknowledgedBatch, readLiveRequest } from './live-request.ts';
import type { LiveSubscription } from './live-subscription.ts';

export interface LiveClientOptions {
  readonly id: string;
  readonly socket: WebSocket;
  /** What the WebSocket runs over. */
  readonly transport: { readonly bytesRead: number };
  readonly remoteAddress: string | null;
  readonly outbox: LiveOutbox;
  readonly clock: Clock;
  /** 0 ≤ x < 1. */
  readonly random: () => number;
  /** What clients are told to acknowledge after. */
  readonly ackBytes: number;
  readonly head: () => string;
  readonly knows: (position: string) => boolean;
  readonly subscribe: (filter: LiveFilter) => LiveSubscription;
  /** Once. */
  readonly onEnded: () => void;
}

export const liveCloseCodes = { hubStopping: 1001, policy: 1008, silent: 4000 } as const;

/** Silence after which a client is pinged (± a tenth, so that thousands do not answer together), and ends. */
const pingAfterMs = 25_000;
const silenceTimeoutMs = 60_000;
/** So many bad requests within a minute close the connection. */
const badRequestsPerMinute = 100;
/** More than any client needs, acknowledgements included. */
const requestsPerSecond = 100;
const requestBurst = 500;
const closeWithinMs = 2_000;

export class LiveClient implements Watched {
  /** For the liveness wheel: nobody waits for a live client's answer. */
  readonly inFlight = 0;
  readonly #options: LiveClientOptions;
  readonly #connectedAtMs: number;
  readonly #badRequests: SlidingCount;
  readonly #throttle: FrameThrottle;
  #subscription: LiveSubscription | null = null;
  #cancelResume: (() => void) | null = null;
  #bytesRead: number;
  #heardMs: number;
  #pingDueMs: number;
  #received = 0;
  #ended = false;

  constructor(options: LiveClientOptions) {
    this.#options = options;
    const { clock, socket, transport } = options;
    this.#connectedAtMs = clock.nowMs();
    this.#bytesRead = transport.bytesRead;
    this.#heardMs = clock.monotonicMs();
    this.#pingDueMs = this.#nextPingMs();
    this.#badRequests = new SlidingCount({ clock, windowMs: 60_000, threshold: badRequestsPerMinute });
    this.#throttle = new FrameThrottle({ clock, framesPerSecond: requestsPerSecond, burst: requestBurst });
    socket.on('message', (data, isBinary) => this.#receive(data, isBinary));
    // `ws` closes the socket by itself, with 1009 where a frame is too large.
    socket.on('error', () => undefined);
    socket.on('close', () => {
      options.outbox.socketClosed();
      this.#finish();
    });
  }

  view(): Connection {
    const { id, outbox, remoteAddress } = this.#options;
    return {
      id,
      kind: 'live',
      remoteAddress,
      connectedAt: this.#connectedAtMs,
      queueMessages: outbox.messages,
      queueBytes: outbox.bytes,
      sentMessages: outbox.sentMessages,
      receivedMessages: this.#received,
    };
  }

  checkLiveness(): void {
    const { clock, outbox, transport } = this.#options;
    const nowMs = clock.monotonicMs();
    if (transport.bytesRead !== this.#bytesRead || this.#cancelResume !== null) {
      this.#bytesRead = transport.bytesRead;
      this.#heardMs = nowMs;
      this.#pingDueMs = this.#nextPingMs();
    } else if (nowMs - this.#heardMs >= silenceTimeoutMs) {
      void this.end(liveCloseCodes.silent, 'silent', 0);
    } else if (nowMs >= this.#pingDueMs) {
      this.#pingDueMs = this.#nextPingMs();
      outbox.ping();
    }
  }

  /** Ends the connection from this side. Resolves when the close frame has left or the socket is gone. */
  async end(code: number, reason: string, flushWithinMs = closeWithinMs): Promise<void> {
    const { clock, outbox, socket } = this.#options;
    if (!this.#finish()) return;
    await outbox.close(code, reason, flushWithinMs);
    if (socket.readyState === socket.CLOSED) return;
    const cancel = clock.after(closeWithinMs, () => socket.terminate());
    socket.once('close', cancel);
  }

  #receive(data: RawData, isBinary: boolean): void {
    if (this.#ended) return;
    this.#received += 1;
    const bytes = data as Buffer;
    const verdict = this.#throttle.take(bytes.length);
    if (verdict.kind === 'flooding') {
      void this.end(liveCloseCodes.policy, 'too many requests');
      return;
    }
    if (verdict.kind === 'pause') this.#pause(verdict.forMs);
    const batch = isBinary ? null : acknowledgedBatch(bytes);
    if (batch !== null) {
      this.#answer({ type: 'ack', batch });
      return;
    }
    const request = readLiveRequest(isBinary ? null : bytes.toString('utf8'));
    if (request.ok) this.#answer(request.request);
    else this.#refuse(request.id, request.code, request.message);
  }

  #answer(request: LiveRequest): void {
    const { outbox } = this.#options;
    switch (request.type) {
      case 'subscribe':
        this.#subscribe(request);
        return;
      case 'unsubscribe':
        if (this.#subscription === null) {
          this.#refuse(request.id ?? null, 'not_subscribed', 'there is no subscription to end');
          return;
        }
        this.#unsubscribe();
        outbox.send(answerMessage({ type: 'unsubscribed', id: request.id ?? null }));
        return;
      case 'ping':
        outbox.send(answerMessage({ type: 'pong', id: request.id ?? null }));
        return;
      case 'ack':
        if (outbox.acknowledge(request.batch)) return;
        this.#refuse(
          null,
          'invalid_request',
          `batch ${request.batch} was never sent; this connection has been sent ${outbox.sentFrames}`,
        );
    }
  }

  /** A second subscription takes the place of the first. */
  #subscribe(request: Extract<LiveRequest, { type: 'subscribe' }>): void {
    const { ackBytes, head, knows, outbox, subscribe } = this.#options;
    this.#unsubscribe();
    outbox.conflates = request.mode === 'latest';
    const wanted = request.position ?? null;
    const position = wanted !== null && knows(wanted) ? wanted : head();
    outbox.send(
      answerMessage({ type: 'subscribed', id: request.id ?? null, position, ack_bytes: ackBytes }, position),
    );
    this.#subscription = subscribe(new LiveFilter(request));
    this.#subscription.start(wanted);
  }

  #unsubscribe(): void {
    this.#subscription?.end();
    this.#subscription = null;
  }

  #refuse(id: number | string | null, code: LiveErrorCode, message: string): void {
    this.#options.outbox.send(answerMessage({ type: 'error', id, code, message }));
    if (this.#badRequests.add()) void this.end(liveCloseCodes.policy, 'too many bad requests');
  }

  #pause(forMs: number): void {
    if (this.#cancelResume !== null) return;
    const { clock, socket } = this.#options;
    socket.pause();
    this.#cancelResume = clock.after(forMs, () => {
      this.#cancelResume = null;
      socket.resume();
    });
  }

  #nextPingMs(): number {
    const { clock, random } = this.#options;
    return clock.monotonicMs() + pingAfterMs * (0.9 + 0.2 * random());
  }

  #finish(): boolean {
    if (this.#ended) return false;
    this.#ended = true;
    this.#unsubscribe();
    if (this.#cancelResume !== null) {
      this.#cancelResume();
      this.#cancelResume = null;
      this.#options.socket.resume();
    }
    this.#options.onEnded();
    return true;
  }
}
