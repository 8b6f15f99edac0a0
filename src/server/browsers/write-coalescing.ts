/**
 * Saves system calls on browsers' sockets. While a scan runs a page gets an event per node, and Socket.IO hands each to
 * the kernel by itself: for a mesh of a thousand nodes that was the largest part of what the hub did.
 *
 * A socket that has been written to is corked for `windowMs`; what comes meanwhile leaves in one write. An event that
 * somebody waits for (`hurry`) leaves at once, with everything before it.
 */
import { Socket as NetSocket } from 'node:net';
import type { Clock } from '../../clock.ts';

/** Below what an eye sees, above the time between two answers of a busy mesh. */
const windowMs = 10;
/** After an event that hurries, so long nothing is held: the packets behind it leave in several turns. */
const hurryMs = 50;

/** The part of an Engine.IO connection that is used. */
export interface EngineConnection {
  /** `flush` comes just before packets are handed to the transport. */
  on(event: 'flush', listener: () => void): unknown;
  readonly transport: unknown;
}

export class WriteCoalescing {
  readonly #clock: Clock;
  readonly #corked = new Set<NetSocket>();
  #cancelUncork: (() => void) | null = null;
  #hurryUntilMs = -Infinity;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  add(connection: EngineConnection): void {
    connection.on('flush', () => this.#cork(connection));
  }

  /** Lets everything that is held leave. */
  hurry(): void {
    this.#hurryUntilMs = this.#clock.monotonicMs() + hurryMs;
    this.#uncork();
  }

  close(): void {
    this.#uncork();
  }

  #cork(connection: EngineConnection): void {
    if (this.#clock.monotonicMs() < this.#hurryUntilMs) return;
    const socket = netSocketOf(connection.transport);
    if (socket === null || this.#corked.has(socket)) return;
    socket.cork();
    this.#corked.add(socket);
    this.#cancelUncork ??= this.#clock.after(windowMs, () => this.#uncork());
  }

  #uncork(): void {
    this.#cancelUncork?.();
    this.#cancelUncork = null;
    const corked = [...this.#corked];
    this.#corked.clear();
    for (const socket of corked) socket.uncork();
  }
}

/** The TCP socket under a WebSocket transport; null for a polling one, which has a request of its own for each write. */
function netSocketOf(transport: unknown): NetSocket | null {
  const socket = propertyOf(propertyOf(transport, 'socket'), '_socket');
  return socket instanceof NetSocket ? socket : null;
}

function propertyOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined;
}
