/**
 * What browsers are told, and how a slow one is kept from growing this process: Socket.IO's own buffer has no bound.
 *
 * Two kinds of events:
 *   newest   topology, progress of a scan, state of a border router: only the newest counts. A browser gets the next one
 *            when it has taken the one before, so at most one is on its way and none wait; values in between are skipped.
 *   ordered  a scan began, a node was decided, a scan ended, an alert changed, a line was logged: each counts. While a
 *            browser is behind, node results and log lines are left out and counted, and a `gap` says how many before the
 *            next event that it gets.
 *
 * A browser is behind once it has taken nothing of what waits for a second, or has too many events waiting. After 30 s of
 * taking nothing it is disconnected; it comes back by itself and loads the page's state anew.
 *
 * Each event is handed over once for all the browsers that get it, so that it is serialised once.
 */
import type { Clock } from '../../clock.ts';
import type { FactSource } from '../../facts.ts';
import type { BorderRouter } from '../../protocol/border-router.ts';
import type { BorderRouterId } from '../../protocol/ids.ts';
import type { ScanNode, ScanSummary } from '../../protocol/scan.ts';
import type { Topology } from '../../protocol/topology.ts';
import { toWireJson } from '../../protocol/wire.ts';
import { topologyJson } from '../topology-json.ts';

/** One browser as its socket shows it. */
export interface BrowserSocket {
  readonly id: string;
  /** Everything sent to it has left this process. */
  isDrained(): boolean;
  /** Grows whenever something sent to it has left this process. */
  taken(): number;
  /** Events that wait in its buffer. */
  waiting(): number;
  disconnect(): void;
}

export interface BrowserFeedOptions {
  readonly facts: FactSource;
  readonly borderRouters: { get(id: BorderRouterId): BorderRouter | null };
  readonly clock: Clock;
  /** Each log record as one line of JSON; absent where the hub keeps none. */
  readonly logs?: { subscribe(listener: (line: string) => void): () => void };
  /** Sends one event, its payload as JSON, to these browsers. */
  readonly send: (socketIds: readonly string[], event: string, json: string) => void;
  /** Called with the number of events that a slow browser did not get. */
  readonly onDropped?: (events: number) => void;
}

/** A browser that has taken nothing for so long counts as behind. */
const behindAfterMs = 1_000;
/**
 * Events in a browser's buffer from which on it counts as behind. All nodes of a large mesh can be decided at the same
 * moment, which a healthy browser must survive; the events in the buffers of all browsers are the same ones.
 */
const behindAtEvents = 10_000;
const stuckAfterMs = 30_000;
/** Progress at most ten times a second; also how soon a browser that has caught up gets the newest. */
const pumpIntervalMs = 100;
const borderRouterIntervalMs = 1_000;

interface Browser {
  readonly socket: BrowserSocket;
  /** Since when it has taken nothing of what waits, monotonic; null while nothing waits. */
  stalledSinceMs: number | null;
  /** What `taken` was then. */
  taken: number;
  /** Node results that it did not get since it fell behind. */
  dropped: number;
  /** Keys of newest values that it has yet to get. */
  readonly due: Set<string>;
}

interface Newest {
  readonly event: string;
  /** Its JSON, made when somebody can take it, once for all who can. */
  readonly payload: () => string;
  /** Not before this time, monotonic. */
  readonly notBeforeMs: number;
}

export class BrowserFeed {
  readonly #options: BrowserFeedOptions;
  readonly #browsers = new Map<string, Browser>();
  /** By key: `topology`, `progress:SCAN`, `border_router:ID`. Kept only while a browser has yet to get it. */
  readonly #newest = new Map<string, Newest>();
  /** When each border router was last told of, monotonic. */
  readonly #borderRouterSentMs = new Map<string, number>();
  readonly #unsubscribe: (() => void)[];
  #cancelPump: (() => void) | null = null;

  constructor(options: BrowserFeedOptions) {
    this.#options = options;
    const { facts } = options;
    this.#unsubscribe = [
      facts.on('scan:started', ({ scan }) => this.#ordered('scan_started', () => summaryEvent(scan))),
      facts.on('scan:node_decided', ({ node, scanId }) =>
        this.#ordered('scan_node_result', () => nodeResultEvent(scanId, node), { mayDrop: true }),
      ),
      facts.on('scan:progress', ({ scan }) => this.#progress(scan)),
      facts.on('scan:finished', ({ scan }) => {
        this.#forget(`progress:${scan.id}`);
        this.#flushTopology();
        this.#ordered('scan_completed', () => summaryEvent(scan));
      }),
      facts.on('topology:updated', ({ topology }) => this.#topology(topology)),
      facts.on('alert:changed', ({ alert }) => this.#ordered('alert', () => toWireJson(alert))),
      facts.on('border_router:connected', ({ id }) => this.#borderRouter(id)),
      facts.on('border_router:disconnected', ({ id }) => this.#borderRouter(id)),
      facts.on('border_router:heartbeat', ({ id }) => this.#borderRouter(id)),
      facts.on('border_router:flapping', ({ id }) => this.#borderRouter(id)),
      options.logs?.subscribe((line) => this.#ordered('log', () => line.trimEnd(), { mayDrop: true })) ??
        (() => undefined),
    ];
  }

  get size(): number {
    return this.#browsers.size;
  }

  add(socket: BrowserSocket): void {
    this.#browsers.set(socket.id, { socket, stalledSinceMs: null, taken: 0, dropped: 0, due: new Set() });
  }

  remove(socketId: string): void {
    this.#browsers.delete(socketId);
    if (this.#browsers.size === 0) this.#newest.clear();
  }

  close(): void {
    for (const stop of this.#unsubscribe) stop();
    this.#cancelPump?.();
    this.#cancelPump = null;
    this.#browsers.clear();
    this.#newest.clear();
  }

  #topology(topology: Topology): void {
    this.#replaceNewest('topology', {
      event: 'topology_update',
      payload: () => topologyJson(topology),
      notBeforeMs: 0,
    });
    this.#pump();
  }

  #progress(scan: ScanSummary): void {
    const { expected, id, outcomes, undecided } = scan;
    this.#replaceNewest(`progress:${id}`, {
      event: 'scan_progress',
      payload: () => toWireJson({ scanId: id, expected, undecided, outcomes }),
      notBeforeMs: 0,
    });
    this.#schedulePump();
  }

  #borderRouter(id: BorderRouterId): void {
    const key = `border_router:${id}`;
    const sentMs = this.#borderRouterSentMs.get(key);
    this.#replaceNewest(key, {
      event: 'border_router_update',
      payload: () => toWireJson(this.#options.borderRouters.get(id)),
      notBeforeMs: sentMs === undefined ? 0 : sentMs + borderRouterIntervalMs,
    });
    this.#schedulePump();
  }

  /** The last map of a scan comes before its end, also where a browser is still taking what came before. */
  #flushTopology(): void {
    const newest = this.#newest.get('topology');
    if (newest === undefined) return;
    const receivers = [...this.#browsers.values()].filter(
      (browser) => !this.#isBehind(browser) && browser.due.delete('topology'),
    );
    this.#send(
      receivers.map(({ socket }) => socket.id),
      newest.event,
      newest.payload,
    );
    if (!this.#anyDue('topology')) this.#newest.delete('topology');
  }

  #replaceNewest(key: string, newest: Newest): void {
    if (this.#browsers.size === 0) return;
    this.#newest.set(key, newest);
    for (const { due } of this.#browsers.values()) due.add(key);
  }

  #forget(key: string): void {
    this.#newest.delete(key);
    for (const { due } of this.#browsers.values()) due.delete(key);
  }

  #ordered(event: string, makePayload: () => string, { mayDrop = false } = {}): void {
    const receivers: string[] = [];
    for (const browser of this.#browsers.values()) {
      this.#look(browser);
      if (mayDrop && this.#isBehind(browser)) {
        browser.dropped += 1;
        this.#options.onDropped?.(1);
        this.#schedulePump();
        continue;
      }
      this.#tellGap(browser);
      receivers.push(browser.socket.id);
    }
    this.#send(receivers, event, makePayload);
  }

  #tellGap(browser: Browser): void {
    if (browser.dropped === 0) return;
    const { dropped } = browser;
    browser.dropped = 0;
    this.#send([browser.socket.id], 'gap', () => toWireJson({ dropped, reason: 'slow_consumer' }));
  }

  /** Hands newest values to the browsers that can take one, and ends the browsers that take nothing. */
  #pump(): void {
    const nowMs = this.#options.clock.monotonicMs();
    const ready: Browser[] = [];
    this.#forgetSent(nowMs);
    for (const browser of [...this.#browsers.values()]) {
      this.#look(browser);
      if (browser.stalledSinceMs === null) ready.push(browser);
      else if (nowMs - browser.stalledSinceMs >= stuckAfterMs) {
        this.remove(browser.socket.id);
        browser.socket.disconnect();
      }
    }
    for (const browser of ready) this.#tellGap(browser);
    for (const [key, newest] of [...this.#newest]) {
      if (newest.notBeforeMs > nowMs) continue;
      const receivers = ready.filter(({ due }) => due.delete(key));
      this.#send(
        receivers.map(({ socket }) => socket.id),
        newest.event,
        newest.payload,
      );
      if (receivers.length > 0 && newest.event === 'border_router_update')
        this.#borderRouterSentMs.set(key, nowMs);
      if (!this.#anyDue(key)) this.#newest.delete(key);
    }
    if (this.#hasWork()) this.#schedulePump();
  }

  /** What was sent long enough ago holds nothing back. */
  #forgetSent(nowMs: number): void {
    for (const [key, sentMs] of this.#borderRouterSentMs)
      if (nowMs - sentMs >= borderRouterIntervalMs) this.#borderRouterSentMs.delete(key);
  }

  #anyDue(key: string): boolean {
    for (const { due } of this.#browsers.values()) if (due.has(key)) return true;
    return false;
  }

  #hasWork(): boolean {
    if (this.#newest.size > 0) return true;
    for (const { dropped, stalledSinceMs } of this.#browsers.values())
      if (dropped > 0 || stalledSinceMs !== null) return true;
    return false;
  }

  #schedulePump(): void {
    this.#cancelPump ??= this.#options.clock.after(pumpIntervalMs, () => {
      this.#cancelPump = null;
      this.#pump();
    });
  }

  /**
   * Notes whether the browser takes what it is sent. While a scan goes on something is always on its way, so that an empty
   * buffer is no sign of a healthy browser: that it took something is.
   */
  #look(browser: Browser): void {
    const taken = browser.socket.taken();
    if (browser.socket.isDrained()) browser.stalledSinceMs = null;
    else if (browser.stalledSinceMs === null || taken !== browser.taken)
      browser.stalledSinceMs = this.#options.clock.monotonicMs();
    browser.taken = taken;
  }

  #isBehind({ socket, stalledSinceMs }: Browser): boolean {
    if (stalledSinceMs === null) return false;
    const forMs = this.#options.clock.monotonicMs() - stalledSinceMs;
    return forMs >= behindAfterMs || socket.waiting() >= behindAtEvents;
  }

  #send(socketIds: readonly string[], event: string, makePayload: () => string): void {
    if (socketIds.length === 0) return;
    this.#options.send(socketIds, event, makePayload());
    this.#schedulePump();
  }
}

function nodeResultEvent(scanId: string, node: ScanNode): string {
  return toWireJson({ ...node, scanId, nodeName: node.name, success: node.outcome === 'answered' });
}

/** Of a scan, without its nodes: each was told of when it was decided. */
function summaryEvent(scan: ScanSummary & { readonly nodes?: unknown }): string {
  return toWireJson({ ...scan, nodes: undefined, scanId: scan.id });
}
