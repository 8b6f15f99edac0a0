/**
 * What the pages ask of the hub, as TanStack queries. The topology and the scans are pushed by `hub-events.ts`; the
 * queries read them once, and again after the connection was lost.
 */
import { queryOptions } from '@tanstack/react-query';
import { hubApi } from './hub-api.ts';
import { hubNowMs } from './hub-clock.ts';
import { currentScan, fromList, noScans, type ScansView } from './scan-progress.ts';
import { type TopologyKnowledge, withTopology } from './topology-knowledge.ts';

/** While nothing is pushed, a running scan is followed by asking. */
const pollMs = 1_000;
/** An event that got lost must not leave a progress bar standing for ever. */
const doubtMs = 10_000;

export const topologyKey = ['topology'] as const;
export const scansKey = ['scans'] as const;
export const borderRoutersKey = ['border_routers'] as const;

export const topologyQuery = (options: { readonly isPushed: boolean; readonly isScanning: boolean }) =>
  queryOptions({
    queryKey: topologyKey,
    queryFn: async ({ client, signal }): Promise<TopologyKnowledge> => {
      const topology = await hubApi.topology(signal);
      return withTopology(client.getQueryData<TopologyKnowledge>(topologyKey) ?? null, topology, 'read');
    },
    // A thousand nodes are compared by the map itself, element by element.
    structuralSharing: false,
    refetchInterval: !options.isPushed && options.isScanning ? pollMs : false,
  });

export const scansQuery = (options: { readonly isPushed: boolean }) =>
  queryOptions({
    queryKey: scansKey,
    queryFn: async ({ client, signal }): Promise<ScansView> => {
      const scans = await hubApi.scans(10, signal);
      return fromList(client.getQueryData<ScansView>(scansKey) ?? noScans, scans, hubNowMs());
    },
    refetchInterval: (query) => {
      const isScanning = query.state.data !== undefined && currentScan(query.state.data)?.state === 'running';
      if (!isScanning) return false;
      return options.isPushed ? doubtMs : pollMs;
    },
  });

export const borderRoutersQuery = queryOptions({
  queryKey: borderRoutersKey,
  queryFn: ({ signal }) => hubApi.borderRouters(signal),
});

/** Thread network names by border router id. The same until one changes, however often border routers report. */
export const networkNamesQuery = queryOptions({
  ...borderRoutersQuery,
  select: (borderRouters) =>
    borderRouters.flatMap(({ id, network }): [string, string][] =>
      network?.name == null ? [] : [[id, network.name]],
    ),
});

/** Only when somebody asks: the hub sends to the whole local network for it. */
export const borderRouterCandidatesQuery = queryOptions({
  queryKey: ['border_router_candidates'] as const,
  queryFn: ({ signal }) => hubApi.borderRouterCandidates(signal),
  enabled: false,
  retry: false,
});

/** Only whether there are any. */
export const someNodesQuery = queryOptions({
  queryKey: ['nodes', 'some'] as const,
  queryFn: ({ signal }) => hubApi.nodes(1, signal),
});
