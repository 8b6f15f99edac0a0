/**
 * otbr-agent since September 2025: devices are listed, each can be asked by a task.
 *
 * A survey first lets the border router ask itself: without that, its discovery counts on with a number that was never set
 * and often runs its whole timeout, though all is in after a second. The list is looked at meanwhile, and taken when
 * it has been the same for a while.
 */
import type { Clock } from '../../clock.ts';
import type { ExtAddress } from '../../protocol/ids.ts';
import { isJsonObject, type JsonObject } from '../../protocol/json.ts';
import type { DeviceDiagnostics } from '../mesh/device-diagnostics.ts';
import type {
  AskedDevice,
  BorderRouterState,
  DiagnosticTopic,
  ListedDevice,
  ReadContext,
  ReadResult,
  Survey,
} from '../mesh/mesh-reader.ts';
import {
  type DiagnosticType,
  haveTwoNames,
  radioRequestsFor,
  typesFor,
  wireName,
} from './diagnostic-types.ts';
import { LackingTypes } from './lacking-types.ts';
import type { DialectReader, FieldNames } from './otbr-dialect.ts';
import { cancelled, failure, malformed, type OtbrHttpClient } from './otbr-http-client.ts';
import type { OtbrTask, OtbrTasks, TaskEnd } from './otbr-tasks.ts';
import { readDevices } from './read-devices.ts';
import { readDiagnostics } from './read-diagnostics.ts';
import { objectField } from './wire-fields.ts';

/** Below 10 s the border router takes 10; with more it has time to write down what it found. */
const discoveryTimeoutMs = 15_000;
/** The youngest age, in seconds, below which it believes what it knows; less counts as 30. */
const discoveryMaxAge = 30;
const discoveryRetries = 2;
/** The list counts as complete when it has been the same for so long. */
const steadyMs = 1_000;
/** More devices than this it does not list: the oldest drop out, and cannot be asked. */
const fullList = 200;
/** A device that has taken this share of the timeout lacked something. */
const lateShare = 0.8;

export interface JsonApiDialectOptions {
  readonly httpClient: OtbrHttpClient;
  /** The reader's: a task goes on when a dialect is found anew. */
  readonly tasks: OtbrTasks;
  readonly clock: Clock;
  readonly fieldNames: FieldNames | null;
}

export class JsonApiDialect implements DialectReader {
  readonly asksDevices = true;
  readonly #http: OtbrHttpClient;
  readonly #clock: Clock;
  readonly #tasks: OtbrTasks;
  #fieldNames: FieldNames | null;
  /** As of the last look at the list: others cannot be asked. */
  #listed: ReadonlySet<ExtAddress> = new Set();
  readonly #lacking: LackingTypes;

  constructor({ clock, fieldNames, httpClient, tasks }: JsonApiDialectOptions) {
    this.#http = httpClient;
    this.#clock = clock;
    this.#tasks = tasks;
    this.#fieldNames = fieldNames;
    this.#lacking = new LackingTypes(clock);
  }

  list(state: BorderRouterState, signal: AbortSignal): Promise<ReadResult<readonly ListedDevice[]>> {
    return this.#list(state.meshLocalPrefix, signal);
  }

  async survey(
    state: BorderRouterState,
    expected: number,
    { radio, signal }: ReadContext,
  ): Promise<ReadResult<Survey>> {
    const before = await this.#list(state.meshLocalPrefix, signal);
    if (!before.ok) return before;
    await this.#tasks.settle(signal);
    if (this.#listed.has(state.extAddress)) {
      const itself = await this.#tasks.run(selfTask(state.extAddress), signal);
      if (!itself.ok && itself.code !== 'rejected') return itself;
    }
    if (signal.aborted) return cancelled;
    if (!radio.take(1)) return failure('over_budget', 'the radio budget is spent; the mesh was not searched');
    const steady = new SteadyList(this.#clock);
    const task = await this.#tasks.run(
      {
        type: 'updateDeviceCollectionTask',
        attributes: { maxAge: discoveryMaxAge, maxRetries: discoveryRetries, deviceCount: 0 },
        timeoutMs: discoveryTimeoutMs,
      },
      signal,
      async () => {
        const now = await this.#list(state.meshLocalPrefix, signal);
        return now.ok && steady.isSteady(now.value) && now.value.length >= Math.max(2, expected);
      },
    );
    if (!task.ok) return task;
    const devices = await this.#list(state.meshLocalPrefix, signal);
    return devices.ok ? { ok: true, value: { devices: devices.value, diagnostics: [] } } : devices;
  }

  async ask(
    device: AskedDevice,
    topics: ReadonlySet<DiagnosticTopic>,
    timeoutMs: number,
    { radio, signal }: ReadContext,
  ): Promise<ReadResult<DeviceDiagnostics>> {
    const { extAddress, kind } = device;
    if (!this.#listed.has(extAddress)) {
      const list = await this.#list(null, signal);
      if (!list.ok) return list;
      if (!this.#listed.has(extAddress))
        return failure(
          'unlisted',
          `${this.#http.address} does not list it${this.#listed.size >= fullList ? `; its list is full with ${this.#listed.size} devices` : ''}`,
        );
    }
    const types = typesFor(kind, topics, this.#lacking.of(extAddress));
    if (!radio.take(radioRequestsFor(types)))
      return failure('over_budget', `the radio budget is spent; ${extAddress} was not asked`);
    const end = await this.#runDiagnostic(extAddress, types, timeoutMs, signal);
    if (!end.ok) return end;
    const { resultIds, status, tookMs } = end.value;
    // No id is how an answer of nobody looks.
    if (status !== 'completed' || resultIds.length === 0)
      return failure('silent', `${extAddress} did not answer within ${timeoutMs} ms`);
    for (const id of resultIds) {
      const attributes = await this.#result(id, signal);
      if (!attributes.ok) return attributes;
      const told = readDiagnostics(attributes.value);
      if (told === null || (told.extAddress ?? extAddress) !== extAddress || isNothing(told)) continue;
      this.#lacking.learn(extAddress, types, attributes.value, tookMs >= timeoutMs * lateShare);
      return { ok: true, value: { ...told, extAddress } };
    }
    return failure('silent', `the answer that came holds nothing of ${extAddress}`);
  }

  /** With the names that it takes; where those are not known, with one kind and then the other. */
  async #runDiagnostic(
    extAddress: ExtAddress,
    types: readonly DiagnosticType[],
    timeoutMs: number,
    signal: AbortSignal,
  ): Promise<ReadResult<TaskEnd>> {
    const names = this.#fieldNames ?? 'current';
    const first = await this.#tasks.run(diagnosticTask(extAddress, types, names, timeoutMs), signal);
    if (first.ok || first.code !== 'rejected' || !haveTwoNames(types)) return first;
    const others = names === 'current' ? 'before_2026_07' : 'current';
    const second = await this.#tasks.run(diagnosticTask(extAddress, types, others, timeoutMs), signal);
    if (second.ok) this.#fieldNames = others;
    return second.ok || second.code !== 'rejected' ? second : first;
  }

  async #list(
    meshLocalPrefix: string | null,
    signal: AbortSignal,
  ): Promise<ReadResult<readonly ListedDevice[]>> {
    const answer = await this.#http.get('/api/devices', signal);
    if (!answer.ok) return answer;
    if (answer.value.kind === 'refused') return refusedList(this.#http.address, answer.value);
    const list = readDevices(answer.value.value, meshLocalPrefix);
    if (list === null) return malformed(`${this.#http.address}/api/devices is no list of devices`);
    this.#fieldNames ??= list.fieldNames;
    this.#listed = new Set(list.devices.map(({ extAddress }) => extAddress));
    return { ok: true, value: list.devices };
  }

  async #result(id: string, signal: AbortSignal): Promise<ReadResult<JsonObject>> {
    const answer = await this.#http.get(`/api/diagnostics/${id}`, signal);
    if (!answer.ok) return answer;
    if (answer.value.kind === 'refused')
      return failure(
        'silent',
        `the answer is gone (${answer.value.status}): the border router keeps the last 200`,
      );
    const { value } = answer.value;
    const data = isJsonObject(value) ? objectField(value, 'data') : null;
    const attributes = data === null ? null : objectField(data, 'attributes');
    return attributes === null
      ? malformed(`${this.#http.address}/api/diagnostics/… holds no diagnostics`)
      : { ok: true, value: attributes };
  }
}

/** Whether a list has stayed as it is. */
class SteadyList {
  readonly #clock: Clock;
  #seen: string | null = null;
  #sinceMs = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  isSteady(devices: readonly ListedDevice[]): boolean {
    const seen = JSON.stringify([...devices].sort((a, b) => (a.extAddress < b.extAddress ? -1 : 1)));
    const nowMs = this.#clock.monotonicMs();
    if (seen !== this.#seen) {
      this.#seen = seen;
      this.#sinceMs = nowMs;
    }
    return nowMs - this.#sinceMs >= steadyMs;
  }
}

const isNothing = ({ extAddress, ipv6Addresses, mode, rloc16, routes }: DeviceDiagnostics): boolean =>
  [extAddress, ipv6Addresses, mode, rloc16, routes].every((fact) => fact === null);

const selfTask = (extAddress: ExtAddress): OtbrTask =>
  diagnosticTask(extAddress, ['extAddress', 'rloc16'], 'current', 1_000);

const diagnosticTask = (
  destination: ExtAddress,
  types: readonly DiagnosticType[],
  names: FieldNames,
  timeoutMs: number,
): OtbrTask => ({
  type: 'getNetworkDiagnosticTask',
  attributes: { destination, types: types.map((type) => wireName(type, names)) },
  timeoutMs,
});

function refusedList(
  address: string,
  { detail, status }: { status: number; detail: string },
): ReadResult<never> {
  if (status === 404) return failure('too_old', `${address} has no /api/devices any more`);
  return failure('rejected', `${address}/api/devices answers ${status} ${detail}`.trim());
}
