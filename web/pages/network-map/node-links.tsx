/** A node's links, both directions of each: who hears whom, how well, and since when that is known. */
import type { DisplayedMap, ShownNode } from './displayed-map.ts';
import { DirectionRow, Quality, Remarks } from './link-direction.tsx';
import { directionsOf, linksOf, type NodeLinkView } from './links-of-node.ts';
import { NodeLink } from './node-link.tsx';
import details from './node-details.module.css';
import classes from './node-links.module.css';

export interface NodeLinksProps {
  readonly map: DisplayedMap;
  readonly node: ShownNode;
  readonly onSelect: (id: string) => void;
}

export function NodeLinks({ map, node, onSelect }: NodeLinksProps) {
  const links = linksOf(map, node.id);
  return (
    <section>
      <h3 className={details.section}>{links.length === 0 ? 'Links' : `Links (${links.length})`}</h3>
      {links.length === 0 ? (
        <p className={classes.none}>No link is known.</p>
      ) : (
        <ul className={classes.links}>
          {links.map((view) => (
            <li key={view.link.id} className={classes.link} data-link-id={view.link.id}>
              <div className={classes.peer}>
                <NodeLink map={map} id={view.peerId} onSelect={onSelect} />
                <span className={classes.kind}>{relation(view, node)}</span>
                <Quality lqi={view.link.lqi} />
              </div>
              <dl className={classes.directions}>
                {directionsOf(view).map((direction) => (
                  <DirectionRow key={direction.label} direction={direction} madeAt={map.madeAt} />
                ))}
              </dl>
              <Remarks link={view.link} />
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}

function relation({ link, peerId }: NodeLinkView, node: ShownNode): string {
  if (link.kind === 'router_router') return 'router';
  return node.parentId === peerId ? 'parent' : 'child';
}
