import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { SMTPServer, type SMTPServerOptions } from 'smtp-server';
import { afterEach, describe, expect, it } from 'vitest';
import { outgoing } from '../../../test/support/notification-samples.ts';
import { channelConfigSchema } from './channel-config.ts';
import { createEmailChannel } from './email-channel.ts';
import type { NotificationChannel } from './notification-channel.ts';

const signal = new AbortController().signal;
const servers: SMTPServer[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await new Promise<void>((done) => server.close(done));
});

interface Mail {
  readonly from: string;
  readonly to: readonly string[];
  readonly text: string;
  readonly secure: boolean;
}

const refusal = (responseCode: number, message: string): Error =>
  Object.assign(new Error(message), { responseCode });

async function openServer(
  options: SMTPServerOptions = {},
): Promise<{ readonly mails: Mail[]; readonly port: number }> {
  const mails: Mail[] = [];
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ['AUTH', 'STARTTLS'],
    closeTimeout: 100,
    onData(stream, session, done) {
      let text = '';
      stream.on('data', (chunk: Buffer) => (text += chunk.toString()));
      stream.on('end', () => {
        const { mailFrom, rcptTo } = session.envelope;
        mails.push({
          from: mailFrom === false ? '' : mailFrom.address,
          to: rcptTo.map(({ address }) => address),
          text,
          secure: session.secure,
        });
        done();
      });
    },
    ...options,
  });
  servers.push(server);
  server.on('error', () => undefined);
  const listening = server.listen(0, '127.0.0.1');
  await once(listening, 'listening');
  return { mails, port: (listening.address() as AddressInfo).port };
}

function email(port: number, fields: object = {}): NotificationChannel {
  const config = channelConfigSchema.parse({
    type: 'email',
    host: '127.0.0.1',
    port,
    tls: 'none',
    from: 'Threadhub <hub@example.org>',
    to: 'me@example.org',
    timeout: 2,
    ...fields,
  });
  if (config.type !== 'email') throw new Error('no e-mail');
  return createEmailChannel({ name: 'mail', config, environment: { MAIL_PASSWORD: 'right' } });
}

describe('e-mail', () => {
  it('is delivered when the server has said 250', async () => {
    const { mails, port } = await openServer();
    expect(await email(port, { to: ['me@example.org', 'you@example.org'] }).send(outgoing(), signal)).toEqual(
      { state: 'delivered' },
    );
    expect(mails).toMatchObject([
      { from: 'hub@example.org', to: ['me@example.org', 'you@example.org'], secure: false },
    ]);
    expect(mails[0]?.text).toMatch(/^Subject: \[Threadhub\] CRITICAL: smoke \(hall\)\r$/m);
    expect(mails[0]?.text).toMatch(/^Auto-Submitted: auto-generated\r$/m);
    expect(mails[0]?.text).toContain('hall: smoke is true');
    expect(mails[0]?.text).toContain('2026-01-01T00:00:00.000Z');
  });

  it('has the same Message-ID in every attempt', async () => {
    const { mails, port } = await openServer();
    const channel = email(port);
    await channel.send(outgoing(), signal);
    await channel.send({ ...outgoing(), attempt: 2 }, signal);
    await channel.send({ ...outgoing(), idempotencyKey: 'another' }, signal);
    const ids = mails.map(({ text }) => /^Message-ID: (.+)\r$/m.exec(text)?.[1]);
    expect(ids[0]).toMatch(/^<[0-9a-f]{40}@threadhub>$/);
    expect(ids[1]).toBe(ids[0]);
    expect(ids[2]).not.toBe(ids[0]);
  });

  it('cannot be given headers by the name of a sensor', async () => {
    const { mails, port } = await openServer();
    await email(port).send(outgoing({ subject: 'hall\r\nBcc: evil@example.org\r\n\r\n' }), signal);
    expect(mails[0]?.to).toEqual(['me@example.org']);
    expect(mails[0]?.text).not.toMatch(/^Bcc:/im);
  });

  it('is not sent over a connection without TLS that it can trust, unless configured so', async () => {
    const { port: plain } = await openServer();
    await expect(email(plain, { tls: 'starttls' }).send(outgoing(), signal)).rejects.toMatchObject({
      code: 'channel_failed',
      message: expect.stringMatching(/STARTTLS|TLS/i) as string,
    });
  });

  it('with a wrong password is tried again: somebody may correct it', async () => {
    const logins: unknown[] = [];
    const { mails, port } = await openServer({
      authOptional: false,
      disabledCommands: ['STARTTLS'],
      allowInsecureAuth: true,
      onAuth({ password }, _session, done) {
        logins.push(password);
        if (password === 'right') done(null, { user: 'me' });
        else done(refusal(535, 'no'));
      },
    });
    await expect(
      email(port, { username: 'me', password: 'wrong' }).send(outgoing(), signal),
    ).rejects.toMatchObject({ code: 'channel_failed' });
    await email(port, { username: 'me', password: 'env:MAIL_PASSWORD' }).send(outgoing(), signal);
    expect(logins).toEqual(['wrong', 'right']);
    expect(mails).toHaveLength(1);
  });

  it.each([
    [550, 'channel_rejected'],
    [451, 'channel_failed'],
  ])('to a receiver refused with %i is %s', async (responseCode, code) => {
    const { port } = await openServer({
      onRcptTo: (_to, _session, done) => done(refusal(responseCode, 'no')),
    });
    await expect(email(port).send(outgoing(), signal)).rejects.toMatchObject({ code });
  });

  it('refused for the moment by one of two receivers goes to that one again, not to the other', async () => {
    let greylisted = true;
    const { mails, port } = await openServer({
      onRcptTo: ({ address }, _session, done) =>
        greylisted && address === 'you@example.org' ? done(refusal(450, 'come back later')) : done(),
    });
    const channel = email(port, { to: ['me@example.org', 'You <you@example.org>'] });
    await expect(channel.send(outgoing(), signal)).rejects.toMatchObject({
      code: 'channel_failed',
      message: expect.stringContaining('1 of 2 receivers have it') as string,
    });
    greylisted = false;
    await channel.send({ ...outgoing(), attempt: 2 }, signal);
    expect(mails.map(({ to }) => to)).toEqual([['me@example.org'], ['you@example.org']]);
  });

  it('is aborted while the server says nothing', async () => {
    let connected: () => void = () => undefined;
    const connection = new Promise<void>((resolve) => (connected = resolve));
    // It takes the connection and never greets.
    const { port } = await openServer({ onConnect: () => connected() });
    const abort = new AbortController();
    const sending = email(port, { timeout: 120 }).send(outgoing(), abort.signal);
    await connection;
    abort.abort();
    await expect(sending).rejects.toMatchObject({ code: 'channel_failed' });
  });
});
