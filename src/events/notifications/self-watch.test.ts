import { setImmediate as nextTurn } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FakeClock } from '../../../test/support/fake-clock.ts';
import { type HttpReceiver, openHttpReceiver } from '../../../test/support/http-receiver.ts';
import { SelfWatch } from './self-watch.ts';

let clock: FakeClock;
let receiver: HttpReceiver;
let failure: string | null;
let told: string[];
let watch: SelfWatch;

const open = (url: string | null): SelfWatch =>
  new SelfWatch({
    url,
    intervalMs: 60_000,
    failure: () => failure,
    clock,
    onStalled: (reason) => void told.push(`stalled: ${reason}`),
    onRecovered: (stalledMs) => void told.push(`recovered after ${stalledMs}`),
    onBeatFailed: (reason) => void told.push(`beat failed: ${reason}`),
  });

beforeEach(async () => {
  clock = new FakeClock();
  receiver = await openHttpReceiver();
  failure = null;
  told = [];
  watch = open(`${receiver.url}/beat`);
});
afterEach(async () => {
  watch.close();
  await receiver[Symbol.asyncDispose]();
});

/** Beats go through a real connection: they get real time to arrive. */
async function pass(ms: number, beats: number): Promise<void> {
  await clock.advance(ms);
  await expect.poll(() => receiver.requests.length).toBe(beats);
  for (let turn = 0; turn < 20; turn += 1) await nextTurn();
}

describe('the watch over the hub itself', () => {
  it('beats at once and after every interval while events get through', async () => {
    watch.start();
    await pass(0, 1);
    await pass(60_000, 2);
    await pass(60_000, 3);
    expect(receiver.requests[0]).toMatchObject({ method: 'GET', path: '/beat' });
    expect(told).toEqual([]);
  });

  it('does not beat while they do not, and beats again afterwards', async () => {
    watch.start();
    await pass(0, 1);
    failure = 'the disk is full';
    await pass(60_000, 1);
    failure = null;
    await pass(60_000, 2);
  });

  it('says that the pipeline stands still after half a minute, once, and when it goes on', async () => {
    watch.start();
    await pass(0, 1);
    failure = 'the disk is full';
    await clock.advance(30_000);
    expect(told).toEqual([]);
    await clock.advance(600_000);
    expect(told).toEqual(['stalled: the disk is full']);
    failure = null;
    await clock.advance(5_000);
    expect(told).toHaveLength(2);
    expect(told[1]).toMatch(/^recovered after 6\d\d000$/);
  });

  it('does not make much of a failure that is soon over', async () => {
    watch.start();
    await pass(0, 1);
    for (let time = 0; time < 10; time += 1) {
      failure = 'for a moment';
      await clock.advance(20_000);
      failure = null;
      await clock.advance(5_000);
    }
    expect(told).toEqual([]);
  });

  it('says that a beat was not taken', async () => {
    receiver.answer = (response) => {
      response.writeHead(500);
      response.end();
    };
    watch.start();
    await pass(0, 1);
    await expect.poll(() => told).toEqual(['beat failed: it answered 500']);
  });

  it('gives a beat up after 10 s, and sends no second one meanwhile', async () => {
    receiver.answer = () => undefined;
    watch.start();
    await pass(0, 1);
    await clock.advance(10_000);
    await expect.poll(() => told.length).toBe(1);
    receiver.answer = (response) => response.end();
    await pass(50_000, 2);
  });

  it('watches also where nobody is to hear beats, and leaves no timer behind', async () => {
    const quiet = open(null);
    quiet.start();
    failure = 'x';
    await clock.advance(40_000);
    expect(told).toEqual(['stalled: x']);
    quiet.close();
    expect(clock.pending).toBe(0);
    expect(receiver.requests).toEqual([]);
  });
});
