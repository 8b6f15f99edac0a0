/**
 * `GET /diagnostics`: the whole mesh in one answer, gathered by one multicast. It blocks for two seconds, some answers
 * get lost each time, and no device can be asked alone: whoever misses a router surveys again. Minimal devices do not
 * answer; their parents' tables have them by child id.
 *
 * Spoken by otbr-agent until September 2025 and by Espressif's border router, which holds its answer in ~90 KB of memory and
 * may take 30 s: there the calls are further apart.
 */
import type { Clock } from '../../clock.ts';
import { pause } from '../../pause.ts';
import { isRouterRloc16 } from '../../protocol/rloc16.ts';
import type { DeviceDiagnostics } from '../mesh/device-diagnostics.ts';
import type {
  AskedDevice,
  BorderRouterState,
  DeviceKind,
  ReadContext,
  ReadResult,
  Survey,
} from '../mesh/mesh-reader.ts';
import type { DialectReader } from './otbr-dialect.ts';
import { cancelled, failure, malformed, type OtbrHttpClient } from './otbr-http-client.ts';
import { readDiagnostics } from './read-diagnostics.ts';

export interface LegacyPace {
  /** From the end of one call to the next. */
  readonly pauseMs: number;
  readonly timeoutMs: number;
}

/** otbr-agent. */
export const otbrPace: LegacyPace = { pauseMs: 0, timeoutMs: 15_000 };

const maxDevices = 1_024;

export class LegacyDialect implements DialectReader {
  readonly asksDevices = false;
  readonly #http: OtbrHttpClient;
  readonly #clock: Clock;
  readonly #pace: LegacyPace;
  #calledMs = -Infinity;

  constructor(httpClient: OtbrHttpClient, clock: Clock, pace: LegacyPace) {
    this.#http = httpClient;
    this.#clock = clock;
    this.#pace = pace;
  }

  list(): Promise<ReadResult<null>> {
    return Promise.resolve({ ok: true, value: null });
  }

  async survey(
    _state: BorderRouterState,
    _expected: number,
    { radio, signal }: ReadContext,
  ): Promise<ReadResult<Survey>> {
    const restMs = this.#calledMs + this.#pace.pauseMs - this.#clock.monotonicMs();
    if (restMs > 0 && !(await pause(this.#clock, restMs, signal))) return cancelled;
    if (!radio.take(1)) return failure('over_budget', 'the radio budget is spent; the mesh was not searched');
    const answer = await this.#call(signal);
    this.#calledMs = this.#clock.monotonicMs();
    if (!answer.ok) return answer;
    const diagnostics = answer.value;
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
