/**
 * Whose turn it is at the OpenThread daemon. It has one session for the whole machine, so all readers of this program that run the
 * same `ot-ctl` take turns: two would close each other's session.
 */

export class DaemonTurns {
  /** Monotonic time until which the daemon may be busy with a command that was given up. */
  busyUntilMs = -Infinity;
  #last: Promise<unknown> = Promise.resolve();

  /** Runs `work` when everything before has ended. */
  take<Value>(work: () => Promise<Value>): Promise<Value> {
    const turn = this.#last.then(work);
    this.#last = turn.catch(() => undefined);
    return turn;
  }
}

const shared = new Map<string, { readonly turns: DaemonTurns; users: number }>();

/** Give it back with `leaveTurns` when nothing more is run. */
export function shareTurns(command: readonly string[]): DaemonTurns {
  const key = JSON.stringify(command);
  const entry = shared.get(key) ?? { turns: new DaemonTurns(), users: 0 };
  shared.set(key, entry);
  entry.users += 1;
  return entry.turns;
}

export function leaveTurns(command: readonly string[]): void {
  const key = JSON.stringify(command);
  const entry = shared.get(key);
  if (entry === undefined) return;
  entry.users -= 1;
  if (entry.users === 0) shared.delete(key);
}
