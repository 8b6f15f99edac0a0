/** `threadhub border-routers`: who is connected, and how well it does. */
import type { Command } from 'commander';
import { borderRouterSchema } from '../protocol/border-router.ts';
import type { CliContext } from './cli-context.ts';
import { type HubOptions, hubClientOf, withHubOption } from './hub-option.ts';
import { createPalette, renderTable, seconds, usesColours } from './text-layout.ts';

export function addBorderRoutersCommand(program: Command, context: CliContext): void {
  withHubOption(program.command('border-routers').description('list the border routers that the hub knows'))
    .option('--json', 'print the items as REST gives them')
    .addHelpText(
      'after',
      `
Example:
  threadhub border-routers --json | jq '.[] | select(.online | not) | .id'`,
    )
    .action(async (options: HubOptions & { readonly json?: boolean }) => {
      const items = await hubClientOf(options, context).list('/api/border_routers', borderRouterSchema);
      if (options.json === true) {
        context.stdout.write(`${JSON.stringify(items, null, 2)}\n`);
        return;
      }
      if (items.length === 0) {
        context.stdout.write('No border router has connected yet.\n');
        return;
      }
      const palette = createPalette(usesColours(context.stdout, context.environment));
      const nowMs = context.clock.nowMs();
      context.stdout.write(
        renderTable(
          ['ID', 'STATE', 'PREFIX', 'HEARTBEAT', 'NODES', 'LATENCY P95', 'SUCCESS', 'ERRORS'],
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
          ]),
          palette,
        ),
      );
    });
}
