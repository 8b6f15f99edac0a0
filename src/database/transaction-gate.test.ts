import { describe, expect, it } from 'vitest';
import { TransactionGate } from './transaction-gate.ts';

describe('TransactionGate', () => {
  const noted = () => {
    const log: string[] = [];
    return { log, note: (text: string) => () => Promise.resolve(void log.push(text)) };
  };

  it('lets single statements through at once while nobody holds it', () => {
    const gate = new TransactionGate();
    const { log, note } = noted();
    void gate.pass({}, note('one'));
    void gate.pass({}, note('two'));
    expect(log).toEqual(['one', 'two']);
  });

  it('makes others wait in order until the holder releases, and lets the holder pass', async () => {
    const gate = new TransactionGate();
    const { log, note } = noted();
    const first = {};
    const second = {};
    await gate.hold(first);
    void gate.pass({}, note('waited'));
    const secondHolds = gate.hold(second).then(() => gate.pass(second, note('second')));
    void gate.pass({}, note('waited longer'));
    await gate.pass(first, note('first'));
    expect(log).toEqual(['first']);
    gate.release(first);
    await secondHolds;
    expect(log).toEqual(['first', 'waited', 'second']);
    gate.release(second);
    expect(log).toEqual(['first', 'waited', 'second', 'waited longer']);
  });

  it('does not let a newcomer overtake those who wait', async () => {
    const gate = new TransactionGate();
    const { log, note } = noted();
    const holder = {};
    await gate.hold(holder);
    void gate.pass({}, note('early'));
    void gate.pass({}, note('late'));
    gate.release(holder);
    void gate.pass({}, note('latest'));
    expect(log).toEqual(['early', 'late', 'latest']);
  });

  it('ignores a release by someone who does not hold it', async () => {
    const gate = new TransactionGate();
    const holder = {};
    await gate.hold(holder);
    gate.release({});
    expect(gate.isHeldBy(holder)).toBe(true);
  });

  it('is idle only after the last waiting transaction has ended', async () => {
    const gate = new TransactionGate();
    const first = {};
    const second = {};
    await gate.hold(first);
    const secondHolds = gate.hold(second);
    let idle = false;
    const whenIdle = gate.idle().then(() => (idle = true));
    gate.release(first);
    await secondHolds;
    expect(idle).toBe(false);
    gate.release(second);
    await whenIdle;
    expect(idle).toBe(true);
  });

  it('hands a failure to whoever asked, and goes on', async () => {
    const gate = new TransactionGate();
    const holder = {};
    await gate.hold(holder);
    const failing = gate.pass({}, () => Promise.reject(new Error('no')));
    const fine = gate.pass({}, () => Promise.resolve('yes'));
    gate.release(holder);
    await expect(failing).rejects.toThrow('no');
    await expect(fine).resolves.toBe('yes');
  });
});
