/**
 * Which networks may have to do with each other, so that those that have not can be built apart. Everything that could
 * make one device of two entries ties them: the network that they are found under by any of its keys, an extended address,
 * a registered name, an id that an earlier scan gave. What is tied is a group (disjoint sets, with path halving).
 *
 * A tie holds for as long as these groups do, also where what made it has been replaced: too large a group costs time and
 * is never wrong.
 */
import { parseExtAddress } from '../protocol/ids.ts';
import {
  type EarlierEvidence,
  type EarlierKnowledge,
  type EarlierNode,
  nothingKnown,
} from './earlier-knowledge.ts';
import { meshLocalKeyOf } from './network-keys.ts';
import type { TopologyBorderRouter, TopologyObservation } from './topology-input.ts';

/** Part of what a topology is made from. */
export interface GroupInput {
  readonly nodes: TopologyObservation[];
  readonly borderRouters: TopologyBorderRouter[];
  /** The same object until a tie brings more. */
  readonly earlier: EarlierKnowledge;
}

interface EarlierOfGroup extends EarlierKnowledge {
  readonly nodes: EarlierNode[];
  readonly evidence: EarlierEvidence[];
}

export class NetworkGroups {
  readonly #earlier: EarlierKnowledge;
  /** Of groups that earlier scans did not know. */
  readonly #nothing: EarlierKnowledge;
  readonly #parents: number[] = [];
  readonly #networks = new Map<string, number>();
  /** Ids of nodes, extended addresses among them. */
  readonly #ids = new Map<string, number>();
  readonly #observations = new Map<TopologyObservation, number>();
  readonly #earlierNodes: readonly number[];
  readonly #earlierEvidence: readonly number[];
  /** By root. Null: to be sorted. */
  #earlierOf: Map<number, EarlierOfGroup> | null = null;

  constructor(earlier: EarlierKnowledge) {
    this.#earlier = earlier;
    this.#nothing = { ...nothingKnown, networks: earlier.networks };
    for (const { extPanId, prefixes } of earlier.networks)
      for (const prefix of prefixes) this.#tie(this.#network(extPanId), this.#network(prefix));
    this.#earlierNodes = earlier.nodes.map((node) => this.#learnEarlier(node));
    this.#earlierEvidence = earlier.evidence.map(({ heardId, reporterId }) =>
      this.#tie(this.#id(reporterId), this.#id(heardId)),
    );
  }

  /** By group. What only earlier scans knew, and nothing asks for now, is in none. */
  split(
    nodes: readonly TopologyObservation[],
    borderRouters: readonly TopologyBorderRouter[],
  ): Map<number, GroupInput> {
    // Everything is tied before anything is sorted into its group.
    const ofNodes = nodes.map((node) => this.#learn(node));
    const ofBorderRouters = borderRouters.map((borderRouter) => this.#learnBorderRouter(borderRouter));
    const earlierOf = (this.#earlierOf ??= this.#splitEarlier());
    const groups = new Map<number, GroupInput>();
    const groupAt = (element: number): GroupInput => {
      const root = this.#root(element);
      const known = groups.get(root);
      if (known !== undefined) return known;
      const earlier = earlierOf.get(root) ?? this.#nothing;
      const group: GroupInput = { nodes: [], borderRouters: [], earlier };
      groups.set(root, group);
      return group;
    };
    for (const [index, node] of nodes.entries()) groupAt(ofNodes[index] ?? 0).nodes.push(node);
    for (const [index, borderRouter] of borderRouters.entries())
      groupAt(ofBorderRouters[index] ?? 0).borderRouters.push(borderRouter);
    return groups;
  }

  #splitEarlier(): Map<number, EarlierOfGroup> {
    const { evidence, networks, nodes } = this.#earlier;
    const groups = new Map<number, EarlierOfGroup>();
    const groupAt = (element: number): EarlierOfGroup => {
      const root = this.#root(element);
      const known = groups.get(root);
      if (known !== undefined) return known;
      const group: EarlierOfGroup = { nodes: [], evidence: [], networks };
      groups.set(root, group);
      return group;
    };
    for (const [index, node] of nodes.entries()) groupAt(this.#earlierNodes[index] ?? 0).nodes.push(node);
    for (const [index, item] of evidence.entries())
      groupAt(this.#earlierEvidence[index] ?? 0).evidence.push(item);
    return groups;
  }

  #learn(observation: TopologyObservation): number {
    const known = this.#observations.get(observation);
    if (known !== undefined) return known;
    const { borderRouterId, extAddress, name, networkInfo, networkKey } = observation;
    const element = this.#network(networkKey);
    this.#tie(element, this.#id(`name:${name}`));
    // Which may say the network of both.
    if (borderRouterId !== null) this.#tie(element, this.#id(`br:${borderRouterId}`));
    if (extAddress !== null) this.#tieAddress(element, extAddress);
    if (networkInfo !== null) {
      const { children, extAddress: own, extPanId, neighbors, parent } = networkInfo;
      if (extPanId !== null) this.#tie(element, this.#network(extPanId));
      if (own !== null) this.#tie(element, this.#id(own));
      if (parent !== null && parent.extAddress !== null) this.#tie(element, this.#id(parent.extAddress));
      for (const child of children)
        if (child.extAddress !== null) this.#tie(element, this.#id(child.extAddress));
      for (const neighbor of neighbors)
        if (neighbor.extAddress !== null) this.#tie(element, this.#id(neighbor.extAddress));
    }
    this.#observations.set(observation, element);
    return element;
  }

  #learnBorderRouter({ extAddress, id, network, networkKey, networkPrefix }: TopologyBorderRouter): number {
    const element = this.#network(networkKey);
    for (const key of [networkPrefix, network?.extPanId ?? null, meshLocalKeyOf(network)])
      if (key !== null) this.#tie(element, this.#network(key));
    this.#tie(element, this.#id(`br:${id}`));
    if (extAddress !== null) this.#tieAddress(element, extAddress);
    return element;
  }

  #learnEarlier({ extAddress, id, name, network, parentId }: EarlierNode): number {
    const element = this.#network(network);
    this.#tie(element, this.#id(id));
    // `network/rloc16`, perhaps of a network that has another key now.
    const slash = id.lastIndexOf('/');
    if (slash !== -1) this.#tie(element, this.#network(id.slice(0, slash)));
    if (name !== null) this.#tie(element, this.#id(`name:${name}`));
    if (extAddress !== null) this.#tie(element, this.#id(extAddress));
    if (parentId !== null) this.#tie(element, this.#id(parentId));
    return element;
  }

  /** As it was told, and as it is read. */
  #tieAddress(element: number, extAddress: string): void {
    this.#tie(element, this.#id(extAddress));
    const parsed = parseExtAddress(extAddress);
    if (parsed !== null) this.#tie(element, this.#id(parsed));
  }

  #network(key: string): number {
    return this.#element(this.#networks, key);
  }

  #id(id: string): number {
    return this.#element(this.#ids, id);
  }

  #element(elements: Map<string, number>, key: string): number {
    const known = elements.get(key);
    if (known !== undefined) return known;
    const element = this.#parents.length;
    this.#parents.push(element);
    elements.set(key, element);
    return element;
  }

  /** Returns either. */
  #tie(one: number, other: number): number {
    const rootOfOne = this.#root(one);
    const rootOfOther = this.#root(other);
    if (rootOfOne === rootOfOther) return one;
    this.#parents[rootOfOther] = rootOfOne;
    const moved = this.#earlierOf?.get(rootOfOther);
    if (moved === undefined) return one;
    // Two that both have something are sorted anew.
    if (this.#earlierOf?.has(rootOfOne) === true) this.#earlierOf = null;
    else this.#earlierOf?.set(rootOfOne, moved);
    return one;
  }

  #root(element: number): number {
    let at = element;
    for (;;) {
      const parent = this.#parents[at] ?? at;
      if (parent === at) return at;
      const grandparent = this.#parents[parent] ?? parent;
      this.#parents[at] = grandparent;
      at = grandparent;
    }
  }
}
