/**
 * The map's stylesheet. Each meaning has two signs, so that none rests on colour alone: roles are shapes and sizes, states
 * are fills and outlines, link quality is width and colour, age is a dashed line.
 */
import type { StylesheetJson } from 'cytoscape';
import type { MapPalette } from './map-palette.ts';

/** Points of a crown within the unit square; the leader's shape, also in the legend. */
export const crownPoints = [-1, 0.85, -1, -0.75, -0.5, -0.1, 0, -0.95, 0.5, -0.1, 1, -0.75, 1, 0.85];

/**
 * Map units per screen pixel, for text that keeps its size on the screen. In steps of a fifth: a restyle per wheel click
 * would cost more than it shows.
 */
export function textUnit(zoom: number): number {
  return 1.2 ** -Math.round(Math.log(zoom) / Math.log(1.2));
}

/** Of node labels, screen pixels. */
export const labelFontPx = 11;

/** `unit`: map units per screen pixel. */
export function mapStyle(palette: MapPalette, unit: number): StylesheetJson {
  const px = (size: number): number => size * unit;
  /** On the screen never below `min` pixels, on the map never below `size`. */
  const atLeast = (size: number, min: number): number => Math.max(size, px(min));
  return [
    {
      selector: 'node.network',
      style: {
        shape: 'round-rectangle',
        'background-color': palette.networkFill,
        'background-opacity': 1,
        'border-width': px(1),
        'border-color': palette.networkBorder,
        width: 'data(width)',
        height: 'data(height)',
        'z-index-compare': 'manual',
        'z-index': 0,
        label: 'data(label)',
        color: palette.muted,
        // Never wider than the frames are apart.
        'font-size': Math.min(px(12), 42),
        'font-weight': 600,
        'text-valign': 'top',
        'text-halign': 'center',
        'text-margin-y': -Math.min(px(6), 10),
        events: 'no',
      },
    },
    {
      selector: 'node.split',
      style: {
        'border-style': 'dashed',
        'border-width': px(2),
        'border-color': palette.split,
        color: palette.split,
      },
    },
    {
      selector: 'node.node',
      style: {
        // By number alone: otherwise all links would lie under all nodes, frames included.
        'z-index-compare': 'manual',
        'z-index': 2,
        shape: 'ellipse',
        width: 20,
        height: 20,
        'background-color': palette.answered,
        'border-width': 1.5,
        'border-color': palette.answeredBorder,
        color: palette.text,
        'font-size': px(labelFontPx),
        'text-valign': 'bottom',
        'text-margin-y': px(3),
        'text-wrap': 'wrap',
        'text-max-width': `${px(130)}px`,
        'text-outline-color': palette.networkFill,
        'text-outline-width': px(2),
        label: 'data(label)',
        'overlay-opacity': 0,
      },
    },
    { selector: 'node.sleepy', style: { shape: 'diamond', width: 21, height: 21 } },
    { selector: 'node.detached', style: { shape: 'triangle', width: 20, height: 20 } },
    {
      selector: 'node.router',
      style: {
        shape: 'hexagon',
        width: 34,
        height: 32,
        'font-weight': 600,
      },
    },
    {
      selector: 'node.border-router',
      style: {
        shape: 'round-rectangle',
        width: 44,
        height: 30,
        'background-color': palette.borderRouter,
        'border-color': palette.borderRouterBorder,
        'border-width': 4,
        'border-style': 'double',
        'font-weight': 600,
      },
    },
    {
      selector: 'node.leader',
      style: { shape: 'polygon', 'shape-polygon-points': crownPoints.join(' '), width: 46, height: 38 },
    },
    // Not an empty label: one that comes and goes changes the node's bounds, and all that is kept by them.
    { selector: 'node.unlabelled', style: { 'min-zoomed-font-size': 10_000 } },
    {
      selector: 'node.silent',
      style: {
        'background-color': palette.silentFill,
        'border-color': palette.silent,
        'border-style': 'dashed',
        'border-width': 2.5,
        color: palette.silent,
      },
    },
    {
      selector: 'node.inferred',
      style: {
        'background-color': palette.networkFill,
        'border-color': palette.inferred,
        'border-style': 'solid',
        'border-width': 2,
        color: palette.muted,
      },
    },
    {
      selector: 'node.waiting',
      style: {
        'background-color': palette.waitingFill,
        'border-color': palette.waiting,
        'border-style': 'dotted',
        'border-width': 2,
        color: palette.muted,
      },
    },
    {
      selector: 'edge',
      style: {
        // The cheapest line: with a radius of 0 it runs from centre to centre. It cannot have arrows.
        'curve-style': 'haystack',
        'haystack-radius': 0,
        width: atLeast(1.5, 1),
        'line-color': palette.qualityUnknown,
        'line-opacity': 0.75,
        'target-arrow-color': palette.qualityUnknown,
        'overlay-opacity': 0,
        'z-index-compare': 'manual',
        'z-index': 1,
      },
    },
    {
      selector: 'edge.quality-3',
      style: {
        width: atLeast(3, 1.2),
        'line-color': palette.quality3,
        'target-arrow-color': palette.quality3,
        'line-opacity': 0.5,
      },
    },
    {
      selector: 'edge.quality-2',
      style: {
        width: atLeast(2, 1.1),
        'line-color': palette.quality2,
        'target-arrow-color': palette.quality2,
        'line-opacity': 0.85,
      },
    },
    {
      selector: 'edge.quality-1',
      style: {
        width: atLeast(1.2, 1),
        'line-color': palette.quality1,
        'target-arrow-color': palette.quality1,
        'line-opacity': 1,
      },
    },
    { selector: 'edge.stale, edge.inferred', style: { 'line-style': 'dashed', 'line-dash-pattern': [7, 5] } },
    { selector: 'edge.inferred', style: { 'line-dash-pattern': [2, 4] } },
    {
      selector: 'edge.one-way',
      style: { 'curve-style': 'straight', 'target-arrow-shape': 'triangle', 'arrow-scale': 1.2 },
    },
    { selector: '.faded', style: { opacity: 0.22 } },
    { selector: 'edge.picked', style: { 'line-opacity': 1, 'z-index': 3 } },
    {
      selector: 'node.picked',
      style: { 'z-index': 4 },
    },
    {
      selector: 'node.selected',
      style: {
        'outline-width': atLeast(4, 3),
        'outline-color': palette.focus,
        'outline-offset': 3,
        'outline-opacity': 1,
        'z-index': 5,
      },
    },
  ];
}
