/** `threadhub simulate`: virtual border routers, nodes and sensors against any hub. */
import type { Command } from 'commander';
import { readTokens } from './border-router-tokens.ts';
import type { CliContext } from './cli-context.ts';
import { hubUrlOf } from './hub-client.ts';
import { hubAddress, type HubOptions, withHubOption } from './hub-option.ts';
import { list, positiveNumber, wholeNumber } from './option-values.ts';
import type { Finish } from './program.ts';
import { runUntilStopped } from './run-until-stopped.ts';
import { createCliLogger } from './settings.ts';
import { type MeshOptions, simulationOptions, withMeshOptions } from './simulation-options.ts';
import { counted } from './text-layout.ts';

interface SimulateOptions extends MeshOptions, HubOptions {
  readonly token?: readonly string[];
  readonly sensors: number;
  readonly mqtt?: string;
  readonly speed: number;
}

export function addSimulateCommand(program: Command, context: CliContext, finish: Finish): void {
  withMeshOptions(
    withHubOption(
      program
        .command('simulate')
        .description('run simulated border routers, nodes and sensors against a hub'),
    ),
  )
    .option(
      '--token <token>',
      'token of the border router, or BR-001=TOKEN for one of several; repeatable',
      list,
    )
    .option('--sensors <number>', 'sensors of a house that publish over MQTT', wholeNumber(0, 100_000), 0)
    .option('--mqtt <url>', 'the broker (default: port 1883 of the hub)')
    .option('--speed <factor>', "how fast the house's day passes", positiveNumber, 1)
    .addHelpText(
      'after',
      `
The nodes are registered with the hub; Ctrl-C disconnects everything.

Exit codes: 0 stopped in order, 1 failed, 2 wrong command line.

Example:
  threadhub simulate --border-routers 4 --nodes 25 --rtt 40..250 --loss 2% --dead 3 --seed 7
  threadhub simulate --border-routers 1 --nodes 0 --sensors 500 --speed 60`,
    )
    .action(async (options: SimulateOptions) => {
      const hub = hubUrlOf(hubAddress(options, context));
      const tokenOf = readTokens(options.token ?? [], options.borderRouters);
      const logger = createCliLogger(context, { level: 'warn', format: 'auto' });
      const simulation = await context.programs.createSimulation({
        ...simulationOptions(options),
        hubUrl: hub,
        tokenOf,
      });
      const house =
        options.sensors === 0
          ? null
          : await context.programs.createHouse({
              brokerUrl: options.mqtt ?? `mqtt://${new URL(hub).hostname}:1883`,
              sensors: options.sensors,
              seed: options.seed,
              speed: options.speed,
            });
      const exitCode = await runUntilStopped(context, logger, {
        async start() {
          house?.start();
          await simulation.start();
          const networks = new Set(simulation.borderRouters.map((router) => router.networkIndex)).size;
          const absent = simulation.borderRouters.filter(
            (router) => router.status().state !== 'connected',
          ).length;
          context.stdout.write(
            `${counted(simulation.borderRouters.length, 'border router')} and ${counted(simulation.nodes.length, 'node')} in ${counted(networks, 'network')}${house === null ? '' : `, and ${counted(house.sensors.length, 'sensor')},`} are at ${hub}. Ctrl-C stops them.\n`,
          );
          if (absent > 0) {
            context.stderr.write(
              `threadhub: ${counted(absent, 'border router')} could not connect yet; they go on trying. Is the hub at ${hub}, and are they let in?\n`,
            );
          }
        },
        async stop() {
          await house?.stop();
          await simulation.stop();
        },
      });
      finish(exitCode);
    });
}
