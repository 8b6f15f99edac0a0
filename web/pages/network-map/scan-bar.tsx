/** A running scan's progress. */
import { Progress } from '@mantine/core';
import { useHubConnection } from '../../api/hub-context.ts';
import { scanCounts, type ScanView } from '../../api/scan-progress.ts';
import { formatCount } from '../../ui/format.ts';
import { useNow } from '../../ui/use-now.ts';
import type { ScanControl } from './use-scan-control.ts';
import classes from './scan-bar.module.css';

export interface ScanBarProps {
  readonly scan: ScanView | null;
  readonly control: Pick<ScanControl, 'isStarting'>;
}

export function ScanBar({ scan, control }: ScanBarProps) {
  if (scan?.state === 'running') return <RunningScan scan={scan} />;
  if (control.isStarting)
    return (
      <div className={classes.bar}>
        <Progress value={100} size={8} color="gray" animated aria-label="Starting a scan" />
        <p className={classes.line}>Starting a scan…</p>
      </div>
    );
  return null;
}

function RunningScan({ scan }: { readonly scan: ScanView }) {
  const nowMs = useNow();
  const { state } = useHubConnection();
  const { answered, silent, undecided } = scanCounts(scan);
  const share = (count: number): number => (scan.expected === 0 ? 0 : (100 * count) / scan.expected);
  return (
    <div className={classes.bar} role="group" aria-label="Scan in progress">
      <Progress.Root size={8}>
        <Progress.Section value={share(answered)} color="var(--good)" aria-label="Nodes that answered" />
        <Progress.Section
          value={share(silent)}
          color="var(--bad)"
          striped
          aria-label="Nodes that did not answer"
        />
      </Progress.Root>
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
        <span className={classes.elapsed}>
          {state === 'reconnecting' ? 'connection lost' : formatElapsed(nowMs - scan.startedAt)}
        </span>
      </p>
    </div>
  );
}

/** Whole seconds: it ticks once a second. */
function formatElapsed(elapsedMs: number): string {
  const seconds = Math.max(0, Math.floor(elapsedMs / 1_000));
  return seconds < 60 ? `${seconds} s` : `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
}
