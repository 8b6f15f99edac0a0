/** `threadhub simulate`: virtual border routers, nodes and sensors against any hub. */
import type { Command } from 'commander';
import { defaultRadioBudget } from '../agent/mesh/counted-radio.ts';
import type { StockBorderRouter } from '../agent/stock-border-router.ts';
import { asBorderRouterId } from '../protocol/ids.ts';
import type { OtbrNetwork } from '../simulator/otbr/otbr-network.ts';
import type { Simulation } from '../simulator/simulation.ts';
import { stockBorderRouterLog } from './border-router-log.ts';
import { readTokens } from './border-router-tokens.ts';
import type { CliContext } from './cli-context.ts';
import { hubUrlOf } from './hub-client.ts';
import { hubAddress, type HubOptions, withHubOption } from './hub-option.ts';
import { list, positiveNumber, wholeNumber } from './option-values.ts';
import { type OtbrOptions, otbrSimulationOptions, withOtbrOptions } from './otbr-options.ts';
import type { Finish } from './program.ts';
import { runUntilStopped } from './run-until-stopped.ts';
import { createCliLogger } from './settings.ts';
import { type MeshOptions, simulationOptions, withMeshOptions } from './simulation-options.ts';
import { counted } from './text-layout.ts';

interface SimulateOptions extends MeshOptions, OtbrOptions, HubOptions {
  readonly token?: readonly string[];
  readonly sensors: number;
  readonly mqtt?: string;
  readonly speed: number;
}

export function addSimulateCommand(program: Command, context: CliContext, finish: Finish): void {
  withOtbrOptions(
    withMeshOptions(
      withHubOption(
        program
          .command('simulate')
          .description('run simulated border routers, nodes and sensors against a hub'),
      ),
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
The nodes are registered with the hub; Ctrl-C disconnects everything. Stock border routers (--otbr) have no nodes
that serve /network-info: each is read through its REST API, by an agent that runs here unless told otherwise.

Exit codes: 0 stopped in order, 1 failed, 2 wrong command line.

Example:
  threadhub simulate --border-routers 4 --nodes 25 --rtt 40..250 --loss 2% --dead 3 --seed 7
  threadhub simulate --border-routers 1 --nodes 0 --sensors 500 --speed 60
  threadhub simulate --border-routers 0 --otbr 2 --otbr-routers 12 --otbr-fault dead=2 --otbr-fault slow`,
    )
    .action(async (options: SimulateOptions) => {
      finish(await simulate(context, options));
    });
}

async function simulate(context: CliContext, options: SimulateOptions): Promise<number> {
  const hub = hubUrlOf(hubAddress(options, context));
  const agents = options.otbrAgents ? options.otbr : 0;
  const tokenOf = readTokens(options.token ?? [], options.borderRouters + agents);
  const logger = createCliLogger(context, { level: 'warn', format: 'auto' });
  const { programs } = context;
  // None of them is a mistake, unless there is something else to run.
  const isMeshWanted = options.borderRouters > 0 || (options.otbr === 0 && options.sensors === 0);
  const simulation = isMeshWanted
    ? await programs.createSimulation({ ...simulationOptions(options), hubUrl: hub, tokenOf })
    : null;
  const stock =
    options.otbr === 0 ? null : await programs.createOtbrSimulation(otbrSimulationOptions(options));
  const speakers: Pick<StockBorderRouter, 'close'>[] = [];
  const house =
    options.sensors === 0
      ? null
      : await programs.createHouse({
          brokerUrl: options.mqtt ?? `mqtt://${new URL(hub).hostname}:1883`,
          sensors: options.sensors,
          seed: options.seed,
          speed: options.speed,
        });

  async function startSpeaking({ id, otbr }: OtbrNetwork, fail: (error: unknown) => void): Promise<void> {
    const speaker = await programs.createStockBorderRouter({
      address: { source: 'otbr-rest', url: otbr.url },
      hub: hub.replace(/^http/, 'ws'),
      idOf: () => asBorderRouterId(id),
      tokenOf: () => tokenOf(id) ?? null,
      networkPrefix: null,
      encoding: options.encoding === 'cbor' ? 'cbor' : 'json',
      radioBudget: defaultRadioBudget,
      threadInterface: null,
      firmware: `threadhub ${context.version}`,
      clock: context.clock,
      onFact: stockBorderRouterLog(logger.child({ border_router: id, address: otbr.url }), hub),
    });
    speakers.push(speaker);
    speaker.run().catch(fail);
  }

  return runUntilStopped(context, logger, {
    async start(fail) {
      house?.start();
      await simulation?.start();
      await stock?.start();
      if (options.otbrAgents) for (const network of stock?.networks ?? []) await startSpeaking(network, fail);
      const what = [
        ...(simulation === null ? [] : [meshText(simulation)]),
        ...(house === null ? [] : [counted(house.sensors.length, 'sensor')]),
      ];
      if (what.length > 0) context.stdout.write(`${atHub(what, hub)} Ctrl-C stops them.\n`);
      for (const network of stock?.networks ?? []) context.stdout.write(stockText(network, hub, options));
      const absent =
        simulation?.borderRouters.filter((router) => router.status().state !== 'connected').length ?? 0;
      if (absent > 0) {
        context.stderr.write(
          `threadhub: ${counted(absent, 'border router')} could not connect yet; they go on trying. Is the hub at ${hub}, and are they let in?\n`,
        );
      }
    },
    async stop() {
      await house?.stop();
      for (const speaker of speakers.splice(0)) await speaker.close();
      await stock?.stop();
      await simulation?.stop();
    },
  });
}

function meshText({ borderRouters, nodes }: Simulation): string {
  const networks = new Set(borderRouters.map((router) => router.networkIndex)).size;
  return `${counted(borderRouters.length, 'border router')} and ${counted(nodes.length, 'node')} in ${counted(networks, 'network')}`;
}

function atHub([first = '', second]: readonly string[], hub: string): string {
  return second === undefined ? `${first} are at ${hub}.` : `${first}, and ${second}, are at ${hub}.`;
}

/** Where its REST API is and what it has, and how to map it by hand. */
function stockText({ id, otbr, observed }: OtbrNetwork, hub: string, options: SimulateOptions): string {
  const routers = observed.mesh.routers.length;
  const children = observed.mesh.devices.length - routers;
  const agent = options.otbrAgents
    ? `  Its agent runs here. Elsewhere: threadhub border-router`
    : `  Map it with: threadhub border-router`;
  return (
    `${id}, a stock border router (${otbr.dialect}) with ${counted(routers, 'router')} and ${counted(children, 'child device')}, is at ${otbr.url}.\n` +
    `${agent} --hub ${hub} --id ${id} --source otbr-rest --otbr-url ${otbr.url}\n`
  );
}
