/** `threadhub config print`: the configuration in effect, and where each value comes from. */
import type { Command } from 'commander';
import { stringify } from 'yaml';
import { formatDuration } from '../config.ts';
import { type ConfigKey, configKeys } from '../config-keys.ts';
import type { LoadedConfig } from '../config-loader.ts';
import type { CliContext } from './cli-context.ts';
import { type ConfigOptions, loadSettings, withConfigOptions } from './settings.ts';

export function addConfigCommand(program: Command, context: CliContext): void {
  const config = program
    .command('config')
    .description('the configuration')
    .addHelpText('after', '\nExample:\n  threadhub config print');

  withConfigOptions(config.command('print').description('print the configuration in effect'))
    .option('--json', 'as JSON, with the origins beside the values')
    .addHelpText(
      'after',
      `
Each value's comment says where it comes from. What is printed can be used as threadhub.yaml; secrets are left out.

Example:
  THREADHUB_SCAN_NODE_TIMEOUT=8s threadhub config print --config site.yaml`,
    )
    .action((options: ConfigOptions & { readonly json?: boolean }) => {
      const loaded = loadSettings(context, options);
      context.stdout.write(options.json === true ? configJson(loaded) : configYaml(loaded));
    });
}

const redacted = '[redacted]';

/** YAML that `loadConfig` reads back; only secrets are missing from it. */
export function configYaml(
  loaded: Pick<LoadedConfig, 'origins' | 'file'> & { readonly config: object },
  keys: readonly ConfigKey[] = configKeys,
): string {
  const lines = [`# Configuration in effect; ${loaded.file ?? 'no configuration file'} was read.`];
  let section: string | null = null;
  // Keys outside any section first: YAML has no way back out of one but the indentation.
  for (const key of [...keys].sort((a, b) => Number(a.section !== null) - Number(b.section !== null))) {
    if (key.section !== section && key.section !== null) lines.push(`${key.section}:`);
    section = key.section;
    const indent = section === null ? '' : '  ';
    const origin = `# ${loaded.origins.get(key.path) ?? 'default'}`;
    const value = shownValueOf(loaded.config, key);
    if (key.meta.secret === true) lines.push(`${indent}# ${key.name}: ${redacted} ${origin}`);
    // A key without a value would not be read back.
    else if (value === null) lines.push(`${indent}# ${key.name}: none ${origin}`);
    else lines.push(`${indent}${key.name}: ${yamlValue(value)} ${origin}`);
  }
  return `${lines.join('\n')}\n`;
}

export function configJson(
  loaded: Pick<LoadedConfig, 'origins' | 'file'> & { readonly config: object },
  keys: readonly ConfigKey[] = configKeys,
): string {
  const values = keys.map((key) => ({
    key: key.path,
    value: key.meta.secret === true ? redacted : shownValueOf(loaded.config, key),
    origin: loaded.origins.get(key.path) ?? 'default',
    environment: key.environmentName,
  }));
  return `${JSON.stringify({ file: loaded.file, values }, null, 2)}\n`;
}

/** Durations as a person would write them. */
function shownValueOf(config: object, key: ConfigKey): unknown {
  const holder: unknown =
    key.section === null ? config : (config as Readonly<Record<string, unknown>>)[key.section];
  const value = (holder as Readonly<Record<string, unknown>>)[key.name];
  return key.meta.duration === true && typeof value === 'number' ? formatDuration(value) : value;
}

const yamlValue = (value: unknown): string =>
  stringify(value, { collectionStyle: 'flow', lineWidth: 0, defaultStringType: 'PLAIN' }).trimEnd();
