/**
 * One scan: its nodes and what has become of each. No I/O and no timers: the orchestrator feeds it events and asks what
 * it looks like. Every node starts `waiting` and ends `decided`; `finish` decides what is still open, so that a finished
 * session has exactly one outcome per node.
 *
 *   running → completed   every node was decided by its own answer, failure or deadline
 *   running → partial     the hard stop decided some
 *   running → failed      no node answered
 *   running → cancelled   by a person, or because the hub stops
 */
import type { BorderRouterId, NodeName, RequestId, ScanId } from '../protocol/ids.ts';
import { countOutcomes, type Outcome, type OutcomeCounts } from '../protocol/outcome.ts';
import type { Scan, ScanNode, ScanState, ScanSummary, ScanTrigger } from '../protocol/scan.ts';
import { type NodeScan, type NodeScanEvent, nextNodeScan, waitingFor } from './node-scan.ts';
import type { RegisteredNode } from './registered-node.ts';

export interface ScanSessionOptions {
  readonly id: ScanId;
  readonly trigger: ScanTrigger;
  /** Each node with the border router that will be asked; null: none serves it. */
  readonly nodes: readonly {
    readonly node: RegisteredNode;
    readonly borderRouterId: BorderRouterId | null;
  }[];
  /** Unix ms and, for the same moment, monotonic ms. */
  readonly startedAtMs: number;
  readonly startedMs: number;
}

export type FinishReason = 'all_decided' | 'hard_stop' | 'cancelled' | 'hub_stopping';

const slowestShown = 5;
/** Notes beyond this many say nothing new. */
const maxNotes = 50;

export class ScanSession {
  readonly id: ScanId;
  readonly #options: ScanSessionOptions;
  readonly #nodes = new Map<NodeName, RegisteredNode>();
  readonly #states = new Map<NodeName, NodeScan>();
  readonly #nodeOfRequest = new Map<RequestId, NodeName>();
  readonly #borderRouters = new Set<BorderRouterId>();
  readonly #notes: string[] = [];
  readonly #counts: OutcomeCounts = countOutcomes([]);
  #undecided: number;
  #late = 0;
  #failovers = 0;
  #rateLimited: { nodes: number; neededMs: number } | null = null;
  #finished: { readonly state: Exclude<ScanState, 'running'>; readonly atMs: number } | null = null;

  constructor(options: ScanSessionOptions) {
    this.id = options.id;
    this.#options = options;
    for (const { borderRouterId, node } of options.nodes) {
      this.#nodes.set(node.name, node);
      this.#states.set(node.name, waitingFor(borderRouterId));
      if (borderRouterId !== null) this.#borderRouters.add(borderRouterId);
    }
    this.#undecided = this.#states.size;
  }

  get startedMs(): number {
    return this.#options.startedMs;
  }

  get expected(): number {
    return this.#states.size;
  }

  get undecided(): number {
    return this.#undecided;
  }

  get finished(): boolean {
    return this.#finished !== null;
  }

  get borderRouterCount(): number {
    return this.#borderRouters.size;
  }

  names(): NodeName[] {
    return [...this.#states.keys()];
  }

  node(name: NodeName): RegisteredNode | undefined {
    return this.#nodes.get(name);
  }

  state(name: NodeName): NodeScan | undefined {
    return this.#states.get(name);
  }

  nodeOfRequest(requestId: RequestId): NodeName | null {
    return this.#nodeOfRequest.get(requestId) ?? null;
  }

  /**
   * Whether a trigger for these nodes may join: each is in here, under the same address, and undecided, or was decided at
   * or after `freshSinceMs`. Where `borderRouters` is given, only one of those may be the one that is asked.
   */
  covers(
    nodes: readonly RegisteredNode[],
    borderRouters: readonly string[] | null,
    freshSinceMs: number,
  ): boolean {
    return nodes.every((node) => {
      const state = this.#states.get(node.name);
      if (state === undefined || this.#nodes.get(node.name)?.ipv6 !== node.ipv6) return false;
      if (
        borderRouters !== null &&
        (state.borderRouterId === null || !borderRouters.includes(state.borderRouterId))
      ) {
        return false;
      }
      return state.phase !== 'decided' || state.decidedMs >= freshSinceMs;
    });
  }

  /** Applies an event to one node. True where it changed anything; a finished session changes no more. */
  apply(name: NodeName, event: NodeScanEvent): boolean {
    const before = this.#states.get(name);
    if (before === undefined || this.#finished !== null) return false;
    const after = nextNodeScan(before, event);
    if (after === before) return false;
    this.#states.set(name, after);
    if (event.type === 'dispatched') this.#nodeOfRequest.set(event.requestId, name);
    if (after.borderRouterId !== null) this.#borderRouters.add(after.borderRouterId);
    this.#count(before, after);
    return true;
  }

  countFailover(): void {
    this.#failovers += 1;
  }

  /** A border router was too busy until after the node's deadline. */
  countRateLimited(neededMs: number, nodes = 1): void {
    this.#rateLimited = {
      nodes: (this.#rateLimited?.nodes ?? 0) + nodes,
      neededMs: Math.max(this.#rateLimited?.neededMs ?? 0, Math.ceil(neededMs)),
    };
  }

  note(sentence: string): void {
    if (this.#notes.length < maxNotes && !this.#notes.includes(sentence)) this.#notes.push(sentence);
  }

  /** Decides what is open and ends the session. Returns the names that this decided. */
  finish(reason: FinishReason, nowMs: number): NodeName[] {
    if (this.#finished !== null) return [];
    const open = this.names().filter((name) => this.#states.get(name)?.phase !== 'decided');
    if (reason === 'hard_stop') this.#explainHardStop(nowMs);
    const { error, outcome } = endings[reason];
    for (const name of open) this.apply(name, { type: 'ended', outcome, error, atMs: nowMs });
    this.#finished = { state: this.#finalState(reason, open.length), atMs: nowMs };
    return open;
  }

  summary(nowMs: number): ScanSummary {
    const { startedAtMs, startedMs, trigger } = this.#options;
    const endedMs = this.#finished?.atMs ?? nowMs;
    return {
      id: this.id,
      state: this.#finished?.state ?? 'running',
      trigger,
      startedAt: startedAtMs,
      finishedAt: this.#finished === null ? null : Math.round(startedAtMs + endedMs - startedMs),
      durationMs: Math.round(endedMs - startedMs),
      expected: this.expected,
      undecided: this.#undecided,
      outcomes: { ...this.#counts },
      late: this.#late,
      failovers: this.#failovers,
      borderRouters: [...this.#borderRouters].sort(),
      slowest: this.#finished === null ? [] : this.#slowest(),
      notes: [...this.#notes],
      rateLimited: this.#rateLimited === null ? null : { ...this.#rateLimited },
    };
  }

  scan(nowMs: number): Scan {
    return { ...this.summary(nowMs), nodes: this.names().map((name) => this.scanNode(name)) };
  }

  scanNode(name: NodeName): ScanNode {
    const node = this.#nodes.get(name);
    const state = this.#states.get(name);
    if (node === undefined || state === undefined) throw new RangeError(`no node ${name} in scan ${this.id}`);
    const common = {
      name: node.name,
      ipv6: node.ipv6,
      extAddr: node.extAddress,
      brId: state.borderRouterId,
      attempts: state.attempts,
    };
    if (state.phase !== 'decided') {
      return {
        ...common,
        outcome: null,
        late: false,
        durationMs: null,
        decidedAt: null,
        error: null,
        networkInfo: null,
      };
    }
    const { startedAtMs, startedMs } = this.#options;
    return {
      ...common,
      extAddr: state.networkInfo?.extAddress ?? node.extAddress,
      outcome: state.outcome,
      late: state.late,
      durationMs: durationOf(state),
      decidedAt: Math.round(startedAtMs + state.decidedMs - startedMs),
      error: state.error,
      networkInfo: state.networkInfo?.raw ?? null,
    };
  }

  #count(before: NodeScan, after: NodeScan): void {
    if (before.phase === 'decided') this.#counts[before.outcome] -= 1;
    else if (after.phase === 'decided') this.#undecided -= 1;
    if (after.phase !== 'decided') return;
    this.#counts[after.outcome] += 1;
    if (after.late) this.#late += 1;
  }

  #finalState(reason: FinishReason, open: number): Exclude<ScanState, 'running'> {
    if (reason === 'cancelled' || reason === 'hub_stopping') return 'cancelled';
    if (this.#counts.answered === 0 && this.expected > 0) return 'failed';
    return open > 0 ? 'partial' : 'completed';
  }

  /** Nodes that never got their turn: the limits, not the nodes, were too slow. */
  #explainHardStop(nowMs: number): void {
    let unasked = 0;
    for (const state of this.#states.values())
      if (state.phase === 'waiting' && state.attempts === 0) unasked += 1;
    if (unasked === 0) return;
    const elapsedMs = nowMs - this.#options.startedMs;
    const asked = Math.max(1, this.expected - unasked);
    const neededMs = (elapsedMs * this.expected) / asked;
    this.countRateLimited(neededMs, unasked);
    this.note(
      `${unasked} of ${this.expected} nodes were not asked: the border routers' limits allow ${asked} nodes in ` +
        `${Math.round(elapsedMs / 1_000)} s; the whole scan would have needed about ${Math.ceil(neededMs / 1_000)} s`,
    );
  }

  #slowest(): { name: string; durationMs: number }[] {
    return [...this.#states]
      .map(([name, state]) => ({ name, durationMs: state.phase === 'decided' ? durationOf(state) : null }))
      .filter((entry): entry is { name: NodeName; durationMs: number } => entry.durationMs !== null)
      .sort((a, b) => b.durationMs - a.durationMs)
      .slice(0, slowestShown);
  }
}

const endings: Readonly<Record<FinishReason, { readonly outcome: Outcome; readonly error: string }>> = {
  all_decided: { outcome: 'timed_out', error: 'the scan ended' },
  hard_stop: { outcome: 'timed_out', error: "the scan's time was up" },
  cancelled: { outcome: 'cancelled', error: 'the scan was cancelled' },
  hub_stopping: { outcome: 'cancelled', error: 'the hub stopped' },
};

function durationOf(state: Extract<NodeScan, { phase: 'decided' }>): number | null {
  return state.startedMs === null ? null : Math.round((state.decidedMs - state.startedMs) * 10) / 10;
}
