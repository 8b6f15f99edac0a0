/**
 * A push service and a browser in one: checks who sends (VAPID, RFC 8292) and decrypts what was sent (RFC 8291 with the
 * aes128gcm coding of RFC 8188), so that a test sees what a service worker would.
 */
import {
  createDecipheriv,
  createECDH,
  createPublicKey,
  type ECDH,
  hkdfSync,
  randomBytes,
  verify,
} from 'node:crypto';
import { type HttpReceiver, openHttpReceiver, type ReceivedRequest } from './http-receiver.ts';

interface PushedMessage {
  readonly text: string;
  /** Of the JWT. */
  readonly subject: string;
  readonly ttl: string | undefined;
  readonly urgency: string | undefined;
}

export interface PushBrowser {
  readonly endpoint: string;
  readonly p256dh: string;
  readonly auth: string;
}

export interface PushService extends AsyncDisposable {
  readonly receiver: HttpReceiver;
  subscribe(name: string): PushBrowser;
  /** What came for it; throws where a message is not what the RFCs ask for. */
  messages(name: string, vapidPublicKey: string): readonly PushedMessage[];
}

export async function openPushService(): Promise<PushService> {
  const receiver = await openHttpReceiver();
  receiver.answer = (response) => {
    response.writeHead(201, { location: `${receiver.url}/message` });
    response.end();
  };
  const browsers = new Map<string, { readonly ecdh: ECDH; readonly auth: Buffer }>();
  return {
    receiver,
    subscribe(name) {
      const ecdh = createECDH('prime256v1');
      ecdh.generateKeys();
      const auth = randomBytes(16);
      browsers.set(name, { ecdh, auth });
      return {
        endpoint: `${receiver.url}/push/${name}`,
        p256dh: ecdh.getPublicKey('base64url'),
        auth: auth.toString('base64url'),
      };
    },
    messages(name, vapidPublicKey) {
      const browser = browsers.get(name);
      if (browser === undefined) throw new Error(`${name} has not subscribed`);
      return receiver.requests
        .filter(({ path }) => path === `/push/${name}`)
        .map((request) => ({
          subject: checkSender(request, receiver.url, vapidPublicKey),
          text: decrypt(request, browser),
          ttl: request.headers.ttl as string | undefined,
          urgency: request.headers.urgency as string | undefined,
        }));
    },
    [Symbol.asyncDispose]: () => receiver[Symbol.asyncDispose](),
  };
}

/** `Authorization: vapid t=JWT, k=KEY` */
function checkSender({ headers }: ReceivedRequest, audience: string, vapidPublicKey: string): string {
  const match = /^vapid t=([^.,]+)\.([^.,]+)\.([^.,]+), ?k=(.+)$/.exec(headers.authorization ?? '');
  const [, head = '', claims = '', signature = '', key = ''] = match ?? [];
  if (key !== vapidPublicKey) throw new Error(`the key is ${key}`);
  const point = Buffer.from(key, 'base64url');
  const publicKey = createPublicKey({
    format: 'jwk',
    key: {
      kty: 'EC',
      crv: 'P-256',
      x: point.subarray(1, 33).toString('base64url'),
      y: point.subarray(33).toString('base64url'),
    },
  });
  const isSigned = verify(
    'sha256',
    Buffer.from(`${head}.${claims}`),
    { key: publicKey, dsaEncoding: 'ieee-p1363' },
    Buffer.from(signature, 'base64url'),
  );
  if (!isSigned) throw new Error('the token is not signed by its key');
  const { aud, exp, sub } = JSON.parse(Buffer.from(claims, 'base64url').toString()) as {
    readonly aud: string;
    readonly exp: number;
    readonly sub: string;
  };
  if (aud !== audience) throw new Error(`the audience is ${aud}`);
  const leftSeconds = exp - Date.now() / 1_000;
  if (leftSeconds <= 0 || leftSeconds > 86_400) throw new Error(`the token lasts for ${leftSeconds} s`);
  return sub;
}

/** Body: salt (16) · record size (4) · length of key id (1) · key id, the sender's point · one record. */
function decrypt(
  { body, headers }: ReceivedRequest,
  { auth, ecdh }: { readonly ecdh: ECDH; readonly auth: Buffer },
): string {
  if (headers['content-encoding'] !== 'aes128gcm') throw new Error('the coding is not aes128gcm');
  if (body.length > 4_096) throw new Error(`${body.length} bytes are too many`);
  const salt = body.subarray(0, 16);
  const senderPoint = body.subarray(21, 21 + body.readUInt8(20));
  const record = body.subarray(21 + senderPoint.length);
  const keyInfo = Buffer.concat([Buffer.from('WebPush: info\0'), ecdh.getPublicKey(), senderPoint]);
  const input = Buffer.from(hkdfSync('sha256', ecdh.computeSecret(senderPoint), auth, keyInfo, 32));
  const key = Buffer.from(hkdfSync('sha256', input, salt, 'Content-Encoding: aes128gcm\0', 16));
  const nonce = Buffer.from(hkdfSync('sha256', input, salt, 'Content-Encoding: nonce\0', 12));
  const decipher = createDecipheriv('aes-128-gcm', key, nonce);
  decipher.setAuthTag(record.subarray(-16));
  const padded = Buffer.concat([decipher.update(record.subarray(0, -16)), decipher.final()]);
  const end = padded.lastIndexOf(2);
  if (end < 0) throw new Error('the last record has no delimiter');
  return padded.subarray(0, end).toString();
}
