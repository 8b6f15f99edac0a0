/**
 * What `threadhub doctor` finds out about border routers: the stock one of this machine, and how those that are connected to the
 * hub read their meshes.
 */
import type { ReadFailure, ReadResult } from '../agent/mesh/mesh-reader.ts';
import { defaultOtbrUrl, defaultOtCtl, shownAddress } from '../agent/stock-address.ts';
import type { Config } from '../config.ts';
import { printable } from '../printable.ts';
import type { BorderRouterWire } from '../protocol/border-router.ts';
import type { CliContext } from './cli-context.ts';
import type { Check } from './doctor-checks.ts';
import { counted } from './text-layout.ts';

const probeTimeoutMs = 3_000;

/** Whether there is stock OpenThread software on this machine, and which ways it leaves open. */
export async function checkLocalBorderRouter(
  { clock, programs }: Pick<CliContext, 'clock' | 'programs'>,
  config: Pick<Config, 'border_routers'> | null,
): Promise<Check> {
  const local = config?.border_routers.local ?? 'auto';
  const url = local === 'auto' || local === 'off' ? defaultOtbrUrl : local;
  const limit = new AbortController();
  const cancel = clock.after(probeTimeoutMs, () => limit.abort());
  const [rest, otCtl] = await Promise.all([
    programs.probeOtbrRest(url, limit.signal),
    programs.probeOtCtl(defaultOtCtl, limit.signal),
  ]);
  cancel();
  return judgeLocal({
    address: shownAddress({ source: 'otbr-rest', url }),
    isNamed: url === local,
    rest,
    otCtl,
  });
}

interface LocalProbes {
  readonly address: string;
  /** The configuration says that there is one. */
  readonly isNamed: boolean;
  readonly rest: ReadResult<unknown>;
  readonly otCtl: ReadResult<unknown>;
}

function judgeLocal({ address, isNamed, otCtl, rest }: LocalProbes): Check {
  const name = 'OpenThread';
  if (rest.ok) return { name, status: 'ok', found: `a border router answers at ${address}`, advice: null };
  const why = printable(rest.reason);
  if (otCtl.ok) {
    const found = `ot-ctl works here, its REST API does not (${why})`;
    const advice = `run 'threadhub border-router --source ot-ctl', or ${restAdvice(rest)}`;
    return { name, status: 'warning', found, advice };
  }
  if (isNamed || rest.code === 'too_old' || rest.code === 'rejected' || rest.code === 'malformed') {
    return { name, status: 'warning', found: why, advice: restAdvice(rest) };
  }
  // Where nothing called ot-ctl is installed, this machine is no border router, and need not be.
  if (otCtl.code === 'unreachable') {
    return { name, status: 'ok', found: 'no border router on this machine', advice: null };
  }
  return {
    name,
    status: 'warning',
    found: `ot-ctl is here and cannot be used (${printable(otCtl.reason)})`,
    advice:
      otCtl.code === 'rejected'
        ? "run 'threadhub border-router --source ot-ctl' as root or with --ot-ctl 'sudo ot-ctl', or switch on the REST API"
        : 'start otbr-agent (systemctl status otbr-agent says why it does not run)',
  };
}

const restAdvice = ({ code }: ReadFailure): string =>
  code === 'off' || code === 'unreachable'
    ? 'switch on the REST API of otbr-agent (docs/border-routers.md)'
    : problemAdvice(code);

/** What to do about a mesh that could not be read, by the code of the problem. */
export function problemAdvice(code: string): string {
  return advices.get(code) ?? 'look at the log of its agent';
}

const advices: ReadonlyMap<string, string> = new Map([
  ['off', 'switch on Thread and the REST API on that border router (docs/border-routers.md)'],
  ['too_old', 'update otbr-agent, or read the mesh with --source ot-ctl'],
  ['rejected', 'look at the log of that border router; for ot-ctl, give the agent the right to run it'],
  ['unreachable', 'check that the border router runs, and that its agent reaches it'],
  ['malformed', 'check that --otbr-url is a border router, and report its version if it is'],
  [
    'silent',
    'nothing now: a router that stays silent is on the map as such; look at its power and its place',
  ],
  [
    'out_of_time',
    'look at the load of that border router: its mesh took longer to read than a scan may take',
  ],
  ['over_budget', 'raise --radio-budget of its agent, or scan less often'],
]);

/** Null where no connected border router reads its mesh as a whole. */
export function checkCollections(borderRouters: readonly BorderRouterWire[]): Check | null {
  const name = 'mesh readings';
  const reports = borderRouters.flatMap(({ collection, id, online }) =>
    online && collection !== null ? [{ id, collection }] : [],
  );
  if (reports.length === 0) return null;
  const failed = reports.filter(({ collection }) => !collection.complete);
  const found = `${reports.length - failed.length} of ${counted(reports.length, 'mesh reading')} complete`;
  if (failed.length === 0) return { name, status: 'ok', found, advice: null };
  const problems = failed.map(
    ({ collection, id }) =>
      `${printable(id)}: ${printable(collection.problem ?? 'not every router was read')}`,
  );
  const codes = new Set(failed.flatMap(({ collection }) => collection.problem_code ?? []));
  return {
    name,
    status: 'warning',
    found: [found, ...problems].join('\n'),
    advice: codes.size === 0 ? problemAdvice('silent') : [...codes].map(problemAdvice).join('; '),
  };
}
