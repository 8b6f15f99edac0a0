/** The route on the map, hop by hop, with what each rests on. */
import type { RouteHop, RouteTrace } from '../../../src/protocol/route-trace.ts';
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
  return (
    <section aria-labelledby="route-title" data-testid="route">
      <h2 className={panel.heading} id="route-title">
        Route
      </h2>
      <p className={classes.statement}>{route.statement}</p>
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

const evidenceWords: Readonly<Record<RouteHop['evidence'], string>> = {
  told: 'told by the router before',
  derived: 'derived from the costs',
  parent: 'between parent and child',
};

function hopInWords({ evidence, linkCost }: RouteHop): string {
  return `${evidenceWords[evidence]}${linkCost === null ? '' : `, link cost ${linkCost}`}`;
}
