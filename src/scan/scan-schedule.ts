/** Triggers a scan every `intervalMs`; a trigger that finds one running joins it. */
import type { Clock } from '../clock.ts';
import { ScanError } from '../errors.ts';
import type { ScanOrchestrator } from './scan-orchestrator.ts';

export interface ScanScheduleOptions {
  readonly orchestrator: Pick<ScanOrchestrator, 'trigger'>;
  readonly clock: Clock;
  /** 0: never. */
  readonly intervalMs: number;
}

export class ScanSchedule {
  readonly #options: ScanScheduleOptions;
  #cancel: (() => void) | null = null;

  constructor(options: ScanScheduleOptions) {
    this.#options = options;
    if (options.intervalMs > 0) this.#arm();
  }

  close(): void {
    this.#cancel?.();
    this.#cancel = null;
  }

  #arm(): void {
    this.#cancel = this.#options.clock.after(this.#options.intervalMs, () => {
      this.#arm();
      try {
        this.#options.orchestrator.trigger({ filter: null, trigger: 'schedule' });
      } catch (error) {
        // A hub without nodes has nothing to scan; that is no failure of the schedule.
        if (!(error instanceof ScanError)) throw error;
      }
    });
  }
}
