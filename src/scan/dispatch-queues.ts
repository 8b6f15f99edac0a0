/**
 * Who is asked next: one queue per border router, served in turn so that a slow one delays no other, within the limits
 * of commands in flight per border router and in all. The limits hold across scans.
 *
 * A slot is held by a request id and given back by it, once, whatever happened to the request.
 */
import type { BorderRouterId, NodeName, RequestId } from '../protocol/ids.ts';
import type { ScanSession } from './scan-session.ts';

export interface QueuedNode {
  readonly session: ScanSession;
  readonly name: NodeName;
}

export interface DispatchLimits {
  /** Nodes in flight per border router. */
  readonly perBorderRouter: number;
  /** Nodes in flight in all. */
  readonly total: number;
}

interface Lane {
  readonly id: BorderRouterId;
  queue: QueuedNode[];
  readonly inFlight: Set<RequestId>;
  /** Its outbox is full: it gets no turn. */
  blocked: boolean;
}

export class DispatchQueues {
  readonly #limits: DispatchLimits;
  readonly #lanes = new Map<BorderRouterId, Lane>();
  readonly #laneOf = new Map<RequestId, Lane>();

  constructor(limits: DispatchLimits) {
    this.#limits = limits;
  }

  get inFlight(): number {
    return this.#laneOf.size;
  }

  /** Nodes queued for and in flight at a border router. */
  load(id: BorderRouterId): number {
    const lane = this.#lanes.get(id);
    return lane === undefined ? 0 : lane.queue.length + lane.inFlight.size;
  }

  push(id: BorderRouterId, queued: QueuedNode): void {
    this.#lane(id).queue.push(queued);
  }

  /** For a node whose deadline already runs: before those that have not been asked. */
  pushFirst(id: BorderRouterId, queued: QueuedNode): void {
    this.#lane(id).queue.unshift(queued);
  }

  /**
   * The next node to ask and its border router; null where no lane has both a node and room. Lanes take turns: the one
   * served goes to the end.
   */
  next(
    isOpen: (queued: QueuedNode) => boolean,
  ): { readonly id: BorderRouterId; readonly queued: QueuedNode } | null {
    if (this.#laneOf.size >= this.#limits.total) return null;
    for (const lane of this.#lanes.values()) {
      if (lane.blocked || lane.inFlight.size >= this.#limits.perBorderRouter) continue;
      const queued = takeOpen(lane.queue, isOpen);
      if (queued === null) {
        this.#dropIfIdle(lane);
        continue;
      }
      this.#lanes.delete(lane.id);
      this.#lanes.set(lane.id, lane);
      return { id: lane.id, queued };
    }
    return null;
  }

  hold(id: BorderRouterId, requestId: RequestId): void {
    const lane = this.#lane(id);
    lane.inFlight.add(requestId);
    this.#laneOf.set(requestId, lane);
  }

  release(requestId: RequestId): void {
    const lane = this.#laneOf.get(requestId);
    if (lane === undefined) return;
    this.#laneOf.delete(requestId);
    lane.inFlight.delete(requestId);
    this.#dropIfIdle(lane);
  }

  block(id: BorderRouterId): void {
    this.#lane(id).blocked = true;
  }

  /** Border routers whose outbox is full. */
  blocked(): Set<BorderRouterId> {
    return new Set([...this.#lanes.values()].filter((lane) => lane.blocked).map((lane) => lane.id));
  }

  unblock(id: BorderRouterId): void {
    const lane = this.#lanes.get(id);
    if (lane === undefined) return;
    lane.blocked = false;
    this.#dropIfIdle(lane);
  }

  /** Empties the queue of a border router that has gone and forgets that it was blocked; its slots are released one by one. */
  drain(id: BorderRouterId): QueuedNode[] {
    const lane = this.#lanes.get(id);
    if (lane === undefined) return [];
    lane.blocked = false;
    const queued = lane.queue.splice(0);
    this.#dropIfIdle(lane);
    return queued;
  }

  /** Forgets what a finished scan still had waiting, in lanes too that get no turn. */
  drop(session: ScanSession): void {
    for (const lane of [...this.#lanes.values()]) {
      const left = lane.queue.filter((queued) => queued.session !== session);
      if (left.length === lane.queue.length) continue;
      lane.queue = left;
      this.#dropIfIdle(lane);
    }
  }

  #lane(id: BorderRouterId): Lane {
    const known = this.#lanes.get(id);
    if (known !== undefined) return known;
    const lane: Lane = { id, queue: [], inFlight: new Set(), blocked: false };
    this.#lanes.set(id, lane);
    return lane;
  }

  #dropIfIdle(lane: Lane): void {
    if (
      lane.queue.length === 0 &&
      lane.inFlight.size === 0 &&
      !lane.blocked &&
      this.#lanes.get(lane.id) === lane
    ) {
      this.#lanes.delete(lane.id);
    }
  }
}

/** Nodes that were decided while they waited are skipped. */
function takeOpen(queue: QueuedNode[], isOpen: (queued: QueuedNode) => boolean): QueuedNode | null {
  for (let queued = queue.shift(); queued !== undefined; queued = queue.shift())
    if (isOpen(queued)) return queued;
  return null;
}
