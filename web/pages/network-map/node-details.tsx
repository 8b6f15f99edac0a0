/** All that is known of one node, and how old it is. */
import { CloseButton } from '@mantine/core';
import type { ReactNode } from 'react';
import { formatAge, formatDuration, formatExtAddress, formatMoment } from '../../ui/format.ts';
import { useNow } from '../../ui/use-now.ts';
import { type DisplayedMap, labelOf, type ShownNode } from './displayed-map.ts';
import { NodeLink } from './node-link.tsx';
import { NodeLinks } from './node-links.tsx';
import { NodeMark } from './node-mark.tsx';
import { NodeCounters } from './node-counters.tsx';
import { roleInWords, stateExplained, stateWords, threadVersionInWords } from './node-words.ts';
import type { Highlight } from './picking.ts';
import { RouteFinder } from './route-finder.tsx';
import { usePalette } from './use-palette.ts';
import classes from './node-details.module.css';

export interface NodeDetailsProps {
  readonly map: DisplayedMap;
  readonly node: ShownNode;
  readonly onSelect: (id: string | null) => void;
  readonly onHighlight: (highlight: Highlight) => void;
  /** False where the surroundings show the name. */
  readonly withTitle: boolean;
}

export function NodeDetails({ map, node, onHighlight, onSelect, withTitle }: NodeDetailsProps) {
  const palette = usePalette();
  return (
    <article className={classes.details} aria-label={`Node ${labelOf(node)}`} data-testid="node-details">
      <header className={classes.header}>
        <NodeMark
          role={node.role}
          state={node.shown}
          isBorderRouter={node.kind === 'border_router'}
          palette={palette}
        />
        <div className={classes.heading}>
          {withTitle && <h2 className={classes.name}>{labelOf(node)}</h2>}
          <p className={classes.role}>{roleInWords(node)}</p>
        </div>
        {withTitle && <CloseButton aria-label="Close the details" size="lg" onClick={() => onSelect(null)} />}
      </header>
      <div className={classes.state} data-state={node.shown}>
        <strong>{stateWords[node.shown]}.</strong> {stateExplained(node)}
        {node.error !== null && <p className={classes.error}>{node.error}</p>}
        {node.stale && node.shown !== 'waiting' && (
          <p className={classes.error}>Role, RLOC16 or parent are from an earlier scan.</p>
        )}
      </div>
      <dl className={classes.facts}>
        <LastSeen node={node} />
        <Measured node={node} />
        {node.toldBy !== undefined && (
          <Fact term="Told by">
            <NodeLink map={map} id={node.toldBy} onSelect={onSelect} />
          </Fact>
        )}
        {node.durationMs !== null && <Fact term={durationTerm(node)}>{formatDuration(node.durationMs)}</Fact>}
        <Fact term="Parent">
          <Parent map={map} node={node} onSelect={onSelect} />
        </Fact>
        <Fact term="RLOC16">
          {node.rloc16 === null ? 'unknown' : <span className="mono">{node.rloc16}</span>}
        </Fact>
        <Fact term="Extended address">
          {node.extAddr === null ? 'unknown' : <span className="mono">{formatExtAddress(node.extAddr)}</span>}
        </Fact>
        <Addresses node={node} />
        {node.partitionId !== null && (
          <Fact term="Partition">
            <span className="mono">0x{node.partitionId.toString(16).padStart(8, '0')}</span>
          </Fact>
        )}
        {node.brId !== null && node.kind !== 'border_router' && (
          <Fact term="Asked through">
            <span>{node.brId}</span>
          </Fact>
        )}
        {node.otherNames !== undefined && node.otherNames.length > 0 && (
          <Fact term="Also registered as">{node.otherNames.join(', ')}</Fact>
        )}
        <Battery node={node} />
      </dl>
      <Device device={node.device} />
      <NodeLinks map={map} node={node} onSelect={onSelect} />
      <RouteFinder key={node.id} map={map} node={node} onHighlight={onHighlight} />
      <NodeCounters counters={node.counters} readAt={node.countersAt ?? null} />
      <NamedBy map={map} node={node} onSelect={onSelect} />
    </article>
  );
}

function Fact({ term, children }: { readonly term: string; readonly children: ReactNode }) {
  return (
    <div className={classes.fact}>
      <dt>{term}</dt>
      <dd>{children}</dd>
    </div>
  );
}

function LastSeen({ node }: { readonly node: ShownNode }) {
  return node.lastSeenAt === null ? (
    <Fact term="Last seen">never</Fact>
  ) : (
    <Moment term="Last seen" atMs={node.lastSeenAt} />
  );
}

function Moment({ term, atMs }: { readonly term: string; readonly atMs: number }) {
  const nowMs = useNow();
  return (
    <Fact term={term}>
      <span className="numbers">
        {formatMoment(atMs, nowMs)}, {formatAge(nowMs - atMs)}
      </span>
    </Fact>
  );
}

/** News only where it was another time than that of the answer. */
function Measured({ node: { lastSeenAt, measuredAt } }: { readonly node: ShownNode }) {
  if (measuredAt === undefined || Math.abs(measuredAt - (lastSeenAt ?? 0)) < sameMomentMs) return null;
  return <Moment term="Measured" atMs={measuredAt} />;
}

const sameMomentMs = 2_000;

/** How long a whole reading of the mesh took until it came to a node is not that node's latency. */
function durationTerm({ measuredAt, shown }: ShownNode): string {
  if (shown !== 'answered') return 'Decided after';
  return measuredAt === undefined ? 'Latency' : 'Answered in';
}

/** The one that the hub asks comes first. */
function Addresses({ node: { ipv6, ipv6Addresses = [] } }: { readonly node: ShownNode }) {
  const all = new Set([...(ipv6 === null ? [] : [ipv6]), ...ipv6Addresses]);
  if (all.size === 0) return null;
  return (
    <div className={classes.addresses}>
      <dt>{all.size === 1 ? 'IPv6 address' : 'IPv6 addresses'}</dt>
      {[...all].map((address) => (
        <dd key={address} className="mono">
          {address}
        </dd>
      ))}
    </div>
  );
}

function Battery({ node: { batteryMillivolts, batteryPercent } }: { readonly node: ShownNode }) {
  const told = [
    batteryPercent === undefined ? null : `${Math.round(batteryPercent)} %`,
    batteryMillivolts === null ? null : `${(batteryMillivolts / 1_000).toFixed(2)} V`,
  ].filter((part) => part !== null);
  return told.length === 0 ? null : <Fact term="Battery">{told.join(', ')}</Fact>;
}

function Device({ device }: { readonly device: ShownNode['device'] }) {
  if (device === undefined) return null;
  const { eui64, hostname, softwareVersion, stackVersion, threadVersion, vendorModel, vendorName } = device;
  const facts: readonly (readonly [term: string, told: string | null])[] = [
    ['Host name', hostname],
    ['Vendor', vendorName],
    ['Model', vendorModel],
    ['Software', softwareVersion],
    ['Thread stack', stackVersion],
    ['Thread version', threadVersion === null ? null : threadVersionInWords(threadVersion)],
  ];
  const told = facts.filter(([, value]) => value !== null && value !== '');
  if (told.length === 0 && eui64 === null) return null;
  return (
    <section>
      <h3 className={classes.section}>Device</h3>
      <dl className={classes.facts}>
        {told.map(([term, value]) => (
          <Fact key={term} term={term}>
            {value}
          </Fact>
        ))}
        {eui64 !== null && (
          <Fact term="EUI-64">
            <span className="mono">{formatExtAddress(eui64)}</span>
          </Fact>
        )}
      </dl>
    </section>
  );
}

interface PartProps {
  readonly map: DisplayedMap;
  readonly node: ShownNode;
  readonly onSelect: (id: string | null) => void;
}

function Parent({ map, node, onSelect }: PartProps) {
  if (node.parentId === null)
    return node.role === 'router' || node.role === 'leader' ? 'none, it routes' : 'unknown';
  return <NodeLink map={map} id={node.parentId} onSelect={onSelect} />;
}

/** Only of a node that did not answer itself is it news who knows it. */
function NamedBy({ map, node, onSelect }: PartProps) {
  if (node.shown === 'answered' || node.namedBy.length === 0) return null;
  return (
    <section>
      <h3 className={classes.section}>Named by</h3>
      <p className={classes.names}>
        {node.namedBy.slice(0, 12).map((id) => (
          <NodeLink key={id} map={map} id={id} onSelect={onSelect} />
        ))}
        {node.namedBy.length > 12 && <span>and {node.namedBy.length - 12} more</span>}
      </p>
    </section>
  );
}
