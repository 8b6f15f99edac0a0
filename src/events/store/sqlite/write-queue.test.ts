import { describe, expect, it } from 'vitest';
import type { SqlRequest, SqlResult } from '../../../database/sqlite-messages.ts';
import { WriteQueue } from './write-queue.ts';

/** A thread that answers when told, in the order it was asked. */
function slowThread() {
  const asked: { readonly name: string; readonly answer: (error?: Error) => void }[] = [];
  const execute = (request: SqlRequest): Promise<readonly SqlResult[]> =>
    new Promise((resolve, reject) => {
      asked.push({
        name: request.statements[0]?.sql ?? 'nothing',
        answer: (error) => (error === undefined ? resolve([]) : reject(error)),
      });
    });
  const answer = async (error?: Error): Promise<void> => {
    asked.shift()?.answer(error);
    await new Promise((resolve) => setImmediate(resolve));
  };
  return { execute, answer, names: () => asked.map(({ name }) => name) };
}

const request = (sql: string): SqlRequest => ({ statements: [{ sql, parameters: [] }], transaction: true });

describe('WriteQueue', () => {
  it('has one bulk request at the thread, and lets critical ones overtake those that wait', async () => {
    const thread = slowThread();
    const queue = new WriteQueue({ thread });
    for (const name of ['bulk 1', 'bulk 2', 'bulk 3']) void queue.run('bulk', request(name));
    void queue.run('critical', request('critical 1'));
    void queue.run('critical', request('critical 2'));
    expect(thread.names()).toEqual(['bulk 1', 'critical 1', 'critical 2']);
    await thread.answer();
    expect(thread.names()).toEqual(['critical 1', 'critical 2', 'bulk 2']);
  });

  it('goes on after a request that failed, and gives its error to whoever made it', async () => {
    const thread = slowThread();
    const queue = new WriteQueue({ thread });
    const failing = expect(queue.run('bulk', request('one'))).rejects.toThrow('no room');
    const fine = queue.run('bulk', request('two'));
    await thread.answer(new Error('no room'));
    await failing;
    await thread.answer();
    await expect(fine).resolves.toEqual([]);
  });

  it('is idle once everything that waited is answered', async () => {
    const thread = slowThread();
    const queue = new WriteQueue({ thread });
    void queue.run('bulk', request('one'));
    let idle = false;
    const whenIdle = queue.idle().then(() => (idle = true));
    await thread.answer();
    expect(idle).toBe(false);
    await thread.answer();
    await whenIdle;
  });
});
