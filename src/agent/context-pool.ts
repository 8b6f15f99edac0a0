/**
 * Request contexts, allocated once and used again, as the firmware's static pool does: whatever the hub sends, an agent
 * serves no more than these.
 *
 *   free ── take() ──► waiting ── start ──► in_flight ── release() ──► free
 *                         └── its deadline, a lost hub ── release() ──► free
 */
import type { AcceptedCommand } from './accepted-command.ts';

export interface RequestContext {
  readonly index: number;
  state: 'free' | 'waiting' | 'in_flight';
  /** Whose answer this is; null while free. */
  command: AcceptedCommand | null;
  /** Ends the source's work; null unless in flight. */
  abort: AbortController | null;
  /** Counts uses: an answer to an earlier one is recognised by it. */
  use: number;
}

export class ContextPool {
  readonly #contexts: readonly RequestContext[];
  readonly #free: RequestContext[];

  constructor(size: number) {
    this.#contexts = Array.from({ length: size }, (_, index) => ({
      index,
      state: 'free',
      command: null,
      abort: null,
      use: 0,
    }));
    this.#free = this.#contexts.toReversed();
  }

  get used(): number {
    return this.#contexts.length - this.#free.length;
  }

  get hasFree(): boolean {
    return this.#free.length > 0;
  }

  /** Null when all are in use. */
  take(command: AcceptedCommand): RequestContext | null {
    const context = this.#free.pop();
    if (context === undefined) return null;
    context.state = 'waiting';
    context.command = command;
    context.use += 1;
    return context;
  }

  release(context: RequestContext): void {
    context.state = 'free';
    context.command = null;
    context.abort = null;
    this.#free.push(context);
  }

  /** Looks among those in use. */
  find(matches: (context: RequestContext) => boolean): RequestContext | null {
    return this.#contexts.find((context) => context.state !== 'free' && matches(context)) ?? null;
  }

  /** Those in use, as of now. */
  inUse(): RequestContext[] {
    return this.#contexts.filter((context) => context.state !== 'free');
  }
}
