/** What a device has counted since it started: of its place in the mesh, of its radio, and whatever else it tells. */
import { formatAge, formatCount, formatSpan } from '../../ui/format.ts';
import { useNow } from '../../ui/use-now.ts';
import { counterGroups } from './counter-groups.ts';
import details from './node-details.module.css';
import classes from './node-counters.module.css';

export interface NodeCountersProps {
  readonly counters: Readonly<Record<string, number>>;
  /** Where they are older than the rest, Unix ms. */
  readonly readAt: number | null;
}

export function NodeCounters({ counters, readAt }: NodeCountersProps) {
  const groups = counterGroups(counters);
  if (groups.length === 0) return null;
  return (
    <section>
      <h3 className={details.section}>Counters</h3>
      {readAt !== null && <ReadAgo atMs={readAt} />}
      {groups.map(({ title, counters: counted }) => (
        <details key={title} className={classes.group} open={groups.length === 1 && counted.length < 10}>
          <summary className={classes.title}>
            {title} <span className={classes.count}>{counted.length}</span>
          </summary>
          <dl className={classes.counters}>
            {counted.map(({ label, name, value }) => (
              <div key={name} className={classes.counter}>
                <dt>{label}</dt>
                <dd className="numbers">{name.endsWith('_ms') ? formatSpan(value) : formatCount(value)}</dd>
              </div>
            ))}
          </dl>
        </details>
      ))}
    </section>
  );
}

function ReadAgo({ atMs }: { readonly atMs: number }) {
  const nowMs = useNow();
  return <p className={classes.read}>Read {formatAge(nowMs - atMs)}: counters are read more rarely.</p>;
}
