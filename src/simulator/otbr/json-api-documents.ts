/** How the REST API of `otbr-agent` shows one thing: which type a client gets, which of its fields, and in which frame. */
import type { JsonObject } from '../../protocol/json.ts';
import { type HttpRequest, jsonApiType, jsonType } from './http-reply.ts';

export interface Document {
  readonly id: string;
  readonly type: string;
  readonly attributes: JsonObject;
  readonly createdMs: number;
  readonly updatedMs: number | null;
  readonly relationships?: JsonObject;
}

/** Null where the client takes neither. */
export function accepted(request: HttpRequest): string | null {
  if (request.accept === '*/*' || request.accept === jsonApiType) return jsonApiType;
  return request.accept === jsonType ? jsonType : null;
}

/** `fields[type]=name,name`: where any is given, items of other types are left out. */
export function selected(document: Document, query: URLSearchParams): Document[] {
  if (![...query.keys()].some((key) => key.startsWith('fields['))) return [document];
  const fields = query.get(`fields[${document.type}]`);
  if (fields === null) return [];
  const names = new Set(fields.split(/[ ,]+/));
  const attributes = Object.entries(document.attributes).filter(([name]) => names.has(name));
  return [{ ...document, attributes: Object.fromEntries(attributes) }];
}

export function toJsonApi({
  id,
  type,
  attributes,
  createdMs,
  updatedMs,
  relationships,
}: Document): JsonObject {
  return {
    id,
    type,
    attributes: {
      ...attributes,
      created: rfc3339(createdMs),
      ...(updatedMs === null ? {} : { updated: rfc3339(updatedMs) }),
    },
    ...(relationships === undefined ? {} : { relationships }),
  };
}

const rfc3339 = (ms: number): string => `${new Date(ms).toISOString().slice(0, 19)}+00:00`;
