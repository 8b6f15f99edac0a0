/**
 * The QoS 2 deliveries whose exchange is not over, as the file has them. A transaction stages its changes beside them, so
 * that one that fails leaves no trace.
 */
import { clientOfDelivery } from '../delivery-key.ts';

export class OpenDeliveries {
  readonly #byClient = new Map<string, Set<string>>();

  constructor(keys: Iterable<string> = []) {
    for (const key of keys) this.#add(key);
  }

  has(key: string): boolean {
    return this.#byClient.get(clientOfDelivery(key))?.has(key) === true;
  }

  ofClient(clientId: string): ReadonlySet<string> {
    return this.#byClient.get(clientId) ?? new Set();
  }

  stage(): StagedDeliveries {
    return new StagedDeliveries(this);
  }

  /** What a transaction staged has become durable. */
  apply(staged: StagedDeliveries): void {
    for (const key of staged.added) this.#add(key);
    for (const key of staged.removed) this.#remove(key);
  }

  #add(key: string): void {
    const clientId = clientOfDelivery(key);
    const keys = this.#byClient.get(clientId);
    if (keys === undefined) this.#byClient.set(clientId, new Set([key]));
    else keys.add(key);
  }

  #remove(key: string): void {
    const clientId = clientOfDelivery(key);
    const keys = this.#byClient.get(clientId);
    keys?.delete(key);
    if (keys?.size === 0) this.#byClient.delete(clientId);
  }
}

export class StagedDeliveries {
  readonly #open: OpenDeliveries;
  readonly #changed = new Map<string, boolean>();

  constructor(open: OpenDeliveries) {
    this.#open = open;
  }

  has(key: string): boolean {
    return this.#changed.get(key) ?? this.#open.has(key);
  }

  add(key: string): void {
    this.#changed.set(key, true);
  }

  forget(key: string): void {
    if (this.has(key)) this.#changed.set(key, false);
  }

  forgetClient(clientId: string): void {
    for (const key of this.#changed.keys()) if (clientOfDelivery(key) === clientId) this.forget(key);
    for (const key of this.#open.ofClient(clientId)) this.forget(key);
  }

  get added(): readonly string[] {
    return this.#where(true);
  }

  get removed(): readonly string[] {
    return this.#where(false);
  }

  #where(open: boolean): readonly string[] {
    if (this.#changed.size === 0) return [];
    return [...this.#changed].filter(([, isOpen]) => isOpen === open).map(([key]) => key);
  }
}
