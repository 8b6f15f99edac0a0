/** `threadhub doctor`: what is wrong with this machine, its configuration or its hub, and what to do about it. */
import type { Command } from 'commander';
import { borderRouterSchema, type BorderRouterWire } from '../protocol/border-router.ts';
import type { CliContext } from './cli-context.ts';
import { checkCollections, checkLocalBorderRouter } from './doctor-border-routers.ts';
import { type Check, checkMachine, type CheckStatus } from './doctor-checks.ts';
import { exitCodes } from './exit-codes.ts';
import { createHubClient, type HubClient } from './hub-client.ts';
import type { Finish } from './program.ts';
import { type ConfigOptions, loadSettings, withConfigOptions } from './settings.ts';
import { counted, createPalette, type Palette, usesColours } from './text-layout.ts';
import { CommandError, ConfigError } from '../errors.ts';
import type { Config } from '../config.ts';

type DoctorOptions = ConfigOptions & { readonly hub?: string; readonly json?: boolean };

/** A hub that takes longer for its own list of border routers is not well. */
const hubTimeoutMs = 5_000;

export function addDoctorCommand(program: Command, context: CliContext, finish: Finish): void {
  withConfigOptions(program.command('doctor').description('check the machine, the configuration and the hub'))
    .option('--hub <url>', 'the hub (default: where the configuration says that it listens)')
    .option('--json', 'print the checks as JSON')
    .addHelpText(
      'after',
      `
Exit codes: 0 nothing is wrong (there may be warnings), 1 something is.

Example:
  threadhub doctor --config /etc/threadhub/threadhub.yaml`,
    )
    .action(async (options: DoctorOptions) => {
      const checks = await runChecks(context, options);
      if (options.json === true) context.stdout.write(`${JSON.stringify(checks, null, 2)}\n`);
      else {
        const palette = createPalette(usesColours(context.stdout, context.environment));
        context.stdout.write(renderChecks(checks, palette));
      }
      if (checks.some((check) => check.status === 'problem')) finish(exitCodes.failed);
    });
}

async function runChecks(context: CliContext, options: DoctorOptions): Promise<Check[]> {
  const { config, check } = checkConfig(context, options);
  if (config === null) {
    return [
      check,
      ...(await checkMachine({ config: null, hubAnswers: false, context })),
      await checkLocalBorderRouter(context, null),
    ];
  }
  const client = createHubClient({
    hub: options.hub ?? localUrl(config.server),
    fetch: context.fetch,
    userAgent: `threadhub-cli/${context.version}`,
  });
  const hubChecks = await checkHub(client);
  const hubAnswers = hubChecks.some((hubCheck) => hubCheck.name === 'hub' && hubCheck.status === 'ok');
  return [
    check,
    ...(await checkMachine({ config, hubAnswers, context })),
    await checkLocalBorderRouter(context, config),
    ...hubChecks,
  ];
}

/** Where a hub on this machine is reached that listens there. */
function localUrl({ host, port }: Config['server']): string {
  if (host === '0.0.0.0') return `http://127.0.0.1:${port}`;
  if (host === '::') return `http://[::1]:${port}`;
  return `http://${host.includes(':') ? `[${host}]` : host}:${port}`;
}

function checkConfig(
  context: CliContext,
  options: DoctorOptions,
): { readonly config: Config | null; readonly check: Check } {
  try {
    const { config, file } = loadSettings(context, options);
    const found = file === null ? 'no file, defaults and environment' : file;
    return { config, check: { name: 'configuration', status: 'ok', found, advice: null } };
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return {
      config: null,
      check: {
        name: 'configuration',
        status: 'problem',
        found: error.problems.join('\n'),
        advice: 'correct these values; docs/configuration.md has every key',
      },
    };
  }
}

async function checkHub(client: HubClient): Promise<Check[]> {
  const hub: Check = { name: 'hub', status: 'ok', found: `answers at ${client.url}`, advice: null };
  try {
    await client.request('GET', '/healthz', { timeoutMs: hubTimeoutMs });
    const borderRouters = await client.list('/api/border_routers', borderRouterSchema);
    return [hub, checkBorderRouters(borderRouters), checkCollections(borderRouters)].filter(
      (check) => check !== null,
    );
  } catch (error) {
    const found = error instanceof Error ? error.message : String(error);
    // A hub that tells only its own people what it knows is a hub all the same.
    if (error instanceof CommandError && error.code === 'request_refused') {
      return [hub, { name: 'border routers', status: 'warning', found, advice: null }];
    }
    return [{ name: 'hub', status: 'warning', found, advice: null }];
  }
}

function checkBorderRouters(borderRouters: readonly BorderRouterWire[]): Check {
  const name = 'border routers';
  const online = borderRouters.filter((router) => router.online);
  const found = `${online.length} of ${counted(borderRouters.length, 'border router')} online`;
  const troubled = [
    ...borderRouters.filter((router) => !router.online).map((router) => `${router.id} is offline`),
    ...online
      .filter((router) => router.flapping)
      .map((router) => `${router.id} is replaced again and again; two devices may have this id`),
  ];
  if (borderRouters.length === 0) {
    return {
      name,
      status: 'warning',
      found: 'none has connected',
      advice: "start one with 'threadhub border-router', or point your firmware at /ws/br of this hub",
    };
  }
  if (troubled.length === 0) return { name, status: 'ok', found, advice: null };
  return { name, status: 'warning', found: `${found}: ${troubled.join('; ')}`, advice: 'look at its log' };
}

const marks: Readonly<Record<CheckStatus, string>> = { ok: '✔', warning: '!', problem: '✖' };

function renderChecks(checks: readonly Check[], palette: Palette): string {
  const paints = { ok: palette.green, warning: palette.yellow, problem: palette.red };
  const width = Math.max(...checks.map((check) => check.name.length));
  const indent = ' '.repeat(width + 4);
  const lines = checks.flatMap((check) => [
    `${paints[check.status](marks[check.status])} ${check.name.padEnd(width)}  ${check.found.replaceAll('\n', `\n${indent}`)}`,
    ...(check.advice === null ? [] : [`${indent}→ ${check.advice}`]),
  ]);
  const problems = checks.filter((check) => check.status === 'problem').length;
  const warnings = checks.filter((check) => check.status === 'warning').length;
  return `${lines.join('\n')}\n\n${counted(problems, 'problem')}, ${counted(warnings, 'warning')}.\n`;
}
