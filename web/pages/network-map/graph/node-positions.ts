/**
 * Where each node stands on the map, kept in the browser between visits and scans. A node may become better known (from a
 * name to an extended address); it is found by any of its earlier keys, so that it does not jump.
 */
import type { TopologyNode } from '../../../../src/protocol/topology.ts';
import type { Point } from './geometry.ts';

export interface StoredPosition extends Point {
  /** Moved by hand: no layout ever moves it. */
  readonly pinned: boolean;
}

export type PositionKeys = Pick<TopologyNode, 'id' | 'name' | 'network' | 'rloc16'>;

/** The part of `localStorage` that is used. */
export type TextStorage = Pick<Storage, 'getItem' | 'setItem' | 'removeItem'>;

const storageKey = 'threadhub.network-map.positions.v1';
/** About 300 KB of text; the oldest positions go first. */
const maxPositions = 6_000;

export class NodePositions {
  readonly #storage: TextStorage | null;
  /** In order of last use, oldest first. */
  readonly #byKey: Map<string, StoredPosition>;

  /** Without storage (private windows, full quota) positions last as long as the page. */
  constructor(storage: TextStorage | null) {
    this.#storage = storage;
    this.#byKey = read(storage);
  }

  get(node: PositionKeys): StoredPosition | null {
    for (const key of keysOf(node)) {
      const position = this.#byKey.get(key);
      if (position !== undefined) return position;
    }
    return null;
  }

  set(node: PositionKeys, point: Point, pinned: boolean): void {
    const keys = keysOf(node);
    const [primary] = keys;
    for (const key of keys) this.#byKey.delete(key);
    this.#byKey.set(primary, { x: Math.round(point.x), y: Math.round(point.y), pinned });
  }

  clear(): void {
    this.#byKey.clear();
    this.save();
  }

  save(): void {
    while (this.#byKey.size > maxPositions) {
      const oldest = this.#byKey.keys().next();
      if (oldest.done === true) break;
      this.#byKey.delete(oldest.value);
    }
    try {
      if (this.#byKey.size === 0) this.#storage?.removeItem(storageKey);
      else
        this.#storage?.setItem(
          storageKey,
          JSON.stringify(
            [...this.#byKey].map(([key, { x, y, pinned }]) => (pinned ? [key, x, y, 1] : [key, x, y])),
          ),
        );
    } catch {
      // A full or forbidden storage costs the positions on the next visit, nothing now.
    }
  }
}

/** Most lasting key first. */
function keysOf(node: PositionKeys): readonly [string, ...string[]] {
  const keys: [string, ...string[]] = [node.id];
  if (node.name !== null) keys.push(`name:${node.name}`);
  if (node.rloc16 !== null) keys.push(`${node.network}/${node.rloc16}`);
  return keys;
}

function read(storage: TextStorage | null): Map<string, StoredPosition> {
  const positions = new Map<string, StoredPosition>();
  let stored: unknown;
  try {
    stored = JSON.parse(storage?.getItem(storageKey) ?? '[]');
  } catch {
    return positions;
  }
  if (!Array.isArray(stored)) return positions;
  for (const entry of stored as unknown[]) {
    if (!Array.isArray(entry)) continue;
    const [key, x, y, pinned] = entry as unknown[];
    if (typeof key !== 'string' || typeof x !== 'number' || typeof y !== 'number') continue;
    positions.set(key, { x, y, pinned: pinned === 1 });
  }
  return positions;
}
