/** A smoke alarm is told, acknowledged and over, whatever happens to the hub and to its file of rules in between. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { AlertWire } from '../../src/protocol/alert.ts';
import { type HubProcess, startHubProcess } from '../support/hub-process.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const rules = `
alerts:
  - {name: smoke, when: {type: smoke, equals: true}, severity: critical, notify: [nobody-reads-it], repeat: 1s}
  - {name: warm, when: {type: temperature, above: 30}, for: 2s}
  - {name: silent, when: {sensor: "meter-*", silent: 3s}}
`;

describe('alarms of a hub', { timeout: 60_000 }, () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  let config: string;
  let hub: HubProcess;

  const start = () => startHubProcess({ dataDir: folder.path, args: ['--config', config] });

  beforeEach(async () => {
    folder = await temporaryFolder();
    config = join(folder.path, 'threadhub.yaml');
    await writeFile(config, rules);
    hub = await start();
  });

  afterEach(async () => {
    await hub.stop({ keepData: true });
    await folder.remove();
  });

  const send = async (sensor: string, type: string, value: number | boolean): Promise<void> => {
    const answer = await post('/api/events', { sensor_id: sensor, type, value });
    expect(answer.status).toBe(202);
  };
  const post = (path: string, body: unknown): Promise<Response> =>
    fetch(`${hub.url}${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
  const alerts = async (): Promise<readonly AlertWire[]> => {
    const answer = await fetch(`${hub.url}/api/alerts?state=all`);
    return ((await answer.json()) as { items: AlertWire[] }).items;
  };
  const until = (check: () => Promise<void>) => vi.waitFor(check, { timeout: 15_000, interval: 50 });
  const untilAlert = (fields: Partial<AlertWire>) =>
    until(async () => expect(await alerts()).toMatchObject([fields]));

  it('fires at once, is repeated, acknowledged, survives a kill and ends', async () => {
    await send('hall', 'smoke', true);
    await untilAlert({ rule: 'smoke', state: 'firing', subject: 'hall', severity: 'critical' });
    await until(async () => {
      const [alert] = await alerts();
      expect(alert?.notifications.map(({ transition }) => transition)).toContain('repeated');
    });
    const [alert] = await alerts();
    const { durable_at, fired_at, received_at, stored_at } = alert?.stages ?? {};
    expect([received_at, durable_at, fired_at, stored_at].every((time) => typeof time === 'string')).toBe(
      true,
    );
    expect((await post(`/api/alerts/${alert?.id}/acknowledge`, { by: 'Ada' })).status).toBe(200);

    await hub.stop({ keepData: true });
    hub = await start();
    await untilAlert({ state: 'acknowledged', acknowledged_by: 'Ada' });
    await send('hall', 'smoke', false);
    await untilAlert({ state: 'resolved' });
  });

  it('finishes what was pending when the hub was killed', async () => {
    await send('kitchen', 'temperature', 40);
    await untilAlert({ rule: 'warm', state: 'pending' });
    await hub.stop({ keepData: true });
    hub = await start();
    await untilAlert({ state: 'firing' });
  });

  it('says that a sensor is silent, and that it is back', async () => {
    await send('meter-1', 'power', 3);
    await untilAlert({ rule: 'silent', state: 'firing', subject: 'meter-1' });
    await send('meter-1', 'power', 3);
    await until(async () => expect((await alerts()).some(({ state }) => state === 'resolved')).toBe(true));
  });

  it('lets a silenced alarm be heard as soon as somebody ends the silence', async () => {
    const endsAt = new Date(Date.now() + 3_600_000).toISOString();
    const answer = await post('/api/silences', { rule: 'smoke', ends_at: endsAt, reason: 'painting' });
    const { id } = (await answer.json()) as { id: string };
    await send('hall', 'smoke', true);
    await untilAlert({ state: 'firing', silenced: true, notifications: [] });
    expect((await fetch(`${hub.url}/api/silences/${id}`, { method: 'DELETE' })).status).toBe(204);
    await until(async () => {
      const [alert] = await alerts();
      expect(alert?.silenced).toBe(false);
      expect(alert?.notifications[0]?.transition).toBe('unsilenced');
    });
  });

  it('drills the critical rules and shows when each stage was passed', async () => {
    const answer = await post('/api/drills', {});
    const { drill_id, rules: drilled } = (await answer.json()) as { drill_id: string; rules: string[] };
    expect(drilled).toEqual(['smoke']);
    await until(async () => {
      const report = await fetch(`${hub.url}/api/drills/${drill_id}`);
      const { items } = (await report.json()) as { items: AlertWire[] };
      expect(items).toMatchObject([{ rule: 'smoke', drill: true, state: 'firing' }]);
      expect(typeof items[0]?.stages.stored_at).toBe('string');
    });
  });

  it('takes changed rules, and keeps the old ones where the change is wrong', async () => {
    await send('hall', 'smoke', true);
    await untilAlert({ state: 'firing' });
    await writeFile(config, 'alerts:\n  - {name: smoke, when: {type: smoke, equal: true}}\n');
    const view = async () => {
      const answer = await fetch(`${hub.url}/api/alert_rules`);
      return (await answer.json()) as { items: { name: string }[]; problems: string[] };
    };
    await until(async () => expect((await view()).problems.join()).toContain('threadhub.yaml:2:39'));
    expect((await view()).items).toHaveLength(3);
    await untilAlert({ state: 'firing' });
    await writeFile(config, 'alerts:\n  - {name: other, when: {type: smoke, equals: true}}\n');
    await untilAlert({ rule: 'smoke', state: 'resolved' });
    expect((await view()).problems).toEqual([]);
  });

  it('does not start with rules that are wrong, and says where', async () => {
    await hub.stop({ keepData: true });
    await writeFile(config, 'alerts:\n  - {name: smoke}\n');
    const failure = await start().catch((error: unknown) => String(error));
    expect(failure).toMatch(/threadhub\.yaml:2:5: this rule has no when/);
    await writeFile(config, rules);
    hub = await start();
  });
});
