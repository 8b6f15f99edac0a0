/**
 * The REST API before September 2025, and the one of the ESP border router that copied it: PascalCase, one
 * `GET /diagnostics` that asks the whole mesh, and no `/api`. Neither tells signal strengths or children that do not
 * route by themselves. What the two do differently:
 *
 *   otbr-agent   pretty-printed, upper-case hex, full children answer too, 2.0 s
 *   ESP          compact, lower-case hex, routers only and fewer tables, until nothing came for 3 s; State is a number
 */
import { isJsonObject, type JsonObject, type JsonValue } from '../../protocol/json.ts';
import { type Rloc16, rloc16Number } from '../../protocol/rloc16.ts';
import type { MeshDevice } from '../mesh-device.ts';
import type { SeededRandom } from '../random.ts';
import { printCJson } from './cjson.ts';
import { diagnosticsOf } from './diagnostics.ts';
import { type HttpReply, type HttpRequest, jsonType } from './http-reply.ts';
import { nodeOf, nodePartsOf } from './node-resource.ts';
import type { ObservedMesh } from './observed-mesh.ts';

export interface LegacyApiOptions {
  readonly observed: ObservedMesh;
  /** The border router itself. */
  readonly device: MeshDevice;
  readonly vendor: 'otbr-agent' | 'esp';
  readonly random: SeededRandom;
  readonly slowFactor: number;
  readonly onRadio: (requests: number) => void;
}

const agentWaitsMs = 2_000;
/** It looks every half second whether nothing came for 3 s, which is so after one of these. */
const espWaitsMs = [3_500, 4_000] as const;

const agentTypes = [
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
];
const espTypes = ['extAddress', 'rloc16', 'mode', 'route', 'leaderData', 'ipv6Addresses', 'childTable'];

/** Names whose Pascal form is not their camel form with another first letter. */
const legacyNames: ReadonlyMap<string, string> = new Map([
  ['ipv6Addresses', 'IP6AddressList'],
  ['macCounters', 'MACCounters'],
  ['fullThreadDevice', 'DeviceType'],
  ['fullNetworkData', 'NetworkData'],
  ['routerCount', 'NumOfRouter'],
  ['pskc', 'PSKc'],
]);
/** Not there yet. */
const unknownThen = new Set(['linkQuality', 'baState', 'routerId']);
const espRoles = ['disabled', 'detached', 'child', 'router', 'leader'];
const espNodeOrder = [
  'NetworkName',
  'ExtPanId',
  'ExtAddress',
  'RlocAddress',
  'LeaderData',
  'State',
  'Rloc16',
  'NumOfRouter',
];

export class LegacyApi {
  readonly #options: LegacyApiOptions;

  constructor(options: LegacyApiOptions) {
    this.#options = options;
  }

  close(): void {
    // Nothing runs between requests.
  }

  handle({ method, path }: HttpRequest): HttpReply {
    if (method === 'OPTIONS' && path === '/node/state') return { status: 200, contentType: null, body: '' };
    if (method !== 'GET') return this.#notFound();
    if (path === '/diagnostics') return this.#diagnostics();
    if (path === '/node') return this.#json(this.#node());
    if (path === '/node/dataset/pending') return { status: 204, contentType: null, body: '' };
    const value = path.startsWith('/node/') ? nodePartsOf(this.#options).get(path.slice(6)) : undefined;
    return value === undefined ? this.#notFound() : this.#json(this.#inLegacyForm(value));
  }

  #diagnostics(): HttpReply {
    const { observed, device: itself, vendor, random, slowFactor, onRadio } = this.#options;
    const isEsp = vendor === 'esp';
    const answering = observed.mesh.devices.filter(
      (device) =>
        device !== itself &&
        (isEsp ? device.attachment.kind === 'router' : device.deviceKind === 'full') &&
        observed.hopsBetween(itself, device) !== null,
    );
    onRadio(1);
    const devices = [itself, ...random.shuffle(answering)];
    const types = isEsp ? espTypes : agentTypes;
    const rows = devices.map((device) => {
      const told = diagnosticsOf(observed, device);
      const row = types.flatMap((name) => {
        const value = told.get(name);
        return value === undefined ? [] : [[name, value] as const];
      });
      return this.#inLegacyForm(Object.fromEntries(row));
    });
    const [least, most] = espWaitsMs;
    const waitsMs = isEsp ? random.pick([least, most]) : agentWaitsMs;
    return { ...this.#json(rows), afterMs: waitsMs * slowFactor };
  }

  #node(): JsonValue {
    const node = this.#inLegacyForm(nodeOf(this.#options));
    if (this.#options.vendor !== 'esp' || !isJsonObject(node)) return node;
    const state = espRoles.indexOf(this.#options.observed.mesh.roleOf(this.#options.device));
    const known = { ...node, State: state };
    return Object.fromEntries(espNodeOrder.map((name) => [name, (known as JsonObject)[name] ?? null]));
  }

  #inLegacyForm(value: JsonValue, name = ''): JsonValue {
    if (Array.isArray(value)) return value.map((item) => this.#inLegacyForm(item, name));
    if (isJsonObject(value)) {
      return Object.fromEntries(
        Object.entries(value)
          .filter(([key]) => !unknownThen.has(key))
          .map(([key, entry]) => [
            legacyNames.get(key) ?? key.slice(0, 1).toUpperCase() + key.slice(1),
            this.#inLegacyForm(entry, name === 'mode' || key === 'mode' ? 'mode' : key),
          ]),
      );
    }
    if (name === 'rloc16' && typeof value === 'string') return rloc16Number(value as Rloc16);
    // A bit field in C.
    if (name === 'mode' && typeof value === 'boolean') return value ? 1 : 0;
    const isHex = typeof value === 'string' && /^(?:[0-9a-f]{2}){8,}$/.test(value);
    return isHex && this.#options.vendor === 'otbr-agent' ? value.toUpperCase() : value;
  }

  #json(value: JsonValue): HttpReply {
    const isEsp = this.#options.vendor === 'esp';
    return { status: 200, contentType: jsonType, body: isEsp ? JSON.stringify(value) : printCJson(value) };
  }

  #notFound(): HttpReply {
    return this.#options.vendor === 'esp'
      ? { status: 404, contentType: 'text/html', body: 'Nothing matches the given URI' }
      : { status: 404, contentType: null, body: '' };
  }
}
