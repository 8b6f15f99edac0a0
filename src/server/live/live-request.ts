/** Reads a live client's requests: parsed once, here, with the protocol's schema. */
import { type LiveErrorCode, type LiveRequest, liveRequestSchema } from '../../protocol/live.ts';

export type ReadRequest =
  | { readonly ok: true; readonly request: LiveRequest }
  | {
      readonly ok: false;
      /** Of the request, where it had one that could be read. */
      readonly id: number | string | null;
      readonly code: LiveErrorCode;
      readonly message: string;
    };

const types = new Set<unknown>(liveRequestSchema.options.flatMap(({ shape }) => shape.type.value));
const longestId = 64;
const shownProblems = 3;

/** Longer ones go the way of all requests. */
const longestAcknowledgement = 40;
const acknowledgement = /^\{"type":"ack","batch":([1-9]\d{0,14})\}$/;

/**
 * The batch of an acknowledgement as most clients write it; null for all else. Thousands of clients acknowledge all the
 * time, and the schema would cost more than the frame.
 */
export function acknowledgedBatch(bytes: Buffer): number | null {
  if (bytes.length > longestAcknowledgement) return null;
  const digits = acknowledgement.exec(bytes.toString('latin1'))?.[1];
  return digits === undefined ? null : Number(digits);
}

/** `text`: null where the frame was binary. */
export function readLiveRequest(text: string | null): ReadRequest {
  const value = text === null ? null : parseObject(text);
  if (value === null) {
    const message = `send one JSON object in a text frame, with a "type" of ${[...types].join(', ')}`;
    return { ok: false, id: null, code: 'malformed', message };
  }
  const id = idOf(value['id']);
  const { type } = value;
  if (!types.has(type)) {
    const shown = typeof type === 'string' ? JSON.stringify(type.slice(0, longestId)) : 'none';
    const message = `the "type" is ${shown}; it must be one of ${[...types].join(', ')}`;
    return { ok: false, id, code: 'unknown_type', message };
  }
  const parsed = liveRequestSchema.safeParse(value);
  if (parsed.success) return { ok: true, request: parsed.data };
  const problems = parsed.error.issues
    .slice(0, shownProblems)
    .map(({ message, path }) =>
      path.length === 0 ? message : `${path.join('.').slice(0, longestId)}: ${message}`,
    );
  return { ok: false, id, code: 'invalid_request', message: problems.join('; ').slice(0, 500) };
}

function parseObject(text: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : null;
  } catch {
    return null;
  }
}

function idOf(id: unknown): number | string | null {
  if (typeof id === 'number') return id;
  return typeof id === 'string' && id.length <= longestId ? id : null;
}
