/** The drawn map with its controls and legend. The list is its equal for those who cannot see or point at a picture. */
import { ActionIcon, Button, Paper, Tooltip } from '@mantine/core';
import { useMediaQuery } from '@mantine/hooks';
import type { KeyboardEvent, ReactNode } from 'react';
import { useEffect, useMemo, useRef, useState } from 'react';
import { countOf } from '../../ui/format.ts';
import { ArrangeIcon, FitIcon, MinusIcon, PlusIcon } from '../../ui/icons.tsx';
import type { DisplayedMap } from './displayed-map.ts';
import { workerLayoutRunner } from './graph/layout-runner.ts';
import { MapView } from './graph/map-view.ts';
import { NodePositions } from './graph/node-positions.ts';
import { MapLegend } from './map-legend.tsx';
import { sheetShare } from './node-panel.tsx';
import { type Highlight, linkHighlight, type Picking } from './picking.ts';
import { usePalette } from './use-palette.ts';
import classes from './map-pane.module.css';

export interface MapPaneProps {
  /** Null until it is read. */
  readonly map: DisplayedMap | null;
  readonly selectedId: string | null;
  readonly pickedIds: ReadonlySet<string> | null;
  readonly highlight: Highlight | null;
  readonly picking: Picking;
}

export function MapPane({ map, selectedId, pickedIds, highlight, picking }: MapPaneProps) {
  const container = useRef<HTMLDivElement>(null);
  const banner = useRef<HTMLDivElement>(null);
  const [view, setView] = useState<MapView | null>(null);
  const palette = usePalette();
  const firstPalette = useRef(palette);
  const reducedMotion = useMediaQuery('(prefers-reduced-motion: reduce)', false, {
    getInitialValueInEffect: false,
  });
  const isWide = useMediaQuery('(min-width: 62em)', true, { getInitialValueInEffect: false });
  const { selectNode, showHighlight } = picking;
  const onPick = useRef(selectNode);
  const onPickLink = useRef<(id: string) => void>(() => undefined);

  useEffect(() => {
    onPick.current = selectNode;
    onPickLink.current = (id) => {
      if (map !== null) showHighlight(linkHighlight(id, map));
    };
  }, [map, selectNode, showHighlight]);

  useEffect(() => {
    if (container.current === null) return undefined;
    const layouts = workerLayoutRunner();
    const created = new MapView({
      container: container.current,
      palette: firstPalette.current,
      positions: new NodePositions(browserStorage()),
      layouts,
      reducedMotion,
      onPick: (id) => onPick.current(id),
      onPickLink: (id) => onPickLink.current(id),
    });
    const observer = new ResizeObserver(() => created.resize());
    observer.observe(container.current);
    setView(created);
    return () => {
      observer.disconnect();
      layouts.stop();
      created.destroy();
    };
  }, [reducedMotion]);

  useEffect(() => {
    if (map !== null) view?.update(map);
  }, [view, map]);
  useEffect(() => view?.setPalette(palette), [view, palette]);
  const linkIds = useMemo(
    () => (highlight?.linkIds === undefined ? null : new Set(highlight.linkIds)),
    [highlight],
  );
  useEffect(() => view?.mark({ selectedId, pickedIds, linkIds }), [view, selectedId, pickedIds, linkIds]);
  const hasMap = map !== null;
  useEffect(() => {
    const wanted = selectedId === null ? highlight?.nodeIds : [selectedId];
    if (!hasMap || view === null || wanted === undefined || container.current === null) return;
    const fromTop = banner.current === null ? 0 : banner.current.offsetTop + banner.current.offsetHeight;
    view.reveal(wanted, {
      top: fromTop,
      bottom: heightInSight(container.current, selectedId !== null && !isWide),
    });
  }, [view, hasMap, selectedId, highlight, isWide]);

  return (
    <Paper className={classes.pane} withBorder>
      <div className={classes.stage}>
        <div
          ref={container}
          className={classes.canvas}
          role="application"
          aria-roledescription="map"
          aria-label={map === null ? 'Map, loading' : mapSummary(map)}
          tabIndex={0}
          onKeyDown={(event) => view !== null && steer(view, event)}
        />
        {highlight !== null && (
          <div ref={banner} className={classes.highlight}>
            <span>{highlight.title}</span>
            <Button size="compact-sm" variant="default" onClick={() => picking.showHighlight(null)}>
              Show all
            </Button>
          </div>
        )}
        <div className={classes.controls} role="group" aria-label="Map view">
          <Control label="Zoom in" onClick={() => view?.zoomBy(1.35)} icon={<PlusIcon />} />
          <Control label="Zoom out" onClick={() => view?.zoomBy(1 / 1.35)} icon={<MinusIcon />} />
          <Control label="Show the whole map" onClick={() => view?.fit()} icon={<FitIcon />} />
          <Control label="Arrange anew" onClick={() => view?.arrangeAnew()} icon={<ArrangeIcon />} />
        </div>
      </div>
      <MapLegend palette={palette} />
    </Paper>
  );
}

/** Pixels of the map, from its top, that nothing covers. On a phone it is brought to the top first. */
function heightInSight(element: HTMLElement, isBehindSheet: boolean): number {
  const { top, bottom } = element.getBoundingClientRect();
  const isOutOfSight = top < 0 || bottom > window.innerHeight;
  if (isOutOfSight) element.scrollIntoView({ block: 'start' });
  if (!isBehindSheet) return element.clientHeight;
  const edge = window.innerHeight * (1 - sheetShare);
  return Math.max(120, Math.min(element.clientHeight, edge - element.getBoundingClientRect().top));
}

interface ControlProps {
  readonly label: string;
  readonly icon: ReactNode;
  readonly onClick: () => void;
}

function Control({ label, icon, onClick }: ControlProps) {
  return (
    <Tooltip label={label} position="left">
      <ActionIcon variant="default" size={40} aria-label={label} onClick={onClick}>
        {icon}
      </ActionIcon>
    </Tooltip>
  );
}

function mapSummary({ nodeCount, networks, counts }: DisplayedMap): string {
  return (
    `Map of ${countOf(nodeCount, 'node')} in ${countOf(networks.length, 'network')}: ` +
    `${counts.answered} answered, ${counts.silent} silent. The list view has the same as a table.`
  );
}

const panStepPx = 60;

function steer(view: MapView, event: KeyboardEvent): void {
  const steps: Partial<Record<string, () => void>> = {
    ArrowLeft: () => view.panBy(panStepPx, 0),
    ArrowRight: () => view.panBy(-panStepPx, 0),
    ArrowUp: () => view.panBy(0, panStepPx),
    ArrowDown: () => view.panBy(0, -panStepPx),
    '+': () => view.zoomBy(1.35),
    '-': () => view.zoomBy(1 / 1.35),
    '0': () => view.fit(),
  };
  const step = steps[event.key];
  if (step === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
  event.preventDefault();
  step();
}

/** Null where the browser forbids it. */
function browserStorage(): Storage | null {
  try {
    return window.localStorage;
  } catch {
    return null;
  }
}
