/**
 * One border router with stock OpenThread software and the agent that speaks for it: waits until it is there, connects
 * the agent under the prefix that its network has, and connects it again when that prefix becomes another one.
 *
 *   looking ── it tells its state ──► reading, where it does not tell its own addresses ──► connected with its prefix
 *      └─────── 10 s, and its id is known ──────┴──► connected with what is known ── more is known ──► connected with that
 *   any state ── close ──► closed
 *
 * An agent without a prefix still tells every scan what is wrong with its border router, which one that is not there
 * cannot. The reading is no extra one: it answers what the hub asks when the agent connects. How a mesh is read is the
 * source's; what happened is told as facts, each problem once.
 */
import type { Clock } from '../clock.ts';
import { aborted, pause } from '../pause.ts';
import type { CollectionReport } from '../protocol/border-router-messages.ts';
import type { BorderRouterId, ExtAddress } from '../protocol/ids.ts';
import { type Ipv6Address, parseIpv6 } from '../protocol/ipv6.ts';
import type { Agent, AgentFact, AgentOptions, BorderRouterIdentity } from './agent-options.ts';
import { Backoff } from './backoff.ts';
import type { BorderRouterState, MeshReader, ReadFailure, ReadResult } from './mesh/mesh-reader.ts';
import { networkPrefixOf } from './network-prefix-of.ts';
import type { NodeSource, SourceNews } from './node-source.ts';

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

/** So long its prefix is waited for before the agent connects without, or with the mesh-local one. */
const connectAnywayMs = 10_000;
const stateTimeoutMs = 5_000;
/** Pauses between looks: a border router that boots takes half a minute, one that is away may be so for days. */
const lookMinMs = 500;
const lookMaxMs = 30_000;
/** Pauses before the mesh is read again that nobody has been told of: the hub asks for it once when it connects. */
const readAgainMinMs = 15_000;
const readAgainMaxMs = 300_000;
const readingLimitMs = 60_000;

export class StockBorderRouter {
  readonly #options: StockBorderRouterOptions;
  readonly #closing = new AbortController();
  #reader: MeshReader | null = null;
  #source: StockSource | null = null;
  /** As it told when it was found. */
  #state: BorderRouterState | null = null;
  /** Under which the mesh knows it, as the last reading told. */
  #ownAddress: Ipv6Address | null = null;
  /** A reading brought devices. */
  #hasToldItsMesh = false;
  #connected: { readonly agent: Agent; readonly networkPrefix: string | null } | null = null;
  /** Replaced by the one above as soon as that one is connected. */
  readonly #retired: Agent[] = [];
  /** Looks and changes of the connection, one after the other. */
  #work: Promise<void> = Promise.resolve();
  #id: BorderRouterId | null = null;
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
    const { clock, networkPrefix, onFact } = this.#options;
    const { signal } = this.#closing;
    this.#cancelConnectAnyway = clock.after(connectAnywayMs, () => this.#then(() => this.#connect()));
    const state = await this.#untilItTells();
    if (state === null) return this.#work;
    this.#state = state;
    onFact({ kind: 'found', state });
    if (networkPrefix === null && state.ipv6Addresses.length === 0) {
      await this.#within(connectAnywayMs, (limit) => this.#openSource().discover(limit));
    }
    this.#cancelConnectAnyway();
    this.#then(() => this.#connect());
    await this.#untilItTellsItsMesh();
    await aborted(signal);
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

  /** Nobody scans a mesh of which no device is known, so a first reading that failed is not the last. */
  async #untilItTellsItsMesh(): Promise<void> {
    const { clock, random = Math.random } = this.#options;
    const isOver = (): boolean => this.#hasToldItsMesh || this.#closing.signal.aborted;
    const backoff = new Backoff({ minMs: readAgainMinMs, maxMs: readAgainMaxMs, random });
    while (!isOver()) {
      await pause(clock, backoff.nextMs(), this.#closing.signal);
      if (isOver()) return;
      await this.#within(readingLimitMs, (limit) => this.#openSource().discover(limit));
    }
  }

  async #readState(): Promise<ReadResult<BorderRouterState>> {
    const reader = (this.#reader ??= this.#options.openReader());
    const result = await this.#within(stateTimeoutMs, (signal) => reader.state({ signal }));
    // It ended because its time was over, which is no wish of anybody.
    return !result.ok && result.code === 'cancelled'
      ? { ...result, code: 'silent', reason: `no answer within ${stateTimeoutMs / 1_000} s` }
      : result;
  }

  async #within<Value>(limitMs: number, step: (signal: AbortSignal) => Promise<Value>): Promise<Value> {
    const limit = new AbortController();
    const cancel = this.#options.clock.after(limitMs, () => limit.abort());
    try {
      return await step(AbortSignal.any([limit.signal, this.#closing.signal]));
    } finally {
      cancel();
    }
  }

  #then(step: () => Promise<void> | void): void {
    this.#work = this.#work.then(() => (this.#closing.signal.aborted ? undefined : step()));
    // Whoever runs it hears of a bug; until then it is no unhandled rejection.
    this.#work.catch(() => this.#closing.abort());
  }

  #connect(): void {
    const { onFact, ...options } = this.#options;
    this.#id ??= options.idOf(this.#state?.extAddress ?? null);
    const id = this.#id;
    if (id === null) return;
    const networkPrefix = this.#networkPrefix();
    const earlier = this.#connected;
    if (earlier !== null && (networkPrefix === null || networkPrefix === earlier.networkPrefix)) return;
    const source = this.#openSource();
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

  #networkPrefix(): string | null {
    const { networkPrefix } = this.#options;
    if (networkPrefix !== null || this.#state === null) return networkPrefix;
    const { ipv6Addresses, meshLocalPrefix } = this.#state;
    return networkPrefixOf({
      meshLocalPrefix: this.#source?.identity().network?.meshLocalPrefix ?? meshLocalPrefix,
      ipv6Addresses: this.#ownAddress === null ? ipv6Addresses : [this.#ownAddress],
    });
  }

  #openSource(): StockSource {
    if (this.#source !== null) return this.#source;
    const source = this.#options.openSource();
    this.#source = source;
    this.#stopNews = source.onNews?.((news) => this.#hear(source, news));
    return source;
  }

  #hear(source: StockSource, news: SourceNews): void {
    const { collection = null, extAddress = null } = source.identity();
    if (news.kind === 'collected') {
      if (collection !== null) this.#options.onFact({ kind: 'collected', report: collection });
      return;
    }
    this.#hasToldItsMesh = true;
    const itself = news.nodes.find((node) => node.extAddress !== null && node.extAddress === extAddress);
    const address = parseIpv6(itself?.ipv6 ?? '');
    if (address === null) return;
    this.#ownAddress = address;
    // Its network may have become another one.
    if (this.#connected !== null) this.#then(() => this.#connect());
  }

  #retire(): void {
    for (const agent of this.#retired.splice(0)) this.#then(() => agent.close());
  }
}
