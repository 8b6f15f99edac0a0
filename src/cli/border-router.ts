/**
 * `threadhub border-router`: the agent, on the Linux machine that joins the mesh to IP, or on any that reaches the REST API
 * of one. One process can speak for several border routers.
 */
import type { Command } from 'commander';
import type { Agent } from '../agent/agent-options.ts';
import { Backoff } from '../agent/backoff.ts';
import { chooseSource, type SourceChoice } from '../agent/choose-source.ts';
import { defaultRadioBudget } from '../agent/mesh/counted-radio.ts';
import { defaultOtbrUrl, defaultOtCtl, shownAddress, type StockAddress } from '../agent/stock-address.ts';
import type { Logger } from '../observability/logger.ts';
import { pause } from '../pause.ts';
import { printable } from '../printable.ts';
import type { BorderRouterId, ExtAddress } from '../protocol/ids.ts';
import { logAgentFact, stockBorderRouterLog } from './border-router-log.ts';
import {
  commandWords,
  type NamedUrl,
  otbrUrl,
  planBorderRouters,
  type PlannedRouter,
  type PlanOptions,
} from './border-router-plan.ts';
import { readTokens } from './border-router-tokens.ts';
import type { CliContext } from './cli-context.ts';
import { hubUrlOf, withFullStop } from './hub-client.ts';
import { hubAddress, type HubOptions } from './hub-option.ts';
import { borderRouterId, extAddress, list, networkPrefix, wholeNumber } from './option-values.ts';
import type { Finish } from './program.ts';
import { runUntilStopped } from './run-until-stopped.ts';
import { createCliLogger, loadSettings } from './settings.ts';

interface BorderRouterOptions extends HubOptions, PlanOptions {
  readonly id?: BorderRouterId;
  readonly token?: readonly string[];
  readonly networkPrefix?: string;
  readonly otbrUrl?: readonly NamedUrl[];
  readonly otCtl?: readonly string[];
  readonly radioBudget: number;
  readonly interface?: string;
  readonly encoding: 'json' | 'cbor';
  readonly extAddr?: ExtAddress;
}

const sources = ['auto', 'otbr-rest', 'ot-ctl', 'coap'] as const;
/** Pauses between looks at a machine whose border router is starting. */
const lookMinMs = 1_000;
const lookMaxMs = 30_000;

export function addBorderRouterCommand(program: Command, context: CliContext, finish: Finish): void {
  const command = program.command('border-router');
  command
    .description('run the agent that joins a Thread mesh to a hub')
    .option(
      '--id <id>',
      'name of this border router, such as BR-001 (default: the host name)',
      borderRouterId,
    )
    .option('--hub <url>', 'the hub (default: ws://127.0.0.1:5001, or THREADHUB_HUB)')
    .option(
      '--token <token>',
      "its token, from 'threadhub token create', or BR-001=TOKEN for one of several; repeatable (better: THREADHUB_TOKEN)",
      list,
    )
    .addOption(
      command.createOption('--source <name>', 'how the mesh is read').choices(sources).default('auto'),
    )
    .option(
      '--otbr-url <url>',
      `REST API of otbr-agent (default: ${defaultOtbrUrl}); ID=URL names the border router; repeatable`,
      otbrUrl,
    )
    .option('--ot-ctl <command>', "how ot-ctl is run (default: ot-ctl), such as 'sudo ot-ctl'", commandWords)
    .option(
      '--radio-budget <number>',
      'requests that one reading of the mesh may send on the radio',
      wholeNumber(1, 10_000),
      defaultRadioBudget,
    )
    .option(
      '--network-prefix <prefix>',
      'mesh prefix that it serves, such as fd78:8e78:3bfe:1::/64 (default: what the border router says)',
      networkPrefix,
    )
    .addOption(
      command
        .createOption('--encoding <name>', 'of frames to the hub')
        .choices(['json', 'cbor'])
        .default('json'),
    )
    .option('--interface <name>', 'Thread interface that multicasts go through, such as wpan0')
    .option(
      '--ext-addr <address>',
      "coap: extended address of this machine's Thread interface, 16 hex digits",
      extAddress,
    )
    .addHelpText(
      'after',
      `
Sources: otbr-rest reads a stock border router's REST API, ot-ctl its command line, coap asks every node for
/network-info on UDP 5683. 'auto' takes the first of these that is there. A source that is named and not there
yet is waited for. docs/border-routers.md says how to connect which border router.

Exit codes: 0 stopped in order, 1 failed, 2 wrong command line.

Example:
  threadhub border-router --hub ws://hub.example:5001
  threadhub border-router --source ot-ctl --ot-ctl 'sudo ot-ctl'
  threadhub border-router --otbr-url attic=http://192.168.1.20:8081 --otbr-url cellar=http://192.168.1.21:8081
  THREADHUB_TOKEN=… threadhub border-router --hub wss://hub.example --id BR-001 --source coap \\
    --network-prefix fd78:8e78:3bfe:1::/64 --interface wpan0`,
    )
    .action(async (options: BorderRouterOptions) => {
      finish(await runBorderRouters(context, options));
    });
}

async function runBorderRouters(context: CliContext, options: BorderRouterOptions): Promise<number> {
  const plan = planBorderRouters(options, context.hostName);
  const hub = hubUrlOf(hubAddress(options, context)).replace(/^http/, 'ws');
  const environmentToken = context.environment['THREADHUB_TOKEN'] ?? '';
  const tokenOf = readTokens(
    options.token ?? list(environmentToken),
    plan.kind === 'stock' ? plan.routers.length : 1,
  );
  const logger = createCliLogger(context, loadSettings(context, {}).config.log);
  const closing = new AbortController();
  const open: (() => Promise<void>)[] = [];
  let starting: Promise<void> = Promise.resolve();

  async function startStock({ address, idOf }: PlannedRouter, fail: (error: unknown) => void): Promise<void> {
    const shown = shownAddress(address);
    const known = idOf(null);
    const router = await context.programs.createStockBorderRouter({
      address,
      hub,
      idOf,
      tokenOf: (id) => tokenOf(id) ?? null,
      networkPrefix: options.networkPrefix ?? null,
      encoding: options.encoding,
      radioBudget: options.radioBudget,
      threadInterface: options.interface ?? null,
      firmware: `threadhub ${context.version}`,
      clock: context.clock,
      onFact: stockBorderRouterLog(
        logger.child({ ...(known === null ? {} : { border_router: known }), address: shown }),
        hub,
      ),
    });
    open.push(() => router.close());
    router.run().catch(fail);
  }

  async function startCoap(id: BorderRouterId): Promise<void> {
    const agentLogger = logger.child({ border_router: id });
    const source = await context.programs.createCoapSource({ threadInterface: options.interface ?? null });
    let agent: Agent | null = null;
    open.push(async () => {
      await agent?.close();
      await source.close();
    });
    agent = await context.programs.createAgent({
      hub,
      id,
      token: tokenOf(id) ?? null,
      networkPrefix: options.networkPrefix ?? null,
      encoding: options.encoding,
      source,
      firmware: `threadhub ${context.version}`,
      identity: () => ({ extAddress: options.extAddr ?? null }),
      onFact: (fact) => logAgentFact(agentLogger, hub, fact),
    });
    agent.start();
  }

  async function startWhatIsThere(id: BorderRouterId, fail: (error: unknown) => void): Promise<void> {
    const source = await untilChosen(context, logger, closing.signal);
    if (source === null) return;
    if (source === 'coap') await startCoap(id);
    else await startStock({ address: localAddresses[source], idOf: () => id }, fail);
  }

  return runUntilStopped(context, logger, {
    async start(fail) {
      switch (plan.kind) {
        case 'coap':
          return startCoap(plan.id);
        case 'stock':
          for (const router of plan.routers) await startStock(router, fail);
          return;
        case 'auto':
          // Not waited for: a border router may take as long as it likes to appear, and a signal must be heard meanwhile.
          starting = startWhatIsThere(plan.id, fail).catch(fail);
      }
    },
    async stop() {
      closing.abort();
      await starting;
      await Promise.all(open.splice(0).map((close) => close()));
    },
  });
}

const localAddresses: Readonly<Record<StockAddress['source'], StockAddress>> = {
  'otbr-rest': { source: 'otbr-rest', url: defaultOtbrUrl },
  'ot-ctl': { source: 'ot-ctl', command: defaultOtCtl },
};

/** Looks until there is something to choose; says what it found, and why not the others. Null when it was told to stop. */
async function untilChosen(
  { clock, programs }: Pick<CliContext, 'clock' | 'programs'>,
  logger: Logger,
  signal: AbortSignal,
): Promise<SourceChoice['source']> {
  const backoff = new Backoff({ minMs: lookMinMs, maxMs: lookMaxMs, random: Math.random });
  const probes = {
    otbrRest: (probeSignal: AbortSignal) => programs.probeOtbrRest(defaultOtbrUrl, probeSignal),
    otCtl: (probeSignal: AbortSignal) => programs.probeOtCtl(defaultOtCtl, probeSignal),
  };
  let isTold = false;
  for (;;) {
    const { passedOver, source } = await chooseSource(probes, signal);
    if (signal.aborted) return null;
    if (!isTold || source !== null) {
      for (const { source: other, code, reason } of passedOver) {
        logger.info({ source: other, code }, `not ${other}: ${withFullStop(printable(reason))}`);
      }
    }
    if (source !== null) {
      const advice = source === 'coap' ? '; nodes must serve /network-info, name another with --source' : '';
      logger.info({ source }, `the mesh is read through ${source}${advice}`);
      return source;
    }
    if (!isTold) logger.warn('the border router of this machine does not run yet; waiting for it');
    isTold = true;
    await pause(clock, backoff.nextMs(), signal);
  }
}
