/**
 * The command line as a whole: which commands there are, what they share, and how an error becomes one sentence and an
 * exit code. Each command is in a file of its own.
 */
import { inspect } from 'node:util';
import { Command, CommanderError } from 'commander';
import { CommandError, ConfigError, ThreadhubError } from '../errors.ts';
import { addAlertsCommand } from './alerts.ts';
import { addBorderRouterCommand } from './border-router.ts';
import { addBorderRoutersCommand } from './border-routers.ts';
import type { CliContext } from './cli-context.ts';
import { addConfigCommand } from './config.ts';
import { addDeadLettersCommand } from './dead-letters.ts';
import { addDemoCommand } from './demo.ts';
import { addDoctorCommand } from './doctor.ts';
import { addEventsCommand } from './events.ts';
import { exitCodes } from './exit-codes.ts';
import { withFullStop } from './hub-client.ts';
import { addNodesCommand } from './nodes.ts';
import { addScanCommand } from './scan.ts';
import { addServeCommand } from './serve.ts';
import { addSimulateCommand } from './simulate.ts';
import { addTokenCommand } from './token.ts';
import { addTopologyCommand } from './topology.ts';

/** What a command's action hands its exit code to. */
export type Finish = (exitCode: number) => void;

export function createProgram(context: CliContext, finish: Finish): Command {
  const program = new Command('threadhub')
    .description("One self-hosted hub for a building's Thread meshes and sensors")
    .version(context.version, '--version', 'print the version')
    .option('--verbose', 'show what is behind an error')
    .helpOption('-h, --help', 'print this help')
    .exitOverride()
    .configureOutput({
      writeOut: (text) => context.stdout.write(text),
      writeErr: (text) => context.stderr.write(text),
      // The sentence is written once, by `runCli`.
      outputError: () => undefined,
      getOutHasColors: () => false,
      getErrHasColors: () => false,
    })
    .configureHelp({ showGlobalOptions: true })
    .addHelpText(
      'after',
      `
Exit codes: 0 done, 1 failed, 2 wrong command line, 3 a scan ended with nodes still open, 130 interrupted twice.

Example:
  threadhub demo        the hub with a simulated mesh, to look around
  threadhub serve       the hub
  threadhub doctor      what is wrong, and what to do`,
    );
  addServeCommand(program, context, finish);
  addDemoCommand(program, context, finish);
  addBorderRouterCommand(program, context, finish);
  addSimulateCommand(program, context, finish);
  addScanCommand(program, context, finish);
  addTopologyCommand(program, context);
  addNodesCommand(program, context, finish);
  addBorderRoutersCommand(program, context);
  addEventsCommand(program, context, finish);
  addAlertsCommand(program, context);
  addDeadLettersCommand(program, context);
  addTokenCommand(program, context);
  addConfigCommand(program, context);
  addDoctorCommand(program, context, finish);
  return program;
}

/** Runs one command line (without node and script); resolves with the exit code and never rejects. */
export async function runCli(commandLine: readonly string[], context: CliContext): Promise<number> {
  let exitCode: number = exitCodes.ok;
  const program = createProgram(context, (code) => {
    exitCode = code;
  });
  try {
    await program.parseAsync(commandLine, { from: 'user' });
    return exitCode;
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return exitCodes.ok;
    // A bare `threadhub` prints its help as an error; there is nothing to add.
    if (error instanceof CommanderError && error.code === 'commander.help') return exitCodes.usage;
    context.stderr.write(`threadhub: ${describeError(error, helpCommand(program, commandLine))}\n`);
    const verbose = commandLine.includes('--verbose') || (context.environment['DEBUG'] ?? '') !== '';
    if (verbose && !(error instanceof CommanderError)) context.stderr.write(`${inspect(error)}\n`);
    return exitCodeOf(error);
  }
}

function exitCodeOf(error: unknown): number {
  const isUsage =
    error instanceof CommanderError || (error instanceof CommandError && error.code === 'option_invalid');
  return isUsage ? exitCodes.usage : exitCodes.failed;
}

/** The command line that prints the help which the user needs now. */
function helpCommand(program: Command, commandLine: readonly string[]): string {
  let command = program;
  const words = [program.name()];
  for (const word of commandLine) {
    const inner = command.commands.find((candidate) => candidate.name() === word);
    if (inner === undefined) break;
    command = inner;
    words.push(word);
  }
  return [...words, '--help'].join(' ');
}

function describeError(error: unknown, help: string): string {
  if (error instanceof CommanderError) {
    const [sentence = '', ...hints] = error.message.replace(/^error: /, '').split('\n');
    return [withFullStop(sentence), ...hints, `'${help}' shows what is valid.`].join(' ');
  }
  if (error instanceof ConfigError) {
    return [
      error.message,
      ...error.problems.map((problem) => `  ${problem}`),
      'Correct it and try again; docs/configuration.md has every key.',
    ].join('\n');
  }
  if (error instanceof ThreadhubError) return withFullStop(error.message);
  const text = error instanceof Error ? error.message : String(error);
  return `Unexpected error: ${withFullStop(text)} '--verbose' shows where it comes from.`;
}
