import { describe, expect, it } from 'vitest';
import type { SqlResult } from '../../../database/sqlite-messages.ts';
import { Checkpoints } from './checkpoints.ts';
import { WriteQueue } from './write-queue.ts';

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Threads that note who copied the log; the one that reads finds it as long as `logPages` says. */
function threads(logPages: () => number | Error) {
  const copied: string[] = [];
  const reader = {
    execute(): Promise<readonly SqlResult[]> {
      copied.push('reader');
      const log = logPages();
      if (log instanceof Error) return Promise.reject(log);
      return Promise.resolve([
        { rows: [{ busy: 0, log, checkpointed: log }], changes: null, lastInsertRowId: null },
      ]);
    },
  };
  const writer = {
    execute(): Promise<readonly SqlResult[]> {
      copied.push('writer');
      return Promise.resolve([]);
    },
  };
  return { copied, checkpoints: new Checkpoints({ reader, writes: new WriteQueue({ thread: writer }) }) };
}

describe('Checkpoints', () => {
  it('copy the log beside the commits, once for every 16 MiB of it', async () => {
    const { checkpoints, copied } = threads(() => 5_000);
    for (let written = 0; written < 10_000; written += 1_000) {
      checkpoints.noteWritten(1_000);
      await turn();
    }
    expect(copied).toEqual(['reader', 'reader']);
  });

  it('copy its last part between two commits where it has grown long, so that it begins anew', async () => {
    const { checkpoints, copied } = threads(() => 20_000);
    checkpoints.noteWritten(5_000);
    await turn();
    expect(copied).toEqual(['reader', 'writer']);
  });

  it('run one at a time, and go on after one that failed', async () => {
    let log: number | Error = new Error('the disk does not answer');
    const { checkpoints, copied } = threads(() => log);
    checkpoints.noteWritten(5_000);
    checkpoints.noteWritten(5_000);
    expect(copied).toEqual(['reader']);
    await turn();
    log = 5_000;
    checkpoints.noteWritten(1);
    await turn();
    expect(copied).toEqual(['reader', 'reader']);
  });
});
