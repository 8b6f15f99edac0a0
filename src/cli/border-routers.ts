/** `threadhub border-routers`: who is connected and how well it does, or who could be. */
import type { Command } from 'commander';
import { borderRouterCandidateSchema } from '../protocol/border-router-candidate.ts';
import { type BorderRouterWire, borderRouterSchema } from '../protocol/border-router.ts';
import { renderCandidates } from './border-router-candidates.ts';
import type { CliContext } from './cli-context.ts';
import { type HubOptions, hubClientOf, withHubOption } from './hub-option.ts';
import { createPalette, renderTable, seconds, usesColours } from './text-layout.ts';

export function addBorderRoutersCommand(program: Command, context: CliContext): void {
  withHubOption(program.command('border-routers').description('list the border routers that the hub knows'))
    .option(
      '--candidates',
      'look for those on the local network of the hub instead; takes about three seconds',
    )
    .option('--json', 'print the items as REST gives them')
    .addHelpText(
      'after',
      `
Example:
  threadhub border-routers --candidates
  threadhub border-routers --json | jq '.[] | select(.online | not) | .id'`,
    )
    .action(async (options: HubOptions & { readonly candidates?: boolean; readonly json?: boolean }) => {
      const client = hubClientOf(options, context);
      const palette = createPalette(usesColours(context.stdout, context.environment));
      if (options.candidates === true) {
        const found = await client.list('/api/border_router_candidates', borderRouterCandidateSchema);
        context.stdout.write(
          options.json === true ? `${JSON.stringify(found, null, 2)}\n` : renderCandidates(found, palette),
        );
        return;
      }
      const items = await client.list('/api/border_routers', borderRouterSchema);
      if (options.json === true) {
        context.stdout.write(`${JSON.stringify(items, null, 2)}\n`);
        return;
      }
      if (items.length === 0) {
        context.stdout.write('No border router has connected yet.\n');
        return;
      }
      const nowMs = context.clock.nowMs();
      context.stdout.write(
        renderTable(
          ['ID', 'STATE', 'PREFIX', 'HEARTBEAT', 'NODES', 'LATENCY P95', 'SUCCESS', 'ERRORS', ...readingHead],
          items.map((item) => [
            item.id,
            item.online ? (item.flapping ? 'flapping' : 'online') : 'offline',
            item.network_prefix,
            item.last_heartbeat_at === null
              ? null
              : `${seconds(Math.max(0, nowMs - Date.parse(item.last_heartbeat_at)))} ago`,
            item.nodes_count,
            item.latency_ms === null ? null : seconds(item.latency_ms.p95),
            item.success_rate === null ? null : `${Math.round(item.success_rate * 100)} %`,
            item.protocol_errors,
            ...readingOf(item.collection),
          ]),
          palette,
        ),
      );
    });
}

const readingHead = ['READS BY', 'RADIO', 'READING'] as const;

/** How it reads its mesh, what its last reading cost, and whether that was complete. */
function readingOf(reading: BorderRouterWire['collection']): (string | null)[] {
  if (reading === null) return [null, null, null];
  const {
    complete,
    dialect,
    problem_code: problem,
    radio_budget: budget,
    radio_requests: requests,
  } = reading;
  return [
    dialect === null || dialect === reading.source ? reading.source : `${reading.source} ${dialect}`,
    requests === null ? null : budget === null ? String(requests) : `${requests} of ${budget}`,
    complete ? 'complete' : (problem ?? 'incomplete'),
  ];
}
