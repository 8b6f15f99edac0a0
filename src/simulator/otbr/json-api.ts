/**
 * The REST API of `otbr-agent` since September 2025: JSON:API under `/api`, live state under `/node`. Status codes,
 * refusals and order of fields are those of recordings. It takes discoveries and diagnostics; the other tasks (adding
 * devices, energy scans, resetting counters) are refused as unknown.
 */
import type { Clock } from '../../clock.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../../protocol/json.ts';
import type { MeshDevice } from '../mesh-device.ts';
import type { SeededRandom } from '../random.ts';
import { type Action, ActionQueue, type ActionRequest, type ActionRun } from './action-queue.ts';
import { printCJson } from './cjson.ts';
import { DeviceCollection } from './device-collection.ts';
import { diagnosticTypes } from './diagnostic-types.ts';
import { borderCountersOf, diagnosticsOf, roleFlagsOf } from './diagnostics.ts';
import { formerNameOf, inFormerNames } from './field-names.ts';
import { type HttpReply, type HttpRequest, jsonApiType, jsonType, reasons } from './http-reply.ts';
import { ItemCollection, mostItems } from './item-collection.ts';
import { nodeOf, nodePartsOf, nodeSnapshotOf, unknownNodeOf } from './node-resource.ts';
import type { ObservedMesh } from './observed-mesh.ts';

export interface JsonApiOptions {
  readonly observed: ObservedMesh;
  /** The border router itself. */
  readonly device: MeshDevice;
  /** `2025`: names and details from before July 2026. */
  readonly naming: 'current' | '2025';
  readonly clock: Clock;
  /** Of this start of the agent. */
  readonly random: SeededRandom;
  /** Everything on the radio takes so many times longer. */
  readonly slowFactor: number;
  /** The so-many-th diagnostic never ends; null: all do. */
  readonly stuckAction: number | null;
  /** Extended addresses that devices had before they were reset; they stay listed. */
  readonly formerAddresses: ReadonlyMap<string, MeshDevice>;
  /** Called with the number of frames that a query or request puts on the radio. */
  readonly onRadio: (requests: number) => void;
}

interface ResultItem {
  readonly attributes: JsonObject;
  readonly createdMs: number;
}

/** A discovery asks each router for its children and their addresses. */
const discoveryBaseMs = 100;
const discoveryPerRouterMs = 45;
/** The agent waits no shorter for answers to its discovery, whatever the timeout says. */
const leastDiscoveryMs = 10_000;
/** What a discovery that runs into its timeout for no reason has found by then. */
const listedAfterMs = 1_500;
/** How often the counter that upstream does not initialise happens to hold nonsense. */
const uninitialisedShare = 0.5;
const perHopMs = 22;
const fastestAnswerMs = 25;
const slowestAnswerMs = 115;

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
  readonly #options: JsonApiOptions;
  readonly #devices: DeviceCollection;
  readonly #results: ItemCollection<ResultItem>;
  readonly #actions: ActionQueue;
  readonly #ids: SeededRandom;
  readonly #air: SeededRandom;
  readonly #discoveryMayHang: boolean;
  #diagnosticsStarted = 0;
  readonly #timers = new Set<() => void>();

  constructor(options: JsonApiOptions) {
    const { random, clock, device } = options;
    this.#options = options;
    this.#devices = new DeviceCollection(random.fork('devices'));
    this.#devices.reset(device, unknownNodeOf(options), clock.nowMs());
    this.#results = new ItemCollection(random.fork('results'));
    this.#actions = new ActionQueue(clock, random.fork('actions'));
    this.#ids = random.fork('ids');
    this.#air = random.fork('air');
    this.#discoveryMayHang = random.fork('boot').chance(uninitialisedShare);
  }

  close(): void {
    this.#actions.close();
    for (const cancel of this.#timers) cancel();
    this.#timers.clear();
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
    const requests = data.map((item) => this.#requestOf(item));
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

  #requestOf(item: JsonValue): ActionRequest | null {
    if (!isJsonObject(item) || !isJsonObject(item['attributes'])) return null;
    const { type, attributes } = item;
    const { timeout } = attributes;
    if (typeof timeout !== 'number') return null;
    const timeoutMs = Math.trunc(timeout) * 1_000;
    if (type === 'getNetworkDiagnosticTask') return this.#diagnosticRequest(attributes, timeoutMs);
    if (type === 'updateDeviceCollectionTask') return this.#discoveryRequest(attributes, timeoutMs);
    return null;
  }

  #diagnosticRequest(attributes: JsonObject, timeoutMs: number): ActionRequest | null {
    const { destination, types, destinationType = null } = attributes;
    if (typeof destination !== 'string' || !Array.isArray(types)) return null;
    const kind = destinationKindOf(destination, destinationType);
    const naming = this.#options.naming;
    const nameOf = (name: string): string => (naming === '2025' ? formerNameOf(name) : name);
    const asked = diagnosticTypes.filter((type) => types.includes(nameOf(type.name)));
    const known = diagnosticTypes.map((type) => nameOf(type.name));
    if (kind === null || !types.every((type) => typeof type === 'string' && known.includes(type)))
      return null;
    return {
      type: 'getNetworkDiagnosticTask',
      attributes: { destination, destinationType: kind, types: asked.map((type) => nameOf(type.name)) },
      timeoutMs,
      start: () => this.#startDiagnostic(destination, kind, new Set(asked.map((type) => type.name))),
    };
  }

  #startDiagnostic(destination: string, kind: DestinationKind, asked: ReadonlySet<string>): ActionRun | null {
    const { observed, device: itself, onRadio, stuckAction, slowFactor } = this.#options;
    if (kind === 'extended' && this.#devices.items.get(destination) === undefined) return null;
    this.#diagnosticsStarted += 1;
    const device = this.#find(destination, kind);
    if (device !== itself) onRadio(requestsFor(asked));
    const hops = device === undefined ? null : observed.hopsBetween(itself, device);
    if (device === undefined || hops === null) return { answeredAfterMs: null, finish: () => '' };
    const finish = (): string =>
      // Results are found by extended address alone.
      observed.hopsBetween(itself, device) === null || kind !== 'extended' ? '' : this.#keep(device, asked);
    if (this.#diagnosticsStarted === stuckAction) return { answeredAfterMs: null, finish, hangs: true };
    const told = diagnosticsOf(observed, device);
    const complete = diagnosticTypes.every(
      (type) => type.property !== undefined || !asked.has(type.name) || told.has(type.name),
    );
    const answeredAfterMs = device === itself ? 0 : this.#answerMs(device, hops) * slowFactor;
    return { answeredAfterMs: complete ? answeredAfterMs : null, finish };
  }

  /** Routers by their distance; sleepy devices when they poll. */
  #answerMs(device: MeshDevice, hops: number): number {
    const { pollPeriodMs } = this.#options.observed.profileOf(device);
    if (pollPeriodMs > 0) return this.#air.between(pollPeriodMs / 6 + 85, pollPeriodMs * 0.7 + 300);
    const usualMs = hops * perHopMs * this.#air.between(0.8, 1.2);
    return Math.min(slowestAnswerMs, Math.max(fastestAnswerMs, usualMs));
  }

  #find(destination: string, kind: DestinationKind): MeshDevice | undefined {
    const { observed } = this.#options;
    return observed.mesh.devices.find((device) => {
      if (kind === 'extended') return device.extAddress === destination;
      if (kind === 'mleid') return observed.profileOf(device).mlEidIid === destination;
      return observed.mesh.rloc16Of(device) === destination.toLowerCase();
    });
  }

  /** Stores what the device told of what was asked for, and what the border router adds. */
  #keep(device: MeshDevice, asked: ReadonlySet<string>): string {
    const { observed, device: itself, clock } = this.#options;
    const told = diagnosticsOf(observed, device);
    const attributes: JsonObject = {};
    const put = (name: string): void => {
      const value = told.get(name);
      if (value !== undefined) attributes[name] = value;
      if (name === 'rloc16' && device.attachment.kind === 'router') {
        attributes['routerId'] = device.attachment.routerId;
      }
    };
    for (const type of diagnosticTypes) {
      if (asked.has(type.name) && type.property !== 'query') put(type.name);
    }
    // Asked for in any case, and then last.
    for (const name of ['rloc16', 'extAddress']) if (!asked.has(name)) put(name);
    if (device === itself) attributes['brCounters'] = borderCountersOf(observed, device);
    for (const type of diagnosticTypes) {
      if (asked.has(type.name) && type.property === 'query') put(type.name);
    }
    if (asked.has('ipv6Addresses')) Object.assign(attributes, roleFlagsOf(observed, device));
    const id = this.#uuid();
    this.#results.add(id, { attributes, createdMs: clock.nowMs() });
    return id;
  }

  #discoveryRequest(attributes: JsonObject, timeoutMs: number): ActionRequest | null {
    const { maxAge, maxRetries, deviceCount } = attributes;
    if (typeof maxAge !== 'number' || typeof maxRetries !== 'number' || typeof deviceCount !== 'number') {
      return null;
    }
    return {
      type: 'updateDeviceCollectionTask',
      attributes: { maxAge, maxRetries, deviceCount },
      timeoutMs,
      start: () => this.#startDiscovery(deviceCount, Math.min(maxRetries, 255)),
    };
  }

  #startDiscovery(deviceCount: number, maxRetries: number): ActionRun {
    const { observed, device: itself, onRadio, slowFactor, clock } = this.#options;
    const routers = observed.routersIn(itself);
    const passMs = (discoveryBaseMs + discoveryPerRouterMs * routers.length) * slowFactor;
    // A router that holds an id and does not answer is waited for, to the end.
    const complete = routers.every((router) => observed.hopsBetween(itself, router) !== null);
    const hangs = this.#discoveryMayHang && this.#diagnosticsStarted === 0;
    onRadio(1 + 2 * (routers.length - 1));
    if (hangs) {
      const cancel = clock.after(Math.max(listedAfterMs, passMs), () => {
        this.#timers.delete(cancel);
        this.#list();
      });
      this.#timers.add(cancel);
    }
    const answering = observed.mesh.devices.filter(
      (device) => observed.hopsBetween(itself, device) !== null,
    ).length;
    // With fewer devices than it was told to find it tries again.
    const passes = Math.min(answering, mostItems) < deviceCount ? maxRetries + 2 : 1;
    return {
      answeredAfterMs: complete && !hangs ? passMs * passes : null,
      leastTimeoutMs: leastDiscoveryMs,
      finish: () => {
        this.#list();
        return null;
      },
    };
  }

  /** Fills the device list with what answers now and with the children that routers tell. */
  #list(): void {
    const { observed, device: itself, clock, random, formerAddresses } = this.#options;
    const nowMs = clock.nowMs();
    // The order of a hash table: the same at each discovery, until the agent restarts.
    const answering = random
      .fork('discovery')
      .shuffle(observed.mesh.devices)
      .filter((device) => device.deviceKind === 'full' && observed.hopsBetween(itself, device) !== null);
    for (const device of answering) {
      if (device.attachment.kind === 'router') {
        for (const child of observed.childrenOf(device)) {
          this.#devices.putChild(observed, child.device, nowMs);
        }
      }
      const node = device === itself ? nodeSnapshotOf(this.#options) : null;
      this.#devices.put(observed, device, node, nowMs);
    }
    for (const [extAddress, device] of formerAddresses) {
      this.#devices.putFormer(observed, device, extAddress, nowMs);
    }
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

interface Document {
  readonly id: string;
  readonly type: string;
  readonly attributes: JsonObject;
  readonly createdMs: number;
  readonly updatedMs: number | null;
  readonly relationships?: JsonObject;
}

type DestinationKind = 'extended' | 'mleid' | 'rloc';

function destinationKindOf(destination: string, told: JsonValue): DestinationKind | null {
  const byLength = destination.length === 16 ? 'extended' : destination.length === 6 ? 'rloc' : null;
  if (told === null) return byLength;
  if (told === 'extended' || told === 'mleid') return destination.length === 16 ? told : null;
  return told === 'rloc' && destination.length === 6 ? told : null;
}

/** A get, and one query for each table that needs one. */
function requestsFor(asked: ReadonlySet<string>): number {
  return 1 + diagnosticTypes.filter((type) => type.property === 'query' && asked.has(type.name)).length;
}

function accepted(request: HttpRequest): string | null {
  if (request.accept === '*/*' || request.accept === jsonApiType) return jsonApiType;
  return request.accept === jsonType ? jsonType : null;
}

/** `fields[type]=name,name`: where any is given, items of other types are left out. */
function selected(document: Document, query: URLSearchParams): Document[] {
  if (![...query.keys()].some((key) => key.startsWith('fields['))) return [document];
  const fields = query.get(`fields[${document.type}]`);
  if (fields === null) return [];
  const names = new Set(fields.split(/[ ,]+/));
  const attributes = Object.entries(document.attributes).filter(([name]) => names.has(name));
  return [{ ...document, attributes: Object.fromEntries(attributes) }];
}

function toJsonApi({ id, type, attributes, createdMs, updatedMs, relationships }: Document): JsonObject {
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

function parseJson(text: string): JsonValue | undefined {
  try {
    return JSON.parse(text) as JsonValue;
  } catch {
    return undefined;
  }
}
