import { beforeEach, describe, expect, it } from 'vitest';
import { FakeClock, settle } from '../../../test/support/fake-clock.ts';
import { CommitGate } from './commit-gate.ts';

describe('CommitGate', () => {
  let clock: FakeClock;
  let gate: CommitGate;
  let entered: number[];

  beforeEach(() => {
    clock = new FakeClock();
    gate = new CommitGate({ clock, longestMs: 30 });
    entered = [];
  });

  const enterBulk = (): void => void gate.enterBulk().then((place) => entered.push(place));

  it('lets bulk batches in at once, each with its place', async () => {
    enterBulk();
    enterBulk();
    await settle();
    gate.leaveBulk();
    gate.leaveBulk();
    enterBulk();
    await settle();
    expect(entered).toEqual([1, 2, 1]);
  });

  it('keeps bulk batches back until every critical one is done', async () => {
    const leaves = [gate.enterCritical(), gate.enterCritical()];
    enterBulk();
    leaves[0]?.();
    leaves[0]?.();
    await settle();
    expect(entered).toEqual([]);
    leaves[1]?.();
    await settle();
    expect(entered).toEqual([1]);
    expect(clock.pending).toBe(0);
  });

  it('keeps none back for longer than the limit', async () => {
    gate.enterCritical();
    enterBulk();
    await clock.advance(29);
    expect(entered).toEqual([]);
    await clock.advance(1);
    expect(entered).toEqual([1]);
  });
});
