/** Finds nodes by what people know of them: name, extended address, RLOC16, border router. Pure. */
import type { DisplayedMap, ShownNode } from './displayed-map.ts';

/** Ids of the nodes that match every word. Addresses match with or without separators, RLOC16s with or without `0x`. */
export function matchingNodes(map: Pick<DisplayedMap, 'nodes'>, text: string): ReadonlySet<string> {
  const words = text
    .toLowerCase()
    .split(/\s+/)
    .filter((word) => word !== '');
  const address = text.replaceAll(/[\s:-]/g, '').toLowerCase();
  const isAddress = /^[0-9a-f]{5,16}$/.test(address);
  return new Set(
    map.nodes
      .filter((node) => {
        if (isAddress && node.extAddr?.includes(address) === true) return true;
        const known = knownAs(node);
        return words.every((word) => known.some((entry) => entry.includes(word)));
      })
      .map((node) => node.id),
  );
}

function knownAs(node: ShownNode): string[] {
  return [
    node.name,
    ...(node.otherNames ?? []),
    node.extAddr,
    node.rloc16,
    node.ipv6,
    node.kind === 'border_router' ? node.brId : null,
  ]
    .filter((entry) => entry !== null)
    .map((entry) => entry.toLowerCase());
}
