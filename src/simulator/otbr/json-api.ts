/**
 * The REST API of `otbr-agent` since September 2025: JSON:API under `/api`, live state under `/node`. Status codes,
 * refusals and order of fields are those of recordings. It takes discoveries and diagnostics; the other tasks (adding
 * devices, energy scans, resetting counters) are refused as unknown.
 */
import { isJsonObject, type JsonObject, type JsonValue } from '../../protocol/json.ts';
import type { SeededRandom } from '../random.ts';
import { type Action, ActionQueue } from './action-queue.ts';
import { printCJson } from './cjson.ts';
import { DeviceCollection } from './device-collection.ts';
import { inFormerNames } from './field-names.ts';
import { type HttpReply, type HttpRequest, jsonApiType, jsonType, reasons } from './http-reply.ts';
import { ItemCollection, mostItems } from './item-collection.ts';
import { accepted, type Document, selected, toJsonApi } from './json-api-documents.ts';
import { nodeOf, nodePartsOf, unknownNodeOf } from './node-resource.ts';
import { RadioTasks, type RadioTasksOptions, type ResultItem } from './radio-tasks.ts';

const wellKnown = `{
  "api": {
    "version": "0.5.0",
    "base": "/api/"
  },
  "links": [
${[
  ['/.well-known/thread/br-rest', 'self', jsonType],
  ['/api/node', 'node', jsonApiType],
  ['/api/actions', 'task', jsonApiType],
  ['/api/devices', 'device', jsonApiType],
  ['/api/diagnostics', 'diagnostic', jsonApiType],
]
  .map(
    ([href, rel, type]) =>
      `    {\n      "href": "${href}",\n      "rel": "${rel}",\n      "type": ["${type}"]\n    }`,
  )
  .join(',\n')}
  ]
}`;

export class JsonApi {
  readonly #options: RadioTasksOptions;
  readonly #devices: DeviceCollection;
  readonly #results: ItemCollection<ResultItem>;
  readonly #actions: ActionQueue;
  readonly #ids: SeededRandom;
  readonly #tasks: RadioTasks;

  constructor(options: RadioTasksOptions) {
    const { random, clock, device } = options;
    this.#options = options;
    this.#devices = new DeviceCollection(random.fork('devices'));
    this.#devices.reset(device, unknownNodeOf(options), clock.nowMs());
    this.#results = new ItemCollection(random.fork('results'));
    this.#actions = new ActionQueue(clock, random.fork('actions'));
    this.#ids = random.fork('ids');
    this.#tasks = new RadioTasks(options, this.#devices, this.#results, () => this.#uuid());
  }

  close(): void {
    this.#actions.close();
    this.#tasks.close();
  }

  handle(request: HttpRequest): HttpReply {
    const { method, path } = request;
    if (!['GET', 'POST', 'PUT', 'DELETE', 'OPTIONS'].includes(method)) {
      const body = printCJson(
        this.#named({ title: 'Method Not Allowed', status: 405, detail: notSupported }),
      );
      const allow = ['Allow', 'GET, POST, PUT, DELETE, OPTIONS'] as const;
      return { status: 405, contentType: jsonType, body, headers: [allow] };
    }
    if (path === '/.well-known/thread/br-rest' && this.#options.naming === 'current' && method === 'GET') {
      return { status: 200, contentType: jsonType, body: wellKnown };
    }
    if (path === '/node' || path.startsWith('/node/')) return this.#node(method, path);
    const [, collection = '', id = null, rest] = /^\/api\/([a-z]+)(?:\/([^/]+))?(\/.*)?$/.exec(path) ?? [];
    if (rest !== undefined) return this.#error(404);
    switch (collection) {
      case 'node':
        return method === 'GET' && id === null ? this.#apiNode(request) : this.#error(404);
      case 'devices':
        return this.#collection(request, id, this.#deviceDocuments(), {
          clear: () => this.#devices.items.clear(),
          allow: 'GET, POST, DELETE, OPTIONS',
        });
      case 'diagnostics':
        return this.#collection(request, id, this.#resultDocuments(), {
          clear: () => this.#results.clear(),
          allow: 'GET, DELETE, OPTIONS',
        });
      case 'actions':
        if (method === 'POST' && id === null) return this.#post(request);
        if (method === 'DELETE' && id !== null) {
          return this.#actions.delete(id) ? noContent : this.#error(404);
        }
        return this.#collection(request, id, this.#actionDocuments(), {
          clear: () => this.#actions.clear(),
          allow: 'GET, POST, DELETE, OPTIONS',
          pending: this.#actions.unfinished,
        });
      default:
        return this.#error(404);
    }
  }

  // ----------------------------------------------------------------------------------------------------- documents

  #node(method: string, path: string): HttpReply {
    const part = path.slice('/node/'.length);
    const parts = nodePartsOf(this.#options);
    if (method === 'OPTIONS' && ['state', 'dataset/active', 'dataset/pending'].includes(part)) {
      return { status: 200, contentType: null, body: '' };
    }
    if (method !== 'GET') return this.#error(404);
    if (path === '/node')
      return { status: 200, contentType: jsonType, body: printCJson(nodeOf(this.#options)) };
    if (part === 'dataset/pending') return noContent;
    const value = parts.get(part);
    if (value === undefined) return this.#error(404);
    return { status: 200, contentType: jsonType, body: printCJson(value) };
  }

  #apiNode(request: HttpRequest): HttpReply {
    const own = this.#deviceDocuments().find((item) => item.type === 'threadBorderRouter');
    return this.#item(request, own);
  }

  #deviceDocuments(): Document[] {
    return this.#devices.items.entries().map(([id, item]) => ({
      id,
      type: item.isBorderRouter ? 'threadBorderRouter' : 'threadDevice',
      attributes: item.attributes,
      createdMs: item.createdMs,
      updatedMs: item.updatedMs,
    }));
  }

  #resultDocuments(): Document[] {
    return this.#results
      .entries()
      .map(([id, item]) => ({ id, type: 'networkDiagnostics', ...item, updatedMs: null }));
  }

  #actionDocuments(): Document[] {
    return this.#actions.entries().map((action) => ({
      id: action.id,
      type: action.type,
      attributes: this.#actionAttributes(action),
      createdMs: action.createdMs,
      updatedMs: null,
      ...(action.resultId === null
        ? {}
        : { relationships: { result: { data: { type: 'diagnostics', id: action.resultId } } } }),
    }));
  }

  #actionAttributes(action: Action): JsonObject {
    const leftMs = action.postedMs + action.timeoutMs - this.#options.clock.monotonicMs();
    const unfinished = action.status === 'pending' || action.status === 'active';
    return {
      ...action.attributes,
      // Whole seconds, and less than was asked for from the start.
      ...(unfinished ? { timeout: Math.max(0, Math.ceil(leftMs / 1_000) - 1) } : {}),
      status: action.status,
    };
  }

  #collection(
    request: HttpRequest,
    id: string | null,
    documents: readonly Document[],
    about: { readonly clear: () => void; readonly allow: string; readonly pending?: number },
  ): HttpReply {
    if (id !== null) {
      const found = documents.find((document) => document.id === id);
      return request.method === 'GET' ? this.#item(request, found) : this.#error(404);
    }
    switch (request.method) {
      case 'OPTIONS':
        return { status: 204, contentType: null, body: '', headers: [['Allow', about.allow]] };
      case 'DELETE':
        about.clear();
        return noContent;
      case 'GET':
        break;
      default:
        return this.#error(405);
    }
    const type = accepted(request);
    if (type === null) return this.#error(406);
    const shown = documents.flatMap((document) => selected(document, request.query));
    if (type === jsonType)
      return this.#json(
        type,
        shown.map((document) => document.attributes),
      );
    const { pending } = about;
    const counts = { offset: 0, limit: mostItems, total: documents.length };
    const collection = pending === undefined ? counts : { ...counts, pending };
    return this.#json(type, { data: shown.map(toJsonApi), meta: { collection } });
  }

  #item(request: HttpRequest, document: Document | undefined): HttpReply {
    const type = accepted(request);
    if (type === null) return this.#error(406);
    const [shown] = document === undefined ? [] : selected(document, request.query);
    if (shown === undefined) return this.#error(404);
    return this.#json(type, type === jsonType ? shown.attributes : { data: toJsonApi(shown) });
  }

  #json(contentType: string, value: JsonValue): HttpReply {
    return { status: 200, contentType, body: printCJson(this.#named(value)) };
  }

  #error(status: number): HttpReply {
    const body = printCJson(this.#named({ title: reasons.get(status) ?? '', status, detail: '' }));
    return { status, contentType: jsonType, body };
  }

  #named(value: JsonValue): JsonValue {
    if (this.#options.naming === 'current') return value;
    // Errors had their sentence under another name as well.
    if (isJsonObject(value) && 'title' in value) {
      const { detail = '', ...error } = value;
      return { ...error, details: detail };
    }
    return inFormerNames(value);
  }

  // ------------------------------------------------------------------------------------------------------- actions

  #post({ contentType, body }: HttpRequest): HttpReply {
    if (contentType === null || contentType === '') return this.#error(406);
    if (contentType !== jsonApiType) return this.#error(415);
    const document = parseJson(body);
    if (document === undefined) return this.#error(400);
    const data = isJsonObject(document) ? document['data'] : undefined;
    if (!Array.isArray(data)) return this.#error(422);
    const requests = data.map((item) => this.#tasks.requestOf(item));
    if (!requests.every((request) => request !== null)) return this.#error(422);
    if (!this.#actions.hasRoomFor(requests.length)) return this.#error(503);
    const posted = requests.map((request) => {
      const action = this.#actions.add(request, this.#uuid());
      return { id: action.id, type: action.type, attributes: this.#actionAttributes(action) };
    });
    const collection = { offset: 0, limit: mostItems, total: posted.length };
    return {
      status: 200,
      contentType: jsonApiType,
      body: JSON.stringify({ data: posted, meta: { collection } }),
    };
  }

  /** Version 4, of seeded digits. */
  #uuid(): string {
    const hex = this.#ids.hex(32);
    const parts = [hex.slice(0, 8), hex.slice(8, 12), `4${hex.slice(13, 16)}`, `8${hex.slice(17, 20)}`];
    return [...parts, hex.slice(20)].join('-');
  }
}

const notSupported = 'method not supported';
const noContent: HttpReply = { status: 204, contentType: null, body: '' };

function parseJson(text: string): JsonValue | undefined {
  try {
    return JSON.parse(text) as JsonValue;
  } catch {
    return undefined;
  }
}
