/** The configuration and the log of commands that need them. */
import type { Command } from 'commander';
import { type ConfigFlag, type LoadedConfig, loadConfig } from '../config-loader.ts';
import { createLogger, type Logger } from '../observability/logger.ts';
import type { Config } from '../config.ts';
import type { RecentLogs } from '../observability/recent-logs.ts';
import type { CliContext } from './cli-context.ts';
import { usesColours } from './text-layout.ts';

/** Flags that set configuration keys, by the key's path. */
const flagPaths = {
  port: 'server.port',
  host: 'server.host',
  mqttPort: 'mqtt.port',
  dataDir: 'data_dir',
  roles: 'roles',
} as const;

export type ConfigOptions = Partial<Record<keyof typeof flagPaths | 'config', string>>;

/** `--config` and the flags that override its keys. */
export function withConfigOptions(command: Command): Command {
  return command
    .option('--port <port>', 'port of the web pages, REST and border routers (server.port)')
    .option('--mqtt-port <port>', 'port of the MQTT broker (mqtt.port)')
    .option('--host <address>', 'address to listen on (server.host)')
    .option('--data-dir <folder>', 'where the hub keeps its data (data_dir)')
    .option('--config <file>', 'configuration file; threadhub.yaml is read where it exists')
    .option('--roles <list>', 'what this process does (roles)');
}

/** Throws ConfigError. */
export function loadSettings(
  context: Pick<CliContext, 'environment' | 'files'>,
  options: ConfigOptions,
): LoadedConfig {
  const named = options.config ?? context.environment['THREADHUB_CONFIG'] ?? '';
  return loadConfig({
    file: named === '' ? null : named,
    environment: context.environment,
    flags: configFlags(options),
    readFile: (path) => context.files.readText(path),
  });
}

export function configFlags(options: ConfigOptions): Map<string, ConfigFlag> {
  const flags = new Map<string, ConfigFlag>();
  for (const [option, path] of Object.entries(flagPaths)) {
    const value = options[option as keyof typeof flagPaths];
    const flag = `--${option.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
    if (value !== undefined) flags.set(path, { flag, value });
  }
  return flags;
}

/** Logs go to stderr, so that stdout stays free for what a command prints. */
export function createCliLogger(context: CliContext, log: Config['log'], recent?: RecentLogs): Logger {
  return createLogger({
    ...log,
    ...(recent === undefined ? {} : { recent }),
    destination: { write: (line) => context.stderr.write(line) },
    isTerminal: context.stderr.isTerminal,
    colours: usesColours(context.stderr, context.environment),
  });
}
