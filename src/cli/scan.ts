/**
 * `threadhub scan`: triggers a scan, shows its progress, prints its result and tells it by the exit code.
 *
 * Ctrl-C cancels a scan that this command started, and only stops watching one that it joined; a second one leaves at
 * once.
 */
import type { Command } from 'commander';
import { pause } from '../pause.ts';
import { borderRouterSchema, type BorderRouterWire } from '../protocol/border-router.ts';
import { type ScanWire, scanSchema, triggeredScanSchema } from '../protocol/scan.ts';
import { topologySchema, type TopologyWire } from '../protocol/topology.ts';
import type { CliContext } from './cli-context.ts';
import { exitCodes } from './exit-codes.ts';
import type { HubAnswer, HubClient } from './hub-client.ts';
import { type HubOptions, hubClientOf, withHubOption } from './hub-option.ts';
import { list } from './option-values.ts';
import type { Finish } from './program.ts';
import { createProgressBar } from './progress-bar.ts';
import { renderScan } from './scan-report.ts';
import { createPalette, usesColours } from './text-layout.ts';

interface ScanOptions extends HubOptions {
  readonly json?: boolean;
  readonly network?: readonly string[];
  readonly borderRouter?: readonly string[];
  readonly node?: readonly string[];
}

const pollMs = 200;
/** A large scan takes the hub longer to write down: it is asked less often. */
const pollPerAnswerTime = 5;

export function addScanCommand(program: Command, context: CliContext, finish: Finish): void {
  withHubOption(program.command('scan').description('scan the mesh now and show every outcome'))
    .option('--network <key>', 'only this network or prefix; repeatable', list)
    .option('--border-router <id>', 'only nodes behind this border router; repeatable', list)
    .option('--node <name>', 'only this node; repeatable', list)
    .option('--json', 'print the scan as REST gives it')
    .addHelpText(
      'after',
      `
Ctrl-C cancels the scan.

Exit codes: 0 complete, 3 partial (nodes were still open at its deadline), 1 failed, cancelled or no hub,
2 wrong command line, 130 left at once.

Example:
  threadhub scan --json | jq '.nodes[] | select(.outcome != "answered") | .name'`,
    )
    .action(async (options: ScanOptions) => {
      finish(await scan(context, options));
    });
}

async function scan(context: CliContext, options: ScanOptions): Promise<number> {
  const { clock, stderr } = context;
  const client = hubClientOf(options, context);
  const trigger = await client.request('POST', '/api/trigger_scan', { body: filterOf(options) });
  const { scan_id: scanId, joined, nodes } = trigger.parse(triggeredScanSchema);
  if (joined) stderr.write(`Joined the scan ${scanId}, which is running.\n`);

  const left = new AbortController();
  const ignoreSignals = handleInterrupts(context, client, { scanId, joined, leave: () => left.abort() });
  const bar = createProgressBar(stderr.stream, nodes);
  try {
    while (!left.signal.aborted) {
      const askedAtMs = clock.monotonicMs();
      const answer = await client.request('GET', scanPath(scanId));
      const current = answer.parse(scanSchema);
      bar.update(current.expected - current.undecided, silentCount(current));
      if (current.state !== 'running') {
        bar.stop();
        return await report(context, options, client, answer, current);
      }
      const answerMs = clock.monotonicMs() - askedAtMs;
      await pause(clock, Math.max(pollMs, answerMs * pollPerAnswerTime), left.signal);
    }
    return exitCodes.interrupted;
  } finally {
    bar.stop();
    ignoreSignals();
  }
}

const scanPath = (scanId: string): string => `/api/scans/${encodeURIComponent(scanId)}`;

function filterOf(options: ScanOptions): Record<string, readonly string[]> {
  return {
    ...(options.network === undefined ? {} : { networks: options.network }),
    ...(options.borderRouter === undefined ? {} : { border_routers: options.borderRouter }),
    ...(options.node === undefined ? {} : { nodes: options.node }),
  };
}

const silentCount = (scan: ScanWire): number =>
  Object.entries(scan.outcomes).reduce(
    (sum, [outcome, nodes]) => (outcome === 'answered' ? sum : sum + nodes),
    0,
  );

async function report(
  context: CliContext,
  options: ScanOptions,
  client: HubClient,
  answer: HubAnswer,
  scan: ScanWire,
): Promise<number> {
  if (options.json === true) {
    context.stdout.write(answer.text.endsWith('\n') ? answer.text : `${answer.text}\n`);
  } else {
    const palette = createPalette(usesColours(context.stdout, context.environment));
    const [topology, borderRouters] = await Promise.all([
      topologyOf(client, scan.id),
      borderRoutersOf(client),
    ]);
    context.stdout.write(renderScan(scan, { topology, borderRouters }, palette));
  }
  if (scan.state === 'completed') return exitCodes.ok;
  return scan.state === 'partial' ? exitCodes.partial : exitCodes.failed;
}

/** What the map says of this scan; null where another has finished since. The outcomes stand without it. */
async function topologyOf(client: HubClient, scanId: string): Promise<TopologyWire | null> {
  try {
    const topology = (await client.request('GET', '/api/topology')).parse(topologySchema);
    return topology.scan_id === scanId ? topology : null;
  } catch {
    return null;
  }
}

/** How they read their meshes is told where it can be had. */
async function borderRoutersOf(client: HubClient): Promise<BorderRouterWire[]> {
  try {
    return await client.list('/api/border_routers', borderRouterSchema);
  } catch {
    return [];
  }
}

/** Returns the function that stops listening. */
function handleInterrupts(
  { onSignal, stderr }: Pick<CliContext, 'onSignal' | 'stderr'>,
  client: HubClient,
  {
    scanId,
    joined,
    leave,
  }: { readonly scanId: string; readonly joined: boolean; readonly leave: () => void },
): () => void {
  let cancelling = false;
  return onSignal(() => {
    if (joined) {
      stderr.write(`\nNot watching any more; the scan ${scanId} was started elsewhere and goes on.\n`);
      leave();
    } else if (cancelling) {
      stderr.write(`\nLeft; the scan ${scanId} may still be running.\n`);
      leave();
    } else {
      cancelling = true;
      stderr.write('\nCancelling the scan; Ctrl-C again leaves at once.\n');
      client.request('DELETE', scanPath(scanId)).catch((error: unknown) => {
        stderr.write(`Not cancelled: ${error instanceof Error ? error.message : String(error)}\n`);
      });
    }
  });
}
