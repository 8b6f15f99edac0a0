/** Devices that may be the same one under a new address: guesses, that nothing acts upon. A click shows both on the map. */
import type { DisplayedMap } from './displayed-map.ts';
import { hypothesisHighlight, type Picking } from './picking.ts';
import panel from './status-panel.module.css';
import classes from './weak-points.module.css';

export interface SameDevicesProps {
  readonly map: DisplayedMap;
  readonly picking: Picking;
}

export function SameDevices({ map, picking }: SameDevicesProps) {
  if (map.hypotheses.length === 0) return null;
  return (
    <section aria-labelledby="same-devices-title">
      <h2 className={panel.heading} id="same-devices-title">
        Same device?
      </h2>
      <ul className={classes.list}>
        {map.hypotheses.map((hypothesis) => {
          const highlight = hypothesisHighlight(hypothesis);
          const isShown = picking.highlight?.key === highlight.key;
          return (
            <li key={highlight.key}>
              <button
                type="button"
                className={classes.point}
                data-severity="info"
                aria-pressed={isShown}
                onClick={() => picking.showHighlight(isShown ? null : highlight)}
              >
                <span className={classes.kind}>{confidenceWords[hypothesis.confidence]}</span>
                <span>{hypothesis.statement}</span>
              </button>
            </li>
          );
        })}
      </ul>
    </section>
  );
}

const confidenceWords = { certain: 'Certain', likely: 'Likely', possible: 'Possible' } as const;
