/**
 * A border router's REST API as otbr-agent serves it, with the mesh of the recordings in `test/fixtures/otbr`: real sockets,
 * one task at a time, timeouts that count from the POST, errors byte for byte.
 *
 *   await using replay = await openOtbrReplay({ speed: 20 });       // twenty times as fast as recorded
 *   const reader = new OtbrRestReader({ baseUrl: replay.url, clock: systemClock });
 *   replay.silence('4e518eb2a238c2d2');                             // its tasks end `stopped`
 *   expect(replay.requests.map(({ method, path }) => `${method} ${path}`)).toContain('GET /node');
 *
 * `dialect`: `current` (August 2026), `before_2026_07` (JSON:API with the names of before, made of the same recordings),
 * `legacy` (recorded, `/api` is 404) or `esp`. `mesh: 'node-lost'`: router 9 is dead but listed. `replay.change({…})`
 * switches while it runs, as an update would. Extended addresses by node number are
 * `otbrNodes` in `otbr-recordings.ts`.
 *
 * A discovery that no diagnostic task went before runs its whole timeout, though the devices are in the list after 1.5 s.
 */
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { isJsonObject, type JsonObject, type JsonValue } from '../../src/protocol/json.ts';
import {
  dig,
  olderNames,
  otbrNodes,
  otbrRecordedBody,
  otbrRecordedDiagnostics,
  otbrRecording,
  withOlderNames,
} from './otbr-recordings.ts';

export type OtbrReplayDialect = 'current' | 'before_2026_07' | 'legacy' | 'esp';

export interface OtbrReplaySettings {
  readonly dialect: OtbrReplayDialect;
  readonly mesh: 'healthy' | 'node-lost';
  /** As `GET /node` tells it. */
  readonly state: 'as recorded' | 'disabled' | 'detached';
}

export interface OtbrReplayOptions extends Partial<OtbrReplaySettings> {
  /** 1 where absent: as recorded. */
  readonly speed?: number;
  /** Any free one where absent. */
  readonly port?: number;
}

export interface OtbrReplayRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** How long a device takes to answer, ms. */
const answerMs: Readonly<Record<number, number>> = {
  1: 2,
  2: 25,
  3: 30,
  4: 45,
  5: 60,
  6: 55,
  7: 80,
  8: 90,
  9: 115,
  10: 70,
  12: 95,
  13: 600,
  14: 1_500,
};
const discoveryMs = 510;
const strayDiscoveryMs = 1_500;
const legacyBlocksMs = 2_000;

const mayBeLeftOut = new Set(['timeout', 'batteryLevel', 'supplyVoltage', 'maxChildTimeout']);
const knownTypes = new Set([
  'extAddress',
  'rloc16',
  'mode',
  'timeout',
  'connectivity',
  'route',
  'leaderData',
  'networkData',
  'ipv6Addresses',
  'macCounters',
  'batteryLevel',
  'supplyVoltage',
  'childTable',
  'channelPages',
  'maxChildTimeout',
  'lDevIdSubject',
  'iDevIdCert',
  'eui',
  'threadVersion',
  'vendorName',
  'vendorModel',
  'vendorSwVersion',
  'threadStackVersion',
  'children',
  'childIpv6Addresses',
  'routerNeighbors',
  'mleCounters',
]);

interface Task {
  readonly id: string;
  readonly type: string;
  readonly attributes: JsonObject;
  readonly postedMs: number;
  readonly timeoutMs: number;
  status: 'pending' | 'active' | 'completed' | 'stopped';
  resultId: string | null;
}

export class OtbrReplay implements AsyncDisposable {
  readonly requests: OtbrReplayRequest[] = [];
  /** Tasks that went on air, in the order they began. */
  readonly worked: string[] = [];
  readonly #server = createServer((request) => void this.#receive(request));
  readonly #speed: number;
  readonly #silent = new Set<string>();
  readonly #tasks = new Map<string, Task>();
  readonly #results = new Map<string, JsonObject>();
  readonly #timers = new Set<NodeJS.Timeout>();
  #settings: OtbrReplaySettings;
  #wasDiscovered = false;
  #counterIsSet = false;
  #hasNoDevices = false;
  #lost: (call: number) => readonly number[] = () => [];
  #legacyCalls = 0;

  constructor({ dialect, mesh, speed, state }: OtbrReplayOptions) {
    this.#speed = speed ?? 1;
    this.#settings = {
      dialect: dialect ?? 'current',
      mesh: mesh ?? 'healthy',
      state: state ?? 'as recorded',
    };
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async listen(port: number): Promise<void> {
    this.#server.listen(port, '127.0.0.1');
    await once(this.#server, 'listening');
  }

  /** The bodies of the tasks that were posted. */
  get posted(): { readonly type: string; readonly attributes: JsonObject }[] {
    return this.requests
      .filter(({ method }) => method === 'POST')
      .flatMap(({ body }) => tasksIn(body) ?? [])
      .map((task) => ({ type: textOf(task['type']), attributes: dig(task, 'attributes') }));
  }

  change(settings: Partial<OtbrReplaySettings>): void {
    this.#settings = { ...this.#settings, ...settings };
  }

  /** That device answers no more. */
  silence(extAddress: string): void {
    this.#silent.add(extAddress);
  }

  /** The list as it is after a discovery. */
  discovered(): void {
    this.#wasDiscovered = true;
    this.#counterIsSet = true;
  }

  /** As after `DELETE /api/devices`. */
  forgetDevices(): void {
    this.#wasDiscovered = false;
    this.#hasNoDevices = true;
  }

  /** Nodes whose answers a call of `GET /diagnostics` loses; the first call is 0. */
  lose(nodes: (call: number) => readonly number[]): void {
    this.#lost = nodes;
  }

  /** A task that somebody else posted, asking a device that is silent. */
  postForeign(timeoutSeconds: number): void {
    this.#add({
      type: 'getNetworkDiagnosticTask',
      attributes: { destination: 'ffffffffffffffff', types: ['rloc16'], timeout: timeoutSeconds },
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }

  async #receive(incoming: IncomingMessage): Promise<void> {
    const chunks: Buffer[] = [];
    incoming.on('error', () => undefined);
    incoming.socket.on('error', () => undefined);
    for await (const chunk of incoming as AsyncIterable<Buffer>) chunks.push(chunk);
    const body = Buffer.concat(chunks).toString('utf8');
    const { headers, method = '', url = '' } = incoming;
    this.requests.push({ method, path: url, headers, body });
    const { dialect } = this.#settings;
    const answer = await (dialect === 'legacy' || dialect === 'esp'
      ? this.#answerLegacy(method, url, dialect)
      : this.#answerApi(method, url, headers, body));
    incoming.socket.end(answer);
  }

  async #answerLegacy(method: string, url: string, dialect: 'legacy' | 'esp'): Promise<Buffer> {
    if (method === 'GET' && url === '/node') return this.#legacyNode(dialect);
    if (method !== 'GET' || url !== '/diagnostics')
      return dialect === 'esp' ? espMissing : otbrRecording('legacy/brrouter-api_devices.response.http');
    const lost = new Set(this.#lost(this.#legacyCalls).map((node) => otbrNodes[node]?.toUpperCase()));
    this.#legacyCalls += 1;
    await this.#after(legacyBlocksMs);
    if (lost.size === 0 && dialect === 'legacy')
      return otbrRecording('legacy/brrouter-diagnostics.response.http');
    const devices = otbrRecordedBody('legacy/brrouter-diagnostics.response.http');
    const heard = (Array.isArray(devices) ? devices : []).filter(
      (device) => !isJsonObject(device) || !lost.has(textOf(device['ExtAddress'])),
    );
    return message(200, 'application/json', dialect === 'esp' ? JSON.stringify(heard) : tabbed(heard));
  }

  #legacyNode(dialect: 'legacy' | 'esp'): Buffer {
    const { state } = this.#settings;
    if (dialect === 'legacy' && state === 'as recorded')
      return otbrRecording('legacy/brrouter-node.response.http');
    const { BaId, ...node } = otbrRecordedBody('legacy/brrouter-node.response.http') as JsonObject;
    const role = state === 'as recorded' ? 'router' : state;
    const roles = ['disabled', 'detached', 'child', 'router', 'leader'];
    return message(
      200,
      'application/json',
      JSON.stringify(
        dialect === 'esp'
          ? { ...node, State: roles.indexOf(role) }
          : { BaId: BaId ?? '', ...node, State: role },
      ),
    );
  }

  async #answerApi(method: string, url: string, headers: IncomingHttpHeaders, body: string): Promise<Buffer> {
    await this.#after(1);
    const resource = url.split('?')[0] ?? '';
    if (method === 'POST' && resource === '/api/actions') return this.#post(headers, body);
    if (method !== 'GET') return notFound;
    if (resource === '/node') return this.#node();
    if (resource === '/.well-known/thread/br-rest')
      return this.#settings.dialect === 'current'
        ? otbrRecording('rest/01-before-well-known_thread_br-rest.response.http')
        : notFound;
    if (!resource.startsWith('/api/')) return notFound;
    if (!['*/*', 'application/vnd.api+json', 'application/json'].includes(headers.accept ?? ''))
      return otbrRecording('rest/10-err-get-no-accept.response.http');
    if (resource === '/api/devices') return this.#devices();
    if (resource === '/api/actions') return this.#actions();
    const [, , collection, id = ''] = resource.split('/');
    if (collection === 'actions') {
      const task = this.#tasks.get(id);
      return task === undefined ? notFound : this.#api({ data: this.#toItem(task) });
    }
    const result = collection === 'diagnostics' ? this.#results.get(id) : undefined;
    return result === undefined
      ? notFound
      : this.#api({ data: { id, type: 'networkDiagnostics', attributes: result } });
  }

  #node(): Buffer {
    const { mesh, state } = this.#settings;
    const name =
      mesh === 'healthy' ? 'rest/01-before-node.response.http' : 'node-lost/t090-node.response.http';
    if (state === 'as recorded') return otbrRecording(name);
    const node = otbrRecordedBody(name) as JsonObject;
    return message(200, 'application/json', tabbed({ ...node, state, rloc16: '0xfffe' }));
  }

  #devices(): Buffer {
    if (this.#hasNoDevices && !this.#wasDiscovered)
      return otbrRecording('rest/13-after-delete_api_devices.response.http');
    const name = this.#wasDiscovered
      ? this.#settings.mesh === 'healthy'
        ? 'rest/05-api_devices-after.response.http'
        : 'node-lost/t090-devices.response.http'
      : 'rest/01-before-api_devices.response.http';
    return this.#settings.dialect === 'current' ? otbrRecording(name) : this.#api(otbrRecordedBody(name));
  }

  #actions(): Buffer {
    const tasks = [...this.#tasks.values()].sort((a, b) => (a.id < b.id ? -1 : 1));
    const pending = tasks.filter(isUnderWay).length;
    return this.#api({
      data: tasks.map((task) => this.#toItem(task)),
      meta: { collection: { offset: 0, limit: 200, total: tasks.length, pending } },
    });
  }

  #post(headers: IncomingHttpHeaders, body: string): Buffer {
    const type = headers['content-type'];
    if (type === undefined) return otbrRecording('rest/10-err-post-no-content-type.response.http');
    if (type !== 'application/vnd.api+json') return otbrRecording('rest/10-err-post-charset.response.http');
    const tasks = tasksIn(body);
    if (tasks === null) return otbrRecording('rest/10-err-post-bad-json.response.http');
    if (!tasks.every((task) => this.#isValid(task)))
      return otbrRecording('rest/10-err-post-bad-type.response.http');
    const added = tasks.map((task) =>
      this.#add({ type: textOf(task['type']), attributes: dig(task, 'attributes') }),
    );
    return message(
      200,
      'application/vnd.api+json',
      JSON.stringify({
        data: added.map((task) => this.#toItem(task)),
        meta: { collection: { offset: 0, limit: 200, total: added.length } },
      }),
    );
  }

  #isValid(task: JsonObject): boolean {
    const attributes = dig(task, 'attributes');
    if (typeof attributes['timeout'] !== 'number') return false;
    if (task['type'] === 'updateDeviceCollectionTask')
      return ['maxAge', 'maxRetries', 'deviceCount'].every((name) => typeof attributes[name] === 'number');
    if (task['type'] !== 'getNetworkDiagnosticTask' || typeof attributes['destination'] !== 'string')
      return false;
    const { types } = attributes;
    return Array.isArray(types) && types.every((type) => this.#typeOf(textOf(type)) !== null);
  }

  /** Today's name of a type in the names of this dialect. */
  #typeOf(name: string): string | null {
    if (this.#settings.dialect === 'current') return knownTypes.has(name) ? name : null;
    const older = Object.entries(olderNames).find(([, value]) => value === name)?.[0];
    return older ?? (knownTypes.has(name) && !Object.hasOwn(olderNames, name) ? name : null);
  }

  #add({ attributes, type }: { type: string; attributes: JsonObject }): Task {
    const task: Task = {
      id: randomUUID(),
      type,
      attributes,
      postedMs: performance.now(),
      timeoutMs: Number(attributes['timeout']) * 1_000,
      status: 'pending',
      resultId: null,
    };
    this.#tasks.set(task.id, task);
    this.#later(task.timeoutMs, () => {
      if (!isUnderWay(task)) return;
      const wasActive = task.status === 'active';
      task.status = 'stopped';
      if (wasActive) this.#next();
    });
    this.#next();
    return task;
  }

  /** One at a time; a destination that is not listed is not even begun. */
  #next(): void {
    const tasks = [...this.#tasks.values()];
    if (tasks.some(({ status }) => status === 'active')) return;
    const task = tasks.find((each) => each.status === 'pending' && this.#canBegin(each));
    if (task === undefined) return;
    task.status = 'active';
    if (task.type === 'updateDeviceCollectionTask') this.#discover(task);
    else this.#diagnose(task);
  }

  #canBegin({ attributes, type }: Task): boolean {
    if (type === 'updateDeviceCollectionTask') return true;
    const destination = textOf(attributes['destination']);
    if (destination === 'ffffffffffffffff' || destination.length !== 16) return true;
    const isKnown = Object.values(otbrNodes).includes(destination);
    return isKnown && (this.#wasDiscovered || (destination === otbrNodes[1] && !this.#hasNoDevices));
  }

  #discover(task: Task): void {
    this.worked.push('discovery');
    const isStray = !this.#counterIsSet;
    this.#later(isStray ? strayDiscoveryMs : discoveryMs, () => {
      this.#wasDiscovered = true;
      if (!isStray && task.status === 'active') this.#end(task, null);
    });
  }

  #diagnose(task: Task): void {
    this.#counterIsSet = true;
    const destination = textOf(task.attributes['destination']);
    this.worked.push(destination);
    const node = Number(Object.entries(otbrNodes).find(([, address]) => address === destination)?.[0] ?? 0);
    if (destination.length !== 16) {
      this.#later(50, () => this.#end(task, ''));
      return;
    }
    const isDead = this.#settings.mesh === 'node-lost' && node === 9;
    // Its timeout ends it.
    if (node === 0 || isDead || this.#silent.has(destination)) return;
    const all = this.#attributesOf(node);
    const types = (task.attributes['types'] as string[]).map((type) => this.#typeOf(type) ?? type);
    const isPartial = types.some((type) => !Object.hasOwn(all, type) && !mayBeLeftOut.has(type));
    const told = [
      'extAddress',
      'rloc16',
      'isLeader',
      'hostsService',
      'isPrimaryBBR',
      'isBorderRouter',
      'created',
    ];
    const kept = new Set([...told, ...types]);
    const result = Object.fromEntries(Object.entries(all).filter(([name]) => kept.has(name)));
    // What the device has not is waited for until just before the timeout.
    const restMs = task.timeoutMs - (performance.now() - task.postedMs) * this.#speed - 50;
    this.#later(isPartial ? Math.max(0, restMs) : (answerMs[node] ?? 50), () => {
      if (task.status !== 'active') return;
      const id = randomUUID();
      this.#results.set(id, result);
      this.#end(task, id);
    });
  }

  #attributesOf(node: number): JsonObject {
    const recorded = otbrRecordedDiagnostics(node);
    if (this.#settings.mesh === 'healthy') return recorded;
    const later = otbrRecordedBody('node-lost/t090-diagnostics.response.http');
    const items = isJsonObject(later) && Array.isArray(later['data']) ? later['data'] : [];
    const found = items
      .map((item) => dig(item, 'attributes'))
      .find((attributes) => attributes['extAddress'] === otbrNodes[node]);
    return { ...recorded, ...found };
  }

  #end(task: Task, resultId: string | null): void {
    task.status = 'completed';
    task.resultId = resultId;
    this.#next();
  }

  #toItem(task: Task): JsonObject {
    const { timeout: _, ...attributes } = task.attributes;
    const restMs = task.timeoutMs - (performance.now() - task.postedMs) * this.#speed;
    const rest: JsonObject = isUnderWay(task) ? { timeout: Math.max(0, Math.floor(restMs / 1_000)) } : {};
    return {
      id: task.id,
      type: task.type,
      attributes: { ...attributes, ...rest, status: task.status },
      ...(task.resultId === null
        ? {}
        : { relationships: { result: { data: { type: 'diagnostics', id: task.resultId } } } }),
    };
  }

  #api(value: JsonValue): Buffer {
    const named = this.#settings.dialect === 'current' ? value : withOlderNames(value);
    return message(200, 'application/vnd.api+json', tabbed(named));
  }

  #later(delayMs: number, callback: () => void): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      callback();
    }, delayMs / this.#speed);
    this.#timers.add(timer);
  }

  #after(delayMs: number): Promise<void> {
    return new Promise((resolve) => this.#later(delayMs, resolve));
  }
}

export async function openOtbrReplay(options: OtbrReplayOptions = {}): Promise<OtbrReplay> {
  const replay = new OtbrReplay(options);
  await replay.listen(options.port ?? 0);
  return replay;
}

const notFound = otbrRecording('rest/10-err-action-not-found.response.http');
const espMissing = message(404, 'text/html', 'Nothing matches the given URI');

const textOf = (value: JsonValue | undefined): string => (typeof value === 'string' ? value : '');

const isUnderWay = ({ status }: Task): boolean => status === 'pending' || status === 'active';

const tabbed = (value: JsonValue): string => JSON.stringify(value, null, '\t');

function message(status: number, contentType: string, body: string): Buffer {
  const head = [
    `HTTP/1.1 ${status} ${status === 200 ? 'OK' : 'Not Found'}`,
    'Connection: close',
    `Content-Type: ${contentType}`,
    `Content-Length: ${Buffer.byteLength(body)}`,
  ];
  return Buffer.from(`${head.join('\r\n')}\r\n\r\n${body}`);
}

function tasksIn(body: string): JsonObject[] | null {
  try {
    const { data } = JSON.parse(body) as JsonObject;
    return Array.isArray(data) ? data.filter(isJsonObject) : null;
  } catch {
    return null;
  }
}
