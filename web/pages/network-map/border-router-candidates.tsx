/** Border routers that announce themselves in the local network, each with what would connect it. Looks when it is asked. */
import { Button } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import type { BorderRouterCandidate } from '../../../src/protocol/border-router-candidate.ts';
import { borderRouterCandidatesQuery } from '../../api/queries.ts';
import { formatExtAddress } from '../../ui/format.ts';
import { Command } from './command.tsx';
import { withHubAddress } from './hub-address.ts';
import classes from './border-router-candidates.module.css';

export function BorderRouterCandidates() {
  const found = useQuery(borderRouterCandidatesQuery);
  return (
    <div className={classes.candidates}>
      <Button
        className={classes.look}
        classNames={{ label: classes.lookLabel }}
        variant="default"
        size="sm"
        loading={found.isFetching}
        onClick={() => void found.refetch({ cancelRefetch: false })}
      >
        {found.data === undefined ? 'Look for border routers in the local network' : 'Look again'}
      </Button>
      <div role="status">
        {found.isFetching && <p>Looking…</p>}
        {!found.isFetching && found.error !== null && <p>{found.error.message}</p>}
        {!found.isFetching && found.data?.length === 0 && (
          <p>None announces itself in the hub’s local network.</p>
        )}
      </div>
      {found.data !== undefined && found.data.length > 0 && (
        <ul className={classes.list} aria-label="Border routers in the local network">
          {found.data.map((candidate) => (
            <li key={`${candidate.name} ${candidate.extAddr ?? ''}`} className={classes.candidate}>
              <Candidate candidate={candidate} />
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}

function Candidate({ candidate }: { readonly candidate: BorderRouterCandidate }) {
  const { conflict, connectCommand, connectedAs, extPanId, model, name, networkName, vendor } = candidate;
  const make = [vendor, model].filter((part) => part !== null && part !== '').join(' ');
  return (
    <>
      <h4 className={classes.name}>
        {name}
        {make !== '' && <small>{make}</small>}
      </h4>
      <p className={classes.network}>
        {networkName === null ? 'Network without a name' : `Network ${networkName}`}
        {extPanId !== null && (
          <>
            , <span className="mono">{formatExtAddress(extPanId)}</span>
          </>
        )}
        {candidate.threadActive === false && ', Thread is not up'}
        {candidate.rest === 'off' && ', its REST API is off'}
      </p>
      {conflict !== null && <p className={classes.conflict}>{conflict}</p>}
      {connectedAs !== null && <p className={classes.connected}>Connected as {connectedAs}.</p>}
      {connectCommand !== null && (
        <>
          <p>
            {candidate.runOn === 'border_router' ? 'On the border router itself:' : 'On the hub’s machine:'}
          </p>
          <Command text={withHubAddress(connectCommand, location)} />
        </>
      )}
    </>
  );
}
