/**
 * What devices were found not to have. A task that asks a device for such a thing waits for it until its timeout, each time:
 * software from before Thread 1.3.1 knows neither children in detail nor its own counters.
 *
 * Answers get lost too. So a type counts as lacking only after it was missing twice in a row, each time with the
 * timeout spent, and it is tried again after an hour: devices get new software.
 */
import type { Clock } from '../../clock.ts';
import type { ExtAddress } from '../../protocol/ids.ts';
import type { JsonObject } from '../../protocol/json.ts';
import { type DiagnosticType, isTelling, namesOf } from './diagnostic-types.ts';
import { field } from './wire-fields.ts';

const missesThatCount = 2;
const keptMs = 3_600_000;
const maxDevices = 512;

interface Misses {
  count: number;
  untilMs: number;
}

export class LackingTypes {
  readonly #clock: Clock;
  /** The latest last. */
  readonly #devices = new Map<ExtAddress, Map<DiagnosticType, Misses>>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  of(extAddress: ExtAddress): ReadonlySet<DiagnosticType> {
    const nowMs = this.#clock.monotonicMs();
    const types = [...(this.#devices.get(extAddress) ?? [])];
    return new Set(
      types
        .filter(([, { count, untilMs }]) => count >= missesThatCount && untilMs > nowMs)
        .map(([type]) => type),
    );
  }

  /** `wasLate`: the timeout was spent. */
  learn(
    extAddress: ExtAddress,
    asked: readonly DiagnosticType[],
    attributes: JsonObject,
    wasLate: boolean,
  ): void {
    const known = this.#devices.get(extAddress) ?? new Map<DiagnosticType, Misses>();
    this.#devices.delete(extAddress);
    for (const type of asked.filter(isTelling)) {
      const before = known.get(type)?.count ?? 0;
      if (field(attributes, namesOf(type)) !== undefined) known.delete(type);
      else if (wasLate) known.set(type, { count: before + 1, untilMs: this.#clock.monotonicMs() + keptMs });
    }
    if (known.size === 0) return;
    this.#devices.set(extAddress, known);
    const [oldest] = this.#devices.keys();
    if (this.#devices.size > maxDevices && oldest !== undefined) this.#devices.delete(oldest);
  }
}
