/**
 * A mesh that tells what a test says: a `MeshReader` on the test's own clock, which counts requests as the real ones do and
 * notices calls that overlap. `recordedMesh()` is the mesh of test/fixtures/otbr, as its border router told it.
 */
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { DeviceDiagnostics } from '../../src/agent/mesh/device-diagnostics.ts';
import type {
  AskedDevice,
  BorderRouterState,
  DeviceKind,
  DiagnosticTopic,
  ListedDevice,
  MeshReader,
  ReadContext,
  ReadFailure,
  ReadResult,
  Survey,
} from '../../src/agent/mesh/mesh-reader.ts';
import { readDiagnostics } from '../../src/agent/otbr-rest/read-diagnostics.ts';
import { readState } from '../../src/agent/otbr-rest/read-state.ts';
import type { Clock } from '../../src/clock.ts';
import type { ExtAddress } from '../../src/protocol/ids.ts';
import { isJsonObject, type JsonValue } from '../../src/protocol/json.ts';
import { isRouterRloc16 } from '../../src/protocol/rloc16.ts';

export interface FakeMesh {
  readonly state: BorderRouterState;
  readonly listed: readonly ListedDevice[];
  readonly devices: ReadonlyMap<ExtAddress, DeviceDiagnostics>;
}

export interface AskedOf {
  readonly device: AskedDevice;
  readonly topics: ReadonlySet<DiagnosticTopic>;
  readonly timeoutMs: number;
  readonly atMs: number;
}

export class FakeMeshReader implements MeshReader {
  readonly kind = 'otbr-rest';
  readonly address = 'http://127.0.0.1:8081';
  readonly dialect = 'json-api';
  asksDevices = true;
  mesh: FakeMesh;
  /** Of each call. */
  delayMs = 100;
  readonly silent = new Set<ExtAddress>();
  /** By the number of the call, from 0: what it answers instead. */
  readonly failures = new Map<number, ReadFailure>();
  /** What a survey tells beside the list. */
  surveyed: readonly DeviceDiagnostics[] = [];
  /** Whether it lists the mesh without a survey; after one it does. */
  isSearched = false;
  /** Devices that came after the last survey. */
  readonly unlisted = new Set<ExtAddress>();
  /** No survey brings them in. */
  isListFull = false;
  listDelayMs = 10;
  readonly asked: AskedOf[] = [];
  readings = 0;
  surveys = 0;
  /** Of a survey; as of any call where it is null. */
  surveyMs: number | null = null;
  calls = 0;
  overlaps = 0;
  closed = false;
  readonly #clock: Clock;
  #open = 0;

  constructor(mesh: FakeMesh, clock: Clock) {
    this.mesh = mesh;
    this.#clock = clock;
  }

  state({ signal }: Pick<ReadContext, 'signal'>): Promise<ReadResult<BorderRouterState>> {
    this.readings += 1;
    return this.#call(signal, this.delayMs, () => ({ ok: true, value: this.mesh.state }));
  }

  list({ signal }: Pick<ReadContext, 'signal'>): Promise<ReadResult<readonly ListedDevice[] | null>> {
    return this.#call(signal, this.listDelayMs, () => ({
      ok: true,
      value: this.asksDevices ? this.#list() : null,
    }));
  }

  survey({ radio, signal }: ReadContext): Promise<ReadResult<Survey>> {
    this.surveys += 1;
    if (!radio.take(1)) return Promise.resolve(overBudget);
    this.isSearched = true;
    if (!this.isListFull) this.unlisted.clear();
    return this.#call(signal, this.surveyMs ?? this.delayMs, () => ({
      ok: true,
      value: { devices: this.#list(), diagnostics: this.surveyed },
    }));
  }

  ask(
    device: AskedDevice,
    topics: ReadonlySet<DiagnosticTopic>,
    timeoutMs: number,
    { radio, signal }: ReadContext,
  ): Promise<ReadResult<DeviceDiagnostics>> {
    this.asked.push({ device, topics, timeoutMs, atMs: this.#clock.monotonicMs() });
    const isSelf = device.extAddress === this.mesh.state.extAddress;
    if (!isSelf && !radio.take(topics.has('tables') ? 2 : 1)) return Promise.resolve(overBudget);
    const told = this.mesh.devices.get(device.extAddress);
    if (this.unlisted.has(device.extAddress)) return this.#call(signal, this.listDelayMs, () => unlisted);
    if (told === undefined || this.silent.has(device.extAddress))
      return this.#call(signal, timeoutMs, () => silent(device));
    return this.#call(signal, this.delayMs, () => ({ ok: true, value: onTopics(told, topics) }));
  }

  close(): Promise<void> {
    this.closed = true;
    return Promise.resolve();
  }

  /** How often a device was asked. */
  timesAsked(extAddress: ExtAddress): number {
    return this.asked.filter(({ device }) => device.extAddress === extAddress).length;
  }

  #list(): ListedDevice[] {
    return this.isSearched ? this.mesh.listed.filter(({ extAddress }) => !this.unlisted.has(extAddress)) : [];
  }

  async #call<Value>(
    signal: AbortSignal,
    delayMs: number,
    answer: () => ReadResult<Value>,
  ): Promise<ReadResult<Value>> {
    const failure = this.failures.get(this.calls);
    this.calls += 1;
    this.#open += 1;
    if (this.#open > 1) this.overlaps += 1;
    await new Promise<void>((resolve) => {
      const cancel = this.#clock.after(delayMs, resolve);
      signal.addEventListener(
        'abort',
        () => {
          cancel();
          resolve();
        },
        { once: true },
      );
    });
    this.#open -= 1;
    if (signal.aborted) return { ok: false, code: 'cancelled', reason: 'cancelled' };
    return failure ?? answer();
  }
}

const overBudget: ReadFailure = { ok: false, code: 'over_budget', reason: 'the radio budget is spent' };

const unlisted: ReadFailure = {
  ok: false,
  code: 'unlisted',
  reason: 'the border router does not list it; its list is full',
};

const silent = ({ extAddress }: AskedDevice): ReadFailure => ({
  ok: false,
  code: 'silent',
  reason: `${extAddress} stayed silent`,
});

function onTopics(told: DeviceDiagnostics, topics: ReadonlySet<DiagnosticTopic>): DeviceDiagnostics {
  const tables = topics.has('tables');
  return {
    ...told,
    routes: tables ? told.routes : null,
    neighbors: tables ? told.neighbors : null,
    children: tables ? told.children : null,
    counters: topics.has('counters') ? told.counters : null,
    ...(topics.has('identity')
      ? {}
      : {
          eui64: null,
          vendorName: null,
          vendorModel: null,
          softwareVersion: null,
          stackVersion: null,
          batteryPercent: null,
          supplyMillivolts: null,
        }),
  };
}

const recordings = join(import.meta.dirname, '../fixtures/otbr/rest');

function recordedBody(name: string): JsonValue {
  const text = readFileSync(join(recordings, name), 'utf8');
  return JSON.parse(text.slice(text.search(/\r?\n\r?\n/))) as JsonValue;
}

function recordedDiagnostics(name: string): DeviceDiagnostics | null {
  const body = recordedBody(name);
  const data = isJsonObject(body) ? body['data'] : undefined;
  return readDiagnostics(isJsonObject(data) ? data['attributes'] : undefined);
}

/** Thirteen devices, of which the border router lists all; `rest/06-*`. */
export function recordedMesh(): FakeMesh {
  const state = readState(recordedBody('01-before-node.response.http'), 'the recording');
  if (!state.ok) throw new Error(state.reason);
  const devices = new Map<ExtAddress, DeviceDiagnostics>();
  for (const name of readdirSync(recordings).filter((file) => /^06-.*-result\.response/.test(file))) {
    const diagnostics = recordedDiagnostics(name);
    if (diagnostics?.extAddress != null) devices.set(diagnostics.extAddress, diagnostics);
  }
  return { state: state.value, listed: listedOf(devices), devices };
}

/** As a border router would list them, without addresses. */
export function listedOf(devices: ReadonlyMap<ExtAddress, DeviceDiagnostics>): ListedDevice[] {
  return [...devices].map(([extAddress, { mode, rloc16 }]) => ({
    extAddress,
    kind: kindOf(rloc16 !== null && isRouterRloc16(rloc16), mode),
    ipv6Addresses: [],
    hostname: null,
  }));
}

function kindOf(isRouter: boolean, mode: DeviceDiagnostics['mode']): DeviceKind | null {
  if (isRouter) return 'router';
  if (mode === null) return null;
  if (mode.fullThreadDevice) return 'full';
  return mode.rxOnWhenIdle ? 'minimal' : 'sleepy';
}
