/**
 * The map on the screen: owns the Cytoscape graph and patches it. Not part of React: components hand it a map, a selection
 * or a palette, and it touches what differs.
 *
 * Positions: a node appears where it stood before, or beside its neighbours (`map-placement.ts`). The force layout runs in
 * a worker for what has no settled place yet, and nodes glide to its result. When the map is final, places are stored.
 */
import cytoscape from 'cytoscape';
import type { DisplayedMap } from '../displayed-map.ts';
import { type Box, boxAround, distance, type Point } from './geometry.ts';
import { glide, type GlidingNode } from './glide.ts';
import type { LayoutRunner } from './layout-runner.ts';
import {
  type MapChanges,
  type MapElements,
  mapChanges,
  mapElements,
  type MapNode,
  noElements,
} from './map-elements.ts';
import { frameBoxes, frameDefinition, frameMargin } from './network-frames.ts';
import type { MapPalette } from './map-palette.ts';
import { applyLayouts, layoutsNeeded, placeNodes, pointsOfRenamed } from './map-placement.ts';
import { mapStyle, textUnit } from './map-style.ts';
import { labelledNodes } from './node-labels.ts';
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
  readonly onPickLink: (linkId: string) => void;
}

const fitPaddingPx = 20;
/** Height of the networks' names above their frames. */
const networkLabelPx = 18;
/** Width of the buttons over the map's edge; a phone cannot spare it. */
const controlsPx = 44;
/** A handful of nodes need not fill the screen. */
const largestFittingZoom = 1.4;
const glideMs = 450;
/** From here on the first picture is of nodes alone; their links follow a moment later. */
const manyEdges = 600;
/** Moving more nodes than this smoothly costs more than it tells. */
const maxGliding = 400;

export interface MapMarks {
  readonly selectedId: string | null;
  /** Null where all are alike. */
  readonly pickedIds: ReadonlySet<string> | null;
  /** Of the links between those; null: all. */
  readonly linkIds: ReadonlySet<string> | null;
}

export class MapView {
  readonly #cy: cytoscape.Core;
  readonly #options: MapViewOptions;
  #palette: MapPalette;
  #textUnit = 1;
  #labelled: ReadonlySet<string> = new Set();
  #map: DisplayedMap | null = null;
  #elements: MapElements = noElements;
  readonly #points = new Map<string, Point>();
  #marks: MapMarks = { selectedId: null, pickedIds: null, linkIds: null };
  #layoutRunning = false;
  #layoutWanted = false;
  #ownsViewport = true;
  #stopGlide: (() => void) | null = null;
  #labelTimer: ReturnType<typeof setTimeout> | null = null;
  #destroyed = false;

  constructor(options: MapViewOptions) {
    this.#options = options;
    this.#palette = options.palette;
    this.#cy = cytoscape({
      container: options.container,
      style: mapStyle(options.palette, 1),
      // Positions are ours; the default would arrange nothing in a grid.
      layout: { name: 'preset' },
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
    const all = mapElements(map);
    const isHeavy = before === null && all.edges.size > manyEdges;
    const next = isHeavy ? { ...all, edges: noElements.edges } : all;
    const changes = mapChanges(this.#elements, next);
    for (const id of changes.nodes.removedIds) this.#points.delete(id);
    const placed = placeNodes(map, this.#points, this.#options.positions, this.#aspect());
    const moved = new Map([...placed].filter(([id]) => this.#points.has(id)));
    for (const [id, point] of placed) if (!this.#points.has(id)) this.#points.set(id, point);
    this.#elements = next;
    // Before there is anything to draw or restyle.
    if (before === null) this.#fitNow();
    this.#patch(changes);
    if (changes.nodes.added.length > 0 || changes.edges.added.length > 0) this.#applyMarks();
    if (this.#ownsViewport && before !== null && placed.size > moved.size) this.#fitNow();
    this.#moveTo(moved);
    if (changes.nodes.added.length + changes.nodes.changed.length > 0) this.#scheduleLabels();
    this.#requestLayout();
    if (isHeavy) this.#afterPaint(() => this.#map === map && this.update(map));
  }

  /** Marks one node as selected and a set as in focus; the rest fades. */
  mark(marks: MapMarks): void {
    this.#marks = marks;
    this.#applyMarks();
    this.#updateLabels();
  }

  /** Brings the nodes into the part of the view that nothing covers, if any of them is outside. Pixels from its top. */
  reveal(
    nodeIds: Iterable<string>,
    { bottom, top }: { readonly top: number; readonly bottom: number },
  ): void {
    const nodes = this.#collect(nodeIds);
    if (nodes.empty()) return;
    const cy = this.#cy;
    const box = nodes.renderedBoundingBox({ includeLabels: false, includeOverlays: false });
    const margin = 24;
    const isVisible =
      box.x1 >= margin &&
      box.y1 >= top + margin &&
      box.x2 <= cy.width() - margin &&
      box.y2 <= bottom - margin;
    if (isVisible) return;
    this.#ownsViewport = false;
    const shrink = Math.min(1, (cy.width() - 4 * margin) / box.w, (bottom - top - 4 * margin) / box.h);
    const zoom = Math.max(cy.minZoom(), cy.zoom() * shrink);
    const model = nodes.boundingBox({ includeLabels: false, includeOverlays: false });
    const pan = {
      x: cy.width() / 2 - (zoom * (model.x1 + model.x2)) / 2,
      y: (top + bottom) / 2 - (zoom * (model.y1 + model.y2)) / 2,
    };
    if (this.#options.reducedMotion) cy.viewport({ zoom, pan });
    else cy.animate({ zoom, pan }, { duration: 250 });
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
    if (this.#labelTimer !== null) clearTimeout(this.#labelTimer);
    this.#cy.destroy();
  }

  #listen(): void {
    const cy = this.#cy;
    cy.on('tap', (event) => {
      const target = event.target as cytoscape.Core | cytoscape.SingularElementArgument;
      if (target === cy) this.#options.onPick(null);
      else if ('isNode' in target && target.isNode() && target.hasClass('node'))
        this.#options.onPick(target.id());
      else if ('isEdge' in target && target.isEdge()) this.#options.onPickLink(target.id());
    });
    cy.on('dragpan scrollzoom pinchzoom', () => {
      this.#ownsViewport = false;
    });
    cy.on('zoom', () => this.#scheduleLabels());
    cy.on('dragfree', 'node.node', (event) => {
      const node = event.target as cytoscape.NodeSingular;
      const known = this.#map?.nodeById.get(node.id());
      if (known === undefined) return;
      this.#points.set(known.id, { ...node.position() });
      this.#moveTo(new Map());
      this.#options.positions.set(known, node.position(), true);
      this.#options.positions.save();
    });
    cy.on('mouseover', 'node.node, edge.link', () => (this.#options.container.style.cursor = 'pointer'));
    cy.on('mouseout', 'node.node, edge.link', () => (this.#options.container.style.cursor = ''));
  }

  #patch({ frames, nodes, edges }: MapChanges): void {
    const cy = this.#cy;
    cy.batch(() => {
      this.#collect(edges.removedIds).remove();
      this.#collect(nodes.removedIds).remove();
      this.#collect(frames.removedIds).remove();
      const boxes =
        frames.added.length > 0 ? frameBoxes(this.#elements, this.#points) : new Map<string, Box>();
      cy.add(frames.added.map((frame) => frameDefinition(frame, boxes.get(frame.id))));
      for (const { id, label, classes } of frames.changed)
        cy.getElementById(id).data('label', label).classes(classes);
      cy.add(nodes.added.map((node) => this.#nodeDefinition(node)));
      for (const { id, label, classes } of nodes.changed) {
        const element = cy.getElementById(id);
        const unlabelled = element.hasClass('unlabelled') ? ' unlabelled' : '';
        element.data('label', label).classes(classes + unlabelled);
      }
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

  #nodeDefinition({ id, label, classes }: MapNode): cytoscape.ElementDefinition {
    return {
      group: 'nodes',
      data: { id, label },
      position: { ...(this.#points.get(id) ?? { x: 0, y: 0 }) },
      classes: this.#labelled.has(id) ? classes : `${classes} unlabelled`,
      selectable: false,
    };
  }

  /** The frames whose box is not what is drawn. */
  #framesToMove(): GlidingNode[] {
    return [...frameBoxes(this.#elements, this.#points)].flatMap(([id, box]) => {
      const node = this.#cy.getElementById(id);
      if (node.empty()) return [];
      const { data, position } = frameDefinition({ id, label: '', classes: '' }, box);
      const { width, height } = data;
      const isThere =
        distance(node.position(), position) < 1 &&
        Math.abs((node.data('width') as number) - width) < 1 &&
        Math.abs((node.data('height') as number) - height) < 1;
      return isThere ? [] : [{ node, to: position, size: { width, height } }];
    });
  }

  #collect(ids: Iterable<string>): cytoscape.CollectionReturnValue {
    const collection = this.#cy.collection();
    for (const id of ids) collection.merge(this.#cy.getElementById(id));
    return collection;
  }

  #applyMarks(): void {
    const { linkIds, selectedId, pickedIds } = this.#marks;
    const cy = this.#cy;
    cy.batch(() => {
      cy.elements('.faded').removeClass('faded');
      cy.elements('.picked').removeClass('picked');
      cy.elements('.selected').removeClass('selected');
      if (pickedIds !== null) {
        const picked = this.#collect(pickedIds);
        const between = picked.edgesWith(picked);
        const edges =
          selectedId !== null
            ? cy.getElementById(selectedId).connectedEdges()
            : linkIds === null
              ? between
              : between.filter((edge) => linkIds.has(edge.id()));
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
      const layouts = layoutsNeeded(map, this.#points, this.#options.positions);
      if (layouts.length === 0) continue;
      const results = await this.#options.layouts.run(layouts.map((layout) => layout.request));
      if (results === null || this.#isDestroyed()) break;
      const moved = applyLayouts(map, this.#points, layouts, results, this.#aspect());
      this.#moveTo(moved);
      this.#settle(map);
    }
    this.#layoutRunning = false;
  }

  #isDestroyed(): boolean {
    return this.#destroyed;
  }

  #moveTo(moved: ReadonlyMap<string, Point>): void {
    const present = [...moved].filter(([id, point]) => {
      const from = this.#points.get(id);
      return from !== undefined && distance(from, point) >= 1;
    });
    for (const [id, point] of present) this.#points.set(id, point);
    const nodes = [
      ...present.map(([id, to]) => ({ node: this.#cy.getElementById(id), to })),
      ...this.#framesToMove(),
    ];
    if (nodes.length === 0) return;
    this.#stopGlide?.();
    const smooth = !this.#options.reducedMotion && nodes.length <= maxGliding;
    this.#stopGlide = glide(this.#cy, nodes, smooth ? glideMs : 0, () => {
      if (this.#ownsViewport) this.#fitNow();
    });
    this.#scheduleLabels();
  }

  #settle(map: DisplayedMap): void {
    const { positions } = this.#options;
    for (const node of map.nodes) {
      const point = this.#points.get(node.id);
      if (point !== undefined) positions.set(node, point, positions.get(node)?.pinned ?? false);
    }
    positions.save();
  }

  #afterPaint(action: () => void): void {
    requestAnimationFrame(() =>
      requestAnimationFrame(() => {
        if (!this.#destroyed) action();
      }),
    );
  }

  #aspect(): number {
    return this.#cy.height() > 0 ? this.#cy.width() / this.#cy.height() : 1.5;
  }

  /** From the known points: asking the graph would measure every label first. */
  #fitNow(): void {
    const box = boxAround(this.#points.values(), frameMargin);
    if (box === null) return;
    const width = this.#cy.width() - (this.#cy.width() > 700 ? controlsPx : 0);
    const height = this.#cy.height() - networkLabelPx;
    const zoom = Math.min(
      (width - 2 * fitPaddingPx) / (box.x2 - box.x1),
      (height - 2 * fitPaddingPx) / (box.y2 - box.y1),
      largestFittingZoom,
    );
    if (!(zoom > 0)) return;
    this.#cy.viewport({
      zoom,
      pan: {
        x: width / 2 - (zoom * (box.x1 + box.x2)) / 2,
        y: networkLabelPx + height / 2 - (zoom * (box.y1 + box.y2)) / 2,
      },
    });
    this.#updateLabels();
  }

  /** Restyling a thousand nodes takes a frame or two: when the zoom rests, not during. */
  #scheduleLabels(): void {
    if (this.#labelTimer !== null) clearTimeout(this.#labelTimer);
    this.#labelTimer = setTimeout(() => this.#updateLabels(), 140);
  }

  #updateLabels(): void {
    if (this.#destroyed) return;
    if (textUnit(this.#cy.zoom()) !== this.#textUnit) this.#restyle();
    this.#labelled = labelledNodes(this.#elements, this.#points, this.#cy.zoom(), this.#marks);
    this.#cy.batch(() => {
      for (const node of this.#cy.nodes('.node')) {
        const isHidden = !this.#labelled.has(node.id());
        if (node.hasClass('unlabelled') !== isHidden) node.toggleClass('unlabelled', isHidden);
      }
    });
  }

  #restyle(): void {
    this.#textUnit = textUnit(this.#cy.zoom());
    this.#cy.style(mapStyle(this.#palette, this.#textUnit));
  }
}
