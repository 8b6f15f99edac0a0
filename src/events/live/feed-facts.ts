/**
 * Puts what happens beside sensor events on the live feed: scans, the topology, border routers, alerts. Events come from
 * the workers, with their batches.
 *
 * The feed keeps what was appended for minutes, and most of it is never read: messages become their wire form when somebody
 * reads them. A border router is then shown as it is at that moment, not older than when it changed.
 */
import type { Clock } from '../../clock.ts';
import type { FactSource } from '../../facts.ts';
import type { AlertWire } from '../../protocol/alert.ts';
import {
  type BorderRouter,
  borderRouterSchema,
  type BorderRouterWire,
} from '../../protocol/border-router.ts';
import type { BorderRouterId } from '../../protocol/ids.ts';
import type { LiveMessage } from '../../protocol/live.ts';
import type { Scan, ScanNode, ScanNodeWire, ScanSummary, ScanSummaryWire } from '../../protocol/scan.ts';
import { toWire } from '../../protocol/wire.ts';
import type { LiveFeed } from './live-feed.ts';

export interface FeedFactsOptions {
  readonly facts: FactSource;
  readonly feed: Pick<LiveFeed, 'append'>;
  readonly borderRouters: { get(id: BorderRouterId): BorderRouter | null };
  readonly clock: Pick<Clock, 'monotonicMs' | 'after'>;
  /** Whether anybody reads the feed now: heartbeats and progress are for nobody else. */
  readonly isWatched: () => boolean;
}

/** Progress of a scan, at most so often. */
const progressIntervalMs = 250;
/** Heartbeats wait so long and are told together … */
const heartbeatIntervalMs = 1_000;
/** … of so many border routers at most: ten thousand of them take their turns. */
const heartbeatsAtOnce = 50;

/** Returns the function that ends it. */
export function feedFacts(options: FeedFactsOptions): () => void {
  const { borderRouters, clock, facts, feed, isWatched } = options;
  const heartbeats = new Set<BorderRouterId>();
  const progressMs = new Map<string, number>();
  let cancelHeartbeats: (() => void) | null = null;

  const tell = (message: LiveMessage): void => feed.append([message]);
  const borderRouterChanged = (id: BorderRouterId): void => {
    heartbeats.delete(id);
    tell(borderRouterMessage(id));
  };

  /** Holds the id alone: after a restart thousands connect within the time that the feed keeps. */
  function borderRouterMessage(id: BorderRouterId): LiveMessage {
    return {
      type: 'border_router',
      get border_router() {
        const borderRouter = borderRouters.get(id);
        return borderRouter === null ? forgotten(id) : (toWire(borderRouter) as BorderRouterWire);
      },
    };
  }

  function tellHeartbeats(): void {
    cancelHeartbeats = null;
    const ids = [...heartbeats].slice(0, heartbeatsAtOnce);
    for (const id of ids) heartbeats.delete(id);
    feed.append(ids.map(borderRouterMessage));
    scheduleHeartbeats();
  }

  function scheduleHeartbeats(): void {
    if (heartbeats.size > 0) cancelHeartbeats ??= clock.after(heartbeatIntervalMs, tellHeartbeats);
  }

  const unsubscribe = [
    facts.on('scan:started', ({ scan }) => tell(scanMessage(scan))),
    facts.on('scan:node_decided', ({ node, scanId }) => tell(scanNodeMessage(scanId, node))),
    facts.on('scan:progress', ({ scan }) => {
      const nowMs = clock.monotonicMs();
      if (!isWatched() || nowMs - (progressMs.get(scan.id) ?? -Infinity) < progressIntervalMs) return;
      progressMs.set(scan.id, nowMs);
      tell(scanMessage(scan));
    }),
    facts.on('scan:finished', ({ scan }) => {
      progressMs.delete(scan.id);
      tell(scanMessage(scan));
    }),
    facts.on('topology:updated', ({ topology }) =>
      tell({
        type: 'topology',
        scan_id: topology.scanId,
        nodes: topology.nodes.length,
        links: topology.links.length,
      }),
    ),
    facts.on('border_router:connected', ({ id }) => borderRouterChanged(id)),
    facts.on('border_router:disconnected', ({ id, replaced }) => {
      if (!replaced) borderRouterChanged(id);
    }),
    facts.on('border_router:flapping', ({ id }) => borderRouterChanged(id)),
    facts.on('border_router:heartbeat', ({ id }) => {
      if (!isWatched()) return;
      heartbeats.add(id);
      scheduleHeartbeats();
    }),
    facts.on('alert:changed', ({ alert }) => tell({ type: 'alert', ...(toWire(alert) as AlertWire) })),
  ];
  return () => {
    for (const stop of unsubscribe) stop();
    cancelHeartbeats?.();
    cancelHeartbeats = null;
  };
}

/** One that was forgotten before its message was read: gone, and nothing else is known of it. */
function forgotten(id: BorderRouterId): BorderRouterWire {
  const nothing = Object.fromEntries(
    Object.entries(borderRouterSchema.shape).map(([name, schema]) => [
      name,
      schema.safeParse(0).success ? 0 : null,
    ]),
  );
  return { ...(nothing as unknown as BorderRouterWire), id, online: false, flapping: false };
}

/** Without the nodes: each was told of when it was decided. */
function scanMessage(scan: ScanSummary | Scan): LiveMessage {
  const { nodes: _nodes, ...summary } = scan as Scan;
  return {
    type: 'scan',
    get scan() {
      return toWire(summary) as ScanSummaryWire;
    },
  };
}

function scanNodeMessage(scanId: string, node: ScanNode): LiveMessage {
  return {
    type: 'scan_node',
    scan_id: scanId,
    get node() {
      return toWire(node) as ScanNodeWire;
    },
  };
}
