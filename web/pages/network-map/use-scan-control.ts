/** Starting and cancelling scans, and why that failed. */
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { hubApi } from '../../api/hub-api.ts';
import { useHub } from '../../api/hub-context.ts';
import { scansKey } from '../../api/queries.ts';
import type { ScanView } from '../../api/scan-progress.ts';
import { triggerScan } from '../../api/trigger-scan.ts';

export interface ScanControl {
  readonly start: () => void;
  readonly cancel: () => void;
  /** Asked for, and nothing heard of it yet. */
  readonly isStarting: boolean;
  readonly isCancelling: boolean;
  /** What could not be done, and why. */
  readonly failure: { readonly title: string; readonly reason: string } | null;
  readonly dismissFailure: () => void;
}

export function useScanControl(scan: ScanView | null): ScanControl {
  const { socket } = useHub();
  const queries = useQueryClient();
  const start = useMutation({
    mutationFn: () => triggerScan(socket),
    // Resolves when the scan is in the list: the button never looks idle in between.
    onSuccess: () => queries.invalidateQueries({ queryKey: scansKey }),
  });
  const cancel = useMutation({
    mutationFn: (id: string) => hubApi.cancelScan(id),
    onSuccess: () => queries.invalidateQueries({ queryKey: scansKey }),
  });
  return {
    start: () => {
      cancel.reset();
      start.mutate();
    },
    cancel: () => {
      if (scan !== null) cancel.mutate(scan.id);
    },
    isStarting: start.isPending,
    isCancelling: cancel.isPending,
    failure:
      start.error !== null
        ? { title: 'No scan was started', reason: start.error.message }
        : cancel.error !== null
          ? { title: 'The scan was not cancelled', reason: cancel.error.message }
          : null,
    dismissFailure: () => {
      start.reset();
      cancel.reset();
    },
  };
}
