/**
 * The requests to a border router's REST API, and the only place that makes them. It can GET a closed list of resources and
 * POST a task, nothing else: what would hand out keys (`/node/dataset/…`) or change the border router is not on the list.
 *
 * `otbr-agent` is exact about headers: a POST without `Content-Type: application/vnd.api+json`, or with a charset behind it,
 * is refused, and so is a GET under `/api` with a browser's `Accept`. Every request has its own connection, as the
 * small servers on the other side expect, and nothing that comes back is trusted: size, depth, type and time are bounded.
 */
import * as http from 'node:http';
import * as https from 'node:https';
import type { Clock } from '../../clock.ts';
import { pause } from '../../pause.ts';
import { isDeeperThan, isJsonObject, type JsonValue } from '../../protocol/json.ts';
import type { ReadFailure, ReadFailureCode, ReadResult } from '../mesh/mesh-reader.ts';
import { boundedText } from './wire-fields.ts';

export interface OtbrHttpClientOptions {
  /** `http://127.0.0.1:8081`. */
  readonly baseUrl: string;
  readonly clock: Clock;
  /** Of one request, to the last byte of its answer; 10 s where absent. */
  readonly timeoutMs?: number;
  /** Of one answer; 4 MiB where absent. */
  readonly maxBodyBytes?: number;
}

/** What may be asked for. Identifiers in it came from the border router and were checked. */
export type OtbrResource =
  | '/.well-known/thread/br-rest'
  | '/node'
  | '/diagnostics'
  | '/api/devices'
  | '/api/actions'
  | `/api/actions/${string}`
  | `/api/diagnostics/${string}`;

/** An answer that came, as far as HTTP goes: what was asked for, or a refusal. */
export type OtbrAnswer =
  | { readonly kind: 'json'; readonly value: JsonValue }
  | { readonly kind: 'refused'; readonly status: number; readonly detail: string };

const readable = [
  /^\/\.well-known\/thread\/br-rest$/,
  /^\/node$/,
  /^\/diagnostics$/,
  /^\/api\/devices$/,
  /^\/api\/(actions|diagnostics)\/[A-Za-z0-9-]{1,64}$/,
  /^\/api\/actions$/,
];
const jsonTypes = new Set(['application/json', 'application/vnd.api+json']);
const taskType = 'application/vnd.api+json';
const defaultMaxBodyBytes = 4 * 1024 * 1024;
const defaultTimeoutMs = 10_000;
/** Of a refusal's body only a sentence is of use. */
const maxRefusalBytes = 16 * 1024;
/** The deepest recorded answer has 8 levels. */
const maxLevels = 24;
const retryPauseMs = 250;
const hostIsThere = new Set(['ECONNREFUSED']);

interface Exchange {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly headers: Readonly<Record<string, string | number>>;
  readonly body: string | null;
  readonly signal: AbortSignal;
  readonly timeoutMs: number;
}

/** Before it is read as JSON. */
type RawAnswer = ReadResult<{
  readonly status: number;
  readonly contentType: string;
  readonly location: string | null;
  readonly body: Buffer;
}>;

/** The connection was lost in the middle of an answer. */
interface BrokenOff extends ReadFailure {
  readonly brokeOff: true;
}

export class OtbrHttpClient {
  readonly #base: URL;
  readonly #clock: Clock;
  readonly #timeoutMs: number;
  readonly #maxBodyBytes: number;

  /** Throws TypeError for what is no URL of HTTP: configuration is checked before. */
  constructor({ baseUrl, clock, maxBodyBytes, timeoutMs }: OtbrHttpClientOptions) {
    this.#base = new URL(baseUrl);
    if (!/^https?:$/.test(this.#base.protocol))
      throw new TypeError(`${baseUrl} is no http:// or https:// URL`);
    this.#clock = clock;
    this.#timeoutMs = timeoutMs ?? defaultTimeoutMs;
    this.#maxBodyBytes = maxBodyBytes ?? defaultMaxBodyBytes;
  }

  /** `http://127.0.0.1:8081`: no path, and no credentials somebody may have written into it. */
  get address(): string {
    return this.#base.origin;
  }

  /** `timeoutMs`: where the border router takes its time before it answers. */
  async get(
    resource: OtbrResource,
    signal: AbortSignal,
    timeoutMs: number = this.#timeoutMs,
  ): Promise<ReadResult<OtbrAnswer>> {
    if (!readable.some((pattern) => pattern.test(resource)))
      throw new TypeError(`${resource} is never asked for`);
    const accept = resource.startsWith('/api/') ? taskType : '*/*';
    return this.#twice({ method: 'GET', path: resource, headers: { accept }, body: null, signal, timeoutMs });
  }

  /** Posts one task to `/api/actions`. */
  async postTask(
    type: 'getNetworkDiagnosticTask' | 'updateDeviceCollectionTask',
    attributes: Readonly<Record<string, JsonValue>>,
    signal: AbortSignal,
  ): Promise<ReadResult<OtbrAnswer>> {
    const body = JSON.stringify({ data: [{ type, attributes }] });
    return this.#twice({
      method: 'POST',
      path: '/api/actions',
      headers: { accept: taskType, 'content-type': taskType, 'content-length': Buffer.byteLength(body) },
      body,
      signal,
      timeoutMs: this.#timeoutMs,
    });
  }

  /**
   * Once more where the border router says that it failed: it may be starting, or its queue may be full. And where the
   * answer to a GET broke off; what a broken POST did is not known.
   */
  async #twice(exchange: Exchange): Promise<ReadResult<OtbrAnswer>> {
    const first = await this.#answer(exchange);
    const isWorthIt = first.ok
      ? first.value.kind === 'refused' && first.value.status >= 500
      : exchange.method === 'GET' && 'brokeOff' in first;
    if (!isWorthIt) return first;
    if (!(await pause(this.#clock, retryPauseMs, exchange.signal))) return cancelled;
    return this.#answer(exchange);
  }

  async #answer(exchange: Exchange): Promise<ReadResult<OtbrAnswer>> {
    if (exchange.signal.aborted) return cancelled;
    const raw = await this.#send(exchange);
    if (!raw.ok) return raw;
    const { body, contentType, location, status } = raw.value;
    if (status >= 300 && status < 400) {
      const target = location === null ? '' : ` to ${boundedText(location, 100) ?? 'elsewhere'}`;
      const detail = `it redirects${target}, and redirects are not followed; write the final address`;
      return { ok: true, value: { kind: 'refused', status, detail } };
    }
    if (status < 200 || status >= 300)
      return { ok: true, value: { kind: 'refused', status, detail: readDetail(body) } };
    if (!jsonTypes.has(contentType))
      return malformed(
        `${this.address}${exchange.path} answers with ${contentType === '' ? 'no content type' : (boundedText(contentType, 60) ?? 'an odd content type')}, not JSON`,
      );
    const value = parseJson(body);
    return value === undefined
      ? malformed(`${this.address}${exchange.path} answers with what is no JSON, or is nested too deep`)
      : { ok: true, value: { kind: 'json', value } };
  }

  #send({ body, headers, method, path, signal, timeoutMs }: Exchange): Promise<RawAnswer> {
    return new Promise((resolve) => {
      const { request: open } = this.#base.protocol === 'https:' ? https : http;
      const request = open(new URL(path, this.#base), {
        method,
        headers: { ...headers, connection: 'close' },
        agent: false,
        maxHeaderSize: 16 * 1024,
      });
      const stopTimer = this.#clock.after(timeoutMs, () =>
        settle(failure('unreachable', `${this.address} did not answer ${path} within ${timeoutMs} ms`)),
      );
      const onAbort = (): void => settle(cancelled);
      const settle = (answer: RawAnswer): void => {
        stopTimer();
        signal.removeEventListener('abort', onAbort);
        resolve(answer);
        request.destroy();
      };
      signal.addEventListener('abort', onAbort, { once: true });
      request.on('error', (error) => settle(this.#connectionFailure(error)));
      request.on('response', (response) => {
        const status = response.statusCode ?? 0;
        const limit = status >= 200 && status < 300 ? this.#maxBodyBytes : maxRefusalBytes;
        const chunks: Buffer[] = [];
        let bytes = 0;
        const tooLarge = (): void =>
          settle(malformed(`${this.address}${path} answers with more than ${limit} bytes`));
        response.on('data', (chunk: Buffer) => {
          bytes += chunk.length;
          if (bytes > limit) tooLarge();
          else chunks.push(chunk);
        });
        response.on('error', () =>
          settle(brokenOff(`${this.address}${path} broke off after ${bytes} bytes`)),
        );
        response.on('end', () =>
          settle({
            ok: true,
            value: {
              status,
              contentType: mediaType(response.headers['content-type']),
              location: response.headers.location ?? null,
              body: Buffer.concat(chunks),
            },
          }),
        );
        if (Number(response.headers['content-length'] ?? 0) > limit) tooLarge();
      });
      request.end(body ?? undefined);
    });
  }

  #connectionFailure(error: Error): ReadFailure {
    const code = 'code' in error && typeof error.code === 'string' ? error.code : error.name;
    if (hostIsThere.has(code))
      return failure(
        'off',
        `nothing listens on ${this.address}: start otbr-agent with its REST API (it listens on 127.0.0.1:8081; builds need OTBR_REST=ON)`,
      );
    if (code.startsWith('HPE_')) return malformed(`${this.address} does not speak HTTP (${code})`);
    return failure(
      'unreachable',
      `${this.address} cannot be reached (${boundedText(code, 40) ?? 'unknown'})`,
    );
  }
}

export const cancelled: ReadFailure = { ok: false, code: 'cancelled', reason: 'nobody waits any more' };

export const failure = (code: ReadFailureCode, reason: string): ReadFailure => ({ ok: false, code, reason });

export const malformed = (reason: string): ReadFailure => failure('malformed', reason);

const brokenOff = (reason: string): BrokenOff => ({ ...malformed(reason), brokeOff: true });

const mediaType = (header: string | undefined): string =>
  (header ?? '').split(';')[0]?.trim().toLowerCase() ?? '';

/** Undefined for what is no JSON or too deep to be walked. */
function parseJson(body: Buffer): JsonValue | undefined {
  try {
    const value = JSON.parse(body.toString('utf8')) as JsonValue;
    return isDeeperThan(value, maxLevels) ? undefined : value;
  } catch {
    return undefined;
  }
}

/** `{title, status, detail}`, of which the second often is empty; servers of other makes send text. */
function readDetail(body: Buffer): string {
  const value = parseJson(body);
  if (value === undefined) return boundedText(body.toString('utf8'), 120) ?? '';
  if (!isJsonObject(value)) return '';
  const parts = [value['title'], value['detail'], value['ErrorMessage']].filter(
    (part): part is string => typeof part === 'string' && part !== '',
  );
  return boundedText(parts.join(': '), 200) ?? '';
}
