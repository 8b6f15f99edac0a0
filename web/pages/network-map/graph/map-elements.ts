/**
 * The displayed map as Cytoscape elements, and the difference between two such sets: what an update has to touch.
 * Positions are not part of it; `node-positions.ts` keeps those.
 */
import type { TopologyLink } from '../../../../src/protocol/topology.ts';
import { type DisplayedMap, networkLabel, shortLabelOf, type ShownNode } from '../displayed-map.ts';

export interface MapNode {
  readonly id: string;
  /** Element id of its network's frame. */
  readonly frame: string;
  readonly label: string;
  /** Space-separated, sorted by meaning: role, state, marks. The stylesheet selects by them. */
  readonly classes: string;
}

export interface MapEdge {
  readonly id: string;
  readonly source: string;
  readonly target: string;
  readonly classes: string;
}

/** The frame around a network; `network-frames.ts` says where. */
export interface MapFrame {
  readonly id: string;
  readonly label: string;
  readonly classes: string;
}

export interface MapElements {
  readonly frames: ReadonlyMap<string, MapFrame>;
  readonly nodes: ReadonlyMap<string, MapNode>;
  readonly edges: ReadonlyMap<string, MapEdge>;
}

export interface ElementChanges<Element> {
  readonly added: readonly Element[];
  readonly changed: readonly Element[];
  readonly removedIds: readonly string[];
}

export interface MapChanges {
  readonly frames: ElementChanges<MapFrame>;
  readonly nodes: ElementChanges<MapNode>;
  readonly edges: ElementChanges<MapEdge>;
}

export const noElements: MapElements = { frames: new Map(), nodes: new Map(), edges: new Map() };

/** Node ids are other people's text; a blank keeps frame ids apart from all of them. */
export const frameIdOf = (networkKey: string): string => `network ${networkKey}`;

export function mapElements(map: DisplayedMap): MapElements {
  const frames = new Map<string, MapFrame>();
  for (const network of map.networks) {
    const id = frameIdOf(network.key);
    const label = network.split ? `${networkLabel(network)}  (split)` : networkLabel(network);
    frames.set(id, { id, label, classes: network.split ? 'network split' : 'network' });
  }
  const nodes = new Map<string, MapNode>();
  for (const node of map.nodes) {
    const frame = frameIdOf(node.network);
    if (!frames.has(frame)) frames.set(frame, { id: frame, label: node.network, classes: 'network' });
    nodes.set(node.id, { id: node.id, frame, label: nodeLabel(node), classes: nodeClasses(node) });
  }
  for (const id of emptyFrames(frames, nodes)) frames.delete(id);
  const edges = new Map<string, MapEdge>();
  for (const link of map.links) {
    if (!nodes.has(link.a) || !nodes.has(link.b)) continue;
    edges.set(link.id, mapEdge(link));
  }
  return { frames, nodes, edges };
}

/** Known networks without a node. */
function emptyFrames(frames: ReadonlyMap<string, MapFrame>, nodes: ReadonlyMap<string, MapNode>): string[] {
  const inUse = new Set([...nodes.values()].map((node) => node.frame));
  return [...frames.keys()].filter((id) => !inUse.has(id));
}

function nodeLabel(node: ShownNode): string {
  const label = shortLabelOf(node);
  if (node.shown === 'silent') return `${label}\nsilent`;
  return label;
}

export function nodeClasses(node: ShownNode): string {
  const classes = ['node', roleClass(node), node.shown];
  if (node.kind === 'border_router') classes.push('border-router');
  if (node.role === 'leader') classes.push('leader');
  if (node.stale) classes.push('from-earlier');
  return classes.join(' ');
}

/** The shape. A node whose role is unknown is drawn as the smallest thing that it can be. */
function roleClass(node: ShownNode): string {
  switch (node.role) {
    case 'leader':
    case 'router':
      return 'router';
    case 'sleepy_child':
      return 'sleepy';
    case 'detached':
    case 'disabled':
      return 'detached';
    case 'reed':
    case 'child':
    case null:
      return 'child';
  }
}

/** An arrow of a one-way link points to the end that hears the other. */
function mapEdge(link: TopologyLink): MapEdge {
  const bHears = link.oneWay && link.aHearsB.length === 0;
  const classes = [
    'link',
    link.kind === 'parent_child' ? 'parent-child' : 'router-router',
    link.state,
    qualityClass(link.lqi),
  ];
  if (link.oneWay) classes.push('one-way');
  const [source, target] = bHears ? [link.a, link.b] : [link.b, link.a];
  return { id: link.id, source, target, classes: classes.join(' ') };
}

export function qualityClass(lqi: number | null): string {
  if (lqi === null) return 'quality-unknown';
  return `quality-${Math.max(1, Math.min(3, Math.round(lqi)))}`;
}

export function mapChanges(before: MapElements, after: MapElements): MapChanges {
  return {
    frames: changesOf(before.frames, after.frames, (a, b) => a.label === b.label && a.classes === b.classes),
    nodes: changesOf(
      before.nodes,
      after.nodes,
      (a, b) => a.label === b.label && a.classes === b.classes && a.frame === b.frame,
    ),
    edges: changesOf(
      before.edges,
      after.edges,
      (a, b) => a.classes === b.classes && a.source === b.source && a.target === b.target,
    ),
  };
}

function changesOf<Element extends { readonly id: string }>(
  before: ReadonlyMap<string, Element>,
  after: ReadonlyMap<string, Element>,
  isSame: (a: Element, b: Element) => boolean,
): ElementChanges<Element> {
  const added: Element[] = [];
  const changed: Element[] = [];
  for (const element of after.values()) {
    const known = before.get(element.id);
    if (known === undefined) added.push(element);
    else if (!isSame(known, element)) changed.push(element);
  }
  const removedIds = [...before.keys()].filter((id) => !after.has(id));
  return { added, changed, removedIds };
}
