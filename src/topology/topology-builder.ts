/**
 * Builds the maps of a scan one after the other, each the same as `buildTopology` would build it, and builds anew only what
 * has changed since the one before: networks that share no device are built apart, and kept until the scan's last map.
 *
 * Holds state, unlike the rest of `topology/`, but only what can be thrown away at any time.
 */
import type { Topology } from '../protocol/topology.ts';
import { buildPiece, joinPieces, type TopologyPiece } from './build-topology.ts';
import type { EarlierKnowledge } from './earlier-knowledge.ts';
import { type GroupInput, NetworkGroups } from './network-groups.ts';
import type { TopologyBorderRouter, TopologyInput } from './topology-input.ts';

interface KeptPiece {
  readonly group: GroupInput;
  readonly piece: TopologyPiece;
}

/** Thresholds are the default ones. Observations that have not changed should come as the same objects. */
export type BuilderInput = Omit<TopologyInput, 'thresholds'>;

export class TopologyBuilder {
  /** Of `#earlier`. */
  #groups: NetworkGroups | null = null;
  #earlier: EarlierKnowledge | null = null;
  readonly #kept = new Map<number, KeptPiece>();

  build(input: BuilderInput): Topology {
    const pieces: TopologyPiece[] = [];
    for (const [id, group] of this.#split(input)) pieces.push(this.#pieceOf(id, group, input));
    // Its end is what a scan's pieces were kept for.
    if (input.scan.final) this.#kept.clear();
    return joinPieces(input, pieces);
  }

  /** Builds ahead what is not likely to change any more, where it was not built yet: networks with no node undecided. */
  prepare(input: BuilderInput): void {
    for (const [id, group] of this.#split(input)) {
      const kept = this.#kept.get(id);
      if (kept !== undefined && isSameGroup(kept.group, group)) continue;
      if (group.nodes.some(({ outcome }) => outcome === null)) continue;
      this.#kept.set(id, { group, piece: buildPiece({ ...input, ...group }) });
    }
  }

  #split({ borderRouters, earlier, nodes }: BuilderInput): Map<number, GroupInput> {
    if (this.#groups === null || this.#earlier !== earlier) {
      this.#groups = new NetworkGroups(earlier);
      this.#earlier = earlier;
      this.#kept.clear();
    }
    return this.#groups.split(nodes, borderRouters);
  }

  #pieceOf(id: number, group: GroupInput, input: BuilderInput): TopologyPiece {
    const kept = this.#kept.get(id);
    const known = kept !== undefined && isSameGroup(kept.group, group) ? kept.piece.again(input) : null;
    const piece = known ?? buildPiece({ ...input, ...group });
    this.#kept.set(id, { group, piece });
    return piece;
  }
}

function isSameGroup(one: GroupInput, other: GroupInput): boolean {
  return (
    one.nodes.length === other.nodes.length &&
    one.borderRouters.length === other.borderRouters.length &&
    one.earlier === other.earlier &&
    one.nodes.every((node, index) => node === other.nodes[index]) &&
    one.borderRouters.every((borderRouter, index) =>
      isSameBorderRouter(borderRouter, other.borderRouters[index]),
    )
  );
}

function isSameBorderRouter(one: TopologyBorderRouter, other: TopologyBorderRouter | undefined): boolean {
  return (
    one.id === other?.id &&
    one.online === other.online &&
    one.networkKey === other.networkKey &&
    one.networkPrefix === other.networkPrefix &&
    one.extAddress === other.extAddress &&
    one.rloc16 === other.rloc16 &&
    one.role === other.role &&
    one.partitionId === other.partitionId &&
    one.network?.extPanId === other.network?.extPanId &&
    one.network?.meshLocalPrefix === other.network?.meshLocalPrefix
  );
}
