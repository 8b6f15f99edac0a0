/** The route on the map, hop by hop, with what each rests on. */
import { useEffect, useRef } from 'react';
import type { RouteHop, RouteTrace } from '../../../src/protocol/route-trace.ts';
import { countOf } from '../../ui/format.ts';
import type { DisplayedMap } from './displayed-map.ts';
import { NodeLink } from './node-link.tsx';
import classes from './route.module.css';
import panel from './status-panel.module.css';

export interface RouteStepsProps {
  readonly route: RouteTrace;
  readonly map: DisplayedMap;
  readonly onSelect: (id: string) => void;
}

export function RouteSteps({ map, onSelect, route }: RouteStepsProps) {
  const section = useRef<HTMLElement>(null);
  // What asked for it is gone from the page, and would take the reader's place with it.
  useEffect(() => section.current?.focus({ preventScroll: true }), [route]);
  return (
    <section
      ref={section}
      tabIndex={-1}
      className={classes.route}
      aria-labelledby="route-title"
      data-testid="route"
    >
      <h2 className={panel.heading} id="route-title">
        Route
      </h2>
      <p className={classes.statement}>{summary(route)}</p>
      <ol className={classes.hops}>
        <li className={classes.hop}>
          <NodeLink map={map} id={route.fromId} onSelect={onSelect} />
        </li>
        {route.hops.map((hop) => (
          <li key={hop.toId} className={classes.hop} data-evidence={hop.evidence}>
            <NodeLink map={map} id={hop.toId} onSelect={onSelect} />
            <span className={classes.why}>{hopInWords(hop)}</span>
          </li>
        ))}
      </ol>
      {route.problems.length > 0 && (
        <ul className={classes.problems}>
          {route.problems.map((problem) => (
            <li key={problem}>{problem}</li>
          ))}
        </ul>
      )}
    </section>
  );
}

/** The steps below say the way itself. */
function summary({ complete, hops, statement, totalCost }: RouteTrace): string {
  if (!complete) return statement;
  return `${countOf(hops.length, 'hop')}${totalCost === null ? '' : `, cost ${totalCost} between routers`}`;
}

const evidenceWords: Readonly<Record<RouteHop['evidence'], string>> = {
  told: 'told by the router before',
  derived: 'derived from the costs',
  parent: 'between parent and child',
};

function hopInWords({ evidence, linkCost }: RouteHop): string {
  return `${evidenceWords[evidence]}${linkCost === null ? '' : `, link cost ${linkCost}`}`;
}
