/** How a border router reads its mesh, and how its last reading went; nothing of one that asks each node by itself. */
import type { BorderRouter } from '../../../src/protocol/border-router.ts';
import { countOf, formatAge, formatCount, formatDuration, formatSentence } from '../../ui/format.ts';
import { useNow } from '../../ui/use-now.ts';
import classes from './mesh-reading.module.css';

export interface MeshReadingProps {
  readonly borderRouter: BorderRouter;
  /** Whether the routers that were silent are named beside it. */
  readonly silentAreNamed: boolean;
}

export function MeshReading({ borderRouter: { collection, id }, silentAreNamed }: MeshReadingProps) {
  const nowMs = useNow();
  if (collection === null) return null;
  const { complete, dialect, problem, problemCode, source } = collection;
  const when = [
    collection.endedAt === null ? null : formatAge(nowMs - collection.endedAt),
    collection.durationMs === null ? null : `in ${formatDuration(collection.durationMs)}`,
  ].filter((part) => part !== null);
  const told = [
    collection.devices === null ? null : countOf(collection.devices, 'device'),
    ofTotal(collection.answeredRouters, collection.expectedRouters, 'router'),
    ofTotal(collection.radioRequests, collection.radioBudget, 'radio request'),
  ].filter((part) => part !== null);
  return (
    <div className={classes.reading} data-complete={complete}>
      <p className={classes.how}>
        <strong>{id}</strong> reads its mesh through {sourceWords.get(source) ?? source}
        {dialect === null ? '' : ` (${dialect})`}
        {collection.address !== null && (
          <span className={`mono ${classes.address ?? ''}`}>{collection.address}</span>
        )}
      </p>
      <p className={classes.told}>
        {when.length === 0 ? 'Read' : `Read ${when.join(', ')}`}
        {complete ? '' : ', not completely'}
        {told.length === 0 ? '' : `: ${told.join(', ')}`}
      </p>
      {problem !== null && (
        <p className={classes.problem} data-known={silentAreNamed && problemCode === 'silent'}>
          {formatSentence(problem)}
        </p>
      )}
    </div>
  );
}

const sourceWords: ReadonlyMap<string, string> = new Map([
  ['otbr-rest', 'its REST API'],
  ['ot-ctl', 'ot-ctl'],
]);

/** `1 router`, `11 of 12 routers`. */
function ofTotal(count: number | null, total: number | null, what: string): string | null {
  if (count === null) return null;
  return total === null ? countOf(count, what) : `${formatCount(count)} of ${countOf(total, what)}`;
}
