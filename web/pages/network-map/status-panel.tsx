/** The answer to "is everything there?" per network, then what is weak. */
import { Skeleton } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import type { TopologyNetwork } from '../../../src/protocol/topology.ts';
import { borderRoutersQuery } from '../../api/queries.ts';
import type { DisplayedMap, ShownNetwork } from './displayed-map.ts';
import { LinkDetails } from './link-details.tsx';
import { NetworkStatus } from './network-status.tsx';
import type { Picking } from './picking.ts';
import { RouteSteps } from './route-steps.tsx';
import { SameDevices } from './same-devices.tsx';
import { WeakPoints } from './weak-points.tsx';
import classes from './status-panel.module.css';

export interface StatusPanelProps {
  readonly map: DisplayedMap | null;
  /** As the last finished map has them; null before there is one. */
  readonly settledNetworks: readonly TopologyNetwork[] | null;
  readonly picking: Picking;
}

export function StatusPanel({ map, settledNetworks, picking }: StatusPanelProps) {
  const borderRouters = useQuery(borderRoutersQuery).data ?? [];
  if (map === null)
    return (
      <div className={classes.panel} aria-busy>
        <Skeleton height={22} width="50%" />
        <Skeleton height={70} />
        <Skeleton height={70} />
        <Skeleton height={70} />
      </div>
    );
  const link = map.links.find(({ id }) => id === picking.highlight?.linkId);
  return (
    <div className={classes.panel}>
      {link !== undefined && <LinkDetails link={link} map={map} onSelect={picking.selectNode} />}
      {picking.highlight?.route !== undefined && (
        <RouteSteps route={picking.highlight.route} map={map} onSelect={picking.selectNode} />
      )}
      <section aria-labelledby="networks-title">
        <h2 className={classes.heading} id="networks-title">
          {map.networks.length === 1 ? 'Network' : `${map.networks.length} networks`}
        </h2>
        <ul className={classes.list}>
          {inOrderOfConcern(map.networks, settledNetworks ?? []).map((network) => (
            <li key={network.key}>
              <NetworkStatus
                network={network}
                borderRouters={borderRouters.filter(({ id }) => network.brIds.includes(id))}
                map={map}
                picking={picking}
              />
            </li>
          ))}
        </ul>
      </section>
      <SameDevices map={map} picking={picking} />
      <WeakPoints map={map} picking={picking} />
    </div>
  );
}

/** Where something was missing when the last scan ended comes first: nothing changes places while a scan runs. */
function inOrderOfConcern(
  networks: readonly ShownNetwork[],
  settled: readonly TopologyNetwork[],
): ShownNetwork[] {
  const concerns = new Map(settled.map((network) => [network.key, concern(network)]));
  const of = ({ key }: TopologyNetwork): number => concerns.get(key) ?? 0;
  return networks.toSorted((a, b) => of(b) - of(a) || (a.key < b.key ? -1 : 1));
}

function concern({ completeness, datasetConflicts = [], split }: TopologyNetwork): number {
  const missingRouters = completeness.missingRouters.length;
  const missingNodes = completeness.expectedNodes - completeness.answeredNodes;
  return (split ? 10_000 : 0) + datasetConflicts.length * 1_000 + missingRouters * 100 + missingNodes;
}
