/** A link that was picked on the map: its ends, and both ways of it. */
import type { TopologyLink } from '../../../src/protocol/topology.ts';
import { type DisplayedMap, shortLabelOf } from './displayed-map.ts';
import { DirectionRow, Quality, Remarks } from './link-direction.tsx';
import { directionsOf } from './links-of-node.ts';
import { NodeLink } from './node-link.tsx';
import links from './node-links.module.css';
import panel from './status-panel.module.css';

export interface LinkDetailsProps {
  readonly link: TopologyLink;
  readonly map: DisplayedMap;
  readonly onSelect: (id: string) => void;
}

export function LinkDetails({ link, map, onSelect }: LinkDetailsProps) {
  const [a, b] = [link.a, link.b].map((id) => {
    const node = map.nodeById.get(id);
    return node === undefined ? id : shortLabelOf(node);
  });
  const [aHears, bHears] = directionsOf({ hears: link.aHearsB, isHeard: link.bHearsA });
  return (
    <section aria-labelledby="link-title" data-testid="link-details">
      <h2 className={panel.heading} id="link-title">
        Link
      </h2>
      <div className={links.peer}>
        <NodeLink map={map} id={link.a} onSelect={onSelect} />
        <span className={links.kind}>{roleIn(link, link.a, map)}</span>
        <Quality lqi={link.lqi} />
      </div>
      <div className={links.peer}>
        <NodeLink map={map} id={link.b} onSelect={onSelect} />
        <span className={links.kind}>{roleIn(link, link.b, map)}</span>
      </div>
      <dl className={links.ways}>
        <DirectionRow direction={{ ...aHears, label: `${a} hears ${b}` }} madeAt={map.madeAt} />
        <DirectionRow direction={{ ...bHears, label: `${b} hears ${a}` }} madeAt={map.madeAt} />
      </dl>
      <Remarks link={link} />
    </section>
  );
}

function roleIn(link: TopologyLink, id: string, { nodeById }: DisplayedMap): string {
  if (link.kind === 'router_router') return 'router';
  const otherId = id === link.a ? link.b : link.a;
  return nodeById.get(otherId)?.parentId === id ? 'parent' : 'child';
}
