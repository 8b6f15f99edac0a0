/** A smoke alarm reaches its channels, through a kill in the midst of sending and a change of the configuration. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { connectAsync } from 'mqtt';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { AlertWire } from '../../src/protocol/alert.ts';
import { type HttpReceiver, openHttpReceiver } from '../support/http-receiver.ts';
import { type HubProcess, startHubProcess } from '../support/hub-process.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

describe('an alarm and its channels', { timeout: 60_000 }, () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  let receiver: HttpReceiver;
  let hub: HubProcess;

  const configFile = (): string => join(folder.path, 'threadhub.yaml');
  const configure = (channels: object): Promise<void> =>
    writeFile(configFile(), JSON.stringify({ channels }));
  const start = (): Promise<HubProcess> =>
    startHubProcess({
      dataDir: folder.path,
      args: ['--config', configFile()],
      env: { PAGER_SECRET: 'whsec_c2VjcmV0' },
    });

  beforeEach(async () => {
    folder = await temporaryFolder();
    receiver = await openHttpReceiver();
  });
  afterEach(async () => {
    await hub.stop({ keepData: true });
    await receiver[Symbol.asyncDispose]();
    await folder.remove();
  });

  const smoke = async (sensor: string, value: boolean): Promise<void> => {
    const answer = await fetch(`${hub.url}/api/events`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ sensor_id: sensor, type: 'smoke', value }),
    });
    expect(answer.status).toBe(202);
  };
  const alertOf = async (sensor: string): Promise<AlertWire | undefined> => {
    const answer = await fetch(`${hub.url}/api/alerts?state=all`);
    const { items } = (await answer.json()) as { items: AlertWire[] };
    return items.find(({ subject }) => subject === sensor);
  };
  const codeOfSubscribing = async (channel: string): Promise<unknown> => {
    const keys = { p256dh: `B${'x'.repeat(86)}`, auth: 'y'.repeat(22) };
    const answer = await fetch(`${hub.url}/api/web_push/subscriptions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ channel, subscription: { endpoint: 'http://127.0.0.1/', keys } }),
    });
    return ((await answer.json()) as { readonly code: unknown }).code;
  };
  const untilStates = (sensor: string, states: Readonly<Record<string, string>>): Promise<unknown> =>
    vi.waitFor(
      async () => {
        const alert = await alertOf(sensor);
        const seen = alert?.notifications.map(({ channel, state }) => [channel, state]) ?? [];
        expect(Object.fromEntries(seen)).toEqual(states);
      },
      { timeout: 20_000, interval: 50 },
    );

  it('are told again by the same key where the hub was killed before it knew the answer', async () => {
    await configure({ pager: { type: 'webhook', url: `${receiver.url}/hook`, secret: 'env:PAGER_SECRET' } });
    receiver.answer = () => undefined;
    hub = await start();
    await smoke('hall', true);
    await vi.waitFor(() => expect(receiver.requests).toHaveLength(1), { timeout: 20_000 });
    await hub.stop({ keepData: true });
    receiver.answer = (response) => response.end();
    hub = await start();
    await untilStates('hall', { pager: 'delivered' });
    const keys = receiver.requests.map(({ headers }) => headers['webhook-id']);
    expect(keys).toHaveLength(2);
    expect(keys[1]).toBe(keys[0]);
    const stages = (await alertOf('hall'))?.stages;
    expect(stages?.delivered_at).not.toBeNull();
  });

  it('are told on the topic of a siren, and in a channel that is new in the file', async () => {
    const siren = { type: 'mqtt', topic: 'alarm/{subject}' };
    await configure({ siren });
    hub = await start();
    const listener = await connectAsync(hub.mqttUrl);
    const heard: string[] = [];
    listener.on('message', (topic) => heard.push(topic));
    await listener.subscribeAsync('alarm/#', { qos: 1 });
    await smoke('hall', true);
    await untilStates('hall', { siren: 'delivered' });
    await vi.waitFor(() => expect(heard).toEqual(['alarm/hall']));

    await configure({
      siren,
      home: { type: 'ntfy', url: `${receiver.url}/home` },
      tablet: { type: 'web_push' },
    });
    // Nobody can subscribe to a channel that is not there yet.
    await vi.waitFor(async () => expect(await codeOfSubscribing('tablet')).toBe('subscription_invalid'), {
      timeout: 10_000,
    });
    await smoke('kitchen', true);
    await untilStates('kitchen', { siren: 'delivered', home: 'delivered', tablet: 'failed' });
    expect(JSON.parse(receiver.requests[0]?.body.toString() ?? '')).toMatchObject({
      topic: 'home',
      priority: 5,
    });
    await listener.endAsync();
  });

  it('that are down keep the hub from nothing: it stops at once, and tells them when they are back', async () => {
    await receiver[Symbol.asyncDispose]();
    await configure({ pager: { type: 'webhook', url: `${receiver.url}/hook` } });
    hub = await start();
    await smoke('hall', true);
    await vi.waitFor(
      async () =>
        expect((await alertOf('hall'))?.notifications[0]).toMatchObject({ state: 'pending', attempts: 1 }),
      { timeout: 10_000 },
    );
    hub.signal('SIGTERM');
    expect(await hub.exited).toBe(0);
    const port = Number(new URL(receiver.url).port);
    receiver = await openHttpReceiver(port);
    hub = await start();
    await untilStates('hall', { pager: 'delivered' });
  });
});
