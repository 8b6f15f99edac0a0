/**
 * A stock border router: the HTTP server of `otbr-agent` or of an ESP border router on a loopback port, in front of a
 * simulated mesh, in one of the four dialects that are in the field, with the faults that it is given.
 *
 *   running ── restart fault ──► down: connections are refused ── later ──► running, everything forgotten
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { Clock } from '../../clock.ts';
import type { JsonValue } from '../../protocol/json.ts';
import type { MeshDevice } from '../mesh-device.ts';
import { createRandom, type SeededRandom } from '../random.ts';
import { printCJson } from './cjson.ts';
import { inInventedNames } from './field-names.ts';
import { type HttpReply, type HttpRequest, jsonType, reasons } from './http-reply.ts';
import { JsonApi } from './json-api.ts';
import { LegacyApi } from './legacy-api.ts';
import type { ObservedMesh } from './observed-mesh.ts';
import type { OtbrDialect } from './otbr-dialects.ts';
import type { OtbrFault } from './otbr-fault.ts';

export interface FakeOtbrOptions {
  readonly observed: ObservedMesh;
  /** One of the mesh's border routers. */
  readonly device: MeshDevice;
  readonly dialect: OtbrDialect;
  /** Those of the mesh (dead, ghost) are its owner's; the rest happens here. */
  readonly faults?: readonly OtbrFault[];
  /** Extended addresses that devices had before they were reset; they stay listed. */
  readonly formerAddresses?: ReadonlyMap<string, MeshDevice>;
  readonly seed: number;
  readonly clock: Clock;
  /** 0: any free one, which is the default. */
  readonly port?: number;
}

interface SeenRequest {
  readonly method: string;
  /** With the query. */
  readonly url: string;
  readonly atMs: number;
}

const loopback = '127.0.0.1';
/** The agent takes no body above this, bytes. */
const mostBodyBytes = 1_048_576;
const mostSeenRequests = 10_000;
const allowOrigin = [
  ['Access-Control-Allow-Origin', '*'],
  ['Access-Control-Allow-Methods', 'DELETE, GET, OPTIONS, POST, PUT'],
  [
    'Access-Control-Allow-Headers',
    'Origin, Accept, X-Requested-With, Content-Type, Access-Control-Request-Method, Access-Control-Request-Headers',
  ],
] as const;

export class FakeOtbr {
  readonly #options: FakeOtbrOptions;
  readonly #faults: readonly OtbrFault[];
  readonly #random: SeededRandom;
  readonly #sockets = new Set<Socket>();
  readonly #timers = new Set<() => void>();
  readonly #requests: SeenRequest[] = [];
  /** Each fault has numbers of its own. */
  readonly #draws = new Map<OtbrFault['kind'], SeededRandom>();
  #server: Server | null = null;
  #api: JsonApi | LegacyApi | null = null;
  #port: number;
  #starts = 0;
  #closed = false;
  #radioRequests = 0;

  constructor(options: FakeOtbrOptions) {
    this.#options = options;
    this.#faults = options.faults ?? [];
    this.#random = createRandom(options.seed, `otbr/${options.device.number}`);
    this.#port = options.port ?? 0;
  }

  /** `http://127.0.0.1:8081`; known once it listens. */
  get url(): string {
    return `http://${loopback}:${this.#port}`;
  }

  get dialect(): OtbrDialect {
    return this.#options.dialect;
  }

  /** Queries and requests that went out on the radio since the start, a multicast as one. */
  get radioRequests(): number {
    return this.#radioRequests;
  }

  /** The latest 10,000 HTTP requests, oldest first. */
  get requests(): readonly SeenRequest[] {
    return this.#requests;
  }

  async open(): Promise<void> {
    await this.#listen();
    for (const fault of this.#faults) {
      if (fault.kind === 'restart') this.#later(fault.atMs, () => void this.restart(fault.forMs));
    }
  }

  /** Refuses connections for a while; then nothing of before is known. Resolves when it is down. */
  async restart(forMs: number): Promise<void> {
    await this.#shut();
    if (!this.#closed) this.#later(forMs, () => void this.#listen());
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const cancel of this.#timers) cancel();
    this.#timers.clear();
    await this.#shut();
  }

  async #listen(): Promise<void> {
    this.#starts += 1;
    this.#api = this.#createApi(this.#random.fork(`start/${this.#starts}`));
    const server = createServer((request, response) => this.#receive(request, response));
    this.#server = server;
    server.on('connection', (socket) => {
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
    });
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(this.#port, loopback, resolve);
    });
    this.#port = (server.address() as AddressInfo).port;
  }

  async #shut(): Promise<void> {
    const server = this.#server;
    this.#server = null;
    this.#api?.close();
    this.#api = null;
    for (const socket of this.#sockets) socket.destroy();
    if (server !== null) await new Promise((resolve) => server.close(resolve));
  }

  #createApi(random: SeededRandom): JsonApi | LegacyApi {
    const { observed, device, dialect, clock, formerAddresses = new Map() } = this.#options;
    const slowFactor = this.#fault('slow')?.factor ?? 1;
    const onRadio = (requests: number): void => {
      this.#radioRequests += requests;
    };
    if (dialect === 'legacy' || dialect === 'esp') {
      const vendor = dialect === 'esp' ? 'esp' : 'otbr-agent';
      return new LegacyApi({ observed, device, vendor, random, slowFactor, onRadio });
    }
    return new JsonApi({
      observed,
      device,
      naming: dialect === 'json-api' ? 'current' : '2025',
      clock,
      random,
      slowFactor,
      stuckAction: this.#fault('stuck')?.action ?? null,
      formerAddresses,
      onRadio,
    });
  }

  #receive(request: IncomingMessage, response: ServerResponse): void {
    const { method = 'GET', url = '/', headers } = request;
    if (this.#requests.length >= mostSeenRequests) this.#requests.shift();
    this.#requests.push({ method, url, atMs: this.#options.clock.monotonicMs() });
    const chunks: Buffer[] = [];
    let bytes = 0;
    request.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes > mostBodyBytes) request.destroy();
      else chunks.push(chunk);
    });
    request.on('error', () => undefined);
    request.on('end', () => {
      const { pathname, searchParams } = new URL(`http://localhost${url.startsWith('/') ? url : '/'}`);
      this.#answer(response, {
        method,
        path: pathname,
        query: searchParams,
        accept: headers.accept ?? null,
        contentType: headers['content-type'] ?? null,
        body: Buffer.concat(chunks).toString('utf8'),
      });
    });
  }

  #answer(response: ServerResponse, request: HttpRequest): void {
    const refused = this.#happens('errors') ? 500 : this.#happens('busy') ? 503 : null;
    const reply = refused === null ? this.#api?.handle(request) : errorReply(refused);
    if (reply === undefined) {
      response.destroy();
      return;
    }
    const send = (): void => this.#send(response, request, this.#withFaults(reply));
    if (reply.afterMs === undefined) send();
    else this.#later(reply.afterMs, send);
  }

  #withFaults(reply: HttpReply): HttpReply {
    if (reply.body === '') return reply;
    let { body, contentType } = reply;
    if (this.#fault('renamed') !== undefined && reply.status === 200) {
      const document = inInventedNames(JSON.parse(body) as JsonValue);
      body = this.#options.dialect === 'esp' ? JSON.stringify(document) : printCJson(document);
    }
    if (this.#happens('garbage')) body = `<html>${body.slice(0, 40).replaceAll('"', "'")}`;
    if (this.#happens('content-type')) contentType = 'text/html';
    return { ...reply, body, contentType };
  }

  #send(response: ServerResponse, request: HttpRequest, reply: HttpReply): void {
    if (response.destroyed) return;
    const body = Buffer.from(reply.body);
    const headers = this.#headersOf(reply, body.length);
    response.sendDate = false;
    response.writeHead(reply.status, reasons.get(reply.status) ?? '', headers.flat());
    if (body.length > 1 && this.#happens('cut')) {
      response.write(body.subarray(0, body.length / 2), () => response.destroy());
      return;
    }
    response.end(request.method === 'HEAD' ? undefined : body);
  }

  #headersOf(reply: HttpReply, bytes: number): (readonly [string, string])[] {
    const type = reply.contentType === null ? [] : ([['Content-Type', reply.contentType]] as const);
    const length = ['Content-Length', String(bytes)] as const;
    const close = ['Connection', 'close'] as const;
    switch (this.#options.dialect) {
      case 'esp':
        return [...type, length];
      case 'legacy':
        return reply.contentType === null ? [length, close] : [close, length, ...type];
      default:
        return [close, ...type, ...(reply.headers ?? []), length, ...allowOrigin];
    }
  }

  #fault<Kind extends OtbrFault['kind']>(kind: Kind): Extract<OtbrFault, { kind: Kind }> | undefined {
    return this.#faults.find((fault): fault is Extract<OtbrFault, { kind: Kind }> => fault.kind === kind);
  }

  /** Draws whether a fault of a share happens now. */
  #happens(kind: 'errors' | 'busy' | 'cut' | 'garbage' | 'content-type'): boolean {
    const fault = this.#fault(kind);
    if (fault === undefined) return false;
    let draws = this.#draws.get(kind);
    if (draws === undefined) this.#draws.set(kind, (draws = this.#random.fork(`fault/${kind}`)));
    return draws.chance(fault.share);
  }

  #later(afterMs: number, callback: () => void): void {
    const cancel = this.#options.clock.after(afterMs, () => {
      this.#timers.delete(cancel);
      callback();
    });
    this.#timers.add(cancel);
  }
}

function errorReply(status: number): HttpReply {
  const body = printCJson({ title: reasons.get(status) ?? '', status, detail: '' });
  return { status, contentType: jsonType, body };
}
