/** `threadhub topology`: the map as text, for people and for other programs. */
import type { Command } from 'commander';
import { CommandError } from '../errors.ts';
import { topologyFormats, topologySchema } from '../protocol/topology.ts';
import { fromWire } from '../protocol/wire.ts';
import type { CliContext } from './cli-context.ts';
import { type HubOptions, hubClientOf, withHubOption } from './hub-option.ts';
import { pastTime } from './option-values.ts';

interface TopologyOptions extends HubOptions {
  readonly format: string;
  readonly json?: boolean;
  readonly at?: number;
  readonly output?: string;
}

export function addTopologyCommand(program: Command, context: CliContext): void {
  const command = withHubOption(program.command('topology'));
  command
    .description('print the map of the mesh')
    .addOption(
      command
        .createOption('--format <name>', 'of the output; bundle is the anonymised scan, to share and import')
        .choices(['tree', ...topologyFormats])
        .default('tree'),
    )
    .option('--json', 'the same as --format json')
    .option(
      '--at <time>',
      'as it was then: 2026-01-31T14:00Z, or how long ago: 15min, 2h',
      pastTime(context.clock.nowMs()),
    )
    .option('--output <file>', 'write it there instead of printing it')
    .addHelpText(
      'after',
      `
Example:
  threadhub topology --format svg --output mesh.svg
  threadhub topology --at 2h`,
    )
    .action(async (options: TopologyOptions) => {
      const text = await read(context, options);
      if (options.output === undefined) {
        context.stdout.write(text.endsWith('\n') ? text : `${text}\n`);
        return;
      }
      try {
        context.files.writeText(options.output, text);
      } catch (error) {
        throw new CommandError(
          'file_unwritable',
          `${options.output} was not written (${error instanceof Error ? error.message : String(error)}); name another file with --output.`,
          { cause: error },
        );
      }
    });
}

async function read(context: CliContext, options: TopologyOptions): Promise<string> {
  const client = hubClientOf(options, context);
  const at = options.at === undefined ? undefined : new Date(options.at).toISOString();
  const format = options.json === true ? 'json' : options.format;
  if (format !== 'tree')
    return (await client.request('GET', '/api/topology', { query: { at, format } })).text;
  const answer = await client.request('GET', '/api/topology', { query: { at } });
  return context.programs.renderTree(fromWire(answer.parse(topologySchema)));
}
