/**
 * How a route is described, once: what it takes is checked at run time, what it gives is for the OpenAPI document.
 * Answers are serialised as they are: checking a topology of a thousand nodes at every request would cost more than
 * making it, and tests hold answers and schemas together.
 */
import type { FastifyBaseLogger, FastifyInstance, RawServerDefault } from 'fastify';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { problemContentType, type ProblemCode, problemSchema, problemStatuses } from './problem.ts';

export type App = FastifyInstance<
  RawServerDefault,
  IncomingMessage,
  ServerResponse,
  FastifyBaseLogger,
  ZodTypeProvider
>;

export const tags = {
  scans: 'Scans',
  topology: 'Topology',
  borderRouters: 'Border routers',
  nodes: 'Nodes',
  events: 'Sensor events',
  alerts: 'Alerts',
  connections: 'Connections',
  tokens: 'Tokens',
  operation: 'Operation',
} as const;

interface Answer {
  readonly description: string;
  /** Null: no body. */
  readonly body: z.ZodType | null;
  /** Other than `application/json`. */
  readonly contentTypes?: readonly string[];
}

interface RouteDescription<Params, Query, Body> {
  readonly tag: (typeof tags)[keyof typeof tags];
  readonly id: string;
  readonly summary: string;
  readonly description: string;
  readonly params?: Params;
  readonly query?: Query;
  readonly body?: Body;
  /** Content types of the body other than `application/json` alone. */
  readonly consumes?: readonly string[];
  readonly answers: Readonly<Record<number, Answer>>;
  /** What can go wrong here beyond what can everywhere. */
  readonly problems?: readonly ProblemCode[];
}

/** What handlers are typed by: what they get is checked, what they send is not. */
interface RouteSchema<Params, Query, Body> {
  readonly params: Params;
  readonly querystring: Query;
  readonly body: Body;
  readonly response: Readonly<Record<number, z.ZodType>>;
}

const nothing = z.strictObject({});
/** What the access policy, the rate limit and our own bugs can answer on any route. */
const problemsEverywhere: readonly ProblemCode[] = [
  'invalid_request',
  'host_not_allowed',
  'cross_origin_refused',
  'setup_required',
  'rate_limited',
  'internal_error',
];

const bodyProblems: readonly ProblemCode[] = ['malformed_json', 'body_too_large', 'unsupported_media_type'];

export function describeRoute<
  Params extends z.ZodType = typeof nothing,
  Query extends z.ZodType = typeof nothing,
  Body extends z.ZodType = z.ZodType,
>(route: RouteDescription<Params, Query, Body>): RouteSchema<Params, Query, Body> {
  const codes = [
    ...problemsEverywhere,
    ...(route.body === undefined ? [] : bodyProblems),
    ...(route.problems ?? []),
  ];
  const response: Record<number, unknown> = {};
  for (const [status, answer] of Object.entries(route.answers))
    response[Number(status)] = answerSchema(answer);
  for (const [status, ofStatus] of Map.groupBy(codes, (code) => problemStatuses[code])) {
    response[status] = {
      description: [...new Set(ofStatus)].map((code) => `\`${code}\``).join(', '),
      content: { [problemContentType]: { schema: problemSchema } },
    };
  }
  const described = {
    tags: [route.tag],
    operationId: route.id,
    summary: route.summary,
    description: route.description,
    ...(route.params === undefined ? {} : { params: route.params }),
    querystring: route.query ?? nothing,
    ...(route.body === undefined ? {} : { body: route.body }),
    ...(route.consumes === undefined ? {} : { consumes: route.consumes }),
    response,
  };
  // The type provider would check what is sent against `response`; see the head of this module.
  return described as unknown as RouteSchema<Params, Query, Body>;
}

function answerSchema(answer: Answer): unknown {
  if (answer.body === null) return z.null().describe(answer.description);
  const content = Object.fromEntries(
    (answer.contentTypes ?? ['application/json']).map((contentType) => [
      contentType,
      { schema: contentType === 'application/json' ? answer.body : z.string() },
    ]),
  );
  return { description: answer.description, content };
}

/** `{"items":[…],"next_cursor":…}` */
export const listOf = <T extends z.ZodType>(item: T) =>
  z.object({
    items: z.array(item),
    next_cursor: z.string().nullable().describe('Pass it as `cursor` for the next page; null ends'),
  });

/** What a parameter takes, as its refusal says it. */
export const wholeNumber = (min: number, max: number): string => `write a whole number from ${min} to ${max}`;

export const limitParameter = (defaultLimit: number, max: number) =>
  z.coerce
    .number(wholeNumber(1, max))
    .int(wholeNumber(1, max))
    .min(1, wholeNumber(1, max))
    .max(max, wholeNumber(1, max))
    .default(defaultLimit)
    .describe('Items a page');

export const cursorParameter = z
  .string()
  .min(1)
  .max(200)
  .optional()
  .describe('`next_cursor` of the page before');

const timeMessage = 'write a time as 2026-01-31T14:00:00Z';

/** A time as ISO 8601, seconds or not, UTC where it names no offset; Unix ms to whoever asked. */
export const timeParameter = z
  .union(
    [
      z.iso.datetime({ offset: true, local: true }),
      z.iso.datetime({ offset: true, local: true, precision: -1 }),
    ],
    timeMessage,
  )
  .transform((text) => Date.parse(/(?:Z|[+-]\d\d:?\d\d)$/.test(text) ? text : `${text}Z`));

/** A page of a list that is in memory, ordered by `key`; the cursor is the last key of the page before. */
export function pageOf<T>(
  items: readonly T[],
  key: (item: T) => string,
  options: { readonly limit: number; readonly cursor: string | undefined },
): { items: T[]; nextCursor: string | null } {
  const { cursor, limit } = options;
  const ordered = [...items].sort((a, b) => (key(a) < key(b) ? -1 : key(a) > key(b) ? 1 : 0));
  const rest = cursor === undefined ? ordered : ordered.filter((item) => key(item) > cursor);
  const page = rest.slice(0, limit);
  const last = page.at(-1);
  return { items: page, nextCursor: rest.length > limit && last !== undefined ? key(last) : null };
}
