/** Checks parameters and bodies against their zod schemas; every value that is wrong is named, with what is valid. */
import type { FastifySchemaCompiler } from 'fastify';
import { z } from 'zod';
import { EdgeError, type ProblemItem } from './problem.ts';

const places: Readonly<Record<string, ProblemItem['in']>> = {
  params: 'path',
  querystring: 'query',
  body: 'body',
  headers: 'headers',
};

export const validateRequest: FastifySchemaCompiler<z.ZodType> = ({ schema, httpPart }) => {
  const place = places[httpPart ?? 'body'] ?? 'body';
  return (data: unknown) => {
    // Fastify gives null for an absent body.
    const result = schema.safeParse(place === 'body' && data === null ? undefined : data);
    return result.success
      ? { value: result.data }
      : { error: invalidRequest(place, schema, result.error.issues) };
  };
};

export function invalidRequest(
  place: ProblemItem['in'],
  schema: z.ZodType,
  issues: readonly z.core.$ZodIssue[],
): EdgeError {
  const items = issues.map((issue) => describeIssue(place, schema, issue));
  const [first] = items;
  const summary = first === undefined ? 'the request is not valid' : `${label(first)}${first.message}`;
  const more = items.length > 1 ? ` (and ${items.length - 1} more, see errors)` : '';
  return new EdgeError('invalid_request', summary + more, items);
}

function label(item: ProblemItem): string {
  return item.parameter === '' ? `the ${item.in}: ` : `${item.in} ${item.parameter}: `;
}

function describeIssue(place: ProblemItem['in'], schema: z.ZodType, issue: z.core.$ZodIssue): ProblemItem {
  const parameter = issue.path.map(String).join('.');
  if (issue.code !== 'unrecognized_keys') return { in: place, parameter, message: issue.message };
  const unknown = issue.keys.map((key) => JSON.stringify(key.slice(0, 100))).join(', ');
  const valid = validKeys(schema, issue.path);
  const kind = place === 'query' ? 'parameter' : 'property';
  return {
    in: place,
    parameter: [...issue.path.map(String), issue.keys[0] ?? ''].join('.').slice(0, 200),
    message:
      valid.length === 0
        ? `unknown ${kind} ${unknown}; none is taken here`
        : `unknown ${kind} ${unknown}; valid: ${valid.join(', ')}`,
  };
}

function validKeys(schema: z.ZodType, path: readonly PropertyKey[]): string[] {
  let current: unknown = bare(schema);
  for (const step of path) {
    if (current instanceof z.ZodObject)
      current = bare((current.shape as Record<string, unknown>)[String(step)]);
    else if (current instanceof z.ZodArray) current = bare(current.element);
    else if (current instanceof z.ZodRecord) current = bare(current.valueType);
    else return [];
  }
  return current instanceof z.ZodObject ? Object.keys(current.shape) : [];
}

/** Without `optional`, `nullable` and `default` around it. */
function bare(schema: unknown): unknown {
  let current = schema;
  while (
    current instanceof z.ZodOptional ||
    current instanceof z.ZodNullable ||
    current instanceof z.ZodDefault ||
    current instanceof z.ZodPrefault
  )
    current = current.unwrap();
  return current;
}
