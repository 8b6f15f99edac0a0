/**
 * The scan that the page shows: the newest that is running, else the last that ended. Built from Socket.IO events and, after
 * a page load or a reconnect, from `GET /api/scans`. Pure.
 */
import type { ScanState, ScanSummary } from '../../src/protocol/scan.ts';

export interface ScanView {
  readonly id: string;
  readonly state: ScanState;
  /** Hub's clock, Unix milliseconds. */
  readonly startedAt: number;
  readonly finishedAt: number | null;
  readonly expected: number;
  readonly undecided: number;
  readonly outcomes: Readonly<Partial<Record<string, number>>>;
  readonly notes: readonly string[];
}

export interface ScanProgress {
  readonly scanId: string;
  readonly expected: number;
  readonly undecided: number;
  readonly outcomes: Readonly<Record<string, number>>;
}

/** Running scans by id, in order of start, and the last that ended. */
export interface ScansView {
  readonly running: readonly ScanView[];
  readonly last: ScanView | null;
}

export const noScans: ScansView = { running: [], last: null };

export function currentScan(scans: ScansView): ScanView | null {
  return scans.running.at(-1) ?? scans.last;
}

/** A scan started, ended, or was read from the hub. */
export function withScan(scans: ScansView, summary: ScanSummary): ScansView {
  const view = viewOf(summary);
  const others = scans.running.filter((scan) => scan.id !== view.id);
  if (view.state === 'running') {
    // What REST read before the end of a scan must not bring it back.
    if (scans.last?.id === view.id) return scans;
    const known = scans.running.find((scan) => scan.id === view.id);
    const newest = known !== undefined && known.undecided < view.undecided ? known : view;
    return { ...scans, running: [...others, newest].toSorted((a, b) => a.startedAt - b.startedAt) };
  }
  const isNewer = scans.last === null || view.startedAt >= scans.last.startedAt;
  return { running: others, last: isNewer ? view : scans.last };
}

/** A scan is announced before it is in the hub's list; for so long a list without it proves nothing. */
const listingLagMs = 10_000;

/**
 * All that the hub lists, newest first. A running scan that it does not list any more is gone with it, as after a crash.
 * `nowMs` is on the hub's clock.
 */
export function fromList(scans: ScansView, summaries: readonly ScanSummary[], nowMs: number): ScansView {
  const listed = new Set(summaries.map((summary) => summary.id));
  const running = scans.running.filter(
    (scan) => listed.has(scan.id) || nowMs - scan.startedAt < listingLagMs,
  );
  return summaries.toReversed().reduce(withScan, { ...scans, running });
}

export function withProgress(scans: ScansView, progress: ScanProgress): ScansView {
  const running = scans.running.map((scan) =>
    scan.id === progress.scanId
      ? {
          ...scan,
          expected: progress.expected,
          undecided: progress.undecided,
          outcomes: progress.outcomes,
        }
      : scan,
  );
  return { ...scans, running };
}

export interface ScanCounts {
  readonly answered: number;
  /** Decided otherwise than `answered`. */
  readonly silent: number;
  readonly undecided: number;
}

export function scanCounts(scan: Pick<ScanView, 'expected' | 'undecided' | 'outcomes'>): ScanCounts {
  const answered = scan.outcomes['answered'] ?? 0;
  return {
    answered,
    silent: Math.max(0, scan.expected - scan.undecided - answered),
    undecided: scan.undecided,
  };
}

function viewOf(summary: ScanSummary): ScanView {
  const { id, state, startedAt, finishedAt, expected, undecided, outcomes, notes } = summary;
  return { id, state, startedAt, finishedAt, expected, undecided, outcomes, notes };
}
