/**
 * One POST to a receiver outside. What the receiver says is sorted into the two kinds that count: it does not take *this*
 * message, ever (400, 413, 422), or it does not work now (everything else, wrong credentials and moved addresses too:
 * somebody may put that right before the message expires).
 *
 * Redirects are not followed: credentials and alarms go only where the configuration says.
 */
import { ChannelError } from '../../errors.ts';
import { oneLine } from './notification-text.ts';

interface HttpPost {
  /** May carry `user:password@`; they become basic authentication. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Uint8Array<ArrayBuffer>;
  readonly signal: AbortSignal;
  readonly nowMs: () => number;
}

export interface HttpAnswer {
  readonly status: number;
  readonly error: ChannelError | null;
}

const refusesTheMessage = new Set([400, 413, 422]);
const longestRetryAfterMs = 3_600_000;
/** Of what a receiver says, this much is shown. */
const shownCharacters = 200;
const readBytes = 2_048;

/** Throws ChannelError. */
export async function post(request: HttpPost): Promise<void> {
  const { error } = await postForAnswer(request);
  if (error !== null) throw error;
}

/** As `post`, for receivers whose statuses mean more. Throws ChannelError where no answer came. */
export async function postForAnswer({ body, headers, nowMs, signal, url }: HttpPost): Promise<HttpAnswer> {
  const { credentials, host, plainUrl } = splitUrl(url);
  let response: Response;
  try {
    response = await fetch(plainUrl, {
      method: 'POST',
      redirect: 'manual',
      headers: {
        'user-agent': 'threadhub',
        ...(credentials === null ? {} : { authorization: basicAuthorization(credentials) }),
        ...headers,
      },
      body,
      signal,
    });
  } catch (error) {
    throw new ChannelError('channel_failed', `${host} gave no answer: ${reasonOf(error)}`, { cause: error });
  }
  const { status } = response;
  if (response.ok) {
    // The status is the answer; a body that breaks off changes nothing of it.
    await response.body?.cancel().catch(() => undefined);
    return { status, error: null };
  }
  const location = response.headers.get('location');
  const said = await beginningOf(response);
  const detail =
    status >= 300 && status < 400
      ? `${host} answered ${status}${location === null ? '' : ` to ${location.slice(0, shownCharacters)}`}, and redirects are not followed; write the final address`
      : `${host} answered ${status}${said === '' ? '' : `: ${said}`}`;
  return {
    status,
    error: new ChannelError(refusesTheMessage.has(status) ? 'channel_rejected' : 'channel_failed', detail, {
      retryAfterMs: retryAfterMs(response.headers.get('retry-after'), nowMs()),
    }),
  };
}

export const basicAuthorization = ({ password, user }: { user: string; password: string }): string =>
  `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;

/** Seconds or an HTTP date (RFC 9110, 10.2.3); at most an hour is granted. */
function retryAfterMs(header: string | null, nowMs: number): number | null {
  if (header === null) return null;
  const waitMs = /^\s*\d{1,10}\s*$/.test(header) ? Number(header) * 1_000 : Date.parse(header) - nowMs;
  return Number.isFinite(waitMs) ? Math.min(longestRetryAfterMs, Math.max(0, waitMs)) : null;
}

/** The sentence that helps is at the end of the chain of causes. */
export function reasonOf(error: unknown): string {
  let deepest = error;
  while (deepest instanceof Error && deepest.cause instanceof Error) deepest = deepest.cause;
  if (deepest instanceof AggregateError && deepest.errors.length > 0) return reasonOf(deepest.errors[0]);
  if (!(deepest instanceof Error)) return String(deepest);
  const code = 'code' in deepest && typeof deepest.code === 'string' ? deepest.code : '';
  return deepest.message.includes(code) ? deepest.message : `${deepest.message} (${code})`;
}

async function beginningOf(response: Response): Promise<string> {
  let text = '';
  try {
    const decoder = new TextDecoder();
    let bytes = 0;
    const chunks: AsyncIterable<Uint8Array> | null = response.body;
    for await (const chunk of chunks ?? []) {
      text += decoder.decode(chunk, { stream: true });
      bytes += chunk.byteLength;
      if (bytes >= readBytes) break;
    }
  } catch {
    // What came before it broke off will do.
  }
  // Strangers' text goes into logs and onto terminals.
  return oneLine(text).slice(0, shownCharacters);
}

function splitUrl(text: string): {
  readonly plainUrl: URL;
  readonly host: string;
  readonly credentials: { readonly user: string; readonly password: string } | null;
} {
  const plainUrl = new URL(text);
  const { host, password, username } = plainUrl;
  if (username === '' && password === '') return { plainUrl, host, credentials: null };
  const credentials = { user: decodeURIComponent(username), password: decodeURIComponent(password) };
  plainUrl.username = '';
  plainUrl.password = '';
  return { plainUrl, host, credentials };
}
