/** Nodes and links that the mesh leans on too much, or that barely hold. A click shows one on the map. */
import { Button } from '@mantine/core';
import { useState } from 'react';
import type { WeakPoint } from '../../../src/protocol/topology.ts';
import { countOf } from '../../ui/format.ts';
import type { DisplayedMap } from './displayed-map.ts';
import { type Picking, weakPointHighlight, weakPointKey } from './picking.ts';
import panel from './status-panel.module.css';
import classes from './weak-points.module.css';

const kindWords: Readonly<Record<WeakPoint['kind'], string>> = {
  articulation_node: 'Single point',
  bridge: 'Single link',
  weak_link: 'Weak link',
  one_way_link: 'One-way link',
  asymmetric_link: 'Uneven link',
  orphan: 'No link',
};

const shownAtFirst = 6;

export interface WeakPointsProps {
  readonly map: DisplayedMap;
  readonly picking: Picking;
}

export function WeakPoints({ map, picking }: WeakPointsProps) {
  const [showsAll, setShowsAll] = useState(false);
  const all = map.weakPoints.toSorted((a, b) => rank(a) - rank(b));
  const shown = showsAll ? all : all.slice(0, shownAtFirst);
  return (
    <section aria-labelledby="weak-points-title">
      <h2 className={panel.heading} id="weak-points-title">
        Weak points{all.length > 0 && <span className={classes.count}>{summary(all)}</span>}
      </h2>
      {all.length === 0 ? (
        <p className={classes.none}>
          {map.final
            ? 'None found: no node or link is the only way for others.'
            : 'Known when the scan is over.'}
        </p>
      ) : (
        <ul className={classes.list}>
          {shown.map((weakPoint) => {
            const key = weakPointKey(weakPoint);
            const isShown = picking.highlight?.key === key;
            return (
              <li key={key}>
                <button
                  type="button"
                  className={classes.point}
                  data-severity={weakPoint.severity}
                  aria-pressed={isShown}
                  onClick={() => picking.showHighlight(isShown ? null : weakPointHighlight(weakPoint, map))}
                >
                  <span className={classes.kind}>{kindWords[weakPoint.kind]}</span>
                  <span>{weakPoint.statement}</span>
                </button>
              </li>
            );
          })}
        </ul>
      )}
      {all.length > shownAtFirst && (
        <Button variant="subtle" size="compact-sm" mt={6} onClick={() => setShowsAll(!showsAll)}>
          {showsAll ? 'Show fewer' : `Show all ${all.length}`}
        </Button>
      )}
    </section>
  );
}

function summary(points: readonly WeakPoint[]): string {
  const warnings = points.filter((point) => point.severity === 'warning').length;
  const notes = points.length - warnings;
  return [warnings > 0 ? countOf(warnings, 'warning') : null, notes > 0 ? countOf(notes, 'note') : null]
    .filter((part) => part !== null)
    .join(', ');
}

/** Warnings first, and among them what cuts off most. */
function rank({ severity, cutOff }: WeakPoint): number {
  return (severity === 'warning' ? 0 : 1_000) - Math.min(cutOff.length, 999);
}
