/**
 * The map on the screen: owns the Cytoscape graph and patches it. Not part of React: components hand it a map, a selection
 * or a palette, and it touches what differs.
 *
 * Positions: a node appears where it stood before, or beside its neighbours (`map-placement.ts`). The force layout runs in
 * a worker for what has no settled place yet, and nodes glide to its result. When the map is final, places are stored.
 */
import cytoscape from 'cytoscape';
import type { DisplayedMap } from '../displayed-map.ts';
import type { Point } from './geometry.ts';
import { glide } from './glide.ts';
import type { LayoutRunner } from './layout-runner.ts';
import {
  type MapChanges,
  type MapElements,
  mapChanges,
  mapElements,
  type MapNode,
  noElements,
} from './map-elements.ts';
import type { MapPalette } from './map-palette.ts';
import { applyLayouts, layoutsNeeded, placeNewNodes, pointsOfRenamed } from './map-placement.ts';
import { labelSizes, mapStyle } from './map-style.ts';
import type { NodePositions } from './node-positions.ts';

export interface MapViewOptions {
  readonly container: HTMLElement;
  readonly palette: MapPalette;
  readonly positions: NodePositions;
  readonly layouts: LayoutRunner;
  /** True where the reader asked for less motion: nodes jump to new places. */
  readonly reducedMotion: boolean;
  /** A node was clicked or tapped; null for the ground. */
  readonly onPick: (nodeId: string | null) => void;
}

const fitPaddingPx = 28;
const glideMs = 450;
/** Moving more nodes than this smoothly costs more than it tells. */
const maxGliding = 400;

export class MapView {
  readonly #cy: cytoscape.Core;
  readonly #options: MapViewOptions;
  #palette: MapPalette;
  #labelUnit = 1;
  #map: DisplayedMap | null = null;
  #elements: MapElements = noElements;
  readonly #points = new Map<string, Point>();
  readonly #arranged = new Set<string>();
  #marks: { readonly selectedId: string | null; readonly pickedIds: ReadonlySet<string> | null } = {
    selectedId: null,
    pickedIds: null,
  };
  #layoutRunning = false;
  #layoutWanted = false;
  #ownsViewport = true;
  #stopGlide: (() => void) | null = null;
  #zoomTimer: ReturnType<typeof setTimeout> | null = null;
  #destroyed = false;

  constructor(options: MapViewOptions) {
    this.#options = options;
    this.#palette = options.palette;
    this.#cy = cytoscape({
      container: options.container,
      style: mapStyle(options.palette, labelSizes(1)),
      minZoom: 0.08,
      maxZoom: 4,
      boxSelectionEnabled: false,
      autounselectify: true,
      // Sharper than a screen needs costs four times the pixels on phones.
      pixelRatio: Math.min(window.devicePixelRatio, 2),
      textureOnViewport: false,
    });
    this.#listen();
  }

  update(map: DisplayedMap): void {
    const before = this.#map;
    this.#map = map;
    if (before !== null)
      for (const [id, point] of pointsOfRenamed(before, map, this.#points)) this.#points.set(id, point);
    const next = mapElements(map);
    const changes = mapChanges(this.#elements, next);
    for (const id of changes.nodes.removedIds) this.#points.delete(id);
    const placed = placeNewNodes(map, this.#points, this.#options.positions, this.#aspect());
    for (const [id, point] of placed) this.#points.set(id, point);
    this.#patch(changes);
    this.#elements = next;
    if (changes.nodes.added.length > 0 || changes.edges.added.length > 0) this.#applyMarks();
    if (this.#ownsViewport && (before === null || placed.size > 0)) this.#fitNow();
    if (placed.size > 0 || map.final) this.#requestLayout();
  }

  /** Marks one node as selected and a set as in focus; the rest fades. */
  mark(selectedId: string | null, pickedIds: ReadonlySet<string> | null): void {
    this.#marks = { selectedId, pickedIds };
    this.#applyMarks();
  }

  /** Brings the nodes into view if any of them is outside it. */
  reveal(nodeIds: Iterable<string>): void {
    const nodes = this.#collect(nodeIds);
    if (nodes.empty()) return;
    const view = this.#cy.extent();
    const box = nodes.boundingBox({});
    const visible = box.x1 >= view.x1 && box.x2 <= view.x2 && box.y1 >= view.y1 && box.y2 <= view.y2;
    if (visible) return;
    this.#ownsViewport = false;
    const fits = box.w < view.w && box.h < view.h;
    if (this.#options.reducedMotion) {
      if (fits) this.#cy.center(nodes);
      else this.#cy.fit(nodes, 80);
    } else {
      const target = fits ? { center: { eles: nodes } } : { fit: { eles: nodes, padding: 80 } };
      this.#cy.animate(target, { duration: 250 });
    }
  }

  fit(): void {
    this.#ownsViewport = true;
    this.#fitNow();
  }

  zoomBy(factor: number): void {
    this.#ownsViewport = false;
    this.#cy.zoom({
      level: this.#cy.zoom() * factor,
      renderedPosition: { x: this.#cy.width() / 2, y: this.#cy.height() / 2 },
    });
  }

  panBy(dx: number, dy: number): void {
    this.#ownsViewport = false;
    this.#cy.panBy({ x: dx, y: dy });
  }

  /** Forgets all positions, those set by hand included, and lays the map out anew. */
  arrangeAnew(): void {
    this.#options.positions.clear();
    this.#arranged.clear();
    this.#ownsViewport = true;
    this.#requestLayout();
  }

  setPalette(palette: MapPalette): void {
    if (palette === this.#palette) return;
    this.#palette = palette;
    this.#restyle();
  }

  resize(): void {
    this.#cy.resize();
    if (this.#ownsViewport) this.#fitNow();
  }

  destroy(): void {
    this.#destroyed = true;
    this.#stopGlide?.();
    if (this.#zoomTimer !== null) clearTimeout(this.#zoomTimer);
    this.#cy.destroy();
  }

  #listen(): void {
    const cy = this.#cy;
    cy.on('tap', (event) => {
      const target = event.target as cytoscape.Core | cytoscape.SingularElementArgument;
      if (target === cy) this.#options.onPick(null);
      else if ('isNode' in target && target.isNode() && target.hasClass('node'))
        this.#options.onPick(target.id());
    });
    cy.on('dragpan scrollzoom pinchzoom', () => {
      this.#ownsViewport = false;
    });
    cy.on('zoom', () => this.#scheduleLabelSizes());
    cy.on('dragfree', 'node.node', (event) => {
      const node = event.target as cytoscape.NodeSingular;
      const known = this.#map?.nodeById.get(node.id());
      if (known === undefined) return;
      this.#points.set(known.id, { ...node.position() });
      this.#options.positions.set(known, node.position(), true);
      this.#options.positions.save();
    });
    cy.on('mouseover', 'node.node', () => (this.#options.container.style.cursor = 'pointer'));
    cy.on('mouseout', 'node.node', () => (this.#options.container.style.cursor = ''));
  }

  #patch({ groups, nodes, edges }: MapChanges): void {
    const cy = this.#cy;
    cy.batch(() => {
      this.#collect(edges.removedIds).remove();
      cy.add(
        groups.added.map(({ id, label, classes }) => ({
          group: 'nodes',
          data: { id, label },
          classes,
          grabbable: false,
          selectable: false,
        })),
      );
      for (const { id, label, classes } of groups.changed)
        cy.getElementById(id).data('label', label).classes(classes);
      cy.add(nodes.added.map((node) => this.#nodeDefinition(node)));
      for (const { id, label, classes, group } of nodes.changed) {
        const element = cy.getElementById(id);
        if (element.parent().first().id() !== group) element.move({ parent: group });
        cy.getElementById(id).data('label', label).classes(classes);
      }
      // After members have moved away: removing a group takes what is still in it along.
      this.#collect(nodes.removedIds).remove();
      this.#collect(groups.removedIds).remove();
      const replaced = edges.changed.filter(({ id, source, target }) => {
        const edge = cy.getElementById(id);
        return edge.source().id() !== source || edge.target().id() !== target;
      });
      this.#collect(replaced.map((edge) => edge.id)).remove();
      for (const { id, classes } of edges.changed) cy.getElementById(id).classes(classes);
      cy.add(
        [...edges.added, ...replaced].map(({ id, source, target, classes }) => ({
          group: 'edges',
          data: { id, source, target },
          classes,
          selectable: false,
        })),
      );
      if (nodes.changed.length + edges.changed.length > 0) this.#applyMarks();
    });
  }

  #nodeDefinition({ id, group, label, classes }: MapNode): cytoscape.ElementDefinition {
    return {
      group: 'nodes',
      data: { id, label, parent: group },
      position: { ...(this.#points.get(id) ?? { x: 0, y: 0 }) },
      classes,
      selectable: false,
    };
  }

  #collect(ids: Iterable<string>): cytoscape.CollectionReturnValue {
    const collection = this.#cy.collection();
    for (const id of ids) collection.merge(this.#cy.getElementById(id));
    return collection;
  }

  #applyMarks(): void {
    const { selectedId, pickedIds } = this.#marks;
    const cy = this.#cy;
    cy.batch(() => {
      cy.elements('.faded').removeClass('faded');
      cy.elements('.picked').removeClass('picked');
      cy.elements('.selected').removeClass('selected');
      if (pickedIds !== null) {
        const picked = this.#collect(pickedIds);
        const edges =
          selectedId === null ? picked.edgesWith(picked) : cy.getElementById(selectedId).connectedEdges();
        cy.elements('node.node, edge').difference(picked).difference(edges).addClass('faded');
        picked.union(edges).addClass('picked');
      }
      if (selectedId !== null) cy.getElementById(selectedId).addClass('selected');
    });
  }

  /** One layout at a time; a map that changes meanwhile is laid out after it. */
  #requestLayout(): void {
    this.#layoutWanted = true;
    if (!this.#layoutRunning) void this.#runLayouts();
  }

  async #runLayouts(): Promise<void> {
    this.#layoutRunning = true;
    while (this.#layoutWanted && !this.#destroyed) {
      this.#layoutWanted = false;
      const map = this.#map;
      if (map === null) break;
      const layouts = layoutsNeeded(map, this.#points, this.#options.positions, this.#arranged);
      if (layouts.length === 0) continue;
      const results = await this.#options.layouts.run(layouts.map((layout) => layout.request));
      if (results === null || this.#isDestroyed()) break;
      for (const { network } of layouts) this.#arranged.add(network.key);
      const moved = applyLayouts(map, this.#points, layouts, results, this.#aspect());
      this.#moveTo(moved);
      if (map.final) this.#settle(map);
    }
    this.#layoutRunning = false;
  }

  #isDestroyed(): boolean {
    return this.#destroyed;
  }

  #moveTo(moved: ReadonlyMap<string, Point>): void {
    const present = [...moved].filter(([id]) => this.#points.has(id));
    for (const [id, point] of present) this.#points.set(id, point);
    this.#stopGlide?.();
    const nodes = present.map(([id, to]) => ({ node: this.#cy.getElementById(id), to }));
    const smooth = !this.#options.reducedMotion && nodes.length <= maxGliding;
    this.#stopGlide = glide(this.#cy, nodes, smooth ? glideMs : 0, () => {
      if (this.#ownsViewport) this.#fitNow();
    });
  }

  #settle(map: DisplayedMap): void {
    const { positions } = this.#options;
    for (const node of map.nodes) {
      const point = this.#points.get(node.id);
      if (point !== undefined) positions.set(node, point, positions.get(node)?.pinned ?? false);
    }
    positions.save();
  }

  #aspect(): number {
    return this.#cy.height() > 0 ? this.#cy.width() / this.#cy.height() : 1.5;
  }

  #fitNow(): void {
    if (this.#cy.nodes().empty()) return;
    this.#cy.fit(undefined, fitPaddingPx);
    // A handful of nodes need not fill the screen.
    if (this.#cy.zoom() > 1.4) this.#cy.zoom(1.4).center();
    this.#updateLabelSizes();
  }

  /** Restyling a thousand nodes takes a frame or two: when the zoom rests, not during. */
  #scheduleLabelSizes(): void {
    if (this.#zoomTimer !== null) clearTimeout(this.#zoomTimer);
    this.#zoomTimer = setTimeout(() => this.#updateLabelSizes(), 140);
  }

  #updateLabelSizes(): void {
    if (labelSizes(this.#cy.zoom()).unit !== this.#labelUnit) this.#restyle();
  }

  #restyle(): void {
    const sizes = labelSizes(this.#cy.zoom());
    this.#labelUnit = sizes.unit;
    this.#cy.style(mapStyle(this.#palette, sizes));
  }
}
