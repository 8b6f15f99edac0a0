import type { BorderRouterId, NodeName } from '../protocol/ids.ts';
import type { Ipv6Address } from '../protocol/ipv6.ts';

/** One node as a file, an import or a PUT gives it, validated. */
export interface NodeEntry {
  readonly name: NodeName;
  readonly ipv6: Ipv6Address;
  readonly borderRouterId: BorderRouterId | null;
}
