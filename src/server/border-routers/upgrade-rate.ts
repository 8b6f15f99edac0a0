/** Upgrades a minute and address. A border router in a reconnect loop is one thing, a scan of ids another. */
import type { Clock } from '../../clock.ts';
import { formatIpv6Prefix, parseIpv6, parseIpv6Prefix } from '../../protocol/ipv6.ts';

export interface UpgradeRateOptions {
  readonly perMinute: number;
  readonly clock: Pick<Clock, 'monotonicMs'>;
}

/** Addresses counted at once. */
const maxAddresses = 10_000;
const windowMs = 60_000;

export class UpgradeRate {
  readonly #options: UpgradeRateOptions;
  #windows = new Map<string, { readonly sinceMs: number; count: number }>();

  constructor(options: UpgradeRateOptions) {
    this.#options = options;
  }

  /** Counts one more; false where it is one too many. */
  allow(remoteAddress: string | null): boolean {
    const { clock, perMinute } = this.#options;
    const nowMs = clock.monotonicMs();
    const key = keyOf(remoteAddress);
    const window = this.#windows.get(key);
    if (window !== undefined && nowMs - window.sinceMs < windowMs) {
      window.count += 1;
      return window.count <= perMinute;
    }
    this.#windows.delete(key);
    if (this.#windows.size >= maxAddresses) this.#makeRoom(nowMs);
    this.#windows.set(key, { sinceMs: nowMs, count: 1 });
    return true;
  }

  #makeRoom(nowMs: number): void {
    for (const [key, { sinceMs }] of this.#windows) {
      // In the order of their beginnings: the first one goes even where it is still young.
      if (nowMs - sinceMs < windowMs && this.#windows.size < maxAddresses) return;
      this.#windows.delete(key);
    }
  }
}

/** One host may have a whole /64 of IPv6 addresses. */
function keyOf(remoteAddress: string | null): string {
  const address = remoteAddress === null ? null : parseIpv6(remoteAddress);
  const prefix = address === null ? null : parseIpv6Prefix(`${address}/64`);
  return prefix === null ? (remoteAddress ?? 'unknown') : formatIpv6Prefix(prefix);
}
