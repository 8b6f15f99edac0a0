/** `threadhub token`: what border routers identify themselves with. */
import type { Command } from 'commander';
import { z } from 'zod';
import type { BorderRouterId } from '../protocol/ids.ts';
import type { CliContext } from './cli-context.ts';
import { type HubOptions, hubClientOf, withHubOption } from './hub-option.ts';
import { borderRouterId } from './option-values.ts';
import { createPalette, renderTable, usesColours } from './text-layout.ts';

type JsonOption = HubOptions & { readonly json?: boolean };

const tokenSchema = z.object({
  id: z.string(),
  border_router_id: z.string(),
  created_at: z.string(),
  last_used_at: z.string().nullable(),
});
const createdTokenSchema = z.object({ token: z.string() });

const path = '/api/tokens';

export function addTokenCommand(program: Command, context: CliContext): void {
  const token = program
    .command('token')
    .description('tokens of border routers')
    .addHelpText('after', '\nExample:\n  threadhub token create --border-router BR-001');

  withHubOption(token.command('create'))
    .description('make a token; it is shown once and kept only as a hash')
    .requiredOption('--border-router <id>', 'the border router that may use it', borderRouterId)
    .option('--json', 'print the answer as REST gives it')
    .addHelpText(
      'after',
      `
Example:
  threadhub token create --border-router BR-001 > br-001.token`,
    )
    .action(async (options: JsonOption & { readonly borderRouter: BorderRouterId }) => {
      const answer = await hubClientOf(options, context).request('POST', path, {
        body: { border_router_id: options.borderRouter },
      });
      if (options.json === true) {
        context.stdout.write(`${answer.text.trimEnd()}\n`);
        return;
      }
      // The token alone on stdout, so that it can go into a file.
      context.stdout.write(`${answer.parse(createdTokenSchema).token}\n`);
      context.stderr.write(
        `This token lets a border router in as ${options.borderRouter}. It is not shown again: set it as THREADHUB_TOKEN there.\n`,
      );
    });

  withHubOption(token.command('list'))
    .description('list tokens, without their text')
    .option('--json', 'print the items as REST gives them')
    .addHelpText('after', '\nExample:\n  threadhub token list')
    .action(async (options: JsonOption) => {
      const items = await hubClientOf(options, context).list(path, tokenSchema);
      if (options.json === true) {
        context.stdout.write(`${JSON.stringify(items, null, 2)}\n`);
        return;
      }
      if (items.length === 0) {
        context.stdout.write("There is no token; 'threadhub token create --border-router ID' makes one.\n");
        return;
      }
      context.stdout.write(
        renderTable(
          ['ID', 'BORDER ROUTER', 'CREATED', 'LAST USED'],
          items.map((item) => [
            item.id,
            item.border_router_id,
            item.created_at,
            item.last_used_at ?? 'never',
          ]),
          createPalette(usesColours(context.stdout, context.environment)),
        ),
      );
    });

  withHubOption(token.command('revoke'))
    .argument('<id>', "its id, as 'threadhub token list' shows it")
    .description('revoke a token; connections that used it are closed at once')
    .addHelpText('after', '\nExample:\n  threadhub token revoke 5f1c2a')
    .action(async (id: string, options: HubOptions) => {
      await hubClientOf(options, context).request('DELETE', `${path}/${encodeURIComponent(id)}`);
      context.stdout.write(`Token ${id} is revoked.\n`);
    });
}
