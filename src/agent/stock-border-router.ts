/**
 * One border router with stock OpenThread software and the agent that speaks for it: waits until it is there, connects
 * the agent under the prefix that its network has, and connects it again when that prefix becomes another one.
 *
 *   looking ── it tells its state ──────────────────► connected with its prefix
 *      └─ 10 s passed, and its id is known ──► connected without, looking on ── it tells ──► connected with its prefix
 *   connected ── the mesh was read ──► looked at once more ── another prefix ──► connected with that
 *   any state ── close ──► closed
 *
 * An agent without a prefix still tells every scan what is wrong with its border router, which one that is not there
 * cannot. How the mesh is read is the source's; what happened is told as facts, each problem once.
 */
import type { Clock } from '../clock.ts';
import type { CollectionReport } from '../protocol/border-router-messages.ts';
import type { BorderRouterId, ExtAddress } from '../protocol/ids.ts';
import type { Agent, AgentFact, AgentOptions, BorderRouterIdentity } from './agent-options.ts';
import { Backoff } from './backoff.ts';
import type { BorderRouterState, MeshReader, ReadFailure, ReadResult } from './mesh/mesh-reader.ts';
import { networkPrefixOf } from './network-prefix-of.ts';
import type { NodeSource } from './node-source.ts';

/** A source that reads a whole mesh through one border router, and so knows that one as well. */
export interface StockSource extends NodeSource {
  identity(): Partial<BorderRouterIdentity>;
}

export type StockBorderRouterFact =
  /** It does not answer, or not usefully; told when the reason becomes another one. */
  | { readonly kind: 'waiting'; readonly failure: ReadFailure }
  | { readonly kind: 'found'; readonly state: BorderRouterState }
  | {
      readonly kind: 'connecting';
      readonly id: BorderRouterId;
      /** Null: the hub learns none, and takes nodes from discovery only. */
      readonly networkPrefix: string | null;
    }
  | { readonly kind: 'collected'; readonly report: CollectionReport }
  | { readonly kind: 'agent'; readonly fact: AgentFact };

export interface StockBorderRouterOptions {
  /** Opens a reader for itself alone; `close()` closes it. */
  readonly openReader: () => MeshReader;
  /** Opens the source; `close()` closes it. */
  readonly openSource: () => StockSource;
  readonly createAgent: (
    options: Pick<AgentOptions, 'id' | 'networkPrefix' | 'source' | 'identity' | 'onFact'>,
  ) => Agent;
  /** Its id; null where that needs the extended address, which is not known yet. */
  readonly idOf: (extAddress: ExtAddress | null) => BorderRouterId | null;
  /** As the operator says; null: what the border router says. */
  readonly networkPrefix: string | null;
  readonly clock: Clock;
  /** 0 ≤ x < 1. */
  readonly random?: () => number;
  readonly onFact: (fact: StockBorderRouterFact) => void;
}

/** So long its prefix is waited for before the agent connects without. */
const connectAnywayMs = 10_000;
const stateTimeoutMs = 5_000;
/** Pauses between looks: a border router that boots takes half a minute, one that is away may be so for days. */
const lookMinMs = 500;
const lookMaxMs = 30_000;

export class StockBorderRouter {
  readonly #options: StockBorderRouterOptions;
  readonly #closing = new AbortController();
  #reader: MeshReader | null = null;
  #source: StockSource | null = null;
  #connected: { readonly agent: Agent; readonly networkPrefix: string | null } | null = null;
  /** Replaced by the one above as soon as that one is connected. */
  readonly #retired: Agent[] = [];
  /** Looks and changes of the connection, one after the other. */
  #work: Promise<void> = Promise.resolve();
  #id: BorderRouterId | null = null;
  #looksAgain = false;
  #cancelConnectAnyway: () => void = () => undefined;
  #stopNews: (() => void) | undefined;

  constructor(options: StockBorderRouterOptions) {
    this.#options = options;
  }

  /** Null before it is known. */
  get id(): BorderRouterId | null {
    return this.#id;
  }

  /** Settles only when it is closed; rejects with our own bugs. */
  async run(): Promise<void> {
    const { clock } = this.#options;
    this.#cancelConnectAnyway = clock.after(connectAnywayMs, () => this.#then(() => this.#connect(null)));
    const state = await this.#untilItTells();
    this.#cancelConnectAnyway();
    if (state === null) return this.#work;
    this.#options.onFact({ kind: 'found', state });
    this.#then(() => this.#connect(state));
    await aborted(this.#closing.signal);
    await this.#work;
  }

  /** Safe to call twice, and before `run`. */
  async close(): Promise<void> {
    this.#closing.abort();
    this.#cancelConnectAnyway();
    await this.#work.catch(() => undefined);
    const agents = [...this.#retired, ...(this.#connected === null ? [] : [this.#connected.agent])];
    this.#connected = null;
    await Promise.all(agents.map((agent) => agent.close()));
    this.#stopNews?.();
    await this.#source?.close();
    await this.#reader?.close();
  }

  /** Null when it is closed before. */
  async #untilItTells(): Promise<BorderRouterState | null> {
    const { clock, onFact, random = Math.random } = this.#options;
    const backoff = new Backoff({ minMs: lookMinMs, maxMs: lookMaxMs, random });
    let lastCode: ReadFailure['code'] | null = null;
    for (;;) {
      const result = await this.#readState();
      if (this.#closing.signal.aborted) return null;
      if (result.ok) return result.value;
      if (result.code !== lastCode) onFact({ kind: 'waiting', failure: result });
      lastCode = result.code;
      await pause(clock, backoff.nextMs(), this.#closing.signal);
    }
  }

  async #readState(): Promise<ReadResult<BorderRouterState>> {
    this.#reader ??= this.#options.openReader();
    const limit = new AbortController();
    const cancel = this.#options.clock.after(stateTimeoutMs, () => limit.abort());
    const signal = AbortSignal.any([limit.signal, this.#closing.signal]);
    try {
      const result = await this.#reader.state({ signal });
      // It went on because its time was over, which is no wish of anybody.
      return !result.ok && result.code === 'cancelled'
        ? { ...result, code: 'silent', reason: `no answer within ${stateTimeoutMs / 1_000} s` }
        : result;
    } finally {
      cancel();
    }
  }

  #then(step: () => Promise<void> | void): void {
    this.#work = this.#work.then(() => (this.#closing.signal.aborted ? undefined : step()));
    // Whoever runs it hears of a bug; until then it is no unhandled rejection.
    this.#work.catch(() => this.#closing.abort());
  }

  #connect(state: BorderRouterState | null): void {
    const { onFact, ...options } = this.#options;
    this.#id ??= options.idOf(state?.extAddress ?? null);
    const id = this.#id;
    if (id === null) return;
    const networkPrefix = options.networkPrefix ?? (state === null ? null : networkPrefixOf(state));
    const earlier = this.#connected;
    if (earlier !== null && (networkPrefix === null || networkPrefix === earlier.networkPrefix)) return;
    const source = (this.#source ??= this.#openSource());
    const agent = options.createAgent({
      id,
      networkPrefix,
      source,
      identity: () => source.identity(),
      onFact: (fact) => {
        // The hub moves the requests of the earlier connection to this one; after that nobody needs it.
        if (fact.kind === 'connected') this.#retire();
        if (this.#connected?.agent === agent) onFact({ kind: 'agent', fact });
      },
    });
    if (earlier !== null) this.#retired.push(earlier.agent);
    this.#connected = { agent, networkPrefix };
    onFact({ kind: 'connecting', id, networkPrefix });
    agent.start();
  }

  #openSource(): StockSource {
    const source = this.#options.openSource();
    this.#stopNews = source.onNews?.((news) => {
      const report = source.identity().collection ?? null;
      if (news.kind === 'collected' && report !== null) this.#collected(report);
    });
    return source;
  }

  #retire(): void {
    for (const agent of this.#retired.splice(0)) this.#then(() => agent.close());
  }

  /** Its addresses are often known only after the first reading, and a border router may be moved to another network. */
  #collected(report: CollectionReport): void {
    this.#options.onFact({ kind: 'collected', report });
    if (!report.complete || this.#options.networkPrefix !== null || this.#looksAgain) return;
    this.#looksAgain = true;
    this.#then(async () => {
      this.#looksAgain = false;
      const result = await this.#readState();
      if (result.ok) this.#connect(result.value);
    });
  }
}

function pause(clock: Clock, delayMs: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) {
      resolve();
      return;
    }
    const done = (): void => {
      cancel();
      signal.removeEventListener('abort', done);
      resolve();
    };
    const cancel = clock.after(delayMs, done);
    signal.addEventListener('abort', done, { once: true });
  });
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
