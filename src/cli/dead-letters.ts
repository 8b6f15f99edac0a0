/** `threadhub dead-letters`: events that could not be processed. */
import type { Command } from 'commander';
import { z } from 'zod';
import { CommandError } from '../errors.ts';
import type { CliContext } from './cli-context.ts';
import { type HubOptions, hubClientOf, withHubOption } from './hub-option.ts';
import { counted, createPalette, renderTable, usesColours } from './text-layout.ts';

type JsonOption = HubOptions & { readonly json?: boolean };

const deadLetterSchema = z.looseObject({
  id: z.string(),
  reason: z.string(),
  detail: z.string(),
  sensor_id: z.string().nullable(),
  topic: z.string().nullable(),
  received_at: z.string(),
});
const replayedSchema = z.object({ replayed: z.number() });

export function addDeadLettersCommand(program: Command, context: CliContext): void {
  const deadLetters = program
    .command('dead-letters')
    .description('events that could not be processed')
    .addHelpText(
      'after',
      '\nExample:\n  threadhub dead-letters\n  threadhub dead-letters replay --sensor kitchen-1',
    );

  withHubOption(deadLetters.command('list', { isDefault: true }))
    .description('list them with their reasons')
    .option('--sensor <id>', 'only those of one sensor')
    .option('--json', 'print the items as REST gives them')
    .addHelpText('after', '\nExample:\n  threadhub dead-letters list --sensor kitchen-1')
    .action(async (options: JsonOption & { readonly sensor?: string }) => {
      const query = options.sensor === undefined ? '' : `?sensor=${encodeURIComponent(options.sensor)}`;
      const items = await hubClientOf(options, context).list(`/api/dead_letters${query}`, deadLetterSchema);
      if (options.json === true) {
        context.stdout.write(`${JSON.stringify(items, null, 2)}\n`);
        return;
      }
      context.stdout.write(
        items.length === 0
          ? 'There is no dead letter.\n'
          : renderTable(
              ['ID', 'RECEIVED', 'SENSOR', 'TOPIC', 'REASON', 'DETAIL'],
              items.map((item) => [
                item.id,
                item.received_at,
                item.sensor_id,
                item.topic,
                item.reason,
                item.detail,
              ]),
              createPalette(usesColours(context.stdout, context.environment)),
            ),
      );
    });

  withHubOption(deadLetters.command('show'))
    .argument('<id>', 'dead letter id')
    .description('print one with its event or its bytes, as JSON')
    .addHelpText('after', '\nExample:\n  threadhub dead-letters show 3f2a')
    .action(async (id: string, options: HubOptions) => {
      const answer = await hubClientOf(options, context).request('GET', pathOf(id));
      context.stdout.write(`${JSON.stringify(answer.parse(deadLetterSchema), null, 2)}\n`);
    });

  withHubOption(deadLetters.command('replay'))
    .argument('[id]', 'dead letter id')
    .option('--sensor <id>', 'every one of this sensor, in order')
    .description('store it again, once its cause is mended')
    .option('--json', 'print the answer as REST gives it')
    .addHelpText('after', '\nExample:\n  threadhub dead-letters replay 3f2a')
    .action(async (id: string | undefined, options: JsonOption & { readonly sensor?: string }) => {
      const { sensor } = options;
      if ((id === undefined) === (sensor === undefined))
        throw new CommandError('option_invalid', 'name one dead letter, or a sensor with --sensor.');
      const client = hubClientOf(options, context);
      const answer =
        id === undefined
          ? await client.request('POST', '/api/dead_letters/replay', { body: { sensor } })
          : await client.request('POST', `${pathOf(id)}/replay`, { body: {} });
      const { replayed } = answer.parse(replayedSchema);
      context.stdout.write(
        options.json === true ? `${answer.text.trimEnd()}\n` : `${counted(replayed, 'event')} replayed.\n`,
      );
    });

  withHubOption(deadLetters.command('discard'))
    .argument('<id>', 'dead letter id')
    .description('give it up; it stays counted in the ledger')
    .addHelpText('after', '\nExample:\n  threadhub dead-letters discard 3f2a')
    .action(async (id: string, options: HubOptions) => {
      await hubClientOf(options, context).request('DELETE', pathOf(id));
      context.stdout.write(`${id} is discarded.\n`);
    });
}

const pathOf = (id: string): string => `/api/dead_letters/${encodeURIComponent(id)}`;
