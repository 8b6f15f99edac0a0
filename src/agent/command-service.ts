/**
 * Serves the hub's commands within the limits of a small border router. Knows nothing of the connection: it is given
 * commands and gives back messages, one each, never after the command's deadline.
 *
 *   received ──► queue (32) ──► context (16), waiting for a token and a place ──► in flight (8) ──► answered
 *      │            │                              │                                 │
 *      └ refused    └─────────── deadline: timed_out ────────────────────────────────┘
 *        backlog_full
 *
 * A context is held by a command being served: in flight, or next in line. Only those count against the token bucket, which
 * delays and never refuses. The queue is what may come ahead of them; one more than contexts and queue hold together (48)
 * is refused at once. A command for a node that a context already works for stays in the queue and is answered with that
 * context's result, without a token; should the first one's deadline pass, the next one takes the exchange over.
 *
 * A source that answers many commands from one reading of the mesh paces itself (`shared`): there, contexts and queue bound
 * what is held, and nothing waits for a token or a place.
 */
import type { Clock } from '../clock.ts';
import type { BorderRouterMessage, HubCommand } from '../protocol/border-router-messages.ts';
import { type Ipv6Address, parseIpv6 } from '../protocol/ipv6.ts';
import {
  type AcceptedCommand,
  type CommandFailure,
  failureMessage,
  type SourceAnswer,
  toMessage,
} from './accepted-command.ts';
import type { AgentFact, AgentLimits, AgentStatus } from './agent-options.ts';
import { ContextPool, type RequestContext } from './context-pool.ts';
import { discoverRequests, type NodeSource } from './node-source.ts';
import { TokenBucket } from './token-bucket.ts';

export interface CommandServiceOptions {
  readonly source: NodeSource;
  readonly clock: Clock;
  readonly limits: Pick<
    AgentLimits,
    'contexts' | 'inFlight' | 'queue' | 'commandsPerSecond' | 'burst' | 'defaultDeadlineMs'
  >;
  readonly respond: (message: BorderRouterMessage) => void;
  readonly onFact: (fact: AgentFact) => void;
}

export type CommandServiceStatus = Omit<AgentStatus, 'state' | 'encoding' | 'connectionsTotal'>;

/** The failure for a passed deadline leaves this much earlier, so that it is not itself late; less for short deadlines. */
const answerMarginMs = 50;
const answerMarginShare = 0.1;
/** Longer deadlines are cut to this: nobody waits ten minutes for a node. */
const longestDeadlineMs = 600_000;
/** Weight of the latest duration in the running mean that `retry_after_ms` is estimated from. */
const meanWeight = 0.2;
const shortestRetryMs = 50;
const longestRetryMs = 10_000;

export class CommandService {
  readonly #source: NodeSource;
  readonly #clock: Clock;
  readonly #limits: CommandServiceOptions['limits'];
  readonly #respond: (message: BorderRouterMessage) => void;
  readonly #onFact: (fact: AgentFact) => void;
  readonly #pool: ContextPool;
  readonly #bucket: TokenBucket;
  /** Accepted, without a context; in order of receipt. */
  readonly #queue: AcceptedCommand[] = [];
  /** Contexts waiting for a token and a place; in order. */
  readonly #waiting: RequestContext[] = [];
  #inFlight = 0;
  /** Places of those in flight: a discovery takes more than one. */
  #placesTaken = 0;
  #cancelTokenTimer: (() => void) | null = null;
  #meanServiceMs = 250;
  /** Refused since a place last became free; spreads their retries. */
  #refusedInARow = 0;
  readonly #counts = {
    commandsTotal: 0,
    answeredTotal: 0,
    failedTotal: 0,
    refusedBacklogTotal: 0,
    sharedTotal: 0,
    abandonedTotal: 0,
  };

  constructor({ source, clock, limits, respond, onFact }: CommandServiceOptions) {
    this.#source = source;
    this.#clock = clock;
    this.#limits = limits;
    this.#respond = respond;
    this.#onFact = onFact;
    this.#pool = new ContextPool(limits.contexts);
    this.#bucket = new TokenBucket({
      clock,
      tokensPerSecond: limits.commandsPerSecond,
      burst: limits.burst,
    });
  }

  status(): CommandServiceStatus {
    return {
      ...this.#counts,
      inFlight: this.#inFlight,
      contexts: this.#pool.used,
      queued: this.#queue.length,
    };
  }

  receive(command: HubCommand): void {
    this.#counts.commandsTotal += 1;
    const target = command.command === 'discover' ? null : parseIpv6(command.targetIpv6);
    const accepted: AcceptedCommand = {
      command,
      receivedMs: this.#clock.monotonicMs(),
      deadlineMs: Math.min(command.deadlineMs ?? this.#limits.defaultDeadlineMs, longestDeadlineMs),
      target,
      shareKey: shareKeyOf(command, target),
      cancelTimer: () => undefined,
    };
    if (command.command !== 'discover' && target === null) {
      this.#fail(accepted, {
        code: 'refused',
        reason: `target_ipv6 "${command.targetIpv6.slice(0, 64)}" is not an IPv6 address`,
      });
      return;
    }
    // While a context is free, what is queued shares another one's exchange: nobody is overtaken.
    const context = this.#sharedContext(accepted) === null ? this.#pool.take(accepted) : null;
    if (context !== null) {
      this.#waiting.push(context);
    } else if (this.#queue.length < this.#limits.queue) {
      this.#queue.push(accepted);
    } else {
      this.#counts.refusedBacklogTotal += 1;
      this.#refusedInARow += 1;
      this.#fail(accepted, {
        code: 'backlog_full',
        reason: `the border router already holds ${this.#pool.used + this.#queue.length} commands`,
        retryAfterMs: this.#estimateRetryMs(),
      });
      return;
    }
    this.#setDeadline(accepted);
    this.#startWaiting();
  }

  /** The hub has gone: ends everything and answers nothing. Returns how many commands were open. */
  abandon(): number {
    const open = this.#queue.splice(0);
    this.#waiting.length = 0;
    for (const context of this.#pool.inUse()) {
      if (context.command !== null) open.push(context.command);
      this.#free(context);
    }
    for (const command of open) command.cancelTimer();
    this.#cancelTokenTimer?.();
    this.#cancelTokenTimer = null;
    this.#counts.abandonedTotal += open.length;
    return open.length;
  }

  // ------------------------------------------------------------------------------------------------------- serving

  #startWaiting(): void {
    for (let context = this.#waiting[0]; context !== undefined; context = this.#waiting[0]) {
      const places = this.#placesOf(context);
      if (this.#source.pacing === 'per_command') {
        if (this.#placesTaken + places > this.#limits.inFlight) return;
        if (!this.#bucket.take()) {
          this.#awaitToken();
          return;
        }
      }
      this.#waiting.shift();
      this.#start(context, places);
    }
  }

  #awaitToken(): void {
    // Whole milliseconds: timers cut fractions off and would come too early.
    this.#cancelTokenTimer ??= this.#clock.after(Math.ceil(this.#bucket.waitMs), () => {
      this.#cancelTokenTimer = null;
      this.#startWaiting();
    });
  }

  #start(context: RequestContext, places: number): void {
    const { command: accepted, use } = context;
    if (accepted === null) return;
    const abort = new AbortController();
    context.state = 'in_flight';
    context.abort = abort;
    this.#inFlight += 1;
    this.#placesTaken += places;
    const startedMs = this.#clock.monotonicMs();
    void this.#ask(accepted, abort.signal).then((result) => {
      // Its context may have been freed meanwhile, or work for another command.
      if (context.use !== use || context.state !== 'in_flight') return;
      const tookMs = this.#clock.monotonicMs() - startedMs;
      this.#meanServiceMs += (tookMs - this.#meanServiceMs) * meanWeight;
      this.#settle(context, result);
    });
  }

  /** Never rejects: a source that throws is our bug, and its command is answered all the same. */
  async #ask(accepted: AcceptedCommand, signal: AbortSignal): Promise<SourceAnswer> {
    const { command } = accepted;
    try {
      switch (command.command) {
        case 'scan_node': {
          const { targetIpv6, nodeName } = command;
          const answer = await this.#source.scanNode(
            { targetIpv6: accepted.target ?? targetIpv6, nodeName },
            signal,
          );
          return answer.ok ? { command: 'scan_node', answer } : { command: 'failed', answer };
        }
        case 'send_coap': {
          const { targetIpv6, method, path, payload, confirmable } = command;
          const request = { targetIpv6: accepted.target ?? targetIpv6, method, path, confirmable };
          const answer = await this.#source.sendCoap(
            payload === undefined ? request : { ...request, payload },
            signal,
          );
          return answer.ok ? { command: 'send_coap', answer } : { command: 'failed', answer };
        }
        case 'discover': {
          const answer = await this.#source.discover(signal);
          return answer.ok ? { command: 'discover', answer } : { command: 'failed', answer };
        }
      }
    } catch (error) {
      this.#onFact({ kind: 'command_failed', requestId: command.requestId, error });
      const reason = `the border router failed: ${error instanceof Error ? error.message : String(error)}`;
      return { command: 'failed', answer: { ok: false, code: 'refused', reason } };
    }
  }

  #settle(context: RequestContext, result: SourceAnswer): void {
    const first = context.command;
    if (first === null) return;
    const shared = this.#takeSharing(first.shareKey);
    context.abort = null;
    this.#free(context);
    for (const accepted of [first, ...shared]) {
      accepted.cancelTimer();
      if (accepted !== first) this.#counts.sharedTotal += 1;
      this.#answer(accepted, toMessage(accepted.command, result), failureOf(result));
    }
    this.#advance();
  }

  /** Gives free contexts to the queue, then places to contexts. */
  #advance(): void {
    this.#refusedInARow = 0;
    for (let at = 0; at < this.#queue.length && this.#pool.hasFree;) {
      const accepted = this.#queue[at];
      if (accepted === undefined || this.#sharedContext(accepted) !== null) {
        at += 1;
        continue;
      }
      this.#queue.splice(at, 1);
      const context = this.#pool.take(accepted);
      if (context !== null) this.#waiting.push(context);
    }
    this.#startWaiting();
  }

  // ----------------------------------------------------------------------------------------------------- deadlines

  #setDeadline(accepted: AcceptedCommand): void {
    const { deadlineMs } = accepted;
    const marginMs = Math.min(answerMarginMs, deadlineMs * answerMarginShare);
    const expireMs = Math.max(0, deadlineMs - marginMs);
    if (accepted.command.command !== 'discover') {
      accepted.cancelTimer = this.#clock.after(expireMs, () => this.#expire(accepted));
      return;
    }
    // What a discovery has found by then is worth having: it is told to stop first, and then has the margin to answer.
    accepted.cancelTimer = this.#clock.after(Math.max(0, expireMs - marginMs), () => {
      this.#contextOf(accepted)?.abort?.abort();
      accepted.cancelTimer = this.#clock.after(marginMs, () => this.#expire(accepted));
    });
  }

  #expire(accepted: AcceptedCommand): void {
    const { deadlineMs } = accepted;
    const queuedAt = this.#queue.indexOf(accepted);
    const context = queuedAt === -1 ? this.#contextOf(accepted) : this.#sharedContext(accepted);
    const asked = context?.state === 'in_flight';
    if (queuedAt !== -1) this.#queue.splice(queuedAt, 1);
    else if (context !== null) this.#giveUp(context);
    this.#fail(accepted, {
      code: 'timed_out',
      reason: asked
        ? `no answer within the deadline of ${deadlineMs} ms`
        : `the deadline of ${deadlineMs} ms passed in the border router's queue, before the node was asked`,
    });
    this.#advance();
  }

  /** The first command's time is up: another that waits for the same exchange takes it over, else it ends. */
  #giveUp(context: RequestContext): void {
    const key = context.command?.shareKey ?? null;
    const heirAt = key === null ? -1 : this.#queue.findIndex((queued) => queued.shareKey === key);
    const [heir] = heirAt === -1 ? [] : this.#queue.splice(heirAt, 1);
    if (heir !== undefined) {
      context.command = heir;
      return;
    }
    const waitingAt = this.#waiting.indexOf(context);
    if (waitingAt !== -1) this.#waiting.splice(waitingAt, 1);
    this.#free(context);
  }

  // ------------------------------------------------------------------------------------------------------- answers

  #fail(accepted: AcceptedCommand, failure: CommandFailure): void {
    this.#answer(accepted, failureMessage(accepted.command, failure), `${failure.code}: ${failure.reason}`);
  }

  #answer(accepted: AcceptedCommand, message: BorderRouterMessage, failure: string | null): void {
    const durationMs = this.#clock.monotonicMs() - accepted.receivedMs;
    if (failure === null) this.#counts.answeredTotal += 1;
    else this.#counts.failedTotal += 1;
    const { command, requestId } = accepted.command;
    this.#onFact({ kind: 'command_answered', command, requestId, failure, durationMs });
    if (durationMs <= accepted.deadlineMs) this.#respond(message);
  }

  /** When a command refused now would find a place: the queue moves as fast as tokens come and places are freed. */
  #estimateRetryMs(): number {
    const tokenMs = this.#bucket.waitMs > 0 ? 1_000 / this.#limits.commandsPerSecond : 0;
    const placeMs = Math.max(tokenMs, this.#meanServiceMs / this.#limits.inFlight);
    const estimateMs = Math.ceil(placeMs * this.#refusedInARow);
    return Math.min(longestRetryMs, Math.max(shortestRetryMs, estimateMs));
  }

  // ------------------------------------------------------------------------------------------------------ contexts

  #free(context: RequestContext): void {
    if (context.state === 'in_flight') {
      this.#inFlight -= 1;
      this.#placesTaken -= this.#placesOf(context);
    }
    const { abort } = context;
    this.#pool.release(context);
    abort?.abort();
  }

  #placesOf(context: RequestContext): number {
    return context.command?.command.command === 'discover'
      ? Math.min(discoverRequests, this.#limits.inFlight)
      : 1;
  }

  #contextOf(accepted: AcceptedCommand): RequestContext | null {
    return this.#pool.find((context) => context.command === accepted);
  }

  /** The context whose result will answer this command too. */
  #sharedContext({ shareKey }: AcceptedCommand): RequestContext | null {
    return shareKey === null ? null : this.#pool.find((context) => context.command?.shareKey === shareKey);
  }

  /** Removes from the queue those that the finished exchange answers. */
  #takeSharing(shareKey: string | null): AcceptedCommand[] {
    const shared = shareKey === null ? [] : this.#queue.filter((queued) => queued.shareKey === shareKey);
    for (const accepted of shared) this.#queue.splice(this.#queue.indexOf(accepted), 1);
    return shared;
  }
}

function shareKeyOf(command: HubCommand, target: Ipv6Address | null): string | null {
  switch (command.command) {
    case 'scan_node':
      return `scan_node ${target ?? ''}`;
    case 'send_coap':
      return null;
    case 'discover':
      return 'discover';
  }
}

function failureOf(result: SourceAnswer): string | null {
  return result.command === 'failed' ? `${result.answer.code}: ${result.answer.reason}` : null;
}
