/** The options of `simulate` for stock border routers. */
import { type Command, InvalidArgumentError } from 'commander';
import { type OtbrDialect, otbrDialects } from '../simulator/otbr/otbr-dialects.ts';
import { type OtbrFault, otbrFaultHelp, parseOtbrFault } from '../simulator/otbr/otbr-fault.ts';
import type { OtbrSimulationOptions } from '../simulator/otbr/otbr-simulation.ts';
import { wholeNumber } from './option-values.ts';

export interface OtbrOptions {
  readonly otbr: number;
  readonly otbrDialect: OtbrDialect;
  readonly otbrFault?: readonly OtbrFault[];
  readonly otbrNodes: number;
  readonly otbrRouters?: number;
  readonly otbrPort?: number;
  readonly otbrAgents: boolean;
  readonly seed: number;
}

export function withOtbrOptions(command: Command): Command {
  return command
    .option(
      '--otbr <number>',
      'stock border routers with a REST API, each with a network of its own',
      wholeNumber(0, 100),
      0,
    )
    .addOption(
      command
        .createOption('--otbr-dialect <name>', 'of that REST API')
        .choices(otbrDialects)
        .default('json-api'),
    )
    .option('--otbr-nodes <number>', 'nodes in each of these networks', wholeNumber(0, 500), 30)
    .option('--otbr-routers <number>', 'of these, routers, with the border router', wholeNumber(1, 32))
    .option('--otbr-fault <fault>', `what is wrong with them: ${otbrFaultHelp}; repeatable`, otbrFault)
    .option('--otbr-port <number>', 'port of the first one, the others follow', wholeNumber(1, 65_000))
    .option('--no-otbr-agents', 'run no agents for them: only the REST APIs');
}

export function otbrSimulationOptions(options: OtbrOptions): OtbrSimulationOptions {
  const { otbrRouters, otbrPort } = options;
  return {
    borderRouters: options.otbr,
    nodes: options.otbrNodes,
    dialect: options.otbrDialect,
    faults: options.otbrFault ?? [],
    seed: options.seed,
    ...(otbrRouters === undefined ? {} : { routers: otbrRouters }),
    ...(otbrPort === undefined ? {} : { firstPort: otbrPort }),
  };
}

function otbrFault(text: string, earlier: readonly OtbrFault[] = []): readonly OtbrFault[] {
  const fault = parseOtbrFault(text);
  if (fault === null) throw new InvalidArgumentError(`Write ${otbrFaultHelp}.`);
  return [...earlier, fault];
}
