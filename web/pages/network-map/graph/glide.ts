/** Moves nodes to new places, smoothly: one batch a frame for all of them. */
import type { Core, NodeSingular } from 'cytoscape';
import type { Point, Size } from './geometry.ts';

export interface GlidingNode {
  readonly node: NodeSingular;
  readonly to: Point;
  /** New `width` and `height` data, for frames. */
  readonly size?: Size;
}

/** Calls `onFrame` after each step. Returns a function that puts the nodes at their goal at once. */
export function glide(
  cy: Core,
  nodes: readonly GlidingNode[],
  durationMs: number,
  onFrame: () => void,
): () => void {
  const from = nodes.map(({ node }) => ({
    ...node.position(),
    width: (node.data('width') as number | undefined) ?? 0,
    height: (node.data('height') as number | undefined) ?? 0,
  }));
  const startMs = performance.now();
  let frame = 0;
  let done = nodes.length === 0;

  const place = (share: number): void => {
    cy.batch(() => {
      nodes.forEach(({ node, to, size }, index) => {
        const start = from[index] ?? { ...to, width: 0, height: 0 };
        // A node in the reader's hand stays there.
        if (node.removed() || node.grabbed()) return;
        node.position({ x: start.x + (to.x - start.x) * share, y: start.y + (to.y - start.y) * share });
        if (size !== undefined)
          node.data({
            width: start.width + (size.width - start.width) * share,
            height: start.height + (size.height - start.height) * share,
          });
      });
    });
    onFrame();
  };
  const finish = (): void => {
    if (done) return;
    done = true;
    cancelAnimationFrame(frame);
    if (!cy.destroyed()) place(1);
  };
  const step = (): void => {
    if (done || cy.destroyed()) return;
    const share = durationMs <= 0 ? 1 : Math.min(1, (performance.now() - startMs) / durationMs);
    if (share >= 1) {
      finish();
      return;
    }
    place(1 - (1 - share) ** 3);
    frame = requestAnimationFrame(step);
  };
  step();
  return finish;
}
