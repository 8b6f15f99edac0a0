/** A node's links, both directions of each: who hears whom, how well, and since when that is known. */
import type { LinkEvidence } from '../../../src/protocol/topology.ts';
import { formatAge, formatDecibels, formatShare } from '../../ui/format.ts';
import { useNow } from '../../ui/use-now.ts';
import type { DisplayedMap, ShownNode } from './displayed-map.ts';
import { type Direction, directionsOf, linksOf, type Losses, type NodeLinkView } from './links-of-node.ts';
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
            <li key={view.link.id} className={classes.link} data-link-id={view.link.id}>
              <div className={classes.peer}>
                <NodeLink map={map} id={view.peerId} onSelect={onSelect} />
                <span className={classes.kind}>{relation(view, node)}</span>
                <Quality lqi={view.link.lqi} />
              </div>
              <dl className={classes.directions}>
                {directionsOf(view).map((direction) => (
                  <DirectionRow key={direction.label} direction={direction} madeAt={map.madeAt} />
                ))}
              </dl>
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

interface DirectionRowProps {
  readonly direction: Direction;
  readonly madeAt: number;
}

function DirectionRow({ direction: { evidence, label, losses }, madeAt }: DirectionRowProps) {
  return (
    <>
      <dt>{label}</dt>
      <dd className="numbers">
        {evidence === null ? 'signal not reported' : signalInWords(evidence)}
        {losses !== null && `, ${lossesInWords(losses)}`}
        {evidence !== null && <Age evidence={evidence} madeAt={madeAt} />}
      </dd>
    </>
  );
}

function signalInWords({ lastRssi, linkMargin, lqi, rssi }: LinkEvidence): string {
  const values = [
    rssi === null ? null : formatDecibels(rssi, 'dBm'),
    lastRssi === undefined || lastRssi === rssi ? null : `last ${formatDecibels(lastRssi, 'dBm')}`,
    linkMargin === null ? null : `margin ${formatDecibels(linkMargin, 'dB')}`,
    lqi === null ? null : `quality ${lqi}`,
  ].filter((value) => value !== null);
  return values.length === 0 ? 'heard, not measured' : values.join(', ');
}

function lossesInWords({ frames, messages }: Losses): string {
  const told = [
    frames === null ? null : `${formatShare(frames)} of frames`,
    messages === null ? null : `${formatShare(messages)} of messages`,
  ].filter((part) => part !== null);
  return (frames ?? 0) === 0 && (messages ?? 0) === 0 ? 'nothing lost' : `lost ${told.join(', ')}`;
}

/** What is as old as the map needs no age of its own. */
const sameAgeMs = 60_000;

function Age({ evidence, madeAt }: { readonly evidence: LinkEvidence; readonly madeAt: number }) {
  switch (evidence.state) {
    case 'live':
      return madeAt - evidence.reportedAt < sameAgeMs ? null : <MeasuredAgo atMs={evidence.reportedAt} />;
    case 'stale':
      return <span className={classes.old}> stale, {formatAge(evidence.ageMs)}</span>;
    case 'inferred':
      return <span className={classes.age}> inferred</span>;
  }
}

function MeasuredAgo({ atMs }: { readonly atMs: number }) {
  return <span className={classes.age}> {formatAge(useNow() - atMs)}</span>;
}

function Remarks({ view: { link } }: { readonly view: NodeLinkView }) {
  const remarks = [
    link.oneWay ? 'One-way: both answered, only one hears the other.' : null,
    link.asymmetric ? 'Uneven: the directions differ by 10 dB or more.' : null,
  ].filter((remark) => remark !== null);
  return remarks.length === 0 ? null : <p className={classes.remark}>{remarks.join(' ')}</p>;
}
