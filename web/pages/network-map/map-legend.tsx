/** What shapes, fills and lines mean: a strip under the map, open where there is room for it. */
import { UnstyledButton } from '@mantine/core';
import { useLocalStorage, useMediaQuery } from '@mantine/hooks';
import type { ReactNode } from 'react';
import { useId } from 'react';
import type { Role } from '../../../src/protocol/network-info.ts';
import type { ShownState } from './displayed-map.ts';
import type { MapPalette } from './graph/map-palette.ts';
import { NodeMark } from './node-mark.tsx';
import classes from './map-legend.module.css';

const roles: readonly { role: Role; label: string; borderRouter?: true }[] = [
  { role: 'leader', label: 'Leader' },
  { role: 'router', label: 'Router' },
  { role: 'router', label: 'Border router', borderRouter: true },
  { role: 'child', label: 'Child' },
  { role: 'sleepy_child', label: 'Sleepy child' },
];

const states: readonly { state: ShownState; label: string }[] = [
  { state: 'answered', label: 'Answered' },
  { state: 'silent', label: 'Silent' },
  { state: 'inferred', label: 'Inferred' },
  { state: 'waiting', label: 'Not decided yet' },
];

export function MapLegend({ palette }: { readonly palette: MapPalette }) {
  const isWide = useMediaQuery('(min-width: 62em)', true, { getInitialValueInEffect: false });
  const [stored, setStored] = useLocalStorage<'open' | 'closed' | 'unset'>({
    key: 'threadhub.network-map.legend',
    defaultValue: 'unset',
    getInitialValueInEffect: false,
  });
  const isOpen = stored === 'unset' ? isWide : stored === 'open';
  const listId = useId();
  return (
    <div className={classes.legend} data-open={isOpen}>
      <UnstyledButton
        className={classes.toggle}
        aria-expanded={isOpen}
        aria-controls={listId}
        onClick={() => setStored(isOpen ? 'closed' : 'open')}
      >
        Legend
        <span aria-hidden>{isOpen ? '▾' : '▸'}</span>
      </UnstyledButton>
      <div id={listId} className={classes.content} hidden={!isOpen}>
        <ul className={classes.group} aria-label="Nodes by role">
          {roles.map(({ role, label, borderRouter = false }) => (
            <Entry key={label} label={label}>
              <NodeMark role={role} state="answered" isBorderRouter={borderRouter} palette={palette} />
            </Entry>
          ))}
        </ul>
        <ul className={classes.group} aria-label="Nodes by state">
          {states.map(({ state, label }) => (
            <Entry key={state} label={label}>
              <NodeMark role="router" state={state} isBorderRouter={false} palette={palette} />
            </Entry>
          ))}
        </ul>
        <ul className={classes.group} aria-label="Links">
          <Entry label="Link quality 3">
            <Line color={palette.quality3} width={3} />
          </Entry>
          <Entry label="Link quality 2">
            <Line color={palette.quality2} width={2} />
          </Entry>
          <Entry label="Link quality 1">
            <Line color={palette.quality1} width={1.4} />
          </Entry>
          <Entry label="From an earlier scan">
            <Line color={palette.qualityUnknown} width={2} dash="6 4" />
          </Entry>
          <Entry label="Inferred link">
            <Line color={palette.qualityUnknown} width={2} dash="2 3" />
          </Entry>
          <Entry label="One-way: who hears">
            <Line color={palette.quality2} width={2} arrow />
          </Entry>
        </ul>
      </div>
    </div>
  );
}

function Entry({ label, children }: { readonly label: string; readonly children: ReactNode }) {
  return (
    <li className={classes.entry}>
      <span className={classes.sample}>{children}</span>
      {label}
    </li>
  );
}

interface LineProps {
  readonly color: string;
  readonly width: number;
  readonly dash?: string;
  readonly arrow?: boolean;
}

function Line({ color, width, dash, arrow = false }: LineProps) {
  return (
    <svg aria-hidden width={30} height={12} viewBox="0 0 30 12">
      <path d={arrow ? 'M1 6h20' : 'M1 6h28'} stroke={color} strokeWidth={width} strokeDasharray={dash} />
      {arrow && <path d="M20 1.5 29 6l-9 4.5Z" fill={color} />}
    </svg>
  );
}
