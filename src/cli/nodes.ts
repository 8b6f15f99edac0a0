/** `threadhub nodes`: the nodes to scan. */
import type { Command } from 'commander';
import { z } from 'zod';
import { CommandError } from '../errors.ts';
import { registeredNodeSchema } from '../protocol/border-router.ts';
import { isJsonObject, type JsonObject } from '../protocol/json.ts';
import type { CliContext } from './cli-context.ts';
import { exitCodes } from './exit-codes.ts';
import { type HubOptions, hubClientOf, withHubOption } from './hub-option.ts';
import type { Finish } from './program.ts';
import { counted, createPalette, renderTable, seconds, usesColours } from './text-layout.ts';

type JsonOption = HubOptions & { readonly json?: boolean };

const importedSchema = z.object({ accepted: z.number(), problems: z.array(z.string()) });

export function addNodesCommand(program: Command, context: CliContext, finish: Finish): void {
  const nodes = program
    .command('nodes')
    .description('the nodes to scan')
    .addHelpText('after', '\nExample:\n  threadhub nodes import adresses.json');

  withHubOption(nodes.command('import'))
    .argument('<file>', 'JSON: {"name": "ipv6"} or {"name": {"ipv6": …, "br_id": …}}')
    .description('register the nodes that a file lists')
    .option('--json', 'print the result as REST gives it')
    .addHelpText(
      'after',
      `
Exit codes: 0 all were taken, 1 some were not.

Example:
  threadhub nodes import adresses.json`,
    )
    .action(async (file: string, options: JsonOption) => {
      const body = readNodeFile(context, file);
      const answer = await hubClientOf(options, context).request('POST', '/api/nodes/import', { body });
      const { accepted, problems } = answer.parse(importedSchema);
      if (options.json === true) context.stdout.write(`${answer.text.trimEnd()}\n`);
      else {
        context.stdout.write(`${counted(accepted, 'node')} imported.\n`);
        for (const problem of problems) context.stderr.write(`not imported: ${problem}\n`);
      }
      if (problems.length > 0) finish(exitCodes.failed);
    });

  withHubOption(nodes.command('list'))
    .description('list them with their last outcome')
    .option('--json', 'print the items as REST gives them')
    .addHelpText('after', '\nExample:\n  threadhub nodes list')
    .action(async (options: JsonOption) => {
      const items = await hubClientOf(options, context).list('/api/nodes', registeredNodeSchema);
      if (options.json === true) {
        context.stdout.write(`${JSON.stringify(items, null, 2)}\n`);
        return;
      }
      if (items.length === 0) {
        context.stdout.write("No node is registered; 'threadhub nodes import FILE' does it.\n");
        return;
      }
      context.stdout.write(
        renderTable(
          ['NAME', 'IPV6', 'BORDER ROUTER', 'FROM', 'LAST OUTCOME', 'LATENCY', 'LAST SEEN'],
          items.map((node) => [
            node.name,
            node.ipv6,
            node.br_id,
            node.origins.join(', '),
            node.last_outcome,
            node.latencies[0] === undefined ? null : seconds(node.latencies[0].duration_ms),
            node.last_seen_at,
          ]),
          createPalette(usesColours(context.stdout, context.environment)),
        ),
      );
    });

  withHubOption(nodes.command('rm'))
    .argument('<name>', 'its registered name')
    .description('forget a node')
    .addHelpText('after', '\nExample:\n  threadhub nodes rm d4E')
    .action(async (name: string, options: HubOptions) => {
      const client = hubClientOf(options, context);
      const answer = await client.request('DELETE', `/api/nodes/${encodeURIComponent(name)}`);
      // An answer with content is what the node file still says of it.
      context.stdout.write(
        answer.text === ''
          ? `${name} is forgotten.\n`
          : `${name} is as the node file lists it; remove it there to forget it.\n`,
      );
    });
}

function readNodeFile(context: CliContext, file: string): JsonObject {
  let text: string;
  try {
    text = context.files.readText(file);
  } catch (error) {
    throw new CommandError(
      'file_unreadable',
      `${file} was not read (${error instanceof Error ? error.message : String(error)}); name a file that this user may read.`,
      { cause: error },
    );
  }
  let nodes: unknown;
  try {
    nodes = JSON.parse(text);
  } catch (error) {
    throw new CommandError(
      'file_invalid',
      `${file} is no JSON (${error instanceof Error ? error.message : String(error)}); write {"name": "ipv6", …}.`,
      { cause: error },
    );
  }
  if (isJsonObject(nodes)) return nodes;
  throw new CommandError(
    'file_invalid',
    `${file} holds ${Array.isArray(nodes) ? 'a list' : typeof nodes}; write an object, {"name": "ipv6", …}.`,
  );
}
