/**
 * Which border routers have series of their own. Ids come from outside, so there is a bound: a border router gets its
 * label when it is first seen, loses it an hour after it has gone, and shares `other` while all labels are taken.
 */
import type { Clock } from '../clock.ts';
import type { BorderRouterId } from '../protocol/ids.ts';

export interface BorderRouterLabelsOptions {
  readonly clock: Pick<Clock, 'monotonicMs'>;
  /** Called with each label that is dropped. */
  readonly forget: (label: string) => void;
  readonly maxLabels?: number;
}

/** Long enough for alert rules and a look at the dashboard, short enough for ids that never come back. */
const keptAfterGoneMs = 3_600_000;
const defaultMaxLabels = 20_000;
const sharedLabel = 'other';

export class BorderRouterLabels {
  readonly #options: BorderRouterLabelsOptions;
  /** When each went, monotonic; null while it is here. */
  readonly #goneMs = new Map<BorderRouterId, number | null>();

  constructor(options: BorderRouterLabelsOptions) {
    this.#options = options;
  }

  /** The label of a border router that is here. */
  use(id: BorderRouterId): string {
    if (!this.#goneMs.has(id) && this.#goneMs.size >= (this.#options.maxLabels ?? defaultMaxLabels))
      return sharedLabel;
    this.#goneMs.set(id, null);
    return id;
  }

  /** The label of a border router that may be gone; null where it has none any more. */
  known(id: BorderRouterId): string | null {
    return this.#goneMs.has(id) ? id : null;
  }

  gone(id: BorderRouterId): void {
    if (this.#goneMs.has(id)) this.#goneMs.set(id, this.#options.clock.monotonicMs());
  }

  prune(): void {
    const untilMs = this.#options.clock.monotonicMs() - keptAfterGoneMs;
    for (const [id, goneMs] of this.#goneMs) {
      if (goneMs === null || goneMs > untilMs) continue;
      this.#goneMs.delete(id);
      this.#options.forget(id);
    }
  }
}
