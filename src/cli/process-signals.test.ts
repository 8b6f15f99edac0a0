import { EventEmitter } from 'node:events';
import { expect, it } from 'vitest';
import { FakeClock } from '../../test/support/fake-clock.ts';
import { createSignalSource, sameSignalMs } from './process-signals.ts';

function setUp() {
  const emitter = new EventEmitter();
  const clock = new FakeClock();
  const seen: string[] = [];
  const ignore = createSignalSource(emitter, clock)((signal) => seen.push(signal));
  const send = (signal: string) => emitter.emit(signal, signal);
  return { emitter, clock, seen, ignore, send };
}

it('takes a signal that npm forwards beside the terminal for one', async () => {
  const { clock, seen, send } = setUp();
  send('SIGINT');
  await clock.advance(5);
  send('SIGINT');
  expect(seen).toEqual(['SIGINT']);
});

it('takes a later one for a second', async () => {
  const { clock, seen, send } = setUp();
  send('SIGINT');
  await clock.advance(sameSignalMs);
  send('SIGTERM');
  expect(seen).toEqual(['SIGINT', 'SIGTERM']);
});

it('gives the process back its own handling', () => {
  const { emitter, ignore, seen, send } = setUp();
  ignore();
  send('SIGINT');
  expect(seen).toEqual([]);
  expect(emitter.listenerCount('SIGINT')).toBe(0);
});
