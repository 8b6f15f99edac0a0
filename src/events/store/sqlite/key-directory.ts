/**
 * The short keys of sensors and reading types, all in memory. A new one gets its key here, and its row with the first
 * batch that uses it: until one such batch is committed, each that uses it carries the row.
 *
 * Sensors of one shard get neighbouring keys, so that a batch of a shard changes neighbouring rows.
 */
import type { SensorId, ShardName } from '../../../protocol/ids.ts';

/** Neighbouring keys kept for one shard: some 10 KiB of its rows in each table. */
const keysPerBlock = 256;

export interface KnownKeys {
  readonly sensors: readonly { readonly key: number; readonly id: string }[];
  readonly types: readonly { readonly key: number; readonly name: string }[];
}

export class KeyDirectory {
  readonly #sensorKeys = new Map<string, number>();
  readonly #sensorIds = new Map<number, SensorId>();
  readonly #typeKeys = new Map<string, number>();
  readonly #typeNames = new Map<number, string>();
  readonly #blocks = new Map<ShardName, { next: number; end: number }>();
  readonly #unstoredSensors = new Set<number>();
  readonly #unstoredTypes = new Set<number>();
  #nextBlock = 0;
  #nextType = 1;

  constructor(known: KnownKeys) {
    for (const { id, key } of known.sensors) {
      this.#noteSensor(key, id as SensorId);
      this.#nextBlock = Math.max(this.#nextBlock, Math.floor(key / keysPerBlock) + 1);
    }
    for (const { key, name } of known.types) {
      this.#noteType(key, name);
      this.#nextType = Math.max(this.#nextType, key + 1);
    }
  }

  /** Null for one that was never stored and is in no batch. */
  sensorKey(id: string): number | null {
    return this.#sensorKeys.get(id) ?? null;
  }

  sensorId(key: number): SensorId {
    const id = this.#sensorIds.get(key);
    if (id === undefined) throw new Error(`no sensor has the key ${key}`);
    return id;
  }

  typeKey(name: string): number | null {
    return this.#typeKeys.get(name) ?? null;
  }

  typeName(key: number): string {
    const name = this.#typeNames.get(key);
    if (name === undefined) throw new Error(`no type of reading has the key ${key}`);
    return name;
  }

  takeSensorKey(id: SensorId, shard: ShardName): number {
    const known = this.#sensorKeys.get(id);
    if (known !== undefined) return known;
    let block = this.#blocks.get(shard);
    if (block === undefined || block.next === block.end) {
      const start = this.#nextBlock++ * keysPerBlock;
      block = { next: start, end: start + keysPerBlock };
      this.#blocks.set(shard, block);
    }
    const key = block.next++;
    this.#noteSensor(key, id);
    this.#unstoredSensors.add(key);
    return key;
  }

  takeTypeKey(name: string): number {
    const known = this.#typeKeys.get(name);
    if (known !== undefined) return known;
    const key = this.#nextType++;
    this.#noteType(key, name);
    this.#unstoredTypes.add(key);
    return key;
  }

  /** Whether every key that was taken has its row. */
  get allStored(): boolean {
    return this.#unstoredSensors.size === 0 && this.#unstoredTypes.size === 0;
  }

  isSensorStored(key: number): boolean {
    return !this.#unstoredSensors.has(key);
  }

  /** Types whose rows go with the next batches; there are few. */
  unstoredTypes(): readonly { readonly key: number; readonly name: string }[] {
    return [...this.#unstoredTypes].map((key) => ({ key, name: this.typeName(key) }));
  }

  /** A batch with their rows has been committed. */
  noteStored(rows: { readonly sensorKeys: Iterable<number>; readonly typeKeys: Iterable<number> }): void {
    for (const key of rows.sensorKeys) this.#unstoredSensors.delete(key);
    for (const key of rows.typeKeys) this.#unstoredTypes.delete(key);
  }

  #noteSensor(key: number, id: SensorId): void {
    this.#sensorKeys.set(id, key);
    this.#sensorIds.set(key, id);
  }

  #noteType(key: number, name: string): void {
    this.#typeKeys.set(name, key);
    this.#typeNames.set(key, name);
  }
}
