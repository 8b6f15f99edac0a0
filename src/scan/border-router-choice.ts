/**
 * Which border router a node is asked through. A node belongs to the one named for it, else to the online ones whose
 * network prefix contains its address, longest prefix first. Among equals the one with the fewest nodes is taken, so
 * that two border routers of one network share its nodes.
 */
import type { OnlineBorderRouter } from '../links/border-router-links.ts';
import type { BorderRouterId } from '../protocol/ids.ts';
import { ipv6Bits, leadingBits } from '../protocol/ipv6.ts';
import type { RegisteredNode } from './registered-node.ts';

export type NodeLocation = Pick<RegisteredNode, 'ipv6' | 'borderRouterId'>;

/** The border routers online at one moment, by id and by prefix: one look-up per node and prefix length. */
export class BorderRouterChoice {
  readonly #byId = new Map<BorderRouterId, OnlineBorderRouter>();
  /** Longest first. */
  readonly #byPrefix: readonly {
    readonly length: number;
    readonly borderRouters: ReadonlyMap<bigint, readonly OnlineBorderRouter[]>;
  }[];

  constructor(online: readonly OnlineBorderRouter[]) {
    const byLength = new Map<number, Map<bigint, OnlineBorderRouter[]>>();
    for (const borderRouter of online) {
      this.#byId.set(borderRouter.id, borderRouter);
      if (borderRouter.networkPrefix === null) continue;
      const { address, length } = borderRouter.networkPrefix;
      const ofLength = byLength.get(length) ?? new Map<bigint, OnlineBorderRouter[]>();
      byLength.set(length, ofLength);
      const key = leadingBits(ipv6Bits(address), length);
      const ofPrefix = ofLength.get(key) ?? [];
      ofLength.set(key, ofPrefix);
      ofPrefix.push(borderRouter);
    }
    this.#byPrefix = [...byLength]
      .map(([length, borderRouters]) => ({ length, borderRouters }))
      .sort((a, b) => b.length - a.length);
  }

  /** Border routers that serve the node, those with the longest prefix first, in groups of equal length. */
  for(node: NodeLocation): (readonly OnlineBorderRouter[])[] {
    if (node.borderRouterId !== null) {
      const named = this.#byId.get(node.borderRouterId);
      return named === undefined ? [] : [[named]];
    }
    const bits = ipv6Bits(node.ipv6);
    return this.#byPrefix
      .map(({ borderRouters, length }) => borderRouters.get(leadingBits(bits, length)) ?? [])
      .filter((group) => group.length > 0);
  }

  /** The least loaded of the best group that has one not excluded; null where none serves the node. */
  choose(
    node: NodeLocation,
    loadOf: (id: BorderRouterId) => number,
    excluded: ReadonlySet<BorderRouterId> = new Set(),
  ): BorderRouterId | null {
    for (const group of this.for(node)) {
      let best: OnlineBorderRouter | null = null;
      for (const candidate of group) {
        if (excluded.has(candidate.id)) continue;
        if (best === null || loadOf(candidate.id) < loadOf(best.id)) best = candidate;
      }
      if (best !== null) return best.id;
    }
    return null;
  }
}
