/** `threadhub border-router`: the agent, on the Linux machine that joins the mesh to IP. */
import type { Command } from 'commander';
import type { AgentFact } from '../agent/agent-options.ts';
import { CommandError } from '../errors.ts';
import type { Logger } from '../observability/logger.ts';
import type { BorderRouterId, ExtAddress } from '../protocol/ids.ts';
import type { CliContext } from './cli-context.ts';
import { withFullStop, hubUrlOf } from './hub-client.ts';
import { hubAddress, type HubOptions } from './hub-option.ts';
import { borderRouterId, extAddress, networkPrefix } from './option-values.ts';
import type { Finish } from './program.ts';
import { runUntilStopped } from './run-until-stopped.ts';
import { createCliLogger, loadSettings } from './settings.ts';

interface BorderRouterOptions extends HubOptions {
  readonly id: BorderRouterId;
  readonly token?: string;
  readonly networkPrefix?: string;
  readonly source: string;
  readonly interface?: string;
  readonly encoding: string;
  readonly extAddr?: ExtAddress;
}

const sources = ['auto', 'coap', 'otbr-rest', 'ot-ctl'] as const;

export function addBorderRouterCommand(program: Command, context: CliContext, finish: Finish): void {
  const command = program.command('border-router');
  command
    .description('run the agent that joins a Thread mesh to a hub')
    .requiredOption('--id <id>', 'name of this border router, such as BR-001', borderRouterId)
    .option('--hub <url>', 'the hub (default: ws://127.0.0.1:5001, or THREADHUB_HUB)')
    .option('--token <token>', "its token, from 'threadhub token create' (better: THREADHUB_TOKEN)")
    .option(
      '--network-prefix <prefix>',
      'mesh prefix that it serves, such as fd78:8e78:3bfe:1::/64',
      networkPrefix,
    )
    .addOption(
      command
        .createOption('--source <name>', 'how it asks nodes; otbr-rest and ot-ctl are not available yet')
        .choices(sources)
        .default('auto'),
    )
    .addOption(
      command
        .createOption('--encoding <name>', 'of frames to the hub')
        .choices(['json', 'cbor'])
        .default('json'),
    )
    .option('--interface <name>', 'Thread interface that discovery asks through, such as wpan0')
    .option(
      '--ext-addr <address>',
      "extended address of this machine's Thread interface, 16 hex digits",
      extAddress,
    )
    .addHelpText(
      'after',
      `
'--source auto' is coap: CoAP GET /network-info on UDP 5683 over IPv6.

Exit codes: 0 stopped in order, 1 failed, 2 wrong command line.

Example:
  THREADHUB_TOKEN=… threadhub border-router --hub ws://hub.example:5001 --id BR-001 \\
    --network-prefix fd78:8e78:3bfe:1::/64 --interface wpan0`,
    )
    .action(async (options: BorderRouterOptions) => {
      if (options.source === 'otbr-rest' || options.source === 'ot-ctl') {
        throw new CommandError(
          'not_available',
          `--source ${options.source} is not available yet; use --source coap with nodes that serve /network-info.`,
        );
      }
      const hub = hubUrlOf(hubAddress(options, context)).replace(/^http/, 'ws');
      const environmentToken = context.environment['THREADHUB_TOKEN'] ?? '';
      const logger = createCliLogger(context, loadSettings(context, {}).config.log).child({
        border_router: options.id,
      });
      const source = await context.programs.createCoapSource({
        threadInterface: options.interface ?? null,
      });
      const agent = await context.programs.createAgent({
        hub,
        id: options.id,
        token: options.token ?? (environmentToken === '' ? null : environmentToken),
        networkPrefix: options.networkPrefix ?? null,
        encoding: options.encoding === 'cbor' ? 'cbor' : 'json',
        source,
        firmware: `threadhub ${context.version}`,
        identity: () => ({ extAddress: options.extAddr ?? null }),
        onFact: (fact) => logAgentFact(logger, hub, fact),
      });
      const exitCode = await runUntilStopped(context, logger, {
        start() {
          agent.start();
          return Promise.resolve();
        },
        async stop() {
          await agent.close();
          await source.close();
        },
      });
      finish(exitCode);
    });
}

function logAgentFact(logger: Logger, hub: string, fact: AgentFact): void {
  switch (fact.kind) {
    case 'connected':
      return logger.info({ hub, encoding: fact.encoding }, 'connected');
    case 'disconnected':
      return logger.warn({ code: fact.code, reason: fact.reason, abandoned: fact.abandoned }, 'disconnected');
    case 'refused':
      return logger.error(
        { hub, status: fact.status },
        `the hub refused: ${withFullStop(refusalText(fact.body))}`,
      );
    case 'connect_failed':
      return logger.warn({ hub }, `no connection: ${fact.reason}`);
    case 'replaced':
      return logger.error('another border router has this id; give each its own with --id');
    case 'reconnecting':
      return logger.debug({ delay_ms: fact.delayMs }, 'connecting again soon');
    case 'command_malformed':
      return logger.warn({ reason: fact.reason }, 'the hub sent something unreadable');
    case 'command_unknown':
      return logger.warn({ command: fact.command }, 'the hub sent a command that this version does not know');
    case 'command_answered':
      return logger.debug(
        {
          command: fact.command,
          request_id: fact.requestId,
          failure: fact.failure,
          duration_ms: fact.durationMs,
        },
        'command answered',
      );
    case 'command_failed':
      return logger.error({ request_id: fact.requestId, err: fact.error }, 'a bug: a command failed');
  }
}

/** The hub refuses with problem details; a proxy in between may say anything. */
function refusalText(body: string): string {
  try {
    const problem = JSON.parse(body) as { detail?: unknown } | null;
    if (typeof problem?.detail === 'string') return problem.detail;
  } catch {
    // Not ours.
  }
  return body.slice(0, 200);
}
