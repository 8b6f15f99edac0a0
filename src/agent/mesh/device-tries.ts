/** How often one reading has asked each device, who answered, and whom the border router had no way to ask. */
import type { ExtAddress } from '../../protocol/ids.ts';
import type { MeshMemory } from './mesh-memory.ts';
import type { AskedDevice } from './mesh-reader.ts';

interface Tries {
  count: number;
  answered: boolean;
}

const maxTries = 2;

export class DeviceTries {
  readonly #memory: Pick<MeshMemory, 'silence' | 'wasSilent'>;
  readonly #tries = new Map<ExtAddress, Tries>();
  /** Why not. */
  readonly #unlisted = new Map<ExtAddress, string>();

  constructor(memory: Pick<MeshMemory, 'silence' | 'wasSilent'>) {
    this.#memory = memory;
  }

  get asked(): ReadonlyMap<ExtAddress, { readonly answered: boolean }> {
    return this.#tries;
  }

  /** Once it answered it is asked no more. Who was silent in the last reading too has only the second, shorter try. */
  of(extAddress: ExtAddress): number {
    const tries = this.#tries.get(extAddress);
    if (tries === undefined) return this.#memory.wasSilent(extAddress) ? maxTries - 1 : 0;
    return tries.answered ? maxTries : tries.count;
  }

  /** The first that was asked so often. */
  firstOf<Device extends Pick<AskedDevice, 'extAddress'>>(
    devices: readonly Device[],
    tries: number,
  ): Device | null {
    return devices.find(({ extAddress }) => this.of(extAddress) === tries) ?? null;
  }

  unasked(devices: readonly Pick<AskedDevice, 'extAddress'>[]): number {
    return devices.filter(({ extAddress }) => this.of(extAddress) === 0).length;
  }

  begin(extAddress: ExtAddress): void {
    this.#tries.set(extAddress, { count: this.of(extAddress) + 1, answered: false });
  }

  answered(extAddress: ExtAddress): void {
    const tries = this.#tries.get(extAddress);
    if (tries !== undefined) tries.answered = true;
  }

  /** `whyUnlisted`: null where it could be asked. */
  failed(extAddress: ExtAddress, whyUnlisted: string | null): void {
    if (whyUnlisted === null) this.#unlisted.delete(extAddress);
    else this.#unlisted.set(extAddress, whyUnlisted);
  }

  whyUnlisted(extAddress: ExtAddress): string | null {
    return this.#unlisted.get(extAddress) ?? null;
  }

  /** Who was not listed could not be asked: those begin anew. */
  nowListed(devices: readonly ExtAddress[]): void {
    for (const extAddress of devices)
      if (this.#tries.get(extAddress)?.answered === false) this.#tries.delete(extAddress);
  }

  /** For the next reading. */
  remember(nowMs: number): void {
    for (const [extAddress, { answered }] of this.#tries) this.#memory.silence(extAddress, !answered, nowMs);
  }
}
