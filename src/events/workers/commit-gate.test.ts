import { beforeEach, describe, expect, it } from 'vitest';
import { FakeClock, settle } from '../../../test/support/fake-clock.ts';
import { CommitGate } from './commit-gate.ts';

describe('CommitGate', () => {
  let clock: FakeClock;
  let gate: CommitGate;
  /** Those that are in, in the order in which they came in. */
  let entered: string[];
  let leave: Map<string, () => void>;

  beforeEach(() => {
    clock = new FakeClock();
    gate = new CommitGate({ clock, longestMs: 30 });
    entered = [];
    leave = new Map();
  });

  const enterBulk = (name: string): void =>
    void gate.enterBulk().then((leaves) => {
      entered.push(name);
      leave.set(name, leaves);
    });

  it('lets one bulk batch in at a time, in the order in which they came', async () => {
    for (const name of ['a', 'b', 'c']) enterBulk(name);
    await settle();
    expect(entered).toEqual(['a']);
    leave.get('a')?.();
    leave.get('a')?.();
    await settle();
    expect(entered).toEqual(['a', 'b']);
    leave.get('b')?.();
    await settle();
    leave.get('c')?.();
    enterBulk('d');
    await settle();
    expect(entered).toEqual(['a', 'b', 'c', 'd']);
  });

  it('keeps bulk batches back until every critical one is done', async () => {
    const leaves = [gate.enterCritical(), gate.enterCritical()];
    enterBulk('a');
    leaves[0]?.();
    leaves[0]?.();
    await settle();
    expect(entered).toEqual([]);
    leaves[1]?.();
    await settle();
    expect(entered).toEqual(['a']);
    expect(clock.pending).toBe(0);
  });

  it('lets a critical batch before a bulk one that waits for another', async () => {
    enterBulk('a');
    enterBulk('b');
    await settle();
    const done = gate.enterCritical();
    leave.get('a')?.();
    await settle();
    expect(entered).toEqual(['a']);
    done();
    await settle();
    expect(entered).toEqual(['a', 'b']);
  });

  it('keeps none back for longer than the limit', async () => {
    gate.enterCritical();
    enterBulk('a');
    await clock.advance(29);
    expect(entered).toEqual([]);
    await clock.advance(1);
    expect(entered).toEqual(['a']);
  });

  it('keeps none back again behind critical batches that took too long, until they are done', async () => {
    const done = gate.enterCritical();
    enterBulk('a');
    await clock.advance(30);
    leave.get('a')?.();
    enterBulk('b');
    await settle();
    expect(entered).toEqual(['a', 'b']);
    leave.get('b')?.();
    done();
    gate.enterCritical();
    enterBulk('c');
    await settle();
    expect(entered).toEqual(['a', 'b']);
  });
});
