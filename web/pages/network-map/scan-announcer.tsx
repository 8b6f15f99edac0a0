/** Tells screen readers when a scan starts and how it ended; progress in between would drown everything else. */
import { VisuallyHidden } from '@mantine/core';
import { scanCounts, type ScanView } from '../../api/scan-progress.ts';
import { countOf } from '../../ui/format.ts';

const endings = {
  completed: 'Scan complete',
  partial: 'Scan ended before all nodes were decided',
  failed: 'Scan failed',
  cancelled: 'Scan cancelled',
};

export function ScanAnnouncer({ scan }: { readonly scan: ScanView | null }) {
  return (
    <VisuallyHidden role="status" aria-live="polite">
      {scan === null ? '' : announcement(scan)}
    </VisuallyHidden>
  );
}

function announcement(scan: ScanView): string {
  if (scan.state === 'running') return `Scanning ${countOf(scan.expected, 'node')}`;
  return `${endings[scan.state]}: ${scanCounts(scan).answered} of ${countOf(scan.expected, 'node')} answered`;
}
