/**
 * The force layout of one network: fCoSE on a Cytoscape graph without a screen, so that it runs in a worker. Incremental:
 * fixed nodes stay, the others find their place among them. Without any the network gets a new picture.
 */
import cytoscape from 'cytoscape';
import fcose from 'cytoscape-fcose';
import type { Point } from './geometry.ts';

export interface LayoutNode extends Point {
  readonly id: string;
  readonly fixed: boolean;
}

export interface LayoutEdge {
  readonly source: string;
  readonly target: string;
  /** Wished length in map units. */
  readonly length: number;
}

export interface LayoutRequest {
  readonly nodes: readonly LayoutNode[];
  readonly edges: readonly LayoutEdge[];
}

export type LayoutResult = readonly (readonly [id: string, x: number, y: number])[];

cytoscape.use(fcose);

/** Room for a node and its label. */
const footprint = 48;
/** Labels are written sideways: a new picture is drawn a little wider than high, so that they collide less. */
const widening = 1.25;

export function layoutNetwork({ nodes, edges }: LayoutRequest): LayoutResult {
  if (nodes.every((node) => node.fixed)) return nodes.map(({ id, x, y }) => [id, x, y] as const);
  const cy = cytoscape({
    headless: true,
    styleEnabled: true,
    style: [{ selector: 'node', style: { width: footprint, height: footprint } }],
    elements: {
      nodes: nodes.map(({ id, x, y }) => ({ data: { id }, position: { x, y } })),
      edges: edges.map(({ source, target, length }) => ({ data: { source, target, length } })),
    },
  });
  const fixed = nodes.filter((node) => node.fixed);
  const randomize = fixed.length === 0;
  const options: cytoscape.LayoutOptions & Record<string, unknown> = {
    name: 'fcose',
    animate: false,
    fit: false,
    // Spectral placement finds the shape of a new network; a known one is only refined.
    randomize,
    quality: randomize ? 'default' : 'proof',
    // Fewer rounds suffice where most nodes stand already.
    numIter: randomize ? 2_500 : 800,
    nodeSeparation: 90,
    idealEdgeLength: (edge: cytoscape.EdgeSingular) => edge.data('length') as number,
    nodeRepulsion: () => 9_000,
    gravity: 0.3,
    packComponents: false,
    tilingPaddingHorizontal: 24,
    tilingPaddingVertical: 24,
    ...(fixed.length > 0 && {
      fixedNodeConstraint: fixed.map(({ id, x, y }) => ({ nodeId: id, position: { x, y } })),
    }),
  };
  cy.layout(options).run();
  const stretch = randomize ? widening : 1;
  const result = cy
    .nodes()
    .map((node) => [node.id(), node.position('x') * stretch, node.position('y')] as const);
  cy.destroy();
  return result.every(([, x, y]) => Number.isFinite(x) && Number.isFinite(y))
    ? result
    : nodes.map(({ id, x, y }) => [id, x, y] as const);
}
