/** Beside the map: its status, or the details of the selected node. On a phone the details come up as a sheet. */
import { Drawer, Paper, ScrollArea } from '@mantine/core';
import { useMediaQuery } from '@mantine/hooks';
import { type ReactNode, useEffect, useRef } from 'react';
import { type DisplayedMap, labelOf, type ShownNode } from './displayed-map.ts';
import { NodeDetails } from './node-details.tsx';
import type { Highlight } from './picking.ts';
import classes from './node-panel.module.css';

/** Share of a phone's height that the sheet with a node's details takes. */
export const sheetShare = 0.46;

export interface NodePanelProps {
  readonly map: DisplayedMap | null;
  readonly selected: ShownNode | null;
  /** As the address has it; the map may not (or no longer) have that node. */
  readonly selectedId: string | null;
  readonly onSelect: (id: string | null) => void;
  readonly onHighlight: (highlight: Highlight) => void;
  readonly children: ReactNode;
}

export function NodePanel({ map, selected, selectedId, onHighlight, onSelect, children }: NodePanelProps) {
  const isWide = useMediaQuery('(min-width: 62em)', true, { getInitialValueInEffect: false });
  const viewport = useRef<HTMLDivElement>(null);
  const shownId = selected?.id;
  useEffect(() => {
    if (viewport.current !== null) viewport.current.scrollTop = 0;
  }, [shownId]);
  const isGone = map !== null && selectedId !== null && selected === null;
  const details =
    map !== null && selected !== null ? (
      <NodeDetails
        map={map}
        node={selected}
        onSelect={onSelect}
        onHighlight={onHighlight}
        withTitle={isWide}
      />
    ) : null;

  if (isWide)
    return (
      <Paper withBorder className={classes.side} component="aside" aria-label="Status and details">
        <ScrollArea className={classes.scroll} type="auto" scrollbarSize={8} viewportRef={viewport}>
          {isGone && <GoneNote onClose={() => onSelect(null)} />}
          {details ?? children}
        </ScrollArea>
      </Paper>
    );
  return (
    <>
      <Paper withBorder className={classes.below}>
        {isGone && <GoneNote onClose={() => onSelect(null)} />}
        {children}
      </Paper>
      <Drawer
        opened={details !== null}
        onClose={() => onSelect(null)}
        position="bottom"
        size={`${sheetShare * 100}dvh`}
        // The map above stays in reach: the next node is one tap away.
        withOverlay={false}
        lockScroll={false}
        trapFocus={false}
        closeOnClickOutside={false}
        title={selected === null ? '' : labelOf(selected)}
        closeButtonProps={{ 'aria-label': 'Close', size: 'lg' }}
        classNames={{
          inner: classes.sheetInner,
          header: classes.sheetHeader,
          content: classes.sheet,
          title: classes.sheetTitle,
          body: classes.sheetBody,
        }}
      >
        {details}
      </Drawer>
    </>
  );
}

function GoneNote({ onClose }: { readonly onClose: () => void }) {
  return (
    <p className={classes.gone} role="status">
      The selected node is not on this map.{' '}
      <button type="button" className={classes.link} onClick={onClose}>
        Close
      </button>
    </p>
  );
}
