/** How a link is told, wherever it is: its quality, one way of it, and what is odd about it. */
import type { LinkEvidence, TopologyLink } from '../../../src/protocol/topology.ts';
import { formatAge, formatDecibels, formatShare } from '../../ui/format.ts';
import { useNow } from '../../ui/use-now.ts';
import type { Direction, Losses } from './links-of-node.ts';
import classes from './node-links.module.css';

/** The worse direction's, as bars and in words. */
export function Quality({ lqi }: { readonly lqi: number | null }) {
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

export function DirectionRow({ direction: { evidence, label, losses }, madeAt }: DirectionRowProps) {
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

export function Remarks({ link }: { readonly link: TopologyLink }) {
  const remarks = [
    link.oneWay ? 'One-way: both answered, only one hears the other.' : null,
    link.asymmetric ? 'Uneven: the directions differ by 10 dB or more.' : null,
  ].filter((remark) => remark !== null);
  return remarks.length === 0 ? null : <p className={classes.remark}>{remarks.join(' ')}</p>;
}
