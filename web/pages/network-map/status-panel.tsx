/** The answer to "is everything there?" per network, then what is weak. */
import { Skeleton } from '@mantine/core';
import type { TopologyNetwork } from '../../../src/protocol/topology.ts';
import type { DisplayedMap } from './displayed-map.ts';
import { NetworkStatus } from './network-status.tsx';
import type { Picking } from './picking.ts';
import { WeakPoints } from './weak-points.tsx';
import classes from './status-panel.module.css';

export interface StatusPanelProps {
  readonly map: DisplayedMap | null;
  readonly isScanning: boolean;
  readonly picking: Picking;
}

export function StatusPanel({ map, isScanning, picking }: StatusPanelProps) {
  if (map === null)
    return (
      <div className={classes.panel} aria-busy>
        <Skeleton height={22} width="50%" />
        <Skeleton height={70} />
        <Skeleton height={70} />
        <Skeleton height={70} />
      </div>
    );
  return (
    <div className={classes.panel}>
      <section aria-labelledby="networks-title">
        <h2 className={classes.heading} id="networks-title">
          {map.networks.length === 1 ? 'Network' : `${map.networks.length} networks`}
        </h2>
        <ul className={classes.list}>
          {map.networks.toSorted(byConcern).map((network) => (
            <li key={network.key}>
              <NetworkStatus network={network} map={map} isScanning={isScanning} picking={picking} />
            </li>
          ))}
        </ul>
      </section>
      <WeakPoints map={map} picking={picking} />
    </div>
  );
}

/** Where something is missing first. */
function byConcern(a: TopologyNetwork, b: TopologyNetwork): number {
  return concern(b) - concern(a) || (a.key < b.key ? -1 : 1);
}

function concern({ split, completeness }: TopologyNetwork): number {
  const missingRouters = completeness.missingRouters.length;
  const missingNodes = completeness.expectedNodes - completeness.answeredNodes;
  return (split ? 10_000 : 0) + missingRouters * 100 + missingNodes;
}
