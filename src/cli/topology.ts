/** `threadhub topology`: the map as text, for people and for other programs. */
import type { Command } from 'commander';
import { CommandError } from '../errors.ts';
import { type RouteHop, type RouteTrace, routeTraceSchema } from '../protocol/route-trace.ts';
import { topologyFormats, topologySchema } from '../protocol/topology.ts';
import { printable } from '../printable.ts';
import { fromWire } from '../protocol/wire.ts';
import type { CliContext } from './cli-context.ts';
import type { HubClient } from './hub-client.ts';
import { type HubOptions, hubClientOf, withHubOption } from './hub-option.ts';
import { pastTime } from './option-values.ts';

interface TopologyOptions extends HubOptions {
  readonly format: string;
  readonly json?: boolean;
  readonly at?: number;
  readonly output?: string;
  readonly route?: readonly string[];
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
    .option('--route <nodes...>', 'print the way between two nodes instead: names or ids, FROM TO')
    .option('--output <file>', 'write it there instead of printing it')
    .addHelpText(
      'after',
      `
Example:
  threadhub topology --format svg --output mesh.svg
  threadhub topology --at 2h
  threadhub topology --route kitchen-lamp BR-001`,
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
  if (options.route !== undefined) return readRoute(client, options.route, at, options);
  const format = options.json === true ? 'json' : options.format;
  if (format !== 'tree')
    return (await client.request('GET', '/api/topology', { query: { at, format } })).text;
  const answer = await client.request('GET', '/api/topology', { query: { at } });
  return context.programs.renderTree(fromWire(answer.parse(topologySchema)));
}

async function readRoute(
  client: HubClient,
  ends: readonly string[],
  at: string | undefined,
  { format, json }: TopologyOptions,
): Promise<string> {
  const [from, to, ...others] = ends;
  if (from === undefined || to === undefined || others.length > 0)
    throw new CommandError(
      'option_invalid',
      '--route takes two nodes; write for example --route kitchen-lamp BR-001.',
    );
  const answer = await client.request('GET', '/api/topology/route', { query: { from, to, at } });
  return json === true || format === 'json'
    ? answer.text
    : routeText(fromWire(answer.parse(routeTraceSchema)));
}

const evidenceTexts: Readonly<Record<RouteHop['evidence'], string>> = {
  told: 'the router names it',
  derived: 'the costs add up',
  parent: 'parent and child',
};

function routeText({ hops, problems, statement }: RouteTrace): string {
  const lines = hops.map(({ evidence, fromLabel, linkCost, toLabel }, index) => {
    const cost = linkCost === null ? '' : `, link cost ${linkCost}`;
    return `${String(index + 1).padStart(3)}. ${fromLabel} → ${toLabel} (${evidenceTexts[evidence]}${cost})`;
  });
  return printable([statement, ...lines, ...problems.map((problem) => `! ${problem}`), ''].join('\n'));
}
