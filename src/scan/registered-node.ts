/** A node that scans ask. */
import type { NodeOrigin } from '../protocol/border-router.ts';
import type { BorderRouterId, ExtAddress, NodeName } from '../protocol/ids.ts';
import type { Ipv6Address } from '../protocol/ipv6.ts';

export interface RegisteredNode {
  readonly name: NodeName;
  readonly ipv6: Ipv6Address;
  /** Known once the node has answered or a border router has listed it. */
  readonly extAddress: ExtAddress | null;
  /** The border router that it must be asked through; null: any that serves its prefix. */
  readonly borderRouterId: BorderRouterId | null;
  /** Where it is known from, never empty. */
  readonly origins: readonly NodeOrigin[];
}
