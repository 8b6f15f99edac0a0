/** One network: how many routers answered, which are missing, whether it is split. */
import { Alert, Button } from '@mantine/core';
import type { BorderRouter } from '../../../src/protocol/border-router.ts';
import type { TopologyNetwork } from '../../../src/protocol/topology.ts';
import { countOf, formatCount, formatMinute } from '../../ui/format.ts';
import { CheckIcon, WarningIcon } from '../../ui/icons.tsx';
import { useNow } from '../../ui/use-now.ts';
import {
  addressLabel,
  type DisplayedMap,
  labelOf,
  networkLabel,
  type ShownNetwork,
  type ShownNode,
} from './displayed-map.ts';
import { MeshReading } from './mesh-reading.tsx';
import { NetworkFindings } from './network-findings.tsx';
import { silenceInWords } from './node-words.ts';
import type { Picking } from './picking.ts';
import classes from './network-status.module.css';

export interface NetworkStatusProps {
  readonly network: ShownNetwork;
  /** Those that serve it. */
  readonly borderRouters: readonly BorderRouter[];
  readonly map: DisplayedMap;
  readonly picking: Picking;
}

export function NetworkStatus({ network, borderRouters, map, picking }: NetworkStatusProps) {
  const { completeness, split, brIds } = network;
  const isWhole =
    completeness.complete && !split && completeness.answeredNodes === completeness.expectedNodes;
  // What the running scan has not decided is not missing yet.
  const missingRouters = completeness.missingRouters.filter((router) => map.final || router.outcome !== null);
  const routerIds = new Set(completeness.missingRouters.map((router) => router.id));
  const silentNodes = map.nodes.filter(
    (node) => node.network === network.key && node.shown === 'silent' && !routerIds.has(node.id),
  );
  return (
    <article className={classes.network} data-whole={isWhole} aria-label={`Network ${networkLabel(network)}`}>
      <header className={classes.header}>
        <span className={classes.icon}>{isWhole ? <CheckIcon /> : map.final ? <WarningIcon /> : null}</span>
        <h3 className={classes.name}>
          {network.name ?? <span className="mono">{networkLabel(network)}</span>}
          {network.name !== null && <small className="mono">{addressLabel(network)}</small>}
          {brIds.length > 0 && <small>through {brIds.join(', ')}</small>}
        </h3>
      </header>
      {split && <Split network={network} picking={picking} />}
      <p className={classes.statement}>
        <strong>{routersAnswered(network)}</strong>
        {map.final ? '' : ' so far'}, {nodesAnswered(network)}
      </p>
      {missingRouters.length > 0 && (
        <ul className={classes.missing} aria-label="Routers that did not answer">
          {missingRouters.slice(0, shownMissing).map((router) => (
            <li key={router.id}>
              <button type="button" className={classes.node} onClick={() => picking.selectNode(router.id)}>
                {missingLabel(router, map)}
              </button>{' '}
              {silenceInWords(router.outcome)}, <LastSeen atMs={router.lastSeenAt} />
            </li>
          ))}
          <More count={missingRouters.length - shownMissing} />
        </ul>
      )}
      {silentNodes.length > 0 && (
        <ul className={classes.missing} aria-label="Other nodes that did not answer">
          {silentNodes.slice(0, shownMissing).map((node) => (
            <li key={node.id}>
              <button type="button" className={classes.node} onClick={() => picking.selectNode(node.id)}>
                {labelOf(node)}
              </button>{' '}
              {silenceInWords(node.outcome)}, <LastSeen atMs={node.lastSeenAt} />
            </li>
          ))}
          <More count={silentNodes.length - shownMissing} />
        </ul>
      )}
      {map.final && !completeness.proved && (
        <p className={classes.note}>
          Not proved: no route table came in this scan, so a router that nobody named would not be missed.
        </p>
      )}
      <NetworkFindings network={network} map={map} onSelect={picking.selectNode} />
      {borderRouters.map((borderRouter) => (
        <MeshReading
          key={borderRouter.id}
          borderRouter={borderRouter}
          silentAreNamed={missingRouters.length > 0}
        />
      ))}
    </article>
  );
}

/** More than these are found in the list view. */
const shownMissing = 5;

function More({ count }: { readonly count: number }) {
  return count > 0 ? <li>and {formatCount(count)} more</li> : null;
}

function routersAnswered({ completeness }: TopologyNetwork): string {
  const { answeredRouters, expectedRouters } = completeness;
  if (expectedRouters === 0) return 'No router is known';
  return `${formatCount(answeredRouters)} of ${countOf(expectedRouters, 'router')} answered`;
}

function nodesAnswered({ completeness }: TopologyNetwork): string {
  return `${formatCount(completeness.answeredNodes)} of ${countOf(completeness.expectedNodes, 'node')} in all`;
}

/** `kitchen-plug (0x8400)`; `0x8400` where it has no name. */
function missingLabel(
  router: TopologyNetwork['completeness']['missingRouters'][number],
  map: DisplayedMap,
): string {
  const node: Pick<ShownNode, 'name' | 'kind' | 'brId'> | undefined = map.nodeById.get(router.id);
  const name = router.name ?? (node?.kind === 'border_router' ? node.brId : null);
  if (name === null) return router.rloc16 ?? router.id;
  return router.rloc16 === null ? name : `${name} (${router.rloc16})`;
}

function LastSeen({ atMs }: { readonly atMs: number | null }) {
  const nowMs = useNow();
  return atMs === null ? (
    'never seen'
  ) : (
    <span className="numbers">last seen {formatMinute(atMs, nowMs)}</span>
  );
}

function Split({ network, picking }: { readonly network: TopologyNetwork; readonly picking: Picking }) {
  const live = network.partitions.filter((partition) => !partition.stale);
  return (
    <Alert
      className={classes.split}
      classNames={{ title: classes.splitTitle }}
      color="pink"
      icon={<WarningIcon />}
      title="This network is split"
      p="xs"
    >
      Its nodes are in {countOf(live.length, 'partition')} that do not hear each other:
      <div className={classes.partitions}>
        {live.map((partition) => {
          const key = `partition ${network.key} ${partition.partitionId ?? ''} ${partition.leaderId ?? ''}`;
          const name =
            partition.partitionId === null
              ? 'unknown'
              : `0x${partition.partitionId.toString(16).padStart(8, '0')}`;
          return (
            <Button
              key={key}
              size="compact-sm"
              variant={picking.highlight?.key === key ? 'filled' : 'default'}
              aria-pressed={picking.highlight?.key === key}
              onClick={() =>
                picking.showHighlight(
                  picking.highlight?.key === key
                    ? null
                    : { key, title: `Partition ${name}`, nodeIds: partition.nodeIds },
                )
              }
            >
              {name}: {countOf(partition.nodeIds.length, 'node')}
            </Button>
          );
        })}
      </div>
    </Alert>
  );
}
