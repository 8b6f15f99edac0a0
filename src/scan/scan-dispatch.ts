/**
 * Gets the nodes of running scans asked: sends commands within the limits, watches each node's deadline, asks again where a
 * border router said later, and finds another way where one is lost or full. What all that means for a node is decided by
 * `node-scan.ts`; when scans begin and end, and who hears of it, is the orchestrator's.
 *
 * Everything runs on events: a scan is added, a link reports, a timer fires. Nothing waits in a loop, so nothing can hold a
 * slot that it forgot.
 */
import type { Clock } from '../clock.ts';
import type { BorderRouterLinks, LinkEvent } from '../links/border-router-links.ts';
import {
  asRequestId,
  type BorderRouterId,
  type NodeName,
  type RequestId,
  type ScanId,
} from '../protocol/ids.ts';
import { BorderRouterChoice } from './border-router-choice.ts';
import { type DispatchLimits, DispatchQueues, type QueuedNode } from './dispatch-queues.ts';
import { describeLoss } from './loss-note.ts';
import type { RegisteredNode } from './registered-node.ts';
import type { ScanSession } from './scan-session.ts';

export interface ScanDispatchLimits extends DispatchLimits {
  /** From a node's dispatch to its `timed_out`. */
  readonly nodeTimeoutMs: number;
}

export interface ScanDispatchOptions {
  readonly links: Pick<
    BorderRouterLinks,
    'online' | 'meshReadingMs' | 'sendScanNode' | 'whenWritable' | 'giveUp' | 'subscribe'
  >;
  readonly limits: ScanDispatchLimits;
  readonly clock: Clock;
  /** Makes ids, unique and at most 63 bytes. */
  readonly newId: () => string;
  /** A node has its outcome, or another one. */
  readonly decided: (session: ScanSession, name: NodeName) => void;
  /** All that an event meant for a scan has been applied; it may be over. */
  readonly settled: (session: ScanSession) => void;
}

/** A busy border router that wants to be asked again at once would be asked without end. */
const minRetryMs = 50;
/** A border router that reads its whole mesh may take so many times as long as the last time, and so much more. */
const meshReadingSlack = 1.5;
const meshReadingSlackMs = 1_000;
/** No border router may hold a place longer, whatever it says of itself. */
const longestReadingMs = 60_000;

interface Dispatched {
  readonly session: ScanSession;
  readonly nodeTimers: Map<NodeName, () => void>;
  /** Every command sent for it, with the border router that got it. */
  readonly requests: Map<RequestId, BorderRouterId>;
  /** Nodes whose border router asked to be tried again later. */
  readonly pausing: Map<NodeName, BorderRouterId>;
  /** The only border routers that it may ask; null: any. */
  readonly only: readonly string[] | null;
}

export class ScanDispatch {
  readonly #options: ScanDispatchOptions;
  readonly #queues: DispatchQueues;
  readonly #scans = new Map<ScanId, Dispatched>();
  readonly #scanOfRequest = new Map<RequestId, Dispatched>();
  readonly #unsubscribe: () => void;
  /** Of the border routers online now; made when first needed after one has come or gone. */
  #choice: BorderRouterChoice | null = null;
  #pumping = false;

  constructor(options: ScanDispatchOptions) {
    this.#options = options;
    this.#queues = new DispatchQueues(options.limits);
    this.#unsubscribe = options.links.subscribe((event) => this.#linkEvent(event));
  }

  /** Each node with the border router to ask it through; null where none of those allowed serves it. */
  assign(
    nodes: readonly RegisteredNode[],
    only: readonly string[] | null,
  ): { readonly node: RegisteredNode; readonly borderRouterId: BorderRouterId | null }[] {
    const choice = this.#choiceAmong(only);
    const loads = new Map<BorderRouterId, number>();
    return nodes.map((node) => {
      const borderRouterId = choice.choose(node, (id) => this.#queues.load(id) + (loads.get(id) ?? 0));
      if (borderRouterId !== null) loads.set(borderRouterId, (loads.get(borderRouterId) ?? 0) + 1);
      return { node, borderRouterId };
    });
  }

  /** Takes over a session's nodes as they were assigned; those without a border router are decided at once. */
  add(session: ScanSession, only: readonly string[] | null): void {
    const scan: Dispatched = {
      session,
      nodeTimers: new Map(),
      requests: new Map(),
      pausing: new Map(),
      only,
    };
    this.#scans.set(session.id, scan);
    for (const name of session.names()) {
      const state = session.state(name);
      if (state?.phase !== 'waiting') continue;
      if (state.borderRouterId === null) this.#decideUnreachable(scan, name);
      else this.#queues.push(state.borderRouterId, { session, name });
    }
    this.#options.settled(session);
    this.pump();
  }

  /** Lets go of everything that is still out for a session. */
  remove(session: ScanSession, why: 'silent' | 'cancelled'): void {
    const scan = this.#scans.get(session.id);
    if (scan === undefined) return;
    this.#scans.delete(session.id);
    for (const cancel of scan.nodeTimers.values()) cancel();
    scan.nodeTimers.clear();
    this.#queues.drop(session);
    for (const [requestId, borderRouterId] of scan.requests) {
      this.#options.links.giveUp(borderRouterId, requestId, why);
      this.#queues.release(requestId);
      this.#scanOfRequest.delete(requestId);
    }
  }

  close(): void {
    this.#unsubscribe();
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

  #decideUnreachable(scan: Dispatched, name: NodeName): void {
    const node = scan.session.node(name);
    if (node === undefined) return;
    const error =
      node.borderRouterId === null
        ? `no online border router serves ${node.ipv6}`
        : `its border router ${node.borderRouterId} is not online`;
    this.#apply(scan, name, { type: 'ended', outcome: 'unreachable', error, atMs: this.#nowMs() });
  }

  #apply(scan: Dispatched, name: NodeName, event: Parameters<ScanSession['apply']>[1]): void {
    if (!scan.session.apply(name, event)) return;
    if (scan.session.state(name)?.phase !== 'decided') return;
    scan.nodeTimers.get(name)?.();
    scan.nodeTimers.delete(name);
    this.#options.decided(scan.session, name);
  }

  // ------------------------------------------------------------------------------------------------------- dispatch

  /** Sends what may be sent. */
  pump(): void {
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
    const { links, newId } = this.#options;
    const { name, session } = queued;
    const scan = this.#scans.get(session.id);
    const node = session.node(name);
    const state = session.state(name);
    if (scan === undefined || node === undefined || state === undefined) return;
    const nowMs = this.#nowMs();
    const requestId = asRequestId(newId());
    const nodeTimeoutMs = this.#nodeTimeoutMs(id);
    const remainingMs = (state.deadlineMs ?? nowMs + nodeTimeoutMs) - nowMs;
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
        this.#scanOfRequest.set(requestId, scan);
        scan.requests.set(requestId, id);
        session.apply(name, {
          type: 'dispatched',
          requestId,
          borderRouterId: id,
          atMs: nowMs,
          nodeTimeoutMs,
        });
        this.#armNodeTimer(scan, name, remainingMs);
        return;
      case 'full':
        // The node keeps its place; its deadline runs, so that backpressure never becomes a wait without end.
        this.#queues.pushFirst(id, queued);
        session.apply(name, { type: 'blocked', atMs: nowMs, nodeTimeoutMs });
        this.#armNodeTimer(scan, name, remainingMs);
        this.#block(id);
        void links.whenWritable(id).then(() => {
          this.#queues.unblock(id);
          this.pump();
        });
        return;
      case 'closed':
        // Known to be wrong now: two that have both gone must not be chosen in turn without end.
        this.#choice = null;
        this.#move(scan, name, id, 'it has disconnected');
        this.#options.settled(scan.session);
        return;
    }
  }

  /**
   * Each node by itself answers soon or not at all. One reading of a whole mesh answers for many, and takes its time: who waits
   * for it would otherwise be given up shortly before.
   */
  #nodeTimeoutMs(id: BorderRouterId): number {
    const { limits, links } = this.#options;
    const readingMs = links.meshReadingMs(id) ?? 0;
    const neededMs = Math.round(readingMs * meshReadingSlack + meshReadingSlackMs);
    return Math.max(limits.nodeTimeoutMs, Math.min(longestReadingMs, neededMs));
  }

  /** Gives a border router no turn, and the nodes that wait for it to others that serve them and have room. */
  #block(id: BorderRouterId): void {
    const waiting = this.#queues.drain(id);
    this.#queues.block(id);
    const full = this.#queues.blocked();
    for (const queued of waiting) {
      const scan = this.#scans.get(queued.session.id);
      const node = queued.session.node(queued.name);
      if (scan === undefined || node === undefined) continue;
      if (queued.session.state(queued.name)?.phase !== 'waiting') continue;
      const other = this.#choiceAmong(scan.only).choose(node, (one) => this.#queues.load(one), full);
      if (other === null) this.#queues.push(id, queued);
      else this.#requeue(scan, queued.name, other);
    }
  }

  #armNodeTimer(scan: Dispatched, name: NodeName, delayMs: number): void {
    scan.nodeTimers.get(name)?.();
    scan.nodeTimers.set(
      name,
      this.#options.clock.after(Math.max(0, delayMs), () => {
        scan.nodeTimers.delete(name);
        this.#expire(scan, name);
      }),
    );
  }

  #expire(scan: Dispatched, name: NodeName): void {
    const { limits, links } = this.#options;
    const state = scan.session.state(name);
    if (state === undefined || state.phase === 'decided') return;
    if (state.phase === 'in_flight') {
      links.giveUp(state.borderRouterId as BorderRouterId, state.requestId, 'silent');
      this.#queues.release(state.requestId);
    }
    const { deadlineMs, startedMs } = state;
    const waitedMs =
      startedMs === null || deadlineMs === null ? limits.nodeTimeoutMs : Math.round(deadlineMs - startedMs);
    const error =
      state.phase === 'in_flight'
        ? `no answer within ${waitedMs} ms`
        : state.phase === 'pausing'
          ? `${String(state.borderRouterId)} was too busy for ${waitedMs} ms`
          : `${String(state.borderRouterId)} had no room for it, in its outbox or its limit, for ${waitedMs} ms`;
    this.#apply(scan, name, { type: 'ended', outcome: 'timed_out', error, atMs: this.#nowMs() });
    this.#options.settled(scan.session);
    this.pump();
  }

  // -------------------------------------------------------------------------------------------------- links' reports

  #linkEvent(event: LinkEvent): void {
    if (event.type === 'answer') this.#answer(event);
    else this.#choice = null;
    if (event.type === 'lost') this.#lost(event);
    this.pump();
  }

  #answer(event: Extract<LinkEvent, { type: 'answer' }>): void {
    const { answer, borderRouterId, requestId } = event;
    const scan = this.#scanOfRequest.get(requestId);
    this.#queues.release(requestId);
    if (scan === undefined) return;
    const { session } = scan;
    const name = session.nodeOfRequest(requestId);
    if (name === null) return;
    const atMs = this.#nowMs();
    if (answer.ok) this.#apply(scan, name, { type: 'answered', networkInfo: answer.networkInfo, atMs });
    else if (answer.retryAfterMs !== null)
      this.#postpone(scan, name, {
        borderRouterId,
        requestId,
        ...answer,
        retryAfterMs: answer.retryAfterMs,
      });
    else
      this.#apply(scan, name, {
        type: 'failed',
        requestId,
        outcome: answer.outcome,
        error: answer.error,
        atMs,
      });
    this.#options.settled(scan.session);
  }

  /** The border router is too busy: another one, or the same one later, or an end where the deadline comes first. */
  #postpone(
    scan: Dispatched,
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
    const { session } = scan;
    const nowMs = this.#nowMs();
    const node = session.node(name);
    const state = session.state(name);
    if (node === undefined || state?.phase !== 'in_flight' || state.requestId !== requestId) return;
    const other = this.#choiceAmong(scan.only).choose(
      node,
      (id) => this.#queues.load(id),
      new Set([borderRouterId]),
    );
    // One detour only: two full border routers must not toss a node to and fro.
    if (other !== null && state.attempts === 1) {
      this.#requeue(scan, name, other);
      return;
    }
    if (nowMs + retryAfterMs >= (state.deadlineMs ?? nowMs)) {
      session.countRateLimited(nowMs + retryAfterMs - session.startedMs);
      session.note(
        `${borderRouterId} was too busy (${error}); a longer node timeout or a slower scan would have asked all nodes`,
      );
      this.#apply(scan, name, { type: 'failed', requestId, outcome: 'refused', error, atMs: nowMs });
      return;
    }
    session.apply(name, { type: 'told_to_wait', requestId, untilMs: nowMs + retryAfterMs });
    scan.pausing.set(name, borderRouterId);
    const cancelRetry = clock.after(retryAfterMs, () => {
      scan.pausing.delete(name);
      if (session.finished || session.state(name)?.phase !== 'pausing') return;
      session.apply(name, { type: 'requeued', borderRouterId });
      if (links.online().some(({ id }) => id === borderRouterId))
        this.#queues.pushFirst(borderRouterId, { session, name });
      else this.#move(scan, name, borderRouterId, 'it has disconnected');
      this.#options.settled(scan.session);
      this.pump();
    });
    const cancelDeadline = scan.nodeTimers.get(name);
    scan.nodeTimers.set(name, () => {
      cancelRetry();
      cancelDeadline?.();
    });
  }

  #lost(event: Extract<LinkEvent, { type: 'lost' }>): void {
    const { borderRouterId, reason, requestIds } = event;
    const open: { scan: Dispatched; name: NodeName }[] = [];
    for (const requestId of requestIds) {
      const scan = this.#scanOfRequest.get(requestId);
      this.#queues.release(requestId);
      const name = scan?.session.nodeOfRequest(requestId) ?? null;
      if (scan === undefined || name === null) continue;
      const state = scan.session.state(name);
      if (state?.phase === 'in_flight' && state.requestId === requestId) open.push({ scan, name });
    }
    for (const { name, session } of this.#queues.drain(borderRouterId)) {
      const scan = this.#scans.get(session.id);
      if (scan !== undefined && session.state(name)?.phase === 'waiting') open.push({ scan, name });
    }
    for (const scan of this.#scans.values()) {
      for (const [name, id] of scan.pausing) {
        if (id !== borderRouterId) continue;
        scan.pausing.delete(name);
        if (scan.session.state(name)?.phase === 'pausing') open.push({ scan, name });
      }
    }
    const touched = new Map<Dispatched, { open: number; moved: number }>();
    for (const { name, scan } of open) {
      const counts = touched.get(scan) ?? { open: 0, moved: 0 };
      touched.set(scan, counts);
      counts.open += 1;
      if (this.#move(scan, name, borderRouterId, reason)) counts.moved += 1;
    }
    for (const [scan, counts] of touched) {
      scan.session.note(describeLoss(borderRouterId, reason, counts));
      this.#options.settled(scan.session);
    }
  }

  /**
   * Finds another way for a node whose border router is gone; decides it where there is none. True where it was moved.
   * A border router that is online again under the same id is another way, unless it flaps.
   */
  #move(scan: Dispatched, name: NodeName, lostId: BorderRouterId, reason: string): boolean {
    const { links } = this.#options;
    const { session } = scan;
    const node = session.node(name);
    const state = session.state(name);
    if (node === undefined || state === undefined || state.phase === 'decided') return false;
    const online = links.online();
    const returned = reason === 'replaced' && online.some(({ id, steady }) => id === lostId && steady);
    const next = returned
      ? lostId
      : this.#choiceAmong(scan.only).choose(node, (id) => this.#queues.load(id), new Set([lostId]));
    if (next === null) {
      this.#apply(scan, name, {
        type: 'ended',
        outcome: 'border_router_lost',
        error: `${lostId} was lost (${reason}) and no other border router serves ${node.ipv6}`,
        atMs: this.#nowMs(),
      });
      return false;
    }
    this.#requeue(scan, name, next);
    return true;
  }

  /** A node whose deadline runs goes before those that have not been asked. */
  #requeue(scan: Dispatched, name: NodeName, id: BorderRouterId): void {
    const { session } = scan;
    const before = session.state(name);
    const asked = before?.startedMs !== null;
    if (before?.borderRouterId !== id) session.countFailover();
    session.apply(name, { type: 'requeued', borderRouterId: id });
    if (asked) this.#queues.pushFirst(id, { session, name });
    else this.#queues.push(id, { session, name });
  }
}
