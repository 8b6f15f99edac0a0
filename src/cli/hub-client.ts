/**
 * The CLI's side of the REST API: finds the hub, asks it, and turns what goes wrong into one sentence. Answers stay as
 * they came (`text`) beside their parsed form, for `--json`.
 */
import { z } from 'zod';
import { CommandError } from '../errors.ts';
import { isJsonObject } from '../protocol/json.ts';

export const defaultHubUrl = 'http://127.0.0.1:5001';

export interface HubAnswer {
  /** The body as the hub wrote it. */
  readonly text: string;
  /** The body as JSON of that shape. Throws CommandError `hub_unexpected` where it is another. */
  parse<T>(schema: z.ZodType<T>): T;
}

export interface HubRequest {
  readonly query?: Readonly<Record<string, string | number | undefined>>;
  readonly body?: unknown;
  readonly timeoutMs?: number;
}

export interface HubClient {
  /** `http://127.0.0.1:5001`, without a trailing slash. */
  readonly url: string;
  /** Throws CommandError `hub_unreachable`, `hub_unexpected`, `request_refused`. */
  request(method: 'GET' | 'POST' | 'PUT' | 'DELETE', path: string, request?: HubRequest): Promise<HubAnswer>;
  /** All items of a list, page by page; the path may have a query. */
  list<T>(path: string, itemSchema: z.ZodType<T>): Promise<T[]>;
}

export interface HubClientOptions {
  readonly hub: string;
  readonly fetch: typeof fetch;
  readonly userAgent: string;
}

/** Accepts `http://…`, `ws://…` and `host:port`. Throws CommandError `option_invalid`. */
export function hubUrlOf(text: string): string {
  const url = URL.parse(/^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? text : `http://${text}`);
  const scheme = url?.protocol.replace('ws', 'http');
  if (url === null || url.hostname === '' || (scheme !== 'http:' && scheme !== 'https:')) {
    throw new CommandError(
      'option_invalid',
      `--hub is ${JSON.stringify(text)}; write the address of a hub, such as ${defaultHubUrl}.`,
    );
  }
  return `${scheme}//${url.host}`;
}

export function createHubClient(options: HubClientOptions): HubClient {
  const url = hubUrlOf(options.hub);

  async function request(
    method: string,
    path: string,
    { query = {}, body, timeoutMs = 30_000 }: HubRequest = {},
  ): Promise<HubAnswer> {
    const parameters = new URLSearchParams();
    for (const [name, value] of Object.entries(query))
      if (value !== undefined) parameters.set(name, String(value));
    const search = parameters.size === 0 ? '' : `?${parameters.toString()}`;
    let response: Response;
    let text: string;
    try {
      response = await options.fetch(`${url}${path}${search}`, {
        method,
        headers: {
          'user-agent': options.userAgent,
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        signal: AbortSignal.timeout(timeoutMs),
      });
      text = await response.text();
    } catch (error) {
      throw unreachable(url, error, timeoutMs);
    }
    if (!response.ok) throw refusal(url, method, path, response.status, text);
    return {
      text,
      parse(schema) {
        let body: unknown;
        try {
          body = JSON.parse(text);
        } catch (error) {
          throw unexpected(url, error);
        }
        const parsed = schema.safeParse(body);
        if (!parsed.success) throw unexpected(url, parsed.error);
        return parsed.data;
      },
    };
  }

  return {
    url,
    request,
    async list<T>(path: string, itemSchema: z.ZodType<T>): Promise<T[]> {
      const pageSchema = z.object({ items: z.array(itemSchema), next_cursor: z.string().nullish() });
      const items: T[] = [];
      let cursor: string | undefined;
      do {
        const next =
          cursor === undefined ? '' : `${path.includes('?') ? '&' : '?'}cursor=${encodeURIComponent(cursor)}`;
        const answer = await request('GET', `${path}${next}`);
        const page = answer.parse(pageSchema);
        items.push(...page.items);
        cursor = page.next_cursor ?? undefined;
      } while (cursor !== undefined);
      return items;
    },
  };
}

const unexpected = (url: string, cause: unknown): CommandError =>
  new CommandError(
    'hub_unexpected',
    `What answers at ${url} is not a Threadhub hub of this version; name the hub with --hub.`,
    { cause },
  );

function unreachable(url: string, error: unknown, timeoutMs: number): CommandError {
  const advice = "start one with 'threadhub serve', or name it with --hub";
  if (error instanceof Error && error.name === 'TimeoutError') {
    return new CommandError(
      'hub_unreachable',
      `The hub at ${url} did not answer within ${timeoutMs / 1_000} s; look at its log, or name another with --hub.`,
      { cause: error },
    );
  }
  return new CommandError('hub_unreachable', `No hub answers at ${url} (${reasonOf(error)}); ${advice}.`, {
    cause: error,
  });
}

const reasons: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused',
  ENOTFOUND: 'no such host name',
  EAI_AGAIN: 'the host name cannot be resolved now',
  ECONNRESET: 'the connection was cut',
  EHOSTUNREACH: 'no route to the host',
  ENETUNREACH: 'no route to the network',
  UND_ERR_SOCKET: 'the connection was cut',
};

/** `fetch` hides the reason in `cause`, and that one in `errors` where a name has several addresses. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const inner = error instanceof AggregateError ? (error.errors[0] as unknown) : error.cause;
  const code = 'code' in error ? String(error.code) : '';
  return reasons[code] ?? (inner === undefined ? error.message : reasonOf(inner));
}

function refusal(url: string, method: string, path: string, status: number, text: string): CommandError {
  let problem: unknown = null;
  try {
    problem = JSON.parse(text);
  } catch {
    // Not one of ours; the status has to do.
  }
  const field = (name: string): string | null => {
    const value = isJsonObject(problem) ? problem[name] : null;
    return typeof value === 'string' ? value : null;
  };
  const code = field('code');
  if (code === null) {
    return new CommandError(
      'hub_unexpected',
      `${url} answered ${method} ${path} with status ${status} and no explanation; check with --hub that it is a Threadhub hub of this version.`,
    );
  }
  const detail = field('detail') ?? field('title') ?? code;
  return new CommandError('request_refused', withFullStop(detail));
}

export function withFullStop(text: string): string {
  const trimmed = text.trim();
  return /[.!?…]$/.test(trimmed) ? trimmed : `${trimmed}.`;
}
