import { describe, expect, it } from 'vitest';
import { createCliHarness } from '../../test/support/cli-harness.ts';
import { FakeClock, settle } from '../../test/support/fake-clock.ts';
import { silentLogger } from '../observability/logger.ts';
import { runUntilStopped, type Service, stopDeadlineMs } from './run-until-stopped.ts';

function setUp(service: Partial<Service> = {}) {
  const clock = new FakeClock();
  const harness = createCliHarness({ clock });
  const calls: string[] = [];
  let exitCode: number | null = null;
  let failure: unknown = null;
  const run = runUntilStopped(harness.context, silentLogger, {
    start: async (fail) => {
      calls.push('start');
      await service.start?.(fail);
    },
    stop: async () => {
      calls.push('stop');
      await service.stop?.();
    },
  }).then(
    (code) => (exitCode = code),
    (error: unknown) => (failure = error),
  );
  return { clock, harness, calls, run, ended: () => ({ exitCode, failure }) };
}

describe('runUntilStopped', () => {
  it.each(['SIGTERM', 'SIGINT'] as const)('stops in order at %s and exits with 0', async (signal) => {
    const { harness, calls, run, ended } = setUp();
    await settle();
    expect(calls).toEqual(['start']);
    harness.signal(signal);
    await run;
    expect(calls).toEqual(['start', 'stop']);
    expect(ended()).toEqual({ exitCode: 0, failure: null });
    expect(harness.signalListeners()).toBe(0);
  });

  it('waits for a start under way before it stops', async () => {
    let started: () => void = () => undefined;
    const { harness, calls, run } = setUp({ start: () => new Promise<void>((done) => (started = done)) });
    await settle();
    harness.signal('SIGTERM');
    await settle();
    expect(calls).toEqual(['start']);
    started();
    await run;
    expect(calls).toEqual(['start', 'stop']);
  });

  it('gives a start up that hangs past the deadline after a signal, with exit code 1', async () => {
    const { clock, harness, calls, run, ended } = setUp({ start: () => new Promise(() => undefined) });
    await settle();
    harness.signal('SIGTERM');
    await clock.advance(stopDeadlineMs - 1);
    expect(calls).toEqual(['start']);
    await clock.advance(1);
    await run;
    expect(calls).toEqual(['start', 'stop']);
    expect(ended().exitCode).toBe(1);
    expect(clock.pending).toBe(0);
  });

  it('ends at once with 130 at the second signal', async () => {
    const { harness } = setUp({ stop: () => new Promise(() => undefined) });
    await settle();
    harness.signal('SIGINT');
    await settle();
    expect(harness.exits).toEqual([]);
    harness.signal('SIGINT');
    expect(harness.exits).toEqual([130]);
  });

  it('gives a stop up after its deadline, with exit code 1', async () => {
    const { clock, harness, run, ended } = setUp({ stop: () => new Promise(() => undefined) });
    await settle();
    harness.signal('SIGTERM');
    await clock.advance(stopDeadlineMs - 1);
    expect(ended().exitCode).toBeNull();
    await clock.advance(1);
    await run;
    expect(ended().exitCode).toBe(1);
  });

  it('leaves no timer behind after a stop in time', async () => {
    const { clock, harness, run } = setUp();
    await settle();
    harness.signal('SIGTERM');
    await run;
    expect(clock.pending).toBe(0);
  });

  it('stops in order after an error that nobody handled, with exit code 1', async () => {
    const { harness, calls, run, ended } = setUp();
    await settle();
    harness.fatal(new Error('a bug'));
    await run;
    expect(calls).toEqual(['start', 'stop']);
    expect(ended().exitCode).toBe(1);
  });

  it('stops when the service says that it cannot go on', async () => {
    let fail: (error: unknown) => void = () => undefined;
    const start = (given: typeof fail) => {
      fail = given;
      return Promise.resolve();
    };
    const { calls, run, ended } = setUp({ start });
    await settle();
    fail(new Error('the database has died'));
    await run;
    expect(calls).toEqual(['start', 'stop']);
    expect(ended().exitCode).toBe(1);
  });

  it('releases what a failed start has opened and passes its error on', async () => {
    const error = new Error('port in use');
    const { calls, harness, run, ended } = setUp({ start: () => Promise.reject(error) });
    await run;
    expect(calls).toEqual(['start', 'stop']);
    expect(ended().failure).toBe(error);
    expect(harness.signalListeners()).toBe(0);
  });

  it('exits with 1 where the stop fails', async () => {
    const { harness, run, ended } = setUp({ stop: () => Promise.reject(new Error('x')) });
    await settle();
    harness.signal('SIGTERM');
    await run;
    expect(ended().exitCode).toBe(1);
  });
});
