/**
 * Runs scans: begins them, lets triggers join them, ends every one by its deadline, and tells the rest of the hub. How
 * nodes are asked is in `scan-dispatch.ts`, what became of one in `node-scan.ts`, what a scan looks like in
 * `scan-session.ts`.
 */
import type { Clock } from '../clock.ts';
import { ScanError } from '../errors.ts';
import type { FactEmitter } from '../facts.ts';
import { asScanId, type NodeName, type ScanId } from '../protocol/ids.ts';
import type { Scan, ScanFilter, ScanTrigger, TriggeredScan } from '../protocol/scan.ts';
import type { RegisteredNode } from './registered-node.ts';
import { ScanDispatch, type ScanDispatchLimits, type ScanDispatchOptions } from './scan-dispatch.ts';
import { nodesToScan } from './scan-filter.ts';
import { type FinishReason, ScanSession } from './scan-session.ts';

export interface ScanLimits extends ScanDispatchLimits {
  /** Hard stop of a whole scan. */
  readonly scanTimeoutMs: number;
}

export interface ScanOrchestratorOptions {
  readonly links: ScanDispatchOptions['links'];
  readonly nodes: { list(): readonly RegisteredNode[] };
  readonly limits: ScanLimits;
  readonly clock: Clock;
  /** Makes ids, unique and at most 63 bytes. */
  readonly newId: () => string;
  readonly facts: FactEmitter;
}

/** Progress facts are at least so far apart. */
const progressIntervalMs = 100;

interface RunningScan {
  readonly session: ScanSession;
  readonly cancelHardStop: () => void;
  progressDue: (() => void) | null;
}

export class ScanOrchestrator {
  readonly #options: ScanOrchestratorOptions;
  readonly #dispatch: ScanDispatch;
  readonly #running = new Map<ScanId, RunningScan>();
  #stopping = false;

  constructor(options: ScanOrchestratorOptions) {
    const { clock, limits, links, newId } = options;
    this.#options = options;
    this.#dispatch = new ScanDispatch({
      links,
      limits,
      clock,
      newId,
      decided: (session, name) => this.#decided(session, name),
      settled: (session) => {
        if (session.undecided === 0) this.#finish(session, 'all_decided');
      },
    });
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
    this.#finish(running.session, 'cancelled');
    this.#dispatch.pump();
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
    this.#dispatch.close();
    for (const { session } of [...this.#running.values()]) this.#finish(session, 'hub_stopping');
  }

  #nowMs(): number {
    return this.#options.clock.monotonicMs();
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
    const session = new ScanSession({
      id: asScanId(newId()),
      trigger,
      nodes: this.#dispatch.assign(nodes, only),
      startedAtMs: clock.nowMs(),
      startedMs: clock.monotonicMs(),
    });
    const cancelHardStop = clock.after(limits.scanTimeoutMs, () => {
      this.#finish(session, 'hard_stop');
      this.#dispatch.pump();
    });
    this.#running.set(session.id, { session, cancelHardStop, progressDue: null });
    const triggered = {
      scanId: session.id,
      joined: false,
      nodes: nodes.length,
      borderRouters: session.borderRouterCount,
    };
    facts.emit('scan:started', { scan: session.summary(this.#nowMs()) });
    // Whoever heard of it may have cancelled it.
    if (!session.finished) this.#dispatch.add(session, only);
    return triggered;
  }

  #decided(session: ScanSession, name: NodeName): void {
    this.#tellDecided(session, name);
    const running = this.#running.get(session.id);
    if (running === undefined) return;
    const { clock, facts } = this.#options;
    running.progressDue ??= clock.after(progressIntervalMs, () => {
      running.progressDue = null;
      facts.emit('scan:progress', { scan: session.summary(this.#nowMs()) });
    });
  }

  #tellDecided(session: ScanSession, name: NodeName): void {
    const state = session.state(name);
    this.#options.facts.emit('scan:node_decided', {
      scanId: session.id,
      node: session.scanNode(name),
      networkInfo: state?.phase === 'decided' ? state.networkInfo : null,
    });
  }

  #finish(session: ScanSession, reason: FinishReason): void {
    const { facts } = this.#options;
    const running = this.#running.get(session.id);
    if (running === undefined) return;
    this.#running.delete(session.id);
    running.cancelHardStop();
    running.progressDue?.();
    const decided = session.finish(reason, this.#nowMs());
    this.#dispatch.remove(session, reason === 'hard_stop' ? 'silent' : 'cancelled');
    for (const name of decided) this.#tellDecided(session, name);
    facts.emit('scan:finished', { scan: session.scan(this.#nowMs()) });
  }
}
