/**
 * One agent's link to the hub: a WebSocket that is opened again whenever it is gone. It carries frames and knows nothing of
 * what they say. There is one way out, `send`, and it is bounded.
 *
 *   idle ── start ──► connecting ── open ──► connected ── close, silence, too much unsent ──► waiting ── pause ──► connecting
 *                        └── refused, no connection ──────────────────────────────────────────┘
 *   any state ── close, crash ──► closed (start opens it again)
 */
import type { IncomingMessage } from 'node:http';
import { WebSocket } from 'ws';
import type { Clock } from '../clock.ts';
import {
  closeCodes,
  cborSubprotocol,
  type EncodedFrame,
  type FrameEncoding,
} from '../protocol/border-router-messages.ts';
import type { AgentLimits, AgentState, OpenWebSocket } from './agent-options.ts';
import { Backoff } from './backoff.ts';

export interface HubConnectionOptions {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly encoding: FrameEncoding;
  readonly clock: Clock;
  readonly random: () => number;
  readonly limits: Pick<
    AgentLimits,
    'hubSilenceMs' | 'reconnectMinMs' | 'reconnectMaxMs' | 'stableAfterMs' | 'maxBufferedBytes'
  >;
  readonly openWebSocket: OpenWebSocket;
  readonly onOpen: (encoding: FrameEncoding) => void;
  readonly onFrame: (frame: EncodedFrame) => void;
  /** The link is gone; called before anything else is tried. */
  readonly onDown: (code: number, reason: string) => void;
  readonly onRefused: (status: number, body: string) => void;
  readonly onConnectFailed: (reason: string) => void;
  readonly onPause: (delayMs: number) => void;
}

const handshakeTimeoutMs = 10_000;
/** A hub that does not answer a close frame. */
const closeTimeoutMs = 1_000;
/** Commands are under 1,024 bytes; a larger frame is not a command. */
const maxInboundBytes = 65_536;
const maxRefusalBytes = 2_048;
/** What `ws` calls a hub that does not know the subprotocol; such a hub is asked again without it. */
const noSubprotocol = 'Server sent no subprotocol';

export class HubConnection {
  readonly #options: HubConnectionOptions;
  readonly #backoff: Backoff;
  #state: AgentState = 'idle';
  #socket: WebSocket | null = null;
  #encoding: FrameEncoding | null = null;
  #openedMs = 0;
  #lastInboundMs = 0;
  #connectionsTotal = 0;
  #cancelTimer: () => void = () => undefined;

  constructor(options: HubConnectionOptions) {
    this.#options = options;
    const { limits, random } = options;
    this.#backoff = new Backoff({ minMs: limits.reconnectMinMs, maxMs: limits.reconnectMaxMs, random });
  }

  get state(): AgentState {
    return this.#state;
  }

  /** Null while not connected. */
  get encoding(): FrameEncoding | null {
    return this.#encoding;
  }

  get connectionsTotal(): number {
    return this.#connectionsTotal;
  }

  start(): void {
    if (this.#state !== 'idle' && this.#state !== 'closed') return;
    this.#backoff.reset();
    this.#connect(this.#options.encoding);
  }

  /** False when the frame was not taken: no link, or one that the hub does not read from, which ends it. */
  send(frame: EncodedFrame): boolean {
    const socket = this.#socket;
    if (this.#state !== 'connected' || socket === null) return false;
    socket.send(frame);
    if (socket.bufferedAmount <= this.#options.limits.maxBufferedBytes) return true;
    this.#drop(1006, `the hub left ${socket.bufferedAmount} bytes unread`);
    return false;
  }

  /** Resolves when the socket is gone. */
  close(): Promise<void> {
    const socket = this.#detach('closed');
    if (socket === null) return Promise.resolve();
    return new Promise((resolve) => {
      const cancelTimer = this.#options.clock.after(closeTimeoutMs, () => socket.terminate());
      socket.once('close', () => {
        cancelTimer();
        resolve();
      });
      if (socket.readyState === WebSocket.CONNECTING) socket.terminate();
      else socket.close(1000, 'border router stopping');
    });
  }

  crash(): void {
    this.#detach('closed')?.terminate();
  }

  // ---------------------------------------------------------------------------------------------------- connecting

  #connect(encoding: FrameEncoding): void {
    const { url, headers, openWebSocket } = this.#options;
    this.#state = 'connecting';
    let socket: WebSocket;
    try {
      socket = openWebSocket(url, encoding === 'cbor' ? [cborSubprotocol] : [], {
        headers,
        handshakeTimeout: handshakeTimeoutMs,
        maxPayload: maxInboundBytes,
        // Frames of a few hundred bytes gain nothing from compression, and each context costs memory.
        perMessageDeflate: false,
        followRedirects: false,
      });
    } catch (error) {
      // A token that no HTTP header can carry.
      this.#notConnected(encoding, error instanceof Error ? error : null);
      return;
    }
    this.#socket = socket;
    // Every listener asks first whether this is still the socket in use.
    const current = (): boolean => this.#socket === socket;
    let problem: Error | null = null;
    socket.on('open', () => {
      if (current()) this.#opened(socket);
    });
    socket.on('message', (data: Buffer, isBinary) => {
      if (!current()) return;
      this.#heard();
      this.#options.onFrame(isBinary ? data : data.toString('utf8'));
    });
    socket.on('ping', () => this.#heard());
    socket.on('pong', () => this.#heard());
    socket.on('unexpected-response', (_request, response) => {
      if (current()) this.#refused(socket, response);
    });
    socket.on('error', (error) => (problem = error));
    socket.on('close', (code, reason) => {
      if (!current()) return;
      if (this.#state === 'connected') this.#down(code, reason.toString('utf8') || (problem?.message ?? ''));
      else this.#notConnected(encoding, problem);
    });
  }

  #opened(socket: WebSocket): void {
    this.#state = 'connected';
    this.#encoding = socket.protocol === cborSubprotocol ? 'cbor' : 'json';
    this.#connectionsTotal += 1;
    this.#openedMs = this.#options.clock.monotonicMs();
    this.#heard();
    this.#watchSilence();
    this.#options.onOpen(this.#encoding);
  }

  #notConnected(encoding: FrameEncoding, problem: Error | null): void {
    this.#detach('waiting');
    if (encoding === 'cbor' && problem?.message === noSubprotocol) {
      this.#connect('json');
      return;
    }
    this.#options.onConnectFailed(describe(problem));
    this.#pause();
  }

  #refused(socket: WebSocket, response: IncomingMessage): void {
    this.#detach('waiting');
    const status = response.statusCode ?? 0;
    // A wrong token or name is not mended by asking often.
    if (status >= 400 && status < 500) this.#backoff.exhaust();
    let body = '';
    let finished = false;
    const finish = (): void => {
      if (finished) return;
      finished = true;
      socket.terminate();
      if (this.#state !== 'waiting' || this.#socket !== null) return;
      this.#options.onRefused(status, body.slice(0, maxRefusalBytes));
      this.#pause();
    };
    response.setEncoding('utf8');
    response.on('data', (text: string) => {
      body += text;
      if (body.length > maxRefusalBytes) finish();
    });
    response.on('end', finish);
    response.on('close', finish);
  }

  #pause(): void {
    const delayMs = this.#backoff.nextMs();
    this.#options.onPause(delayMs);
    this.#setTimer(delayMs, () => this.#connect(this.#options.encoding));
  }

  // ------------------------------------------------------------------------------------------------------ connected

  #heard(): void {
    this.#lastInboundMs = this.#options.clock.monotonicMs();
  }

  /** The hub pings every 15 s or so; a connection through a dead NAT or a frozen hub says nothing at all. */
  #watchSilence(): void {
    const { clock, limits } = this.#options;
    const silentMs = clock.monotonicMs() - this.#lastInboundMs;
    if (silentMs >= limits.hubSilenceMs) {
      this.#drop(1006, `the hub was silent for ${Math.round(silentMs)} ms`);
      return;
    }
    this.#setTimer(Math.ceil(limits.hubSilenceMs - silentMs), () => this.#watchSilence());
  }

  /** Ends the link from this side, without a close frame: nobody would read it. */
  #drop(code: number, reason: string): void {
    const socket = this.#socket;
    this.#down(code, reason);
    socket?.terminate();
  }

  #down(code: number, reason: string): void {
    const { clock, limits, onDown } = this.#options;
    this.#detach('waiting');
    if (clock.monotonicMs() - this.#openedMs >= limits.stableAfterMs) this.#backoff.reset();
    // Somebody else has this name, or the token was taken away: asking soon again would only disturb.
    if (code === closeCodes.replaced || code === closeCodes.tokenRevoked) this.#backoff.exhaust();
    onDown(code, reason);
    this.#pause();
  }

  /** Lets go of the socket: its later events mean nothing. */
  #detach(state: AgentState): WebSocket | null {
    const socket = this.#socket;
    this.#socket = null;
    this.#encoding = null;
    this.#state = state;
    this.#cancelTimer();
    return socket;
  }

  #setTimer(delayMs: number, callback: () => void): void {
    this.#cancelTimer();
    this.#cancelTimer = this.#options.clock.after(delayMs, callback);
  }
}

function describe(problem: Error | null): string {
  if (problem === null) return 'the connection ended before it was open';
  const code = (problem as NodeJS.ErrnoException).code;
  return problem.message === '' ? (code ?? 'unknown') : problem.message;
}
