/** How far the running scan is. Its room is there without a scan as well: a map must not move because one starts. */
import { Progress } from '@mantine/core';
import { useHubConnection } from '../../api/hub-context.ts';
import { scanCounts, type ScanView } from '../../api/scan-progress.ts';
import type { ScanControl } from './use-scan-control.ts';
import classes from './scan-bar.module.css';

export interface ScanBarProps {
  readonly scan: ScanView | null;
  readonly control: Pick<ScanControl, 'isStarting'>;
}

export function ScanBar({ scan, control }: ScanBarProps) {
  const { state } = useHubConnection();
  if (scan?.state === 'running' && state !== 'reconnecting') return <RunningScan scan={scan} />;
  return (
    <div className={classes.bar}>
      {control.isStarting && (
        <Progress value={100} size={6} color="gray" animated aria-label="Starting a scan" />
      )}
    </div>
  );
}

function RunningScan({ scan }: { readonly scan: ScanView }) {
  const { answered, silent } = scanCounts(scan);
  const share = (count: number): number => (scan.expected === 0 ? 0 : (100 * count) / scan.expected);
  return (
    <div className={classes.bar}>
      <Progress.Root size={6} className={classes.track}>
        <Progress.Section value={share(answered)} color="var(--good)" aria-label="Nodes that answered" />
        <Progress.Section
          value={share(silent)}
          color="var(--bad)"
          striped
          aria-label="Nodes that did not answer"
        />
      </Progress.Root>
    </div>
  );
}
