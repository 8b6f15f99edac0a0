/**
 * The client of the live feed, for browsers and Node: a subscription that lasts over lost connections. It comes back with
 * the last position that it has, so that nothing is missed; where something is, it says so.
 *
 * States:
 *   connecting   a socket is being opened, or has not confirmed the subscription
 *   live         messages come in
 *   waiting      for the next attempt: 0.25 s at first, doubling up to 30 s, each anywhere between half and all of that
 *   closed       by `close()`; final
 *
 * No dependency: it uses the platform's `WebSocket`. What it does not do: keep messages (what `onMessage` was given is
 * the caller's), or hold the hub back while the caller is busy.
 */
import { type Clock, systemClock } from '../clock.ts';
import type {
  GapMessage,
  LiveErrorMessage,
  LiveMessage,
  LiveMode,
  LiveServerMessage,
  LiveTopic,
} from '../protocol/live.ts';
import { readFrame } from './live-message.ts';

export type LiveState = 'connecting' | 'live' | 'waiting' | 'closed';

/** A message of the feed; its position is where to resume after it. */
export type PositionedMessage = LiveMessage & { readonly position: string };

export interface LiveOptions {
  /** `ws://127.0.0.1:5001/ws/live`, or the hub's `http://` address. */
  readonly url: string;
  readonly topics: readonly LiveTopic[];
  /** Patterns of sensor ids, `*` fits any part; absent: every sensor. */
  readonly sensors?: readonly string[];
  /** `ordered` where absent. */
  readonly mode?: LiveMode;
  /** Where to resume; absent: from now on. */
  readonly position?: string;
  readonly onMessage: (message: PositionedMessage) => void;
  /** Messages were missed. Load anew what they were about. */
  readonly onGap?: (gap: GapMessage) => void;
  /** The hub did not understand a request. */
  readonly onError?: (error: LiveErrorMessage) => void;
  readonly onState?: (state: LiveState) => void;
  /** Of the platform where absent. */
  readonly webSocket?: typeof WebSocket;
  readonly clock?: Clock;
  /** 0 ≤ x < 1. */
  readonly random?: () => number;
}

export interface LiveConnection {
  readonly state: LiveState;
  /** The last position that was received; null before the first. */
  readonly position: string | null;
  /** Nothing is called any more, and no attempt is made. */
  close(): void;
}

/** Repeats within so many messages are found. */
const rememberedPositions = 1_024;
const firstDelayMs = 250;
const longestDelayMs = 30_000;
/** A connection that lasted this long counts as good: the next attempt after it comes soon. */
const steadyAfterMs = 5_000;
/** An open socket that says nothing to the subscription for so long is given up. */
const answerWithinMs = 10_000;

export function connectLive(options: LiveOptions): LiveConnection {
  return new Connection(options);
}

class Connection implements LiveConnection {
  readonly #options: LiveOptions;
  readonly #clock: Clock;
  readonly #url: string;
  #state: LiveState = 'connecting';
  #position: string | null;
  #socket: WebSocket | null = null;
  #cancelTimer: (() => void) | null = null;
  #attempt = 0;
  #openedMs = 0;
  /** Of this socket: frames received, and bytes since the last acknowledgement; of JSON, characters are near enough. */
  #frames = 0;
  #unacknowledgedBytes = 0;
  /** As the hub says. */
  #acknowledgeBytes = 0;
  readonly #recent = new Set<string>();

  constructor(options: LiveOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#url = liveUrl(options.url);
    this.#position = options.position ?? null;
    this.#open();
  }

  get state(): LiveState {
    return this.#state;
  }

  get position(): string | null {
    return this.#position;
  }

  close(): void {
    if (this.#state === 'closed') return;
    this.#clearTimer();
    const socket = this.#socket;
    this.#socket = null;
    socket?.close(1000);
    this.#enter('closed');
  }

  #open(): void {
    const WebSocketClass = this.#options.webSocket ?? WebSocket;
    const socket = new WebSocketClass(this.#url);
    this.#socket = socket;
    this.#frames = 0;
    this.#unacknowledgedBytes = 0;
    this.#enter('connecting');
    socket.onopen = () => {
      if (this.#socket === socket) this.#subscribe(socket);
    };
    socket.onmessage = ({ data }: { readonly data: unknown }) => {
      if (this.#socket === socket && typeof data === 'string') this.#receive(socket, data);
    };
    // A failure to connect is an error and then a close, whatever went wrong.
    socket.onclose = () => {
      if (this.#socket === socket) this.#lost();
    };
    socket.onerror = () => undefined;
    this.#cancelTimer = this.#clock.after(answerWithinMs, () => this.#giveUp(socket));
  }

  #subscribe(socket: WebSocket): void {
    const { mode, sensors, topics } = this.#options;
    socket.send(
      JSON.stringify({
        type: 'subscribe',
        id: 1,
        topics,
        ...(sensors === undefined ? {} : { sensors }),
        ...(mode === undefined ? {} : { mode }),
        ...(this.#position === null ? {} : { position: this.#position }),
      }),
    );
  }

  #receive(socket: WebSocket, text: string): void {
    this.#frames += 1;
    let messages: LiveServerMessage[];
    try {
      messages = readFrame(text);
    } catch {
      // Not a live feed, or a broken one: what this frame held is asked for again.
      this.#giveUp(socket);
      return;
    }
    for (const message of messages) {
      this.#take(message);
      // Closed by whoever was called.
      if (this.#socket !== socket) return;
    }
    this.#unacknowledgedBytes += text.length;
    // The first frame as well: the hub then knows that this client acknowledges.
    if (this.#frames === 1 || this.#unacknowledgedBytes >= this.#acknowledgeBytes) this.#acknowledge(socket);
  }

  #take(message: LiveServerMessage): void {
    const { onError, onGap, onMessage } = this.#options;
    switch (message.type) {
      case 'subscribed':
        // Of a position that the hub does not know, a gap tells next.
        this.#position ??= message.position;
        this.#acknowledgeBytes = message.ack_bytes;
        this.#openedMs = this.#clock.monotonicMs();
        this.#clearTimer();
        this.#enter('live');
        return;
      case 'gap':
        this.#position = message.to;
        onGap?.(message);
        return;
      case 'error':
        onError?.(message);
        return;
      case 'unsubscribed':
      case 'pong':
        return;
      default:
        if (this.#isRepeat(message.position)) return;
        this.#position = message.position;
        onMessage(message);
    }
  }

  /** Each message comes at least once: after a takeover the hub may send its last batch again. */
  #isRepeat(position: string): boolean {
    if (this.#recent.has(position)) return true;
    this.#recent.add(position);
    if (this.#recent.size > rememberedPositions) {
      for (const oldest of this.#recent) {
        this.#recent.delete(oldest);
        break;
      }
    }
    return false;
  }

  #acknowledge(socket: WebSocket): void {
    this.#unacknowledgedBytes = 0;
    if (socket.readyState !== socket.OPEN) return;
    socket.send(JSON.stringify({ type: 'ack', batch: this.#frames }));
  }

  #giveUp(socket: WebSocket): void {
    if (this.#socket !== socket) return;
    socket.close();
    this.#lost();
  }

  #lost(): void {
    this.#clearTimer();
    this.#socket = null;
    if (this.#state === 'live' && this.#clock.monotonicMs() - this.#openedMs >= steadyAfterMs)
      this.#attempt = 0;
    const limitMs = Math.min(longestDelayMs, firstDelayMs * 2 ** this.#attempt);
    this.#attempt += 1;
    this.#enter('waiting');
    // Whoever was told may have closed it.
    if (this.#isClosed()) return;
    const random = this.#options.random ?? Math.random;
    this.#cancelTimer = this.#clock.after(limitMs * (0.5 + random() / 2), () => this.#open());
  }

  #isClosed(): boolean {
    return this.#state === 'closed';
  }

  #enter(state: LiveState): void {
    if (this.#state === state) return;
    this.#state = state;
    this.#options.onState?.(state);
  }

  #clearTimer(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = null;
  }
}

function liveUrl(address: string): string {
  const url = new URL(address);
  if (url.protocol === 'http:') url.protocol = 'ws:';
  if (url.protocol === 'https:') url.protocol = 'wss:';
  if (url.pathname === '/') url.pathname = '/ws/live';
  return url.href;
}
