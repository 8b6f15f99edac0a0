import { describe, expect, it } from 'vitest';
import { createCliHarness } from '../../test/support/cli-harness.ts';
import { alertView, sampleTimeMs } from '../../test/support/event-samples.ts';
import { FakeClock } from '../../test/support/fake-clock.ts';
import { problem, startFakeHub } from '../../test/support/fake-hub.ts';
import type { Alert } from '../protocol/alert.ts';
import { toWire } from '../protocol/wire.ts';

const clock = (): FakeClock => new FakeClock(sampleTimeMs + 90_000);
const wire = (fields: Partial<Alert> = {}) => toWire(alertView(fields));

describe('threadhub alerts', () => {
  it('lists what is active, with who was told', async () => {
    const told = {
      id: 'n',
      channel: 'phone',
      transition: 'fired' as const,
      state: 'delivered' as const,
      createdAt: sampleTimeMs,
      sentAt: sampleTimeMs,
      deliveredAt: sampleTimeMs,
      seenAt: null,
      attempts: 1,
      nextAttemptAt: null,
      error: null,
    };
    const items = [
      wire({
        notifications: [told, { ...told, id: 'm', state: 'pending', sentAt: null, deliveredAt: null }],
      }),
      wire({ id: 'alert-2', rule: 'cold', severity: 'warning', silenced: true, drill: true }),
    ];
    await using hub = await startFakeHub({
      'GET /api/alerts': () => ({ body: { items, next_cursor: null } }),
    });
    const { exitCode, stdout } = await createCliHarness({ clock: clock() }).run('alerts', '--hub', hub.url);
    expect(exitCode).toBe(0);
    expect(stdout.split('\n')[1]).toMatch(
      /^alert-1 +critical +firing +smoke +hall +90\.0 s +1 of 2 +smoke is true/,
    );
    expect(stdout.split('\n')[2]).toMatch(/^alert-2 +warning +firing, silenced +cold \(drill\)/);
  });

  it('asks for the resolved ones too where that is wanted, page by page', async () => {
    await using hub = await startFakeHub({
      'GET /api/alerts': ({ path }) => ({
        body: { items: [wire()], next_cursor: path.includes('cursor') ? null : 'next page' },
      }),
    });
    const { stdout } = await createCliHarness().run('alerts', 'list', '--all', '--json', '--hub', hub.url);
    expect(JSON.parse(stdout)).toHaveLength(2);
    expect(hub.requests.map(({ path }) => path)).toEqual([
      '/api/alerts?state=all',
      '/api/alerts?state=all&cursor=next%20page',
    ]);
  });

  it('says so where nothing is active', async () => {
    await using hub = await startFakeHub({
      'GET /api/alerts': () => ({ body: { items: [], next_cursor: null } }),
    });
    const { stdout } = await createCliHarness().run('alerts', '--hub', hub.url);
    expect(stdout).toBe('No alert is active.\n');
  });

  it('acknowledges and snoozes, with who does', async () => {
    await using hub = await startFakeHub({
      'POST /api/alerts/alert-1/acknowledge': () => ({
        body: wire({ state: 'acknowledged', acknowledgedBy: 'Ada' }),
      }),
      'POST /api/alerts/alert-1/snooze': () => ({ body: wire({ snoozedUntilAt: sampleTimeMs }) }),
    });
    const run = (...words: string[]) =>
      createCliHarness({ clock: clock() }).run('alerts', ...words, '--by', 'Ada', '--hub', hub.url);
    expect((await run('acknowledge', 'alert-1', '--note', 'on my way')).stdout).toBe(
      'smoke of hall is acknowledged by Ada.\n',
    );
    expect((await run('snooze', 'alert-1', '30min')).stdout).toContain(
      'tells nobody until 2026-01-31T14:00:00',
    );
    expect(hub.requests.map(({ body }) => body)).toEqual([
      { by: 'Ada', note: 'on my way' },
      { by: 'Ada', until: '2026-01-31T14:31:30.000Z' },
    ]);
  });

  it('refuses a duration that is none, and says what the hub refuses', async () => {
    await using hub = await startFakeHub({
      'POST /api/alerts/a/acknowledge': () => problem(409, 'alert_not_active', 'alert a has ended'),
    });
    const wrong = await createCliHarness().run('alerts', 'snooze', 'a', 'soon', '--hub', hub.url);
    expect([wrong.exitCode, wrong.stderr]).toEqual([2, expect.stringContaining('30min or 8h')]);
    const ended = await createCliHarness().run('alerts', 'acknowledge', 'a', '--hub', hub.url);
    expect([ended.exitCode, ended.stderr]).toEqual([1, 'threadhub: alert a has ended.\n']);
  });

  it('fires a drill', async () => {
    await using hub = await startFakeHub({
      'POST /api/drills': () => ({ status: 202, body: { drill_id: 'd', rules: ['smoke', 'gas'] } }),
    });
    const { stdout } = await createCliHarness().run('alerts', 'drill', '--hub', hub.url);
    expect(stdout).toContain('Test alarms of smoke, gas are on their way');
    await createCliHarness().run('alerts', 'drill', 'smoke', '--hub', hub.url);
    expect(hub.requests.map(({ body }) => body)).toEqual([{}, { rule: 'smoke' }]);
  });
});
