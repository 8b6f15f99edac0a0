/**
 * Runs scans: chooses border routers, dispatches nodes within the limits, turns what the links report into outcomes,
 * moves nodes when a border router is lost, and ends every scan by its deadline. What happened to a node is decided by
 * `node-scan.ts`, what a scan looks like by `scan-session.ts`; this module only feeds them.
 *
 * Everything runs on events: a trigger, a link's report, a timer. Nothing waits in a loop, so nothing can hold a slot
 * that it forgot.
 */
import type { Clock } from '../clock.ts';
import { ScanError } from '../errors.ts';
import type { FactEmitter } from '../facts.ts';
import type { BorderRouterLinks, LinkEvent } from '../links/border-router-links.ts';
import {
  asRequestId,
  asScanId,
  type BorderRouterId,
  type NodeName,
  type RequestId,
  type ScanId,
} from '../protocol/ids.ts';
import type { Scan, ScanFilter, ScanTrigger, TriggeredScan } from '../protocol/scan.ts';
import { BorderRouterChoice } from './border-router-choice.ts';
import { DispatchQueues, type QueuedNode } from './dispatch-queues.ts';
import type { RegisteredNode } from './registered-node.ts';
import { describeLoss } from './loss-note.ts';
import { nodesToScan } from './scan-filter.ts';
import { type FinishReason, ScanSession } from './scan-session.ts';

export interface ScanLimits {
  /** Nodes in flight per border router. */
  readonly perBorderRouter: number;
  /** Nodes in flight in all. */
  readonly total: number;
  /** From a node's dispatch to its `timed_out`. */
  readonly nodeTimeoutMs: number;
  /** Hard stop of a whole scan. */
  readonly scanTimeoutMs: number;
}

export interface ScanOrchestratorOptions {
  readonly links: Pick<
    BorderRouterLinks,
    'online' | 'sendScanNode' | 'whenWritable' | 'giveUp' | 'subscribe'
  >;
  readonly nodes: { list(): readonly RegisteredNode[] };
  readonly limits: ScanLimits;
  readonly clock: Clock;
  /** Makes ids, unique and at most 63 bytes. */
  readonly newId: () => string;
  readonly facts: FactEmitter;
}

/** Progress facts are at least so far apart. */
const progressIntervalMs = 100;
/** A busy border router that wants to be asked again at once would be asked without end. */
const minRetryMs = 50;

interface RunningScan {
  readonly session: ScanSession;
  readonly cancelHardStop: () => void;
  readonly nodeTimers: Map<NodeName, () => void>;
  /** Every command sent for it, with the border router that got it. */
  readonly requests: Map<RequestId, BorderRouterId>;
  /** Nodes whose border router asked to be tried again later. */
  readonly pausing: Map<NodeName, BorderRouterId>;
  /** The only border routers that it may ask; null: any. */
  readonly only: readonly string[] | null;
  progressDue: (() => void) | null;
}

export class ScanOrchestrator {
  readonly #options: ScanOrchestratorOptions;
  readonly #queues: DispatchQueues;
  readonly #running = new Map<ScanId, RunningScan>();
  readonly #scanOfRequest = new Map<RequestId, RunningScan>();
  readonly #unsubscribe: () => void;
  /** Of the border routers online now; made when first needed after one has come or gone. */
  #choice: BorderRouterChoice | null = null;
  #stopping = false;
  #pumping = false;

  constructor(options: ScanOrchestratorOptions) {
    this.#options = options;
    this.#queues = new DispatchQueues(options.limits);
    this.#unsubscribe = options.links.subscribe((event) => this.#linkEvent(event));
  }

  /**
   * Starts a scan, or joins one that already covers every node asked for.
   * Throws ScanError `nothing_to_scan` (the sentence says why) or `hub_stopping`.
   */
  trigger(request: { readonly filter: ScanFilter | null; readonly trigger: ScanTrigger }): TriggeredScan {
    if (this.#stopping)
      throw new ScanError('hub_stopping', 'the hub is stopping; trigger the scan again when it is back');
    const nodes = nodesToScan(this.#options.nodes.list(), request.filter, this.#options.links.online());
    const joinable = this.#findJoinable(nodes, request.filter);
    if (joinable !== null) {
      return {
        scanId: joinable.session.id,
        joined: true,
        nodes: nodes.length,
        borderRouters: joinable.session.borderRouterCount,
      };
    }
    return this.#start(nodes, request.filter?.borderRouters ?? null, request.trigger);
  }

  /** Ends a running scan as `cancelled`. Throws ScanError `scan_not_found`: it is not running. */
  cancel(id: ScanId): void {
    const running = this.#running.get(id);
    if (running === undefined) throw new ScanError('scan_not_found', `no scan ${id} is running`);
    this.#finish(running, 'cancelled');
    this.#pump();
  }

  /** A running scan as it stands; null where no such scan is running. */
  get(id: ScanId): Scan | null {
    return this.#running.get(id)?.session.scan(this.#nowMs()) ?? null;
  }

  running(): Scan[] {
    return [...this.#running.values()].map(({ session }) => session.scan(this.#nowMs()));
  }

  get runningCount(): number {
    return this.#running.size;
  }

  /** Ends every scan as `cancelled` and takes no more. */
  close(): void {
    this.#stopping = true;
    this.#unsubscribe();
    for (const running of [...this.#running.values()]) this.#finish(running, 'hub_stopping');
  }

  #nowMs(): number {
    return this.#options.clock.monotonicMs();
  }

  #choiceAmong(only: readonly string[] | null): BorderRouterChoice {
    const { links } = this.#options;
    if (only !== null) return new BorderRouterChoice(links.online().filter(({ id }) => only.includes(id)));
    this.#choice ??= new BorderRouterChoice(links.online());
    return this.#choice;
  }

  #findJoinable(nodes: readonly RegisteredNode[], filter: ScanFilter | null): RunningScan | null {
    // An outcome younger than a node timeout is as good as a new one: a thousand triggers at once are one scan.
    const freshSinceMs = this.#nowMs() - this.#options.limits.nodeTimeoutMs;
    for (const running of this.#running.values()) {
      if (running.session.covers(nodes, filter?.borderRouters ?? null, freshSinceMs)) return running;
    }
    return null;
  }

  #start(
    nodes: readonly RegisteredNode[],
    only: readonly string[] | null,
    trigger: ScanTrigger,
  ): TriggeredScan {
    const { clock, facts, limits, newId } = this.#options;
    const choice = this.#choiceAmong(only);
    const loads = new Map<BorderRouterId, number>();
    const assigned = nodes.map((node) => {
      const borderRouterId = choice.choose(node, (id) => this.#queues.load(id) + (loads.get(id) ?? 0));
      if (borderRouterId !== null) loads.set(borderRouterId, (loads.get(borderRouterId) ?? 0) + 1);
      return { node, borderRouterId };
    });
    const session = new ScanSession({
      id: asScanId(newId()),
      trigger,
      nodes: assigned,
      startedAtMs: clock.nowMs(),
      startedMs: clock.monotonicMs(),
    });
    const running: RunningScan = {
      session,
      cancelHardStop: clock.after(limits.scanTimeoutMs, () => {
        this.#finish(running, 'hard_stop');
        this.#pump();
      }),
      nodeTimers: new Map(),
      requests: new Map(),
      pausing: new Map(),
      only,
      progressDue: null,
    };
    this.#running.set(session.id, running);
    facts.emit('scan:started', { scan: session.summary(this.#nowMs()) });
    for (const { borderRouterId, node } of assigned) {
      if (borderRouterId === null) this.#decideUnreachable(running, node);
      else this.#queues.push(borderRouterId, { session, name: node.name });
    }
    const triggered = {
      scanId: session.id,
      joined: false,
      nodes: nodes.length,
      borderRouters: session.borderRouterCount,
    };
    this.#finishIfDecided(running);
    this.#pump();
    return triggered;
  }

  #decideUnreachable(running: RunningScan, node: RegisteredNode): void {
    const error =
      node.borderRouterId === null
        ? `no online border router serves ${node.ipv6}`
        : `its border router ${node.borderRouterId} is not online`;
    this.#apply(running, node.name, { type: 'ended', outcome: 'unreachable', error, atMs: this.#nowMs() });
  }

  // ------------------------------------------------------------------------------------------------------- dispatch

  #pump(): void {
    if (this.#pumping) return;
    this.#pumping = true;
    try {
      for (let next = this.#nextQueued(); next !== null; next = this.#nextQueued())
        this.#dispatch(next.id, next.queued);
    } finally {
      this.#pumping = false;
    }
  }

  #nextQueued(): { readonly id: BorderRouterId; readonly queued: QueuedNode } | null {
    return this.#queues.next(
      ({ name, session }) => !session.finished && session.state(name)?.phase === 'waiting',
    );
  }

  #dispatch(id: BorderRouterId, queued: QueuedNode): void {
    const { limits, links, newId } = this.#options;
    const { name, session } = queued;
    const running = this.#running.get(session.id);
    const node = session.node(name);
    const state = session.state(name);
    if (running === undefined || node === undefined || state === undefined) return;
    const nowMs = this.#nowMs();
    const requestId = asRequestId(newId());
    const remainingMs = (state.deadlineMs ?? nowMs + limits.nodeTimeoutMs) - nowMs;
    const result = links.sendScanNode(id, {
      command: 'scan_node',
      requestId,
      nodeName: node.name,
      targetIpv6: node.ipv6,
      deadlineMs: Math.max(1, Math.floor(remainingMs)),
    });
    switch (result) {
      case 'queued':
        this.#queues.hold(id, requestId);
        this.#scanOfRequest.set(requestId, running);
        running.requests.set(requestId, id);
        session.apply(name, {
          type: 'dispatched',
          requestId,
          borderRouterId: id,
          atMs: nowMs,
          nodeTimeoutMs: limits.nodeTimeoutMs,
        });
        this.#armNodeTimer(running, name, remainingMs);
        return;
      case 'full':
        // The node keeps its place; its deadline runs, so that backpressure never becomes a wait without end.
        this.#queues.pushFirst(id, queued);
        session.apply(name, { type: 'blocked', atMs: nowMs, nodeTimeoutMs: limits.nodeTimeoutMs });
        this.#armNodeTimer(running, name, remainingMs);
        this.#block(id);
        void links.whenWritable(id).then(() => {
          this.#queues.unblock(id);
          this.#pump();
        });
        return;
      case 'closed':
        this.#move(running, name, id, 'it has disconnected');
        this.#finishIfDecided(running);
        return;
    }
  }

  /** Gives a border router no turn, and the nodes that wait for it to others that serve them and have room. */
  #block(id: BorderRouterId): void {
    const waiting = this.#queues.drain(id);
    this.#queues.block(id);
    const full = this.#queues.blocked();
    for (const queued of waiting) {
      const running = this.#running.get(queued.session.id);
      const node = queued.session.node(queued.name);
      if (running === undefined || node === undefined) continue;
      if (queued.session.state(queued.name)?.phase !== 'waiting') continue;
      const other = this.#choiceAmong(running.only).choose(node, (one) => this.#queues.load(one), full);
      if (other === null) this.#queues.push(id, queued);
      else this.#requeue(running, queued.name, other);
    }
  }

  #armNodeTimer(running: RunningScan, name: NodeName, delayMs: number): void {
    running.nodeTimers.get(name)?.();
    running.nodeTimers.set(
      name,
      this.#options.clock.after(Math.max(0, delayMs), () => {
        running.nodeTimers.delete(name);
        this.#expire(running, name);
      }),
    );
  }

  #expire(running: RunningScan, name: NodeName): void {
    const { limits, links } = this.#options;
    const state = running.session.state(name);
    if (state === undefined || state.phase === 'decided') return;
    if (state.phase === 'in_flight') {
      links.giveUp(state.borderRouterId as BorderRouterId, state.requestId, 'silent');
      this.#queues.release(state.requestId);
    }
    const error =
      state.phase === 'in_flight'
        ? `no answer within ${limits.nodeTimeoutMs} ms`
        : state.phase === 'pausing'
          ? `${String(state.borderRouterId)} was too busy for ${limits.nodeTimeoutMs} ms`
          : `${String(state.borderRouterId)} had no room for it, in its outbox or its limit, for ${limits.nodeTimeoutMs} ms`;
    this.#apply(running, name, { type: 'ended', outcome: 'timed_out', error, atMs: this.#nowMs() });
    this.#finishIfDecided(running);
    this.#pump();
  }

  // -------------------------------------------------------------------------------------------------- links' reports

  #linkEvent(event: LinkEvent): void {
    if (event.type === 'answer') this.#answer(event);
    else this.#choice = null;
    if (event.type === 'lost') this.#lost(event);
    this.#pump();
  }

  #answer(event: Extract<LinkEvent, { type: 'answer' }>): void {
    const { answer, borderRouterId, requestId } = event;
    const running = this.#scanOfRequest.get(requestId);
    this.#queues.release(requestId);
    if (running === undefined) return;
    const { session } = running;
    const name = session.nodeOfRequest(requestId);
    if (name === null) return;
    const atMs = this.#nowMs();
    if (answer.ok) this.#apply(running, name, { type: 'answered', networkInfo: answer.networkInfo, atMs });
    else if (answer.retryAfterMs !== null)
      this.#postpone(running, name, {
        borderRouterId,
        requestId,
        ...answer,
        retryAfterMs: answer.retryAfterMs,
      });
    else
      this.#apply(running, name, {
        type: 'failed',
        requestId,
        outcome: answer.outcome,
        error: answer.error,
        atMs,
      });
    this.#finishIfDecided(running);
  }

  /** The border router is too busy: another one, or the same one later, or an end where the deadline comes first. */
  #postpone(
    running: RunningScan,
    name: NodeName,
    refusal: {
      readonly borderRouterId: BorderRouterId;
      readonly requestId: RequestId;
      readonly error: string;
      readonly retryAfterMs: number;
    },
  ): void {
    const { clock, links } = this.#options;
    const { borderRouterId, error, requestId } = refusal;
    const retryAfterMs = Math.max(minRetryMs, refusal.retryAfterMs);
    const { session } = running;
    const nowMs = this.#nowMs();
    const node = session.node(name);
    const state = session.state(name);
    if (node === undefined || state?.phase !== 'in_flight' || state.requestId !== requestId) return;
    const other = this.#choiceAmong(running.only).choose(
      node,
      (id) => this.#queues.load(id),
      new Set([borderRouterId]),
    );
    // One detour only: two full border routers must not toss a node to and fro.
    if (other !== null && state.attempts === 1) {
      this.#requeue(running, name, other);
      return;
    }
    if (nowMs + retryAfterMs >= (state.deadlineMs ?? nowMs)) {
      session.countRateLimited(nowMs + retryAfterMs - session.startedMs);
      session.note(
        `${borderRouterId} was too busy (${error}); a longer node timeout or a slower scan would have asked all nodes`,
      );
      this.#apply(running, name, { type: 'failed', requestId, outcome: 'refused', error, atMs: nowMs });
      return;
    }
    session.apply(name, { type: 'told_to_wait', requestId, untilMs: nowMs + retryAfterMs });
    running.pausing.set(name, borderRouterId);
    const cancelRetry = clock.after(retryAfterMs, () => {
      running.pausing.delete(name);
      if (session.finished || session.state(name)?.phase !== 'pausing') return;
      session.apply(name, { type: 'requeued', borderRouterId });
      if (links.online().some(({ id }) => id === borderRouterId))
        this.#queues.pushFirst(borderRouterId, { session, name });
      else this.#move(running, name, borderRouterId, 'it has disconnected');
      this.#finishIfDecided(running);
      this.#pump();
    });
    const cancelDeadline = running.nodeTimers.get(name);
    running.nodeTimers.set(name, () => {
      cancelRetry();
      cancelDeadline?.();
    });
  }

  #lost(event: Extract<LinkEvent, { type: 'lost' }>): void {
    const { borderRouterId, reason, requestIds } = event;
    const open: { running: RunningScan; name: NodeName }[] = [];
    for (const requestId of requestIds) {
      const running = this.#scanOfRequest.get(requestId);
      this.#queues.release(requestId);
      const name = running?.session.nodeOfRequest(requestId) ?? null;
      if (running === undefined || name === null) continue;
      const state = running.session.state(name);
      if (state?.phase === 'in_flight' && state.requestId === requestId) open.push({ running, name });
    }
    for (const { name, session } of this.#queues.drain(borderRouterId)) {
      const running = this.#running.get(session.id);
      if (running !== undefined && session.state(name)?.phase === 'waiting') open.push({ running, name });
    }
    for (const running of this.#running.values()) {
      for (const [name, id] of running.pausing) {
        if (id !== borderRouterId) continue;
        running.pausing.delete(name);
        if (running.session.state(name)?.phase === 'pausing') open.push({ running, name });
      }
    }
    const touched = new Map<RunningScan, { open: number; moved: number }>();
    for (const { name, running } of open) {
      const counts = touched.get(running) ?? { open: 0, moved: 0 };
      touched.set(running, counts);
      counts.open += 1;
      if (this.#move(running, name, borderRouterId, reason)) counts.moved += 1;
    }
    for (const [running, counts] of touched) {
      running.session.note(describeLoss(borderRouterId, reason, counts));
      this.#finishIfDecided(running);
    }
  }

  /**
   * Finds another way for a node whose border router is gone; decides it where there is none. True where it was moved.
   * A border router that is online again under the same id is another way, unless it flaps.
   */
  #move(running: RunningScan, name: NodeName, lostId: BorderRouterId, reason: string): boolean {
    const { links } = this.#options;
    const { session } = running;
    const node = session.node(name);
    const state = session.state(name);
    if (node === undefined || state === undefined || state.phase === 'decided') return false;
    const online = links.online();
    const returned = reason === 'replaced' && online.some(({ id, steady }) => id === lostId && steady);
    const next = returned
      ? lostId
      : this.#choiceAmong(running.only).choose(node, (id) => this.#queues.load(id), new Set([lostId]));
    if (next === null) {
      this.#apply(running, name, {
        type: 'ended',
        outcome: 'border_router_lost',
        error: `${lostId} was lost (${reason}) and no other border router serves ${node.ipv6}`,
        atMs: this.#nowMs(),
      });
      return false;
    }
    this.#requeue(running, name, next);
    return true;
  }

  /** A node whose deadline runs goes before those that have not been asked. */
  #requeue(running: RunningScan, name: NodeName, id: BorderRouterId): void {
    const { session } = running;
    const before = session.state(name);
    const asked = before?.startedMs !== null;
    if (before?.borderRouterId !== id) session.countFailover();
    session.apply(name, { type: 'requeued', borderRouterId: id });
    if (asked) this.#queues.pushFirst(id, { session, name });
    else this.#queues.push(id, { session, name });
  }

  // ------------------------------------------------------------------------------------------------ nodes' and scans' end

  #apply(running: RunningScan, name: NodeName, event: Parameters<ScanSession['apply']>[1]): void {
    const { facts } = this.#options;
    if (!running.session.apply(name, event)) return;
    if (running.session.state(name)?.phase !== 'decided') return;
    running.nodeTimers.get(name)?.();
    running.nodeTimers.delete(name);
    facts.emit('scan:node_decided', { scanId: running.session.id, node: running.session.scanNode(name) });
    running.progressDue ??= this.#options.clock.after(progressIntervalMs, () => {
      running.progressDue = null;
      facts.emit('scan:progress', { scan: running.session.summary(this.#nowMs()) });
    });
  }

  #finishIfDecided(running: RunningScan): void {
    if (running.session.undecided === 0) this.#finish(running, 'all_decided');
  }

  #finish(running: RunningScan, reason: FinishReason): void {
    const { facts, links } = this.#options;
    const { session } = running;
    if (session.finished) return;
    running.cancelHardStop();
    running.progressDue?.();
    for (const cancel of running.nodeTimers.values()) cancel();
    running.nodeTimers.clear();
    const decided = session.finish(reason, this.#nowMs());
    this.#running.delete(session.id);
    this.#queues.drop(session);
    for (const [requestId, borderRouterId] of running.requests) {
      links.giveUp(borderRouterId, requestId, reason === 'hard_stop' ? 'silent' : 'cancelled');
      this.#queues.release(requestId);
      this.#scanOfRequest.delete(requestId);
    }
    for (const name of decided)
      facts.emit('scan:node_decided', { scanId: session.id, node: session.scanNode(name) });
    facts.emit('scan:finished', { scan: session.scan(this.#nowMs()) });
  }
}
