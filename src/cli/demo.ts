/**
 * `threadhub demo`: the hub, a simulated mesh and a simulated house of sensors in one process, with a scan as soon as the
 * mesh is there.
 */
import type { Command } from 'commander';
import { formatDuration } from '../config.ts';
import { type LoadedConfig, loadConfig } from '../config-loader.ts';
import { RecentLogs } from '../observability/recent-logs.ts';
import { pause } from '../pause.ts';
import { borderRouterSchema } from '../protocol/border-router.ts';
import type { CliContext } from './cli-context.ts';
import type { HubClient } from './hub-client.ts';
import { hubClientOf } from './hub-option.ts';
import { positiveNumber, wholeNumber } from './option-values.ts';
import type { Finish } from './program.ts';
import { runUntilStopped } from './run-until-stopped.ts';
import { configFlags, createCliLogger } from './settings.ts';
import { type MeshOptions, simulationOptions, withMeshOptions } from './simulation-options.ts';
import { counted } from './text-layout.ts';

interface DemoOptions extends MeshOptions {
  readonly port?: string;
  readonly mqttPort?: string;
  readonly host?: string;
  readonly sensors: number;
  readonly dataDir?: string;
  readonly speed: number;
}

/** At speed 1: often enough to see something happen while looking. */
const scanEveryMs = 60_000;
const driftEveryMs = 20_000;
/** A house as houses are: some messages come twice, two clocks are wrong, and connections end now and then. */
const houseTroubles = {
  duplicates: 0.01,
  skewedClocks: 2,
  interruptEveryMs: 1_800_000,
  alarmEveryMs: 600_000,
} as const;
/** Waiting longer for border routers would leave the map empty; the scan then takes those that are there. */
const connectDeadlineMs = 5_000;
const connectPollMs = 50;

export function addDemoCommand(program: Command, context: CliContext, finish: Finish): void {
  withMeshOptions(
    program
      .command('demo')
      .description('run the hub with a simulated mesh and house, to look around without hardware'),
  )
    .option('--port <port>', 'port of the web pages, REST and border routers (server.port)')
    .option('--mqtt-port <port>', 'port of the MQTT broker (mqtt.port)')
    .option('--host <address>', 'address to listen on (server.host)')
    .option('--sensors <number>', 'simulated sensors of the house', wholeNumber(0, 10_000), 40)
    .option(
      '--data-dir <folder>',
      'keep the data there; else it is in a temporary folder and goes at the end',
    )
    .option('--speed <factor>', 'how fast things happen: at 1, a scan a minute', positiveNumber, 1)
    .addHelpText(
      'after',
      `
Exit codes: 0 stopped in order, 1 could not start or stop in order, 2 wrong command line.

Example:
  threadhub demo --border-routers 10 --nodes 10 --speed 4`,
    )
    .action(async (options: DemoOptions) => {
      const { files } = context;
      const temporaryFolder = options.dataDir === undefined ? files.makeTemporaryFolder() : null;
      try {
        finish(await runDemo(context, options, temporaryFolder));
      } finally {
        if (temporaryFolder !== null) files.removeFolder(temporaryFolder);
      }
    });
}

async function runDemo(
  context: CliContext,
  options: DemoOptions,
  temporaryFolder: string | null,
): Promise<number> {
  const { config } = demoConfig(context, options, options.dataDir ?? temporaryFolder ?? '.');
  const recentLogs = new RecentLogs();
  const logger = createCliLogger(context, config.log, recentLogs);
  let stopHub: () => Promise<void> = () => Promise.resolve();
  let stopMesh: () => Promise<void> = () => Promise.resolve();
  let stopHouse: () => Promise<void> = () => Promise.resolve();
  return runUntilStopped(context, logger, {
    async start(fail) {
      const hub = await context.programs.createHub(config, {
        logger,
        recentLogs,
        configFile: null,
        onFatal: fail,
      });
      stopHub = () => hub.stop();
      const { mqtt, url } = await hub.start();
      if (mqtt !== null && options.sensors > 0) {
        const house = await context.programs.createHouse({
          brokerUrl: mqtt.url,
          sensors: options.sensors,
          seed: options.seed,
          speed: options.speed,
          ...houseTroubles,
        });
        stopHouse = () => house.stop();
        house.start();
      }
      const simulation = await context.programs.createSimulation({
        ...simulationOptions(options),
        hubUrl: url,
        driftEveryMs: Math.max(100, Math.round(driftEveryMs / options.speed)),
      });
      stopMesh = () => simulation.stop();
      await simulation.start();
      const client = hubClientOf({ hub: url }, context);
      await untilConnected(context, client, simulation.borderRouters.length);
      if (simulation.nodes.length > 0) await client.request('POST', '/api/trigger_scan', { body: {} });
      context.stdout.write(
        `${counted(simulation.borderRouters.length, 'simulated border router')} and ${counted(simulation.nodes.length, 'node')} are connected` +
          `${mqtt === null ? '' : `, and ${counted(options.sensors, 'sensor')} at ${friendlyUrl(mqtt.url)}`}.\n` +
          `Look at ${friendlyUrl(url)}/network-map. Ctrl-C stops it.\n`,
      );
    },
    async stop() {
      await stopHouse();
      // The hub before the mesh: a scan under way is then cancelled, not failed for want of border routers.
      try {
        await stopHub();
      } finally {
        await stopMesh();
      }
    },
  });
}

/** The demo is the same everywhere: of a site's own configuration it takes only how the hub logs and listens. */
function demoConfig(context: CliContext, options: DemoOptions, dataDir: string): LoadedConfig {
  const flags = configFlags(options);
  const set = (path: string, value: string) => flags.set(path, { flag: 'threadhub demo', value });
  set('data_dir', dataDir);
  // The lines of an hour of scans would push the address out of sight.
  if ((context.environment['THREADHUB_LOG_LEVEL'] ?? '') === '') set('log.level', 'warn');
  set('nodes.file', `${dataDir}/adresses.json`);
  set('scan.interval', formatDuration(Math.max(1_000, Math.round(scanEveryMs / options.speed))));
  return loadConfig({
    file: null,
    environment: Object.fromEntries(
      Object.entries(context.environment).filter(([name]) => /^THREADHUB_(?:LOG|SERVER|MQTT)_/.test(name)),
    ),
    flags,
    readFile: () => '',
  });
}

async function untilConnected(
  { clock }: Pick<CliContext, 'clock'>,
  client: HubClient,
  expected: number,
): Promise<void> {
  const giveUpAtMs = clock.monotonicMs() + connectDeadlineMs;
  for (;;) {
    const borderRouters = await client.list('/api/border_routers', borderRouterSchema);
    if (borderRouters.filter((router) => router.online).length >= expected) return;
    if (clock.monotonicMs() >= giveUpAtMs) return;
    await pause(clock, connectPollMs);
  }
}

/** `localhost` reads better than 127.0.0.1 and means the same here, also to MQTT. */
const friendlyUrl = (url: string): string => url.replace('//127.0.0.1:', '//localhost:');
