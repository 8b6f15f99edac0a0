/** Under the title: how old the map is and what it holds, or how far the running scan is. */
import { useHubConnection } from '../../api/hub-context.ts';
import { scanCounts, type ScanView } from '../../api/scan-progress.ts';
import { countOf, formatAge, formatCount, formatElapsed, formatFull, formatMoment } from '../../ui/format.ts';
import { useNow } from '../../ui/use-now.ts';
import type { DisplayedMap } from './displayed-map.ts';
import classes from './map-age.module.css';

/** A map older than this is marked: nodes come and go within minutes. */
const oldMs = 30 * 60_000;

export interface MapAgeProps {
  readonly map: DisplayedMap | null;
  readonly scan: ScanView | null;
}

export function MapAge({ map, scan }: MapAgeProps) {
  const nowMs = useNow();
  const { state } = useHubConnection();
  const isLost = state === 'reconnecting';
  if (scan?.state === 'running' && !isLost) {
    const { answered, silent, undecided } = scanCounts(scan);
    return (
      <p className={classes.line}>
        <span>
          <strong>{formatCount(answered)}</strong> answered
        </span>
        <span>
          <strong>{formatCount(silent)}</strong> silent
        </span>
        <span>
          <strong>{formatCount(undecided)}</strong> undecided
        </span>
        <span>{formatElapsed(nowMs - scan.startedAt)}</span>
      </p>
    );
  }
  if (map === null) return <p className={classes.line}>Reading the map…</p>;
  if (map.scanId === null) return <p className={classes.line}>never scanned</p>;
  const ageMs = nowMs - map.madeAt;
  return (
    <p className={classes.line}>
      <span className={classes.age} data-old={isLost || ageMs > oldMs} title={formatFull(map.madeAt)}>
        as of {formatMoment(map.madeAt, nowMs)}, {formatAge(ageMs)}
      </span>
      <span>
        {formatCount(map.counts.answered)} of {countOf(map.nodeCount, 'node')} answered
      </span>
    </p>
  );
}
