import { Button, CloseButton, Loader, SegmentedControl, TextInput, Title } from '@mantine/core';
import { useHubConnection } from '../../api/hub-context.ts';
import type { ScanView } from '../../api/scan-progress.ts';
import { countOf, formatAge, formatFull, formatMoment } from '../../ui/format.ts';
import { RefreshIcon, SearchIcon } from '../../ui/icons.tsx';
import { useNow } from '../../ui/use-now.ts';
import type { DisplayedMap } from './displayed-map.ts';
import type { ScanControl } from './use-scan-control.ts';
import classes from './map-toolbar.module.css';

export interface MapToolbarProps {
  readonly map: DisplayedMap | null;
  readonly scan: ScanView | null;
  readonly control: ScanControl;
  readonly view: 'map' | 'list';
  readonly onView: (view: 'map' | 'list') => void;
  readonly searchText: string;
  readonly onSearch: (text: string) => void;
  /** Nodes that match the search; null without one. */
  readonly matches: number | null;
}

export function MapToolbar({
  map,
  scan,
  control,
  view,
  onView,
  searchText,
  onSearch,
  matches,
}: MapToolbarProps) {
  const isScanning = control.isStarting || scan?.state === 'running';
  const hasNodes = map !== null && map.nodes.length > 0;
  return (
    <div className={classes.toolbar}>
      <div className={classes.title}>
        <Title order={1} size={21}>
          <span id="network-map-title">Network map</span>
        </Title>
        {map !== null && map.scanId !== null && <AsOf madeAt={map.madeAt} isScanning={isScanning} />}
      </div>
      {hasNodes && (
        <div className={classes.find}>
          <TextInput
            className={classes.search}
            type="search"
            aria-label="Find nodes by name, address or RLOC16"
            placeholder="Find a node"
            leftSection={<SearchIcon />}
            rightSection={
              searchText === '' ? null : (
                <CloseButton size="sm" aria-label="Clear the search" onClick={() => onSearch('')} />
              )
            }
            value={searchText}
            onChange={(event) => onSearch(event.currentTarget.value)}
            onKeyDown={(event) => {
              if (event.key === 'Escape') onSearch('');
            }}
          />
          <span className={classes.matches} role="status">
            {matches === null ? '' : countOf(matches, 'match', 'matches')}
          </span>
          <SegmentedControl
            aria-label="View"
            value={view}
            onChange={(next) => onView(next === 'list' ? 'list' : 'map')}
            data={[
              { value: 'map', label: 'Map' },
              { value: 'list', label: 'List' },
            ]}
          />
        </div>
      )}
      <div className={classes.actions}>
        {scan?.state === 'running' && (
          <Button variant="default" onClick={control.cancel} loading={control.isCancelling}>
            Cancel
          </Button>
        )}
        <Button
          id="refreshBtn"
          variant={isScanning ? 'light' : 'filled'}
          leftSection={isScanning ? <Loader size={16} /> : <RefreshIcon />}
          // Not `disabled`: it would lose the keyboard's focus for the time of a scan.
          aria-disabled={isScanning}
          aria-busy={isScanning}
          onClick={isScanning ? undefined : control.start}
        >
          {isScanning ? 'Scanning…' : 'Refresh'}
        </Button>
      </div>
    </div>
  );
}

/** A map older than this is marked: nodes come and go within minutes. */
const oldMs = 30 * 60_000;

function AsOf({ madeAt, isScanning }: { readonly madeAt: number; readonly isScanning: boolean }) {
  const nowMs = useNow();
  const { state } = useHubConnection();
  const ageMs = nowMs - madeAt;
  const isOld = state === 'reconnecting' || (!isScanning && ageMs > oldMs);
  return (
    <p className={classes.asOf} data-old={isOld} title={formatFull(madeAt)}>
      <span className="numbers">
        as of {formatMoment(madeAt, nowMs)}, {formatAge(ageMs)}
      </span>
    </p>
  );
}
