/**
 * What people ask of the alerts of a shard, until its owner takes it between two batches. Beside the owners, so that
 * nothing is forgotten where a shard moves to another one.
 */
import type { Clock } from '../../clock.ts';
import { AlertError } from '../../errors.ts';
import type { ShardName } from '../../protocol/ids.ts';
import type { AlertCommand } from '../alerts/alert-evaluator.ts';

export interface PendingCommand {
  readonly command: AlertCommand;
  done(): void;
  failed(error: unknown): void;
}

interface Waiting extends PendingCommand {
  readonly cancelTimer: () => void;
}

export interface ShardCommandsOptions {
  readonly clock: Pick<Clock, 'after'>;
  /** How long one waits for an owner that has time for it. */
  readonly waitMs: number;
}

export class ShardCommands {
  readonly #options: ShardCommandsOptions;
  readonly #waiting = new Map<ShardName, Waiting[]>();

  constructor(options: ShardCommandsOptions) {
    this.#options = options;
  }

  /** Resolves when it is committed. Rejects with AlertError, `shard_unavailable` where no owner took it, or StoreError. */
  add(shard: ShardName, command: AlertCommand): Promise<void> {
    return new Promise((resolve, reject) => {
      const waiting: Waiting = {
        command,
        done: resolve,
        failed: reject,
        cancelTimer: this.#options.clock.after(this.#options.waitMs, () => {
          const queue = this.#waiting.get(shard) ?? [];
          const place = queue.indexOf(waiting);
          if (place < 0) return;
          queue.splice(place, 1);
          reject(unavailable(shard));
        }),
      };
      const queue = this.#waiting.get(shard);
      if (queue === undefined) this.#waiting.set(shard, [waiting]);
      else queue.push(waiting);
    });
  }

  has(shard: ShardName): boolean {
    return (this.#waiting.get(shard)?.length ?? 0) > 0;
  }

  /** The oldest; whoever takes it settles it. */
  take(shard: ShardName): PendingCommand | null {
    const next = this.#waiting.get(shard)?.shift() ?? null;
    next?.cancelTimer();
    return next;
  }

  /** Nobody will take any more. */
  close(): void {
    for (const shard of this.#waiting.keys()) {
      for (let next = this.take(shard); next !== null; next = this.take(shard))
        next.failed(unavailable(shard));
    }
  }
}

const unavailable = (shard: ShardName): AlertError =>
  new AlertError(
    'shard_unavailable',
    `No worker has time for shard ${shard} now; nothing was changed, try again in a few seconds`,
  );
