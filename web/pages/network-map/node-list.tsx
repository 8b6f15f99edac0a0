/** The map as a table: what screen readers, keyboards and those who look for one address get. */
import { Button, Paper, Text } from '@mantine/core';
import { memo, useMemo, useState } from 'react';
import { countOf, formatAge, formatDuration, formatExtAddress, formatFull } from '../../ui/format.ts';
import { useNow } from '../../ui/use-now.ts';
import { type DisplayedMap, labelOf, networkLabel, type ShownNode } from './displayed-map.ts';
import type { MapPalette } from './graph/map-palette.ts';
import { NodeMark } from './node-mark.tsx';
import { roleInWords, silenceInWords, stateWords } from './node-words.ts';
import { type SortKey, type SortOrder, sortNodes } from './sort-nodes.ts';
import { usePalette } from './use-palette.ts';
import classes from './node-list.module.css';

/** Rows drawn at once; more than anyone reads, and what a phone draws in an instant. */
const pageSize = 250;

const columns: readonly {
  readonly key: SortKey | null;
  readonly label: string;
  readonly className?: string;
}[] = [
  { key: 'name', label: 'Name' },
  { key: 'state', label: 'State' },
  { key: 'role', label: 'Role', className: 'wide' },
  { key: 'rloc16', label: 'RLOC16', className: 'wide' },
  { key: null, label: 'Extended address', className: 'wider' },
  { key: 'parent', label: 'Parent', className: 'wide' },
  { key: 'network', label: 'Network', className: 'wider' },
  { key: 'latency', label: 'Answered in', className: 'wide' },
  { key: 'lastSeen', label: 'Last seen' },
];

export interface NodeListProps {
  readonly map: DisplayedMap | null;
  /** Null without a search. */
  readonly matches: ReadonlySet<string> | null;
  readonly highlighted: ReadonlySet<string> | null;
  readonly selectedId: string | null;
  readonly onSelect: (id: string) => void;
}

export function NodeList({ map, matches, highlighted, selectedId, onSelect }: NodeListProps) {
  const [order, setOrder] = useState<SortOrder>({ key: 'state', descending: false });
  const [limit, setLimit] = useState(pageSize);
  const palette = usePalette();
  const rows = useMemo(() => {
    if (map === null) return [];
    const sorted = sortNodes(map, order);
    const wanted = matches ?? highlighted;
    return wanted === null ? sorted : sorted.filter((node) => wanted.has(node.id));
  }, [map, order, matches, highlighted]);
  if (map === null) return <Paper withBorder className={classes.pane} aria-busy />;

  const networks = new Map(map.networks.map((network) => [network.key, networkLabel(network)]));
  return (
    <Paper withBorder className={classes.pane} data-testid="node-list">
      <table className={classes.table}>
        <caption className={classes.caption}>{rowsInWords(rows)}</caption>
        <thead>
          <tr>
            {columns.map((column) => (
              <HeaderCell key={column.label} column={column} order={order} onOrder={setOrder} />
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.slice(0, limit).map((node) => {
            const parent = node.parentId === null ? undefined : map.nodeById.get(node.parentId);
            return (
              <Row
                key={node.id}
                node={node}
                parent={parent === undefined ? '' : labelOf(parent)}
                network={networks.get(node.network) ?? node.network}
                isSelected={node.id === selectedId}
                palette={palette}
                onSelect={onSelect}
              />
            );
          })}
        </tbody>
      </table>
      {rows.length === 0 && (
        <Text p="md" c="dimmed">
          No node matches. Names, addresses and RLOC16s are searched.
        </Text>
      )}
      {rows.length > limit && (
        <Button m="md" variant="default" onClick={() => setLimit(limit + 4 * pageSize)}>
          Show more of {countOf(rows.length - limit, 'further node')}
        </Button>
      )}
    </Paper>
  );
}

interface HeaderCellProps {
  readonly column: (typeof columns)[number];
  readonly order: SortOrder;
  readonly onOrder: (order: SortOrder) => void;
}

function HeaderCell({ column: { key, label, className }, order, onOrder }: HeaderCellProps) {
  const isSorted = key !== null && order.key === key;
  return (
    <th
      scope="col"
      className={className === undefined ? undefined : classes[className]}
      aria-sort={isSorted ? (order.descending ? 'descending' : 'ascending') : undefined}
    >
      {key === null ? (
        label
      ) : (
        <button
          type="button"
          className={classes.sort}
          onClick={() => onOrder({ key, descending: isSorted && !order.descending })}
        >
          {label}
          <span aria-hidden className={classes.arrow}>
            {isSorted ? (order.descending ? '▼' : '▲') : ''}
          </span>
        </button>
      )}
    </th>
  );
}

interface RowProps {
  readonly node: ShownNode;
  readonly parent: string;
  readonly network: string;
  readonly isSelected: boolean;
  readonly palette: MapPalette;
  readonly onSelect: (id: string) => void;
}

const Row = memo(function Row({ node, parent, network, isSelected, palette, onSelect }: RowProps) {
  return (
    <tr className={classes.row} data-selected={isSelected} onClick={() => onSelect(node.id)}>
      <th scope="row">
        <span className={classes.nameCell}>
          <NodeMark
            role={node.role}
            state={node.shown}
            isBorderRouter={node.kind === 'border_router'}
            palette={palette}
          />
          <span>
            <button
              type="button"
              className={classes.name}
              aria-pressed={isSelected}
              onClick={(event) => {
                event.stopPropagation();
                onSelect(node.id);
              }}
            >
              <Name node={node} />
            </button>
            <small className={classes.under}>
              {roleInWords(node)}
              {node.rloc16 === null ? '' : `, ${node.rloc16}`}
            </small>
          </span>
        </span>
      </th>
      <td className={classes.state} data-state={node.shown}>
        {stateInList(node)}
      </td>
      <td className={classes['wide']}>{roleInWords(node)}</td>
      <td className={classes['wide']}>
        <span className="mono">{node.rloc16 ?? ''}</span>
      </td>
      <td className={classes['wider']}>
        <span className="mono">{node.extAddr === null ? '' : formatExtAddress(node.extAddr)}</span>
      </td>
      <td className={classes['wide']}>{parent}</td>
      <td className={classes['wider']}>
        <span className="mono">{network}</span>
      </td>
      <td className={`${classes['wide'] ?? ''} numbers`}>
        {node.shown === 'answered' && node.durationMs !== null ? formatDuration(node.durationMs) : ''}
      </td>
      <td className="numbers">
        <Seen atMs={node.lastSeenAt} />
      </td>
    </tr>
  );
});

/** Border routers are rows as well, and count for themselves. */
function rowsInWords(rows: readonly ShownNode[]): string {
  const borderRouters = rows.filter(({ kind }) => kind === 'border_router').length;
  const nodes = countOf(rows.length - borderRouters, 'node');
  return borderRouters === 0 ? nodes : `${nodes} and ${countOf(borderRouters, 'border router')}`;
}

/** An address that stands for a name is broken in its middle, where it has to be. */
function Name({ node }: { readonly node: ShownNode }) {
  const label = labelOf(node);
  if (label !== node.extAddr) return label;
  return (
    <>
      {label.slice(0, 8)}
      <wbr />
      {label.slice(8)}
    </>
  );
}

function stateInList(node: ShownNode): string {
  if (node.shown === 'silent') {
    const why = silenceInWords(node.outcome);
    return why === 'silent' ? stateWords.silent : `${stateWords.silent}: ${why}`;
  }
  return node.late ? `${stateWords[node.shown]} late` : stateWords[node.shown];
}

function Seen({ atMs }: { readonly atMs: number | null }) {
  const nowMs = useNow();
  return atMs === null ? 'never' : <span title={formatFull(atMs)}>{formatAge(nowMs - atMs)}</span>;
}
