/** `threadhub alerts`: what fires, and taking care of it. */
import type { Command } from 'commander';
import { z } from 'zod';
import { parseDurationMs } from '../config.ts';
import { CommandError } from '../errors.ts';
import { alertSchema, type AlertWire } from '../protocol/alert.ts';
import type { CliContext } from './cli-context.ts';
import { type HubOptions, hubClientOf, withHubOption } from './hub-option.ts';
import { createPalette, renderTable, seconds, usesColours } from './text-layout.ts';

type JsonOption = HubOptions & { readonly json?: boolean };

const startedDrillSchema = z.object({ drill_id: z.string(), rules: z.array(z.string()) });

export function addAlertsCommand(program: Command, context: CliContext): void {
  const alerts = program
    .command('alerts')
    .description('what the rules have found, and taking care of it')
    .addHelpText('after', '\nExample:\n  threadhub alerts\n  threadhub alerts acknowledge 3f2a --by Ada');

  withHubOption(alerts.command('list', { isDefault: true }))
    .description('list the alerts that are not resolved')
    .option('--all', 'the resolved ones too')
    .option('--json', 'print the items as REST gives them')
    .addHelpText('after', '\nExample:\n  threadhub alerts list --all')
    .action(async (options: JsonOption & { readonly all?: boolean }) => {
      const path = options.all === true ? '/api/alerts?state=all' : '/api/alerts';
      const items = await hubClientOf(options, context).list(path, alertSchema);
      if (options.json === true) {
        context.stdout.write(`${JSON.stringify(items, null, 2)}\n`);
        return;
      }
      context.stdout.write(items.length === 0 ? 'No alert is active.\n' : renderAlerts(items, context));
    });

  withHubOption(alerts.command('acknowledge'))
    .argument('<id>', 'alert id')
    .description('say that somebody takes care of it: it is not repeated any more')
    .option('--by <name>', 'who')
    .option('--note <text>', 'what for others to know')
    .option('--json', 'print the alert as REST gives it')
    .addHelpText('after', '\nExample:\n  threadhub alerts acknowledge 3f2a --by Ada --note "on my way"')
    .action(async (id: string, options: JsonOption & { readonly by?: string; readonly note?: string }) => {
      const { by, note } = options;
      await change(context, id, 'acknowledge', { by, note }, options);
    });

  withHubOption(alerts.command('snooze'))
    .argument('<id>', 'alert id')
    .argument('[duration]', 'such as 30min or 8h', '1h')
    .description('have it tell nobody for a time')
    .option('--by <name>', 'who')
    .option('--json', 'print the alert as REST gives it')
    .addHelpText('after', '\nExample:\n  threadhub alerts snooze 3f2a 8h --by Ada')
    .action(async (id: string, duration: string, options: JsonOption & { readonly by?: string }) => {
      const forMs = parseDurationMs(duration);
      if (forMs === null || forMs === 0)
        throw new CommandError(
          'option_invalid',
          `the duration is ${JSON.stringify(duration)}; write one such as 30min or 8h.`,
        );
      const until = new Date(context.clock.nowMs() + forMs).toISOString();
      await change(context, id, 'snooze', { by: options.by, until }, options);
    });

  withHubOption(alerts.command('drill'))
    .argument('[rule]', 'name of a rule; without one, every critical rule')
    .description('fire a test alarm through the whole path')
    .option('--json', 'print the answer as REST gives it')
    .addHelpText('after', '\nExample:\n  threadhub alerts drill smoke')
    .action(async (rule: string | undefined, options: JsonOption) => {
      const body = rule === undefined ? {} : { rule };
      const answer = await hubClientOf(options, context).request('POST', '/api/drills', { body });
      const drill = answer.parse(startedDrillSchema);
      context.stdout.write(
        options.json === true
          ? `${answer.text.trimEnd()}\n`
          : `Test alarms of ${drill.rules.join(', ')} are on their way; 'threadhub alerts' shows them.\n`,
      );
    });
}

async function change(
  context: CliContext,
  id: string,
  verb: 'acknowledge' | 'snooze',
  body: object,
  options: JsonOption,
): Promise<void> {
  const path = `/api/alerts/${encodeURIComponent(id)}/${verb}`;
  const answer = await hubClientOf(options, context).request('POST', path, { body });
  const alert = answer.parse(alertSchema);
  context.stdout.write(
    options.json === true
      ? `${answer.text.trimEnd()}\n`
      : verb === 'acknowledge'
        ? `${alert.rule} of ${alert.subject} is acknowledged by ${alert.acknowledged_by ?? 'somebody'}.\n`
        : `${alert.rule} of ${alert.subject} tells nobody until ${alert.snoozed_until_at ?? 'then'}.\n`,
  );
}

function renderAlerts(items: readonly AlertWire[], context: CliContext): string {
  const nowMs = context.clock.nowMs();
  return renderTable(
    ['ID', 'SEVERITY', 'STATE', 'RULE', 'SUBJECT', 'FOR', 'TOLD', 'SUMMARY'],
    items.map((alert) => [
      alert.id,
      alert.severity,
      alert.snoozed_until_at !== null && Date.parse(alert.snoozed_until_at) > nowMs
        ? `${alert.state}, snoozed`
        : alert.silenced
          ? `${alert.state}, silenced`
          : alert.state,
      alert.drill ? `${alert.rule} (drill)` : alert.rule,
      alert.subject,
      seconds(
        Math.max(
          0,
          (alert.resolved_at === null ? nowMs : Date.parse(alert.resolved_at)) - Date.parse(alert.started_at),
        ),
      ),
      alert.notifications.length === 0
        ? null
        : `${alert.notifications.filter(({ delivered_at, sent_at }) => (delivered_at ?? sent_at) !== null).length} of ${alert.notifications.length}`,
      alert.summary,
    ]),
    createPalette(usesColours(context.stdout, context.environment)),
  );
}
