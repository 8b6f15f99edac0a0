/** `threadhub serve`: the hub. */
import type { Command } from 'commander';
import { isLoopbackName } from '../loopback-name.ts';
import { RecentLogs } from '../observability/recent-logs.ts';
import type { CliContext } from './cli-context.ts';
import { LocalBorderRouter } from './local-border-router.ts';
import type { Finish } from './program.ts';
import { runUntilStopped } from './run-until-stopped.ts';
import { type ConfigOptions, createCliLogger, loadSettings, withConfigOptions } from './settings.ts';

export function addServeCommand(program: Command, context: CliContext, finish: Finish): void {
  withConfigOptions(
    program.command('serve').description('run the hub until it is told to stop (SIGTERM, Ctrl-C)'),
  )
    .addHelpText(
      'after',
      `
A value comes from its flag, else from THREADHUB_… in the environment, else from the configuration file, else
from its default; docs/configuration.md has them all. Logs go to stderr.

Exit codes: 0 stopped in order, 1 could not start or stop in order, 2 wrong command line, 130 stopped at once.

Example:
  threadhub serve --port 5001 --data-dir /var/lib/threadhub`,
    )
    .action(async (options: ConfigOptions) => {
      const { config, file } = loadSettings(context, options);
      const recentLogs = new RecentLogs();
      const logger = createCliLogger(context, config.log, recentLogs);
      let stopHub: () => Promise<void> = () => Promise.resolve();
      let stopLocal: () => Promise<void> = () => Promise.resolve();
      const exitCode = await runUntilStopped(context, logger, {
        async start(fail) {
          const hub = await context.programs.createHub(config, {
            logger,
            recentLogs,
            configFile: file,
            onFatal: fail,
          });
          stopHub = () => hub.stop();
          const { mqtt, url } = await hub.start();
          logger.info({ url, mqtt: mqtt?.url ?? null, config_file: file }, 'hub started');
          context.stdout.write(
            isLoopbackName(config.server.host)
              ? `Threadhub is at ${url}, its map at ${url}/network-map${mqtt === null ? '' : `, its MQTT broker at ${mqtt.url}`}. Ctrl-C stops it.\n`
              : `Threadhub is at ${url} for border routers with a token; its pages and REST answer only with server.host 127.0.0.1. Ctrl-C stops it.\n`,
          );
          const local = new LocalBorderRouter({ context, config, hub: url, logger, fail });
          stopLocal = () => local.stop();
          local.start();
        },
        async stop() {
          // The hub says to border routers that it stops; one that has left by then needs not be told.
          await stopLocal();
          await stopHub();
        },
      });
      finish(exitCode);
    });
}
