/**
 * The nodes of one topology, and who a table entry means. An extended address decides; without one, the RLOC16 in the
 * scope of the answer that names it:
 *
 *   1. the device that answered there, or the border router that says it is there
 *   2. the device whose extended address other tables give that RLOC16
 *   3. the silent device that was last known there
 *   4. otherwise a device of its own, `network/rloc16`
 */
import type { Rloc16 } from '../protocol/rloc16.ts';
import { draftNode, type DraftNode } from './draft-node.ts';
import type { EarlierKnowledge, EarlierNode } from './earlier-knowledge.ts';
import { compareText } from './text-order.ts';

export interface Place {
  readonly network: string;
  /** Resolved by `PartitionScopes`. */
  readonly partitionId: number | null;
  readonly rloc16: Rloc16;
}

interface Alias {
  entries: number;
  ageSeconds: number;
}

export class NodeDirectory {
  readonly #byId = new Map<string, DraftNode>();
  readonly #byExtAddress = new Map<string, DraftNode>();
  readonly #byEarlierId = new Map<string, DraftNode>();
  readonly #taken = new Map<string, DraftNode>();
  readonly #lastKnown = new Map<string, DraftNode | EarlierNode>();
  readonly #aliases = new Map<string, Map<string, Alias>>();
  readonly #bestAliases = new Map<string, string | null>();
  /** Extended address → the place where that device itself answered. */
  readonly #answeredAt = new Map<string, string>();
  readonly #partitionOfId = new Map<string, number | null>();
  readonly #earlierById = new Map<string, EarlierNode>();
  readonly #earlierByName = new Map<string, EarlierNode>();
  readonly #earlierByExtAddress = new Map<string, EarlierNode>();

  constructor(earlier: EarlierKnowledge) {
    for (const node of earlier.nodes) {
      this.#earlierById.set(node.id, node);
      if (node.name !== null) setNewer(this.#earlierByName, node.name, node);
      if (node.extAddress !== null) setNewer(this.#earlierByExtAddress, node.extAddress, node);
    }
  }

  get nodes(): Iterable<DraftNode> {
    return this.#byId.values();
  }

  // ------------------------------------------------------------------------------------------------------ who is who

  withId(id: string): DraftNode | null {
    return this.#byId.get(id) ?? null;
  }

  withExtAddress(extAddress: string): DraftNode | null {
    return this.#byExtAddress.get(extAddress) ?? null;
  }

  /** The node that an earlier scan called `id`, where it is part of this topology. */
  withEarlierId(id: string): DraftNode | null {
    return this.#byEarlierId.get(id) ?? null;
  }

  earlierWithId(id: string): EarlierNode | null {
    return this.#earlierById.get(id) ?? null;
  }

  earlierWithName(name: string): EarlierNode | null {
    return this.#earlierByName.get(name) ?? null;
  }

  /** Gets or adds the device with this extended address. */
  byExtAddress(extAddress: string, network: string): DraftNode {
    const known = this.#byExtAddress.get(extAddress);
    if (known !== undefined) return known;
    const node = this.#add(draftNode(extAddress, network, extAddress));
    this.#byExtAddress.set(extAddress, node);
    this.remember(node, this.#earlierByExtAddress.get(extAddress) ?? null);
    return node;
  }

  /** Gets or adds the device without a known extended address at this place. */
  byPlace(place: Place): DraftNode {
    const id = this.idOfPlace(place);
    const known = this.#byId.get(id);
    if (known !== undefined) return known;
    this.#partitionOfId.set(id, place.partitionId);
    const node = this.#add(draftNode(id, place.network, null));
    this.remember(node, this.#earlierById.get(id) ?? null);
    return node;
  }

  /** Gets or adds a device of which neither address nor place is known. */
  byOtherId(id: string, network: string): DraftNode {
    return this.#byId.get(id) ?? this.#add(draftNode(id, network, null));
  }

  /** `network/rloc16`; two partitions that both use an RLOC16 are told apart. */
  idOfPlace({ network, partitionId, rloc16 }: Place): string {
    const id = `${network}/${rloc16}`;
    const partition = this.#partitionOfId.get(id);
    return partition === undefined || partition === partitionId ? id : `${id}@${partitionId ?? 'unknown'}`;
  }

  /** Ties a node to what earlier scans know of it; the first tie holds. */
  remember(node: DraftNode, earlier: EarlierNode | null): void {
    if (earlier === null || node.remembered !== null || this.#byEarlierId.has(earlier.id)) return;
    node.remembered = earlier;
    this.#byEarlierId.set(earlier.id, node);
  }

  // -------------------------------------------------------------------------------------------------- who is where

  /** The node itself is there; the first claim of a place holds. */
  take(place: Place, node: DraftNode): void {
    const key = placeKey(place);
    if (!this.#taken.has(key)) this.#taken.set(key, node);
  }

  takenBy(place: Place): DraftNode | null {
    return this.#taken.get(placeKey(place)) ?? null;
  }

  /** The node was there when it was last heard of; the first claim of a place holds. */
  lastKnownAt(place: Place, node: DraftNode | EarlierNode): void {
    const key = placeKey(place);
    if (!this.#lastKnown.has(key)) this.#lastKnown.set(key, node);
  }

  /** A table gives the device with this extended address that place. To be called before the first look-up. */
  addAlias(place: Place, extAddress: string, ageSeconds: number | null): void {
    const key = placeKey(place);
    const ofPlace = this.#aliases.get(key) ?? new Map<string, Alias>();
    if (ofPlace.size === 0) this.#aliases.set(key, ofPlace);
    const alias = ofPlace.get(extAddress) ?? { entries: 0, ageSeconds: Infinity };
    alias.entries += 1;
    alias.ageSeconds = Math.min(alias.ageSeconds, ageSeconds ?? Infinity);
    ofPlace.set(extAddress, alias);
  }

  /** The device with this extended address says itself where it is: tables that place it elsewhere are old. */
  answeredAt(extAddress: string, place: Place | null): void {
    if (!this.#answeredAt.has(extAddress))
      this.#answeredAt.set(extAddress, place === null ? '' : placeKey(place));
  }

  /** The extended address that tables give to a place: the youngest entry's, then the most often named. */
  aliasOf(place: Place): string | null {
    const key = placeKey(place);
    const known = this.#bestAliases.get(key);
    if (known !== undefined) return known;
    const [best] = [...(this.#aliases.get(key) ?? [])]
      .filter(([extAddress]) => (this.#answeredAt.get(extAddress) ?? key) === key)
      .sort(
        ([extA, a], [extB, b]) =>
          compareNumbers(a.ageSeconds, b.ageSeconds) || b.entries - a.entries || compareText(extA, extB),
      );
    this.#bestAliases.set(key, best?.[0] ?? null);
    return best?.[0] ?? null;
  }

  /** Who a table entry means; adds the node where nobody knows it. */
  resolve(place: Place, extAddress: string | null): DraftNode {
    if (extAddress !== null) return this.byExtAddress(extAddress, place.network);
    const known = this.find(place);
    if (known !== null) return known;
    const alias = this.aliasOf(place);
    if (alias !== null) return this.byExtAddress(alias, place.network);
    const lastKnown = this.#lastKnown.get(placeKey(place));
    if (lastKnown === undefined) return this.byPlace(place);
    return 'sightings' in lastKnown ? lastKnown : this.recall(lastKnown);
  }

  /** Like `resolve`, without adding. */
  find(place: Place): DraftNode | null {
    const taken = this.takenBy(place);
    if (taken !== null) return taken;
    const alias = this.aliasOf(place);
    if (alias !== null) return this.withExtAddress(alias);
    const lastKnown = this.#lastKnown.get(placeKey(place));
    if (lastKnown === undefined) return this.withId(this.idOfPlace(place));
    return 'sightings' in lastKnown ? lastKnown : this.withEarlierId(lastKnown.id);
  }

  /** Gets or adds a node that only an earlier scan knew. */
  recall(earlier: EarlierNode): DraftNode {
    const known = this.withEarlierId(earlier.id);
    if (known !== null) return known;
    const node =
      earlier.extAddress === null
        ? this.byOtherId(earlier.id, earlier.network)
        : this.byExtAddress(earlier.extAddress, earlier.network);
    this.remember(node, earlier);
    return node;
  }

  /** Nobody has answered for it. */
  remove(node: DraftNode): void {
    this.#byId.delete(node.id);
    if (node.extAddress !== null) this.#byExtAddress.delete(node.extAddress);
    if (node.remembered !== null) this.#byEarlierId.delete(node.remembered.id);
  }

  #add(node: DraftNode): DraftNode {
    this.#byId.set(node.id, node);
    return node;
  }
}

function placeKey({ network, partitionId, rloc16 }: Place): string {
  return `${network}\n${partitionId ?? ''}\n${rloc16}`;
}

function setNewer(nodes: Map<string, EarlierNode>, key: string, node: EarlierNode): void {
  const known = nodes.get(key);
  if (
    known === undefined ||
    node.knownAt > known.knownAt ||
    (node.knownAt === known.knownAt && compareText(node.id, known.id) < 0)
  )
    nodes.set(key, node);
}

/** Infinity − Infinity is no order. */
function compareNumbers(a: number, b: number): number {
  return a === b ? 0 : a - b;
}
