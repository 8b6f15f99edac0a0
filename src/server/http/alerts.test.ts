import { describe, expect, it } from 'vitest';
import { alertView } from '../../../test/support/event-samples.ts';
import { startTestServer } from '../../../test/support/test-server.ts';
import { alertSchema } from '../../protocol/alert.ts';

const json = async (answer: Response): Promise<Record<string, unknown>> =>
  (await answer.json()) as Record<string, unknown>;

describe('alerts over REST', () => {
  it('are listed without the resolved ones, unless these are asked for', async () => {
    await using server = await startTestServer();
    const { asked, raised } = server.world.events;
    raised.set('alert-1', alertView());
    const { items } = (await json(await server.get('/api/alerts'))) as { items: unknown[] };
    expect(alertSchema.parse(items[0])).toMatchObject({ id: 'alert-1', stages: { sent_at: null } });
    await server.get('/api/alerts?state=all');
    await server.get('/api/alerts?state=resolved&severity=critical&rule=smoke');
    expect(asked.alerts).toMatchObject([
      { states: ['pending', 'firing', 'acknowledged'] },
      { states: null },
      { states: ['resolved'], severity: 'critical', rule: 'smoke' },
    ]);
  });

  it('are acknowledged by whoever says so, else by somebody at an address', async () => {
    await using server = await startTestServer();
    const { asked, raised } = server.world.events;
    raised.set('alert-1', alertView());
    const named = await server.send('POST', '/api/alerts/alert-1/acknowledge', {
      by: 'Ada',
      note: 'on my way',
    });
    expect(await json(named)).toMatchObject({ id: 'alert-1' });
    await server.send('POST', '/api/alerts/alert-1/acknowledge');
    expect(asked.acknowledged).toEqual([
      { id: 'alert-1', by: 'Ada', note: 'on my way' },
      { id: 'alert-1', by: 'somebody at 127.0.0.1', note: null },
    ]);
    const missing = await server.send('POST', '/api/alerts/other/acknowledge');
    expect([missing.status, (await json(missing))['code']]).toEqual([404, 'alert_not_found']);
  });

  it('are snoozed for an hour, or until a time to come', async () => {
    await using server = await startTestServer();
    const { asked, raised } = server.world.events;
    raised.set('alert-1', alertView());
    await server.send('POST', '/api/alerts/alert-1/snooze');
    const until = new Date(Date.now() + 60_000).toISOString();
    await server.send('POST', '/api/alerts/alert-1/snooze', { by: 'Ada', until });
    expect(Math.abs((asked.snoozed[0]?.untilMs ?? 0) - Date.now() - 3_600_000)).toBeLessThan(60_000);
    expect(asked.snoozed[1]).toMatchObject({ by: 'Ada', untilMs: Date.parse(until) });
    for (const wrong of ['2020-01-01T00:00:00Z', '2199-01-01T00:00:00Z', 'soon'])
      expect((await server.send('POST', '/api/alerts/alert-1/snooze', { until: wrong })).status).toBe(400);
    expect(asked.snoozed).toHaveLength(2);
  });

  it('are silenced for a time that has an end, and the silence ended', async () => {
    await using server = await startTestServer();
    const ends_at = new Date(Date.now() + 60_000).toISOString();
    const made = await server.send('POST', '/api/silences', {
      rule: 'freezer*',
      ends_at,
      reason: 'defrosting',
    });
    expect(made.status).toBe(201);
    expect(await json(made)).toMatchObject({
      rule: 'freezer*',
      subject: null,
      ends_at,
      reason: 'defrosting',
    });
    const inThePast = { ends_at: '2020-01-01T00:00:00Z', reason: 'x' };
    expect((await server.send('POST', '/api/silences', inThePast)).status).toBe(400);
    expect((await server.send('POST', '/api/silences', { ends_at })).status).toBe(400);
    expect((await server.send('DELETE', '/api/silences/silence-0')).status).toBe(204);
    expect((await server.send('DELETE', '/api/silences/other')).status).toBe(404);
    expect(await json(await server.get('/api/silences'))).toMatchObject({ items: [{ id: 'silence-0' }] });
  });

  it('show the rules in force with what is wrong in their file', async () => {
    await using server = await startTestServer();
    expect(await json(await server.get('/api/alert_rules'))).toEqual({
      source: 'threadhub.yaml',
      items: [{ name: 'smoke' }],
      problems: ['threadhub.yaml:3:5: …'],
      next_cursor: null,
    });
  });

  it('are tried out by a drill, of one rule or of all critical ones', async () => {
    await using server = await startTestServer();
    const { asked, raised } = server.world.events;
    raised.set('alert-1', alertView({ drill: true }));
    const started = await server.send('POST', '/api/drills');
    expect([started.status, await json(started)]).toEqual([202, { drill_id: 'drill-1', rules: ['smoke'] }]);
    await server.send('POST', '/api/drills', { rule: 'smoke' });
    expect(asked.drills).toEqual([null, 'smoke']);
    expect(await json(await server.get('/api/drills/drill-1'))).toMatchObject({ items: [{ drill: true }] });
  });
});
