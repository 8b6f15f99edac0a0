/** What else was found of a network: why it counts as split or not, where its border routers disagree, old table entries. */
import type { TopologyNetwork } from '../../../src/protocol/topology.ts';
import { countOf } from '../../ui/format.ts';
import type { DisplayedMap } from './displayed-map.ts';
import { NodeLink } from './node-link.tsx';
import classes from './network-findings.module.css';

/** Of each kind; more than these are in the exports. */
const shownAtMost = 20;

export interface NetworkFindingsProps {
  readonly network: TopologyNetwork;
  readonly map: DisplayedMap;
  readonly onSelect: (id: string) => void;
}

export function NetworkFindings({ map, network, onSelect }: NetworkFindingsProps) {
  const { datasetConflicts = [], ghosts = [], partitionStatement } = network;
  return (
    <>
      {partitionStatement !== undefined && <p className={classes.note}>{partitionStatement}</p>}
      {datasetConflicts.length > 0 && (
        <section className={classes.conflicts} aria-label="Border routers disagree">
          <h4 className={classes.title}>Border routers disagree</h4>
          <ul className={classes.list}>
            {datasetConflicts.slice(0, shownAtMost).map((conflict) => (
              <li key={`${conflict.field} ${conflict.brIds.join(' ')}`}>{conflict.statement}</li>
            ))}
          </ul>
        </section>
      )}
      {ghosts.length > 0 && (
        <details className={classes.ghosts}>
          <summary className={classes.summary}>
            {countOf(ghosts.length, 'old table entry', 'old table entries')}, not on the map
          </summary>
          <ul className={classes.list}>
            {ghosts.slice(0, shownAtMost).map((ghost) => (
              <li key={`${ghost.rloc16 ?? ''} ${ghost.extAddr ?? ''} ${ghost.namedBy.join(' ')}`}>
                {ghost.statement}
                {ghost.namedBy.length > 0 && (
                  <span>
                    {' '}
                    In the tables of{' '}
                    {ghost.namedBy.slice(0, 4).map((id) => (
                      <span key={id} className={classes.namer}>
                        <NodeLink map={map} id={id} onSelect={onSelect} />
                      </span>
                    ))}
                    {ghost.namedBy.length > 4 && <span>and {ghost.namedBy.length - 4} more</span>}
                  </span>
                )}
              </li>
            ))}
            {ghosts.length > shownAtMost && <li>and {ghosts.length - shownAtMost} more</li>}
          </ul>
        </details>
      )}
    </>
  );
}
