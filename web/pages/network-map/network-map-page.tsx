/** The network map: is every node of the mesh there, and is it well connected? */
import { useQuery } from '@tanstack/react-query';
import { getRouteApi } from '@tanstack/react-router';
import { useCallback, useDeferredValue, useMemo, useState } from 'react';
import { useHubConnection } from '../../api/hub-context.ts';
import { networkNamesQuery, scansQuery, topologyQuery } from '../../api/queries.ts';
import { currentScan } from '../../api/scan-progress.ts';
import { displayedMap, isBlank } from './displayed-map.ts';
import { GettingStarted } from './getting-started.tsx';
import { MapPane } from './map-pane.tsx';
import { MapToolbar } from './map-toolbar.tsx';
import { NodeList } from './node-list.tsx';
import { NodePanel } from './node-panel.tsx';
import { Notices } from './notices.tsx';
import { type Highlight, type Picking, pickedIds } from './picking.ts';
import { ScanAnnouncer } from './scan-announcer.tsx';
import { ScanBar } from './scan-bar.tsx';
import { matchingNodes } from './search-nodes.ts';
import { StatusPanel } from './status-panel.tsx';
import { useScanControl } from './use-scan-control.ts';
import classes from './network-map-page.module.css';

const route = getRouteApi('/network-map');

export function NetworkMapPage() {
  const connection = useHubConnection();
  const isPushed = connection.state === 'live';
  const scans = useQuery(scansQuery({ isPushed }));
  const scan = scans.data === undefined ? null : currentScan(scans.data);
  const control = useScanControl(scan);
  const topology = useQuery(topologyQuery({ isPushed, isScanning: scan?.state === 'running' }));
  const names = useQuery(networkNamesQuery).data;
  const map = useMemo(
    () => (topology.data === undefined ? null : displayedMap(topology.data, new Map(names))),
    [topology.data, names],
  );

  const { view = 'map', node: selectedId = null } = route.useSearch();
  const navigate = route.useNavigate();
  const [highlight, setHighlight] = useState<Highlight | null>(null);
  const [searchText, setSearchText] = useState('');
  const search = useDeferredValue(searchText);

  const selectNode = useCallback(
    (id: string | null) => {
      setHighlight(null);
      void navigate({
        search: ({ node: _node, ...rest }) => (id === null ? rest : { ...rest, node: id }),
        replace: true,
        resetScroll: false,
      });
    },
    [navigate],
  );
  const showHighlight = useCallback(
    (next: Highlight | null) => {
      void navigate({ search: ({ node: _node, ...rest }) => rest, replace: true, resetScroll: false });
      setHighlight(next);
    },
    [navigate],
  );
  const picking: Picking = { highlight, selectNode, showHighlight };

  const selected = selectedId === null ? null : (map?.nodeById.get(selectedId) ?? null);
  const matches = useMemo(
    () => (map === null || search.trim() === '' ? null : matchingNodes(map, search)),
    [map, search],
  );
  const picked = useMemo(
    () => (map === null ? null : pickedIds(map, selected?.id ?? null, highlight, matches)),
    [map, selected, highlight, matches],
  );
  // The end of a scan may be told before its last topology: what the map shows is over only then.
  const isMapUnfinished = map !== null && !map.final && map.scanId === scan?.id;
  const isEmpty = map !== null && isBlank(map);

  return (
    <section
      className={classes.page}
      aria-labelledby="network-map-title"
      data-testid="network-map"
      data-node-count={map?.nodeCount ?? 0}
      data-border-router-count={map?.borderRouterCount ?? 0}
      data-answered-count={map?.counts.answered ?? 0}
      data-silent-count={map?.counts.silent ?? 0}
      data-scan-state={control.isStarting || isMapUnfinished ? 'running' : (scan?.state ?? 'idle')}
      data-scan-id={scan?.id}
      data-view={view}
    >
      <MapToolbar
        map={map}
        scan={scan}
        control={control}
        view={view}
        onView={(next) =>
          void navigate({
            search: ({ view: _view, ...rest }) => (next === 'list' ? { ...rest, view: next } : rest),
            replace: true,
            resetScroll: false,
          })
        }
        searchText={searchText}
        onSearch={setSearchText}
        matches={matches?.size ?? null}
      />
      <ScanBar scan={scan} control={control} />
      <ScanAnnouncer scan={scan} />
      <Notices
        map={map}
        loadError={topology.error}
        control={control}
        onRetry={() => void topology.refetch()}
      />
      {isEmpty ? (
        <GettingStarted />
      ) : (
        <div className={classes.body} data-view={view}>
          {view === 'list' ? (
            <NodeList
              map={map}
              matches={matches}
              selectedId={selected?.id ?? null}
              highlighted={highlight === null ? null : picked}
              onSelect={selectNode}
            />
          ) : (
            <MapPane
              map={map}
              selectedId={selected?.id ?? null}
              pickedIds={picked}
              highlight={highlight}
              picking={picking}
            />
          )}
          <NodePanel
            map={map}
            selected={selected}
            selectedId={selectedId}
            onSelect={selectNode}
            onHighlight={showHighlight}
          >
            <StatusPanel
              map={map}
              settledNetworks={topology.data?.settled?.networks ?? null}
              picking={picking}
            />
          </NodePanel>
        </div>
      )}
    </section>
  );
}
