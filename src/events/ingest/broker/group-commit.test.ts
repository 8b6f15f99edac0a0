import { describe, expect, it } from 'vitest';
import { FakeClock, settle } from '../../../../test/support/fake-clock.ts';
import type { SqlRequest, SqlResult } from '../../../database/sqlite-messages.ts';
import { StoreError } from '../../../errors.ts';
import { GroupCommit } from './group-commit.ts';

const statement = (sql: string) => ({ sql, parameters: [] });

class FakeThread {
  readonly transactions: string[][] = [];
  isFull = false;
  #answer: (() => void)[] = [];

  async execute(request: SqlRequest): Promise<readonly SqlResult[]> {
    this.transactions.push(request.statements.map(({ sql }) => sql));
    await new Promise<void>((resolve) => this.#answer.push(resolve));
    if (this.isFull) throw new StoreError('store_full', 'no room');
    return [];
  }

  async answer(): Promise<void> {
    for (const each of this.#answer.splice(0)) each();
    await settle();
  }
}

describe('GroupCommit', () => {
  const make = () => {
    const thread = new FakeThread();
    const clock = new FakeClock();
    const failures: unknown[] = [];
    const disk = new GroupCommit({ thread, clock, onNotesFailed: (error) => failures.push(error) });
    return { thread, clock, disk, failures };
  };

  it('writes what comes while a transaction is on its way together in the next, in order', async () => {
    const { disk, thread } = make();
    const durable: string[] = [];
    const write = (sql: string) => disk.write([statement(sql)]).then(() => durable.push(sql));
    const all = [write('a')];
    await settle();
    all.push(write('b'));
    disk.note(statement('c'));
    all.push(write('d'));
    await settle();
    expect(thread.transactions).toEqual([['a']]);
    expect(durable).toEqual([]);
    await thread.answer();
    expect(durable).toEqual(['a']);
    expect(thread.transactions).toEqual([['a'], ['b', 'c', 'd']]);
    await thread.answer();
    await Promise.all(all);
    expect(durable).toEqual(['a', 'b', 'd']);
  });

  it('drops writes that failed and tells their callers, and tries notes again until they are written', async () => {
    const { clock, disk, failures, thread } = make();
    thread.isFull = true;
    const refused = expect(disk.write([statement('write')])).rejects.toMatchObject({ code: 'store_full' });
    disk.note(statement('note'));
    await settle();
    await thread.answer();
    await refused;
    expect(failures).toHaveLength(1);
    thread.isFull = false;
    await clock.advance(1_000);
    await thread.answer();
    expect(thread.transactions).toEqual([['write', 'note'], ['note']]);
    await clock.advance(10_000);
    expect(thread.transactions).toHaveLength(2);
  });

  it('finishes what was asked before it closes', async () => {
    const { disk, thread } = make();
    disk.note(statement('note'));
    let closed = false;
    const closing = disk.close().then(() => (closed = true));
    await settle();
    expect(closed).toBe(false);
    await thread.answer();
    await closing;
    expect(thread.transactions).toEqual([['note']]);
  });
});
