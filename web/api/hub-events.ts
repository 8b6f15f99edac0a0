/** Puts what the hub pushes where the queries keep what they read: one place to look for components. */
import type { QueryClient } from '@tanstack/react-query';
import type { BorderRouter } from '../../src/protocol/border-router.ts';
import { fromWire } from '../../src/protocol/wire.ts';
import type { HubSocket } from './hub-socket.ts';
import { borderRoutersKey, scansKey, topologyKey } from './queries.ts';
import { noScans, type ScansView, withProgress, withScan } from './scan-progress.ts';
import { type TopologyKnowledge, withTopology } from './topology-knowledge.ts';

/** The last topology of a scan comes about when the scan ends; after this it is asked for. */
const lastTopologyMs = 1_500;

export function followHub(socket: Pick<HubSocket, 'on'>, queries: QueryClient): void {
  const changeScans = (change: (scans: ScansView) => ScansView): void => {
    queries.setQueryData<ScansView>(scansKey, (scans) => change(scans ?? noScans));
  };
  let wasConnected = false;

  socket.on('connect', () => {
    // The first connection finds the queries on their way.
    if (wasConnected) void queries.invalidateQueries();
    wasConnected = true;
  });
  socket.on('gap', () => void queries.invalidateQueries());
  socket.on('scan_started', (scan) => changeScans((scans) => withScan(scans, fromWire(scan))));
  socket.on('scan_completed', (scan) => {
    changeScans((scans) => withScan(scans, fromWire(scan)));
    setTimeout(() => {
      const latest = queries.getQueryData<TopologyKnowledge>(topologyKey)?.latest;
      if (latest?.scanId !== scan.id || !latest.final)
        void queries.invalidateQueries({ queryKey: topologyKey });
    }, lastTopologyMs);
  });
  socket.on('scan_progress', (progress) => changeScans((scans) => withProgress(scans, fromWire(progress))));
  socket.on('topology_update', (topology) => {
    queries.setQueryData<TopologyKnowledge>(topologyKey, (known) =>
      withTopology(known ?? null, fromWire(topology), 'pushed'),
    );
  });
  socket.on('border_router_update', (wire) => {
    const borderRouter = fromWire(wire);
    queries.setQueryData<BorderRouter[]>(borderRoutersKey, (known) =>
      known === undefined
        ? undefined
        : [...known.filter((other) => other.id !== borderRouter.id), borderRouter],
    );
  });
}
