/** `--hub` and `--json`, as every command that asks a hub has them. */
import type { Command } from 'commander';
import type { CliContext } from './cli-context.ts';
import { createHubClient, defaultHubUrl, type HubClient } from './hub-client.ts';

export interface HubOptions {
  readonly hub?: string;
}

export const withHubOption = (command: Command): Command =>
  command.option('--hub <url>', `the hub (default: ${defaultHubUrl}, or THREADHUB_HUB)`);

/** What `--hub` says, else the environment, else this machine. */
export const hubAddress = (options: HubOptions, context: Pick<CliContext, 'environment'>): string =>
  options.hub ?? (context.environment['THREADHUB_HUB'] || defaultHubUrl);

export const hubClientOf = (options: HubOptions, context: CliContext): HubClient =>
  createHubClient({
    hub: hubAddress(options, context),
    fetch: context.fetch,
    userAgent: `threadhub-cli/${context.version}`,
  });
