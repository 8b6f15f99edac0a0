/** A node as the map draws it, small: its shape is its role, its fill and outline are its state. Decorative. */
import type { Role } from '../../../src/protocol/network-info.ts';
import type { ShownState } from './displayed-map.ts';
import type { MapPalette } from './graph/map-palette.ts';
import { crownPoints } from './graph/map-style.ts';

export interface NodeMarkProps {
  readonly role: Role | null;
  readonly state: ShownState;
  readonly isBorderRouter: boolean;
  readonly palette: MapPalette;
}

export function NodeMark({ role, state, isBorderRouter, palette }: NodeMarkProps) {
  const paint = paintOf(state, isBorderRouter, palette);
  return (
    <svg aria-hidden width={22} height={18} viewBox="-11 -9 22 18" {...paint} strokeLinejoin="round">
      {shapeOf(role, isBorderRouter)}
    </svg>
  );
}

function paintOf(state: ShownState, isBorderRouter: boolean, palette: MapPalette) {
  switch (state) {
    case 'answered':
      return isBorderRouter
        ? { fill: palette.borderRouter, stroke: palette.borderRouterBorder, strokeWidth: 2 }
        : { fill: palette.answered, stroke: palette.answeredBorder, strokeWidth: 1.2 };
    case 'silent':
      return {
        fill: palette.silentFill,
        stroke: palette.silent,
        strokeWidth: 1.8,
        strokeDasharray: '3.4 2.2',
      };
    case 'inferred':
      return { fill: palette.networkFill, stroke: palette.inferred, strokeWidth: 1.6 };
    case 'waiting':
      return {
        fill: palette.waitingFill,
        stroke: palette.waiting,
        strokeWidth: 1.6,
        strokeDasharray: '1.2 2',
      };
  }
}

function shapeOf(role: Role | null, isBorderRouter: boolean) {
  if (role === 'leader') return <polygon points={scaled(crownPoints, 9.5, 7.5)} />;
  if (isBorderRouter) return <rect x={-9.5} y={-6.5} width={19} height={13} rx={3} />;
  switch (role) {
    case 'router':
      return <polygon points={scaled([-1, 0, -0.5, -1, 0.5, -1, 1, 0, 0.5, 1, -0.5, 1], 8, 7)} />;
    case 'sleepy_child':
      return <polygon points={scaled([0, -1, 1, 0, 0, 1, -1, 0], 6.5, 6.5)} />;
    case 'detached':
    case 'disabled':
      return <polygon points={scaled([0, -1, 1, 0.9, -1, 0.9], 6.5, 6)} />;
    case 'reed':
    case 'child':
    case null:
      return <circle r={5.5} />;
  }
}

function scaled(points: readonly number[], x: number, y: number): string {
  return points.map((value, index) => value * (index % 2 === 0 ? x : y)).join(' ');
}
