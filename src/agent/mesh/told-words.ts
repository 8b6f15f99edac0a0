/**
 * What one reading has heard so far: the border router's list, and what each device said, put together from several words.
 * Bounded: a hostile or broken border router may list anything.
 */
import type { ExtAddress } from '../../protocol/ids.ts';
import type { Rloc16 } from '../../protocol/rloc16.ts';
import type { DeviceDiagnostics } from './device-diagnostics.ts';
import type { ToldDevice } from './mesh-picture.ts';
import type { AskedDevice, ListedDevice } from './mesh-reader.ts';

const maxListed = 1_024;
const maxTold = 1_024;

export class ToldWords {
  readonly #listed = new Map<ExtAddress, ListedDevice>();
  readonly #told = new Map<ExtAddress | Rloc16, ToldDevice>();

  get listed(): ReadonlyMap<ExtAddress, ListedDevice> {
    return this.#listed;
  }

  told(): ToldDevice[] {
    return [...this.#told.values()];
  }

  /** Returns those that were not listed before. Who was listed once stays. */
  list(devices: readonly ListedDevice[]): ExtAddress[] {
    const added: ExtAddress[] = [];
    for (const device of devices) {
      const earlier = this.#listed.get(device.extAddress);
      if (earlier === undefined && this.#listed.size >= maxListed) continue;
      if (earlier === undefined) added.push(device.extAddress);
      this.#listed.set(device.extAddress, merged(earlier, device));
    }
    return added;
  }

  /** `wasRead`: nothing more will be asked of it. `nowMs`: monotonic. */
  hear(diagnostics: DeviceDiagnostics, wasRead: boolean, nowMs: number): void {
    const key = diagnostics.extAddress ?? this.#nameAt(diagnostics.rloc16) ?? diagnostics.rloc16;
    if (key === null || (this.#told.size >= maxTold && !this.#told.has(key))) return;
    const earlier = this.#told.get(key);
    if (earlier?.wasRead === true && !wasRead) {
      // A survey tells less than the device itself did.
      this.#told.set(key, { ...earlier, diagnostics: later(diagnostics, earlier.diagnostics) });
      return;
    }
    this.#told.set(key, {
      diagnostics: earlier === undefined ? diagnostics : later(earlier.diagnostics, diagnostics),
      readAtMs: nowMs,
      wasRead,
    });
  }

  #nameAt(rloc16: Rloc16 | null): ExtAddress | null {
    for (const { diagnostics } of this.#told.values())
      if (rloc16 !== null && diagnostics.rloc16 === rloc16) return diagnostics.extAddress;
    return null;
  }
}

/** Whether a word is of the device that was asked. */
export const isOwnWord = (
  word: DeviceDiagnostics,
  { extAddress }: Pick<AskedDevice, 'extAddress'>,
): boolean => word.extAddress === null || word.extAddress === extAddress;

/** The later word, field by field; what it does not say stays. */
function later(earlier: DeviceDiagnostics, word: DeviceDiagnostics): DeviceDiagnostics {
  const said = Object.fromEntries(Object.entries(word).filter(([, value]) => value !== null));
  return { ...earlier, ...said };
}

function merged(earlier: ListedDevice | undefined, device: ListedDevice): ListedDevice {
  if (earlier === undefined) return device;
  return {
    extAddress: device.extAddress,
    kind: device.kind ?? earlier.kind,
    ipv6Addresses: [...new Set([...earlier.ipv6Addresses, ...device.ipv6Addresses])],
    hostname: device.hostname ?? earlier.hostname,
  };
}
