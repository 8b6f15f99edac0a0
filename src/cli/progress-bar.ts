/** The progress of a scan on a terminal; nothing at all elsewhere. */
import { Presets, SingleBar } from 'cli-progress';

export interface ProgressBar {
  update(decided: number, silent: number): void;
  /** Removes it; a second call does nothing. */
  stop(): void;
}

export function createProgressBar(stream: NodeJS.WritableStream | null, total: number): ProgressBar {
  if (stream === null) return { update: () => undefined, stop: () => undefined };
  const bar = new SingleBar(
    {
      format: '{bar} {value}/{total} nodes, {silent} without an answer, {duration_formatted}',
      stream,
      clearOnComplete: true,
      hideCursor: true,
      gracefulExit: false,
    },
    Presets.shades_classic,
  );
  bar.start(total, 0, { silent: 0 });
  let stopped = false;
  return {
    update: (decided, silent) => bar.update(decided, { silent }),
    stop() {
      if (!stopped) bar.stop();
      stopped = true;
    },
  };
}
