import { Button, CloseButton, Loader, SegmentedControl, TextInput, Title } from '@mantine/core';
import { useHubConnection } from '../../api/hub-context.ts';
import type { ScanView } from '../../api/scan-progress.ts';
import { countOf } from '../../ui/format.ts';
import { CloseIcon, RefreshIcon, SearchIcon } from '../../ui/icons.tsx';
import { type DisplayedMap, isBlank } from './displayed-map.ts';
import { MapAge } from './map-age.tsx';
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
  const { state } = useHubConnection();
  const isFollowed = scan?.state === 'running' && state !== 'reconnecting';
  const isScanning = control.isStarting || isFollowed;
  const hasNodes = map !== null && !isBlank(map);
  return (
    <div className={classes.toolbar}>
      <div className={classes.title}>
        <Title order={1} size={21}>
          <span id="network-map-title">Network map</span>
        </Title>
      </div>
      <div className={classes.age}>
        <MapAge map={map} scan={scan} />
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
        {isFollowed && (
          <Button
            className={classes.cancel}
            variant="default"
            onClick={control.cancel}
            loading={control.isCancelling}
            aria-label="Cancel the scan"
          >
            <span className={classes.cancelWord}>Cancel</span>
            <span className={classes.cancelIcon}>
              <CloseIcon />
            </span>
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
