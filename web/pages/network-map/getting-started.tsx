/** Before the first map: what is there already, what is missing, and the command for it. */
import { Paper, Title } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { borderRoutersQuery, someNodesQuery } from '../../api/queries.ts';
import { countOf } from '../../ui/format.ts';
import { CheckIcon } from '../../ui/icons.tsx';
import { BorderRouterCandidates } from './border-router-candidates.tsx';
import { Command } from './command.tsx';
import { hubAddress, isLoopback } from './hub-address.ts';
import classes from './getting-started.module.css';

export function GettingStarted() {
  const borderRouters = useQuery(borderRoutersQuery);
  const nodes = useQuery({ ...someNodesQuery, refetchInterval: 5_000 });
  const online = borderRouters.data?.filter((borderRouter) => borderRouter.online) ?? [];
  const hasNodes = (nodes.data?.length ?? 0) > 0;
  return (
    <Paper withBorder className={classes.card}>
      <Title order={2} size={20}>
        No map yet
      </Title>
      <p className={classes.lead}>Three steps to see every node of the mesh and how well it is connected.</p>
      <ol className={classes.steps}>
        <Step number={1} isDone={online.length > 0} title="Connect a border router">
          {online.length > 0 ? (
            <p>{connectedInWords(online.map(({ id }) => id))}</p>
          ) : (
            <>
              <p>On the machine that is the border router, or beside its OpenThread Border Router, run:</p>
              <Command text={`threadhub border-router --hub ${hubAddress(location)}`} />
              {isLoopback(location) && (
                <p>From another machine, put the address of this one in place of {location.hostname}.</p>
              )}
              <p>ESP32 border routers connect to the same address by themselves.</p>
              <BorderRouterCandidates />
            </>
          )}
        </Step>
        <Step number={2} isDone={hasNodes} title="Say which nodes to expect">
          {hasNodes ? (
            <p>There are registered nodes.</p>
          ) : (
            <>
              <p>
                Border routers that list their own mesh do this by themselves, within half a minute. Otherwise
                import names and IPv6 addresses:
              </p>
              <Command text="threadhub nodes import FILE" />
            </>
          )}
        </Step>
        <Step number={3} isDone={false} title="Scan">
          <p>
            Press <strong>Refresh</strong>. The map draws itself while the nodes answer.
          </p>
        </Step>
      </ol>
    </Paper>
  );
}

const namedAtMost = 4;

/** `BR-001, BR-002 are connected.` */
function connectedInWords(ids: readonly string[]): string {
  if (ids.length > namedAtMost) return `${countOf(ids.length, 'border router')} are connected.`;
  return `${ids.join(', ')} ${ids.length === 1 ? 'is' : 'are'} connected.`;
}

interface StepProps {
  readonly number: number;
  readonly isDone: boolean;
  readonly title: string;
  readonly children: ReactNode;
}

function Step({ number, isDone, title, children }: StepProps) {
  return (
    <li className={classes.step} data-done={isDone}>
      <span className={classes.number}>{isDone ? <CheckIcon /> : number}</span>
      <div className={classes.text}>
        <h3>
          {title}
          {isDone ? <span className={classes.done}> (done)</span> : null}
        </h3>
        {children}
      </div>
    </li>
  );
}
