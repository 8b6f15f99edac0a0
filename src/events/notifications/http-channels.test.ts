/** Webhook, ntfy and Alertmanager against an HTTP server, and what can go wrong on the way to one. */
import { createHmac } from 'node:crypto';
import { createServer } from 'node:net';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { FakeClock } from '../../../test/support/fake-clock.ts';
import { type HttpReceiver, openHttpReceiver } from '../../../test/support/http-receiver.ts';
import { outgoing, startMs } from '../../../test/support/notification-samples.ts';
import { ChannelError } from '../../errors.ts';
import { createAlertmanagerChannel } from './alertmanager-channel.ts';
import { channelConfigSchema } from './channel-config.ts';
import type { NotificationChannel } from './notification-channel.ts';
import { createNtfyChannel } from './ntfy-channel.ts';
import { createWebhookChannel } from './webhook-channel.ts';

const clock = new FakeClock(startMs);
const environment = { HOOK_SECRET: 'from the environment', NTFY_TOKEN: 'tk_1' };
const signal = new AbortController().signal;
let receiver: HttpReceiver;
beforeEach(async () => {
  receiver = await openHttpReceiver();
});
afterEach(() => receiver[Symbol.asyncDispose]());

function webhook(fields: object = {}): NotificationChannel {
  const config = channelConfigSchema.parse({ type: 'webhook', url: `${receiver.url}/hook`, ...fields });
  if (config.type !== 'webhook') throw new Error('no webhook');
  return createWebhookChannel({ name: 'phone', config, environment, clock });
}

function ntfy(url: string, fields: object = {}): NotificationChannel {
  const config = channelConfigSchema.parse({ type: 'ntfy', url, ...fields });
  if (config.type !== 'ntfy') throw new Error('no ntfy');
  return createNtfyChannel({ name: 'phone', config, environment, clock });
}

function alertmanager(fields: object = {}): NotificationChannel {
  const config = channelConfigSchema.parse({ type: 'alertmanager', url: `${receiver.url}/`, ...fields });
  if (config.type !== 'alertmanager') throw new Error('no alertmanager');
  return createAlertmanagerChannel({ name: 'ops', config, environment, clock });
}

const sentJson = (): unknown => JSON.parse(receiver.requests[0]?.body.toString() ?? 'null');

async function failureOf(sending: Promise<unknown>): Promise<ChannelError> {
  const error: unknown = await sending.then(
    () => null,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof ChannelError)) throw new Error(`it did not fail as it should: ${String(error)}`);
  return error;
}

describe('a webhook', () => {
  it('gets one flat JSON object, and its 2xx is the proof of delivery', async () => {
    expect(await webhook().send(outgoing(), signal)).toEqual({ state: 'delivered' });
    expect(receiver.requests).toMatchObject([{ method: 'POST', path: '/hook' }]);
    expect(receiver.requests[0]?.headers['content-type']).toBe('application/json');
    expect(sentJson()).toEqual({
      notification_id: 'notification-1',
      idempotency_key: 'alert-1:fired:0:phone',
      attempt: 1,
      alert_id: 'alert-1',
      rule: 'smoke',
      severity: 'critical',
      state: 'firing',
      transition: 'fired',
      subject_kind: 'sensor',
      subject: 'hall',
      summary: 'hall: smoke is true',
      value: true,
      drill: false,
      started_at: '2026-01-01T00:00:00.000Z',
      happened_at: '2026-01-01T00:00:01.000Z',
    });
  });

  it.each([
    ['env:HOOK_SECRET', Buffer.from('from the environment')],
    ['plain text', Buffer.from('plain text')],
    [`whsec_${Buffer.from('binary \u0001').toString('base64')}`, Buffer.from('binary \u0001')],
  ])('is signed over id, time and body with the key of %s', async (secret, key) => {
    await webhook({ secret }).send(outgoing(), signal);
    const [request] = receiver.requests;
    const { headers } = request ?? {};
    expect(headers?.['webhook-timestamp']).toBe(String(startMs / 1_000));
    expect(headers?.['webhook-id']).toBe('alert-1:fired:0:phone');
    expect(headers?.['idempotency-key']).toBe('alert-1:fired:0:phone');
    const signed = `${String(headers?.['webhook-id'])}.${String(headers?.['webhook-timestamp'])}.${String(request?.body)}`;
    expect(headers?.['webhook-signature']).toBe(
      `v1,${createHmac('sha256', key).update(signed).digest('base64')}`,
    );
  });

  it('may have headers of its own, and a channel name in any script', async () => {
    await webhook({ headers: { 'X-Api-Key': 'env:NTFY_TOKEN' } }).send(
      { ...outgoing(), idempotencyKey: 'a:fired:0:Küche' },
      signal,
    );
    const headers = receiver.requests[0]?.headers;
    expect(headers?.['x-api-key']).toBe('tk_1');
    expect(headers?.['webhook-id']).toBe('a:fired:0:K%C3%BCche');
    expect(headers?.['webhook-signature']).toBeUndefined();
  });

  it('with a secret that the environment lacks cannot be made', () => {
    expect(() => webhook({ secret: 'env:ABSENT' })).toThrow(
      expect.objectContaining({
        code: 'channel_misconfigured',
        message: expect.stringContaining('ABSENT') as string,
      }),
    );
  });

  it('takes credentials in its address as basic authentication', async () => {
    await webhook({ url: receiver.url.replace('//', '//me:s%20cret@') }).send(outgoing(), signal);
    expect(receiver.requests[0]?.headers.authorization).toBe(
      `Basic ${Buffer.from('me:s cret').toString('base64')}`,
    );
  });
});

describe('what a receiver answers', () => {
  it.each([
    [400, 'channel_rejected'],
    [413, 'channel_rejected'],
    [422, 'channel_rejected'],
    [401, 'channel_failed'],
    [403, 'channel_failed'],
    [404, 'channel_failed'],
    [429, 'channel_failed'],
    [500, 'channel_failed'],
    [503, 'channel_failed'],
  ])('%i is %s, with the beginning of what it said', async (status, code) => {
    receiver.answer = (response) => {
      response.writeHead(status);
      response.end(`first\u001b[31m line\n${'x'.repeat(100_000)}`);
    };
    const error = await failureOf(webhook().send(outgoing(), signal));
    expect(error.code).toBe(code);
    expect(error.message).toContain(`answered ${status}: first [31m line xxx`);
    expect(error.message.length).toBeLessThan(300);
  });

  it.each([
    ['120', 120_000],
    [new Date(startMs + 30_000).toUTCString(), 30_000],
    ['99999999', 3_600_000],
    ['soon', null],
  ])('with Retry-After %s asks for %s ms', async (header, retryAfterMs) => {
    receiver.answer = (response) => {
      response.writeHead(429, { 'retry-after': header });
      response.end();
    };
    expect(await failureOf(webhook().send(outgoing(), signal))).toMatchObject({
      code: 'channel_failed',
      retryAfterMs,
    });
  });

  it('as a redirect is not followed', async () => {
    await using elsewhere = await openHttpReceiver();
    receiver.answer = (response) => {
      response.writeHead(307, { location: elsewhere.url });
      response.end();
    };
    const error = await failureOf(webhook().send(outgoing(), signal));
    expect(error).toMatchObject({ code: 'channel_failed' });
    expect(error.message).toContain('307');
    expect(elsewhere.requests).toEqual([]);
  });

  it('counts by its status also where the body breaks off', async () => {
    receiver.answer = (response) => {
      response.writeHead(200, { 'content-length': '1000' });
      response.write('beginning');
      setImmediate(() => response.destroy());
    };
    expect(await webhook().send(outgoing(), signal)).toEqual({ state: 'delivered' });
  });

  it('with a reset instead of a status is tried again', async () => {
    receiver.answer = (response) => void response.socket?.resetAndDestroy();
    expect(await failureOf(webhook().send(outgoing(), signal))).toMatchObject({ code: 'channel_failed' });
  });

  it('that is no HTTP is tried again', async () => {
    const garbage = createServer((socket) => socket.end('\u0000\u0001SSH-2.0-hello\r\n'));
    garbage.listen(0, '127.0.0.1');
    await once(garbage, 'listening');
    const { port } = garbage.address() as AddressInfo;
    expect(
      await failureOf(webhook({ url: `http://127.0.0.1:${port}` }).send(outgoing(), signal)),
    ).toMatchObject({ code: 'channel_failed' });
    garbage.close();
  });

  it('never, until the attempt is aborted', async () => {
    receiver.answer = () => undefined;
    const abort = new AbortController();
    const sending = failureOf(webhook().send(outgoing(), abort.signal));
    while (receiver.requests.length === 0) await new Promise((done) => setImmediate(done));
    abort.abort();
    expect(await sending).toMatchObject({ code: 'channel_failed' });
  });

  it('nothing where nobody listens: the reason is named', async () => {
    const { url } = receiver;
    await receiver[Symbol.asyncDispose]();
    const error = await failureOf(webhook({ url }).send(outgoing(), signal));
    receiver = await openHttpReceiver();
    expect(error.message).toContain('ECONNREFUSED');
  });
});

describe('ntfy', () => {
  it('is published to as JSON at the root of its server', async () => {
    const channel = ntfy(`${receiver.url}/my-home`, { token: 'env:NTFY_TOKEN' });
    expect(await channel.send(outgoing({ subject: 'Küche' }), signal)).toEqual({ state: 'delivered' });
    expect(receiver.requests).toMatchObject([{ path: '/', headers: { authorization: 'Bearer tk_1' } }]);
    expect(sentJson()).toEqual({
      topic: 'my-home',
      title: 'CRITICAL: smoke (Küche)',
      message: 'hall: smoke is true',
      priority: 5,
      tags: ['rotating_light'],
    });
  });

  it.each([
    [{ severity: 'warning' as const }, 4, 'warning', 'WARNING: smoke (hall)'],
    [{ severity: 'info' as const }, 3, 'information_source', 'INFO: smoke (hall)'],
    [{ transition: 'repeated' as const }, 5, 'rotating_light', 'Still CRITICAL: smoke (hall)'],
    [
      { transition: 'resolved' as const, state: 'resolved' as const },
      3,
      'white_check_mark',
      'Resolved: smoke (hall)',
    ],
  ])('rings by severity: %o', async (fields, priority, tag, title) => {
    await ntfy(`${receiver.url}/t`).send(outgoing(fields), signal);
    expect(sentJson()).toMatchObject({ priority, tags: [tag], title });
  });

  it('marks a drill', async () => {
    await ntfy(`${receiver.url}/t`).send(outgoing({ drill: true }), signal);
    expect(sentJson()).toMatchObject({
      title: 'Drill, CRITICAL: smoke (hall)',
      tags: ['rotating_light', 'drill'],
    });
  });

  it('without a topic cannot be made', () => {
    expect(() => ntfy('https://ntfy.sh/')).toThrow(
      expect.objectContaining({ code: 'channel_misconfigured' }),
    );
  });
});

/** `postableAlerts` of Alertmanager's API, version 2. */
const labelSet = z.record(z.string().regex(/^[a-zA-Z_][a-zA-Z0-9_]*$/), z.string().min(1));
const postableAlerts = z.array(
  z.strictObject({
    labels: labelSet,
    annotations: labelSet.optional(),
    startsAt: z.iso.datetime().optional(),
    endsAt: z.iso.datetime().optional(),
    generatorURL: z.url().optional(),
  }),
);

describe('Alertmanager', () => {
  it('gets what its API describes, firing until the hub says otherwise', async () => {
    expect(await alertmanager().send(outgoing(), signal)).toEqual({ state: 'delivered' });
    expect(receiver.requests).toMatchObject([{ method: 'POST', path: '/api/v2/alerts' }]);
    const [alert] = postableAlerts.parse(sentJson());
    expect(alert?.labels).toEqual({
      alertname: 'smoke',
      severity: 'critical',
      subject: 'hall',
      subject_kind: 'sensor',
      source: 'threadhub',
    });
    expect(alert?.startsAt).toBe('2026-01-01T00:00:00.000Z');
    expect(Date.parse(alert?.endsAt ?? '')).toBeGreaterThan(startMs + 300 * 86_400_000);
  });

  it('resolves by the same labels with an end', async () => {
    await alertmanager().send(outgoing(), signal);
    const fired = postableAlerts.parse(sentJson())[0];
    receiver.requests.length = 0;
    await alertmanager().send(
      outgoing({ transition: 'resolved', state: 'resolved', happenedAt: startMs + 5_000, value: false }),
      signal,
    );
    const resolved = postableAlerts.parse(sentJson())[0];
    expect(resolved?.labels).toEqual(fired?.labels);
    expect(resolved?.endsAt).toBe('2026-01-01T00:00:05.000Z');
  });

  it('may want a password', async () => {
    await alertmanager({ username: 'hub', password: 'env:NTFY_TOKEN' }).send(outgoing(), signal);
    expect(receiver.requests[0]?.headers.authorization).toBe(
      `Basic ${Buffer.from('hub:tk_1').toString('base64')}`,
    );
  });
});
