/** All that is known of one node, and how old it is. */
import { CloseButton } from '@mantine/core';
import type { ReactNode } from 'react';
import { formatAge, formatDuration, formatExtAddress, formatMoment, formatWord } from '../../ui/format.ts';
import { useNow } from '../../ui/use-now.ts';
import { type DisplayedMap, labelOf, type ShownNode } from './displayed-map.ts';
import { NodeLink } from './node-link.tsx';
import { NodeLinks } from './node-links.tsx';
import { NodeMark } from './node-mark.tsx';
import { roleInWords, stateExplained, stateWords } from './node-words.ts';
import { usePalette } from './use-palette.ts';
import classes from './node-details.module.css';

export interface NodeDetailsProps {
  readonly map: DisplayedMap;
  readonly node: ShownNode;
  readonly onSelect: (id: string | null) => void;
  /** False where the surroundings show the name. */
  readonly withTitle: boolean;
}

export function NodeDetails({ map, node, onSelect, withTitle }: NodeDetailsProps) {
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
        {node.durationMs !== null && (
          <Fact term={node.shown === 'answered' ? 'Latency' : 'Decided after'}>
            {formatDuration(node.durationMs)}
          </Fact>
        )}
        <Fact term="Parent">
          <Parent map={map} node={node} onSelect={onSelect} />
        </Fact>
        <Fact term="RLOC16">
          {node.rloc16 === null ? 'unknown' : <span className="mono">{node.rloc16}</span>}
        </Fact>
        <Fact term="Extended address">
          {node.extAddr === null ? 'unknown' : <span className="mono">{formatExtAddress(node.extAddr)}</span>}
        </Fact>
        {node.ipv6 !== null && (
          <Fact term="IPv6">
            <span className="mono">{node.ipv6}</span>
          </Fact>
        )}
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
        {node.batteryMillivolts !== null && (
          <Fact term="Battery">{(node.batteryMillivolts / 1_000).toFixed(2)} V</Fact>
        )}
      </dl>
      <NodeLinks map={map} node={node} onSelect={onSelect} />
      <Counters counters={node.counters} />
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
  const nowMs = useNow();
  return (
    <Fact term="Last seen">
      {node.lastSeenAt === null ? (
        'never'
      ) : (
        <span className="numbers">
          {formatMoment(node.lastSeenAt, nowMs)}, {formatAge(nowMs - node.lastSeenAt)}
        </span>
      )}
    </Fact>
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

function Counters({ counters }: { readonly counters: ShownNode['counters'] }) {
  const entries = Object.entries(counters);
  if (entries.length === 0) return null;
  return (
    <section>
      <h3 className={classes.section}>Counters</h3>
      <dl className={classes.facts}>
        {entries.map(([name, value]) => (
          <Fact key={name} term={sentenceCase(formatWord(name))}>
            <span className="numbers">{value.toLocaleString('en-GB')}</span>
          </Fact>
        ))}
      </dl>
    </section>
  );
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

/** Counter names come in the wire's snake_case or the border router's camelCase. */
function sentenceCase(name: string): string {
  const words = name.replaceAll(/([a-z])([A-Z])/g, '$1 $2').toLowerCase();
  return words.charAt(0).toUpperCase() + words.slice(1);
}
