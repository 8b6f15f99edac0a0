import { describe, expect, it } from 'vitest';
import { createCliHarness } from '../../test/support/cli-harness.ts';
import { startFakeHub } from '../../test/support/fake-hub.ts';

const letter = {
  id: 'letter-1',
  reason: 'out_of_range',
  detail: 'temperature is 900, above 60',
  sensor_id: 'kitchen-1',
  topic: null,
  received_at: '2026-01-31T14:00:00.000Z',
  event: { sensor_id: 'kitchen-1' },
};

describe('threadhub dead-letters', () => {
  it('lists them with their reasons, of one sensor where asked', async () => {
    await using hub = await startFakeHub({
      'GET /api/dead_letters': () => ({ body: { items: [letter], next_cursor: null } }),
    });
    const { stdout } = await createCliHarness().run('dead-letters', '--sensor', 'a b', '--hub', hub.url);
    expect(stdout).toMatch(/letter-1 .*kitchen-1 +– +out_of_range +temperature is 900, above 60/);
    expect(hub.requests[0]?.path).toBe('/api/dead_letters?sensor=a%20b');
  });

  it('shows one whole', async () => {
    await using hub = await startFakeHub({ 'GET /api/dead_letters/letter-1': () => ({ body: letter }) });
    const { stdout } = await createCliHarness().run('dead-letters', 'show', 'letter-1', '--hub', hub.url);
    expect(JSON.parse(stdout)).toEqual(letter);
  });

  it('replays one, or all of a sensor, and never guesses which', async () => {
    await using hub = await startFakeHub({
      'POST /api/dead_letters/letter-1/replay': () => ({ status: 202, body: { replayed: 1 } }),
      'POST /api/dead_letters/replay': () => ({ status: 202, body: { replayed: 3 } }),
    });
    const run = (...words: string[]) =>
      createCliHarness().run('dead-letters', 'replay', ...words, '--hub', hub.url);
    expect((await run('letter-1')).stdout).toBe('1 event replayed.\n');
    expect((await run('--sensor', 'kitchen-1')).stdout).toBe('3 events replayed.\n');
    expect((await run()).exitCode).toBe(2);
    expect((await run('letter-1', '--sensor', 'kitchen-1')).exitCode).toBe(2);
    expect(hub.requests).toHaveLength(2);
  });

  it('discards one', async () => {
    await using hub = await startFakeHub({ 'DELETE /api/dead_letters/letter-1': () => ({ status: 204 }) });
    const { stdout } = await createCliHarness().run('dead-letters', 'discard', 'letter-1', '--hub', hub.url);
    expect(stdout).toBe('letter-1 is discarded.\n');
  });
});
