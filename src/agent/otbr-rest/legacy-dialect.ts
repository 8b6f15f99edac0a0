/**
 * `GET /diagnostics`: the whole mesh in one answer, gathered by one multicast. It blocks for two seconds, some answers
 * get lost each time, and no device can be asked alone: a survey asks again while routers are missing that others
 * name, and puts together what came. Minimal devices do not answer; their parents' tables have them by child id.
 *
 * Spoken by otbr-agent until September 2025 and by Espressif's border router, which holds its answer in ~90 KB of memory and
 * may take 30 s: there the calls are fewer and further apart.
 */
import type { Clock } from '../../clock.ts';
import { rloc16OfRouter, isRouterRloc16, type Rloc16 } from '../../protocol/rloc16.ts';
import type { DeviceDiagnostics } from '../mesh/device-diagnostics.ts';
import type {
  AskedDevice,
  BorderRouterState,
  DeviceKind,
  ReadContext,
  ReadFailure,
  ReadResult,
  Survey,
} from '../mesh/mesh-reader.ts';
import type { DialectReader } from './otbr-dialect.ts';
import { failure, malformed, type OtbrHttpClient, pause } from './otbr-http-client.ts';
import { readDiagnostics } from './read-diagnostics.ts';

export interface LegacyPace {
  readonly calls: number;
  readonly pauseMs: number;
  readonly timeoutMs: number;
}

/** otbr-agent. */
export const otbrPace: LegacyPace = { calls: 3, pauseMs: 0, timeoutMs: 15_000 };

const maxDevices = 1_024;

export class LegacyDialect implements DialectReader {
  readonly asksDevices = false;
  readonly #http: OtbrHttpClient;
  readonly #clock: Clock;
  readonly #pace: LegacyPace;

  constructor(httpClient: OtbrHttpClient, clock: Clock, pace: LegacyPace) {
    this.#http = httpClient;
    this.#clock = clock;
    this.#pace = pace;
  }

  async survey(
    _state: BorderRouterState,
    expected: number,
    context: ReadContext,
  ): Promise<ReadResult<Survey>> {
    const devices = new Map<string, DeviceDiagnostics>();
    let problem: ReadFailure | null = null;
    for (let call = 0; call < this.#pace.calls; call += 1) {
      if (call > 0 && !(await pause(this.#clock, this.#pace.pauseMs, context.signal))) break;
      if (!context.radio.take(1)) {
        problem = failure('over_budget', 'the radio budget is spent; the mesh was not searched');
        break;
      }
      const answer = await this.#call(context.signal);
      if (!answer.ok) {
        problem = answer;
        break;
      }
      for (const device of answer.value) {
        const id = device.extAddress ?? device.rloc16;
        if (id !== null) devices.set(id, device);
      }
      if (isComplete(devices.values(), expected)) break;
    }
    if (devices.size === 0 && problem !== null) return problem;
    const diagnostics = [...devices.values()];
    return { ok: true, value: { devices: diagnostics.flatMap(listed), diagnostics } };
  }

  ask({ extAddress }: AskedDevice): Promise<ReadResult<DeviceDiagnostics>> {
    return Promise.resolve(
      failure('rejected', `${this.#http.address} cannot ask one device: ${extAddress} is told by the survey`),
    );
  }

  async #call(signal: AbortSignal): Promise<ReadResult<DeviceDiagnostics[]>> {
    const answer = await this.#http.get('/diagnostics', signal, this.#pace.timeoutMs);
    if (!answer.ok) return answer;
    if (answer.value.kind === 'refused') {
      const { detail, status } = answer.value;
      return status === 404
        ? failure('too_old', `${this.#http.address} has no /diagnostics any more`)
        : failure('rejected', `${this.#http.address}/diagnostics answers ${status} ${detail}`.trim());
    }
    const { value } = answer.value;
    if (!Array.isArray(value)) return malformed(`${this.#http.address}/diagnostics is no list of devices`);
    return { ok: true, value: value.slice(0, maxDevices).flatMap((entry) => readDiagnostics(entry) ?? []) };
  }
}

/** Every router that a router names has answered, and so has every child that may become one. */
function isComplete(devices: Iterable<DeviceDiagnostics>, expected: number): boolean {
  const heard = new Set<Rloc16>();
  const named = new Set<Rloc16>();
  for (const { children, rloc16, routes } of devices) {
    if (rloc16 !== null) heard.add(rloc16);
    for (const { routerId } of routes ?? []) named.add(rloc16OfRouter(routerId));
    for (const child of children ?? []) {
      if (child.mode?.fullThreadDevice === true) named.add(child.rloc16);
      else heard.add(child.rloc16);
    }
  }
  return heard.size > 0 && heard.size >= expected && [...named].every((rloc16) => heard.has(rloc16));
}

function listed(device: DeviceDiagnostics): Survey['devices'] {
  const { extAddress, ipv6Addresses } = device;
  return extAddress === null
    ? []
    : [{ extAddress, kind: kindOf(device), ipv6Addresses: ipv6Addresses ?? [], hostname: null }];
}

function kindOf({ mode, rloc16 }: DeviceDiagnostics): DeviceKind | null {
  if (rloc16 !== null && isRouterRloc16(rloc16)) return 'router';
  if (mode === null) return null;
  if (!mode.rxOnWhenIdle) return 'sleepy';
  return mode.fullThreadDevice ? 'full' : 'minimal';
}
