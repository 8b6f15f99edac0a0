/**
 * The stock border router of the hub's own machine, found and mapped with nothing typed: while `serve` runs, it looks on
 * loopback for the REST API of `otbr-agent`, and speaks for what answers with an agent in this process, which comes to the hub
 * by its own port like any other.
 *
 *   looking ── nobody (asked again each minute, without a word) ──► looking
 *      ├─ it answers, and the hub lets border routers in without a token ──► speaking for it
 *      ├─ it answers, and the hub does not ──► done: the command to type is told
 *   speaking ── another program speaks for it under this id ──► done: that one was meant
 *   any state ── stop ──► stopped
 */
import { defaultBorderRouterId } from '../agent/default-border-router-id.ts';
import { defaultRadioBudget } from '../agent/mesh/counted-radio.ts';
import { defaultOtbrUrl, shownAddress } from '../agent/stock-address.ts';
import type { StockBorderRouterFact } from '../agent/stock-border-router.ts';
import type { Config } from '../config.ts';
import { isLoopbackName } from '../loopback-name.ts';
import type { Logger } from '../observability/logger.ts';
import { aborted, pause } from '../pause.ts';
import { printable } from '../printable.ts';
import { stockBorderRouterLog } from './border-router-log.ts';
import type { CliContext } from './cli-context.ts';
import { withFullStop } from './hub-client.ts';
import { hubClientOf } from './hub-option.ts';

export interface LocalBorderRouterOptions {
  readonly context: CliContext;
  readonly config: Pick<Config, 'server' | 'border_routers'>;
  /** Where this hub listens: `http://127.0.0.1:5001`. */
  readonly hub: string;
  readonly logger: Logger;
  /** Our own bugs. */
  readonly fail: (error: unknown) => void;
}

const probeTimeoutMs = 1_000;
const lookAgainMs = 60_000;
/** What was read reaches the hub's list of nodes a moment later. */
const firstScanTries = 10;
const firstScanPauseMs = 1_000;

export class LocalBorderRouter {
  readonly #options: LocalBorderRouterOptions;
  readonly #stopping = new AbortController();
  #work: Promise<void> = Promise.resolve();
  #firstScan: Promise<void> | null = null;

  constructor(options: LocalBorderRouterOptions) {
    this.#options = options;
  }

  /** Does nothing where the configuration says `off`. */
  start(): void {
    const { local } = this.#options.config.border_routers;
    if (local === 'off') return;
    const url = local === 'auto' ? defaultOtbrUrl : local;
    this.#work = this.#run(url, local !== 'auto').catch(this.#options.fail);
  }

  /** Resolves when nothing of it is left. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#work;
    await this.#firstScan;
  }

  async #run(url: string, isNamed: boolean): Promise<void> {
    if (!(await this.#untilItAnswers(url, isNamed))) return;
    const { config, context, logger } = this.#options;
    const shown = shownAddress({ source: 'otbr-rest', url });
    const id = defaultBorderRouterId(context.hostName, null);
    if (!isLoopbackName(config.server.host) || config.border_routers.require_token) {
      logger.info(
        { address: shown },
        `an OpenThread border router answers, and this hub lets none in without a token. To map it, run ` +
          `'threadhub border-router --hub ${this.#localHub()} --id ${id} --otbr-url ${shown}' with THREADHUB_TOKEN set to ` +
          `what 'threadhub token create --border-router ${id}' gives while the hub listens on loopback`,
      );
      return;
    }
    await this.#speakFor(url, id, logger.child({ border_router: id, address: shown }));
  }

  /** False when it was told to stop. */
  async #untilItAnswers(url: string, isNamed: boolean): Promise<boolean> {
    const { context, logger } = this.#options;
    const { signal } = this.#stopping;
    let lastCode: string | null = null;
    for (;;) {
      const limit = new AbortController();
      const cancel = context.clock.after(probeTimeoutMs, () => limit.abort());
      const result = await context.programs.probeOtbrRest(url, AbortSignal.any([signal, limit.signal]));
      cancel();
      if (signal.aborted) return false;
      if (result.ok) return true;
      // That there is none is the ordinary case, unless somebody says that there is one.
      if (result.code !== lastCode) {
        logger[isNamed ? 'warn' : 'debug'](
          { address: shownAddress({ source: 'otbr-rest', url }), code: result.code },
          `no border router yet: ${withFullStop(printable(result.reason))}`,
        );
      }
      lastCode = result.code;
      await pause(context.clock, lookAgainMs, signal);
    }
  }

  async #speakFor(url: string, id: ReturnType<typeof defaultBorderRouterId>, logger: Logger): Promise<void> {
    const { context, hub } = this.#options;
    const log = stockBorderRouterLog(logger, hub);
    const steppedAside = new AbortController();
    const router = await context.programs.createStockBorderRouter({
      address: { source: 'otbr-rest', url },
      hub: hub.replace(/^http/, 'ws'),
      idOf: () => id,
      tokenOf: () => null,
      networkPrefix: null,
      encoding: 'json',
      radioBudget: defaultRadioBudget,
      threadInterface: null,
      firmware: `threadhub ${context.version}`,
      clock: context.clock,
      onFact: (fact) => {
        if (fact.kind === 'agent' && fact.fact.kind === 'replaced') {
          logger.info('another program speaks for this border router; this one leaves it to that');
          steppedAside.abort();
          return;
        }
        if (fact.kind === 'agent' && this.#stopping.signal.aborted) return;
        log(fact);
        this.#scanOnce(fact);
      },
    });
    const running = router.run();
    const ended = AbortSignal.any([this.#stopping.signal, steppedAside.signal]);
    try {
      await Promise.race([running, aborted(ended)]);
    } finally {
      await router.close();
    }
    await running;
  }

  /** The hub as programs of this machine reach it, also where it listens on every address. */
  #localHub(): string {
    const url = new URL(this.#options.hub);
    const { host } = this.#options.config.server;
    if (host === '0.0.0.0' || host === '::') url.hostname = '127.0.0.1';
    return url.origin;
  }

  /** The map is to be there when somebody looks, not at the next scheduled scan. */
  #scanOnce(fact: StockBorderRouterFact): void {
    if (fact.kind !== 'collected' || !fact.report.complete) return;
    this.#firstScan ??= this.#scan();
  }

  async #scan(): Promise<void> {
    const { context, hub } = this.#options;
    const client = hubClientOf({ hub }, context);
    const { signal } = this.#stopping;
    for (let tries = 0; tries < firstScanTries; tries += 1) {
      await pause(context.clock, firstScanPauseMs, signal);
      if (signal.aborted) return;
      try {
        await client.request('POST', '/api/trigger_scan', { body: {} });
        return;
      } catch {
        // Nothing to scan yet, or a hub that stops: the schedule scans later in any case.
      }
    }
  }
}
