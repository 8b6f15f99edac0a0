/** A node's links, both directions of each: who hears whom, how well, and since when that is known. */
import type { LinkEvidence } from '../../../src/protocol/topology.ts';
import { formatAge, formatDecibels, formatShare } from '../../ui/format.ts';
import { useNow } from '../../ui/use-now.ts';
import type { DisplayedMap, ShownNode } from './displayed-map.ts';
import { directionsOf, linksOf, type NodeLinkView } from './links-of-node.ts';
import { NodeLink } from './node-link.tsx';
import details from './node-details.module.css';
import classes from './node-links.module.css';

export interface NodeLinksProps {
  readonly map: DisplayedMap;
  readonly node: ShownNode;
  readonly onSelect: (id: string) => void;
}

export function NodeLinks({ map, node, onSelect }: NodeLinksProps) {
  const links = linksOf(map, node.id);
  return (
    <section>
      <h3 className={details.section}>{links.length === 0 ? 'Links' : `Links (${links.length})`}</h3>
      {links.length === 0 ? (
        <p className={classes.none}>No link is known.</p>
      ) : (
        <ul className={classes.links}>
          {links.map((view) => (
            <li key={view.link.id} className={classes.link}>
              <div className={classes.peer}>
                <NodeLink map={map} id={view.peerId} onSelect={onSelect} />
                <span className={classes.kind}>{relation(view, node)}</span>
                <Quality lqi={view.link.lqi} />
              </div>
              {directionsOf(view).map(({ label, evidence }) => (
                <Direction key={label} label={label} evidence={evidence} />
              ))}
              <Remarks view={view} />
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}

function relation({ link, peerId }: NodeLinkView, node: ShownNode): string {
  if (link.kind === 'router_router') return 'router';
  return node.parentId === peerId ? 'parent' : 'child';
}

function Quality({ lqi }: { readonly lqi: number | null }) {
  if (lqi === null) return <span className={classes.quality}>quality unknown</span>;
  return (
    <span className={classes.quality} data-lqi={lqi}>
      <span aria-hidden className={classes.bars}>
        {[1, 2, 3].map((level) => (
          <span key={level} data-on={level <= lqi} />
        ))}
      </span>
      quality {lqi}
    </span>
  );
}

interface DirectionProps {
  readonly label: string;
  readonly evidence: LinkEvidence | null;
}

function Direction({ label, evidence }: DirectionProps) {
  if (evidence === null)
    return (
      <p className={classes.direction}>
        <span className={classes.way}>{label}</span> not reported
      </p>
    );
  const { lastRssi, rssi } = evidence;
  const values = [
    rssi === null ? null : `${formatDecibels(rssi, 'dBm')}${lastRssi === undefined ? '' : ' on average'}`,
    lastRssi === undefined ? null : `${formatDecibels(lastRssi, 'dBm')} last`,
    evidence.linkMargin === null ? null : `margin ${formatDecibels(evidence.linkMargin, 'dB')}`,
    evidence.lqi === null ? null : `LQI ${evidence.lqi}`,
    evidence.frameErrorRate === null ? null : `${formatShare(evidence.frameErrorRate)} frames lost`,
    evidence.messageErrorRate === null ? null : `${formatShare(evidence.messageErrorRate)} messages lost`,
  ].filter((value) => value !== null);
  return (
    <p className={classes.direction}>
      <span className={classes.way}>{label}</span>{' '}
      <span className="numbers">{values.length === 0 ? 'heard, not measured' : values.join(', ')}</span>
      {evidence.state === 'live' ? (
        <MeasuredAgo atMs={evidence.reportedAt} />
      ) : (
        <span className={classes.old}>
          {' '}
          {evidence.state === 'stale' ? `stale, ${formatAge(evidence.ageMs)}` : 'inferred'}
        </span>
      )}
    </p>
  );
}

/** Measurements of the last minute are as good as new. */
const newForMs = 60_000;

function MeasuredAgo({ atMs }: { readonly atMs: number }) {
  const ageMs = useNow() - atMs;
  return ageMs < newForMs ? null : <span className={classes.age}> {formatAge(ageMs)}</span>;
}

function Remarks({ view: { link } }: { readonly view: NodeLinkView }) {
  const remarks = [
    link.oneWay ? 'One-way: both answered, only one hears the other.' : null,
    link.asymmetric ? 'Uneven: the directions differ by 10 dB or more.' : null,
  ].filter((remark) => remark !== null);
  return remarks.length === 0 ? null : <p className={classes.remark}>{remarks.join(' ')}</p>;
}
