/**
 * Readings of meshes that several border routers of one process are in. Those in one partition of one network see the same mesh:
 * one of them reads it, and the others take what it reads, so that the radio carries it once.
 */
import type { BorderRouterState } from './mesh-reader.ts';
import type { MeshCollection } from './mesh-collection.ts';

/** More networks than one process has border routers for. */
const maxMeshes = 256;

export class SharedCollections {
  readonly #byMesh = new Map<string, MeshCollection>();

  /** The reading of that mesh which is under way or ended within `freshMs`; null where there is none to be used. */
  find(state: BorderRouterState, nowMs: number, freshMs: number): MeshCollection | null {
    const mesh = meshOf(state);
    const collection = mesh === null ? undefined : this.#byMesh.get(mesh);
    if (collection === undefined) return null;
    if (collection.endedMs === null) return collection;
    return collection.isOfUse && nowMs - collection.endedMs < freshMs ? collection : null;
  }

  /** A reading that begins, for the others. */
  offer(state: BorderRouterState, collection: MeshCollection): void {
    const mesh = meshOf(state);
    if (mesh === null) return;
    this.#byMesh.delete(mesh);
    this.#byMesh.set(mesh, collection);
    if (this.#byMesh.size <= maxMeshes) return;
    const [oldest] = this.#byMesh.keys();
    if (oldest !== undefined) this.#byMesh.delete(oldest);
  }
}

/** Null where a border router does not say which mesh it is in. */
function meshOf({ extPanId, partitionId }: BorderRouterState): string | null {
  return extPanId === null || partitionId === null ? null : `${extPanId} ${partitionId}`;
}
