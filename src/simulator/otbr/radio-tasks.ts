/**
 * The tasks of the REST API of `otbr-agent`: what a diagnostic of one device and a discovery of the mesh put on the radio, how
 * long they take, and what they leave in the lists of devices and results.
 */
import type { Clock } from '../../clock.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../../protocol/json.ts';
import type { MeshDevice } from '../mesh-device.ts';
import type { SeededRandom } from '../random.ts';
import type { ActionRequest, ActionRun } from './action-queue.ts';
import type { DeviceCollection } from './device-collection.ts';
import { diagnosticTypes } from './diagnostic-types.ts';
import { borderCountersOf, diagnosticsOf, roleFlagsOf } from './diagnostics.ts';
import { formerNameOf } from './field-names.ts';
import { type ItemCollection, mostItems } from './item-collection.ts';
import { nodeSnapshotOf } from './node-resource.ts';
import type { ObservedMesh } from './observed-mesh.ts';

export interface RadioTasksOptions {
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

export interface ResultItem {
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

export class RadioTasks {
  readonly #options: RadioTasksOptions;
  readonly #devices: DeviceCollection;
  readonly #results: ItemCollection<ResultItem>;
  readonly #newId: () => string;
  readonly #air: SeededRandom;
  readonly #discoveryMayHang: boolean;
  #diagnosticsStarted = 0;
  readonly #timers = new Set<() => void>();

  /** `devices` and `results` are those that the API shows. */
  constructor(
    options: RadioTasksOptions,
    devices: DeviceCollection,
    results: ItemCollection<ResultItem>,
    newId: () => string,
  ) {
    this.#options = options;
    this.#devices = devices;
    this.#results = results;
    this.#newId = newId;
    this.#air = options.random.fork('air');
    this.#discoveryMayHang = options.random.fork('boot').chance(uninitialisedShare);
  }

  close(): void {
    for (const cancel of this.#timers) cancel();
    this.#timers.clear();
  }

  /** Null for what is no task that it takes. */
  requestOf(item: JsonValue): ActionRequest | null {
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
    const id = this.#newId();
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
