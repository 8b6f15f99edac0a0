/**
 * The nodes of a mesh behind a stock border router. Each `scan_node` asks for one of them, and all are answered from one reading
 * of the whole mesh, each as soon as its own facts are in. Nobody causes a second reading while one runs or is fresh.
 *
 * A node that is not there is an answer as well, and says why that is thought: a router that others name stayed silent, the
 * border router lists a device that nobody hears, or the mesh was read and no device has the address.
 */
import type { Clock } from '../../clock.ts';
import type { CollectionReport, SeenNode } from '../../protocol/border-router-messages.ts';
import type { ExtAddress } from '../../protocol/ids.ts';
import type { Ipv6Address } from '../../protocol/ipv6.ts';
import type { JsonObject } from '../../protocol/json.ts';
import type { BorderRouterIdentity } from '../agent-options.ts';
import type {
  DiscoverAnswer,
  NodeSource,
  NodeSourceCounters,
  ScanNodeAnswer,
  ScanNodeRequest,
  SendCoapAnswer,
  SendCoapRequest,
  SourceFailure,
  SourceNews,
} from '../node-source.ts';
import {
  count,
  ghostsOf,
  incompleteness,
  networkFactsOf,
  networkOf,
  reportOf,
  silentRouter,
  statementOf,
} from './collection-report.ts';
import { extAddressOf, preferredAddress, rloc16Of } from './mesh-addresses.ts';
import { defaultRadioBudget } from './counted-radio.ts';
import type { MeshReading } from './mesh-collection.ts';
import { MeshCollector } from './mesh-collector.ts';
import type { MeshPicture } from './mesh-picture.ts';
import type { MeshReader } from './mesh-reader.ts';
import { networkInfoOf } from './network-info-of.ts';
import type { SharedCollections } from './shared-collections.ts';

/** What happens in reading a mesh, for logs. */
export type MeshFact = {
  readonly kind: 'collected';
  readonly report: CollectionReport;
  /** A sentence: what was read, with how many requests, and what is missing. */
  readonly statement: string;
};

export interface MeshNodeSourceOptions {
  /** Owned by the source from here on: `close()` closes it. */
  readonly reader: MeshReader;
  readonly clock: Clock;
  /** How a `send_coap` reaches a node; refused where there is no way. Owned by the source as well. */
  readonly coap?: Pick<NodeSource, 'sendCoap' | 'close'>;
  /** Requests on the radio in one reading of the mesh; 128 where it is not given. */
  readonly radioBudget?: number;
  /** A reading that ended so lately answers who asks now; 5 s where it is not given. */
  readonly shareMs?: number;
  /** Of one reading; 25 s where it is not given, less than a whole scan may take. */
  readonly timeLimitMs?: number;
  /** The same for all border routers of one process: those of one mesh then read it once. */
  readonly shared?: SharedCollections;
  readonly onFact?: (fact: MeshFact) => void;
}

const defaultShareMs = 5_000;
const defaultTimeLimitMs = 25_000;
const maxNames = 4_096;

interface Waiter {
  readonly target: Ipv6Address;
  readonly settle: (answer: ScanNodeAnswer) => void;
}

export class MeshNodeSource implements NodeSource {
  readonly pacing = 'shared';
  readonly #reader: MeshReader;
  readonly #clock: Clock;
  readonly #coap: MeshNodeSourceOptions['coap'];
  readonly #onFact: (fact: MeshFact) => void;
  readonly #collector: MeshCollector;
  readonly #waiters = new Set<Waiter>();
  readonly #endings = new Set<() => void>();
  readonly #listeners = new Set<(news: SourceNews) => void>();
  /** The reading that ended last with devices in it. */
  #known: MeshPicture | null = null;
  /** Whose an address was, for sentences about devices that are silent now; the latest last. */
  readonly #names = new Map<Ipv6Address, ExtAddress>();
  #lastSeen: Extract<SourceNews, { kind: 'seen' }> | null = null;
  #lastSeenKey = '';
  #reading: MeshReading | null = null;
  /** Somebody got something of that reading. */
  #served = false;
  #closed = false;

  constructor({ clock, coap, onFact, reader, ...options }: MeshNodeSourceOptions) {
    this.#reader = reader;
    this.#clock = clock;
    this.#coap = coap;
    this.#onFact = onFact ?? (() => undefined);
    this.#collector = new MeshCollector({
      reader,
      clock,
      radioBudget: options.radioBudget ?? defaultRadioBudget,
      shareMs: options.shareMs ?? defaultShareMs,
      timeLimitMs: options.timeLimitMs ?? defaultTimeLimitMs,
      shared: options.shared ?? null,
      waiting: () => [...this.#waiters].map(({ target }) => target),
      mayReadSlowly: () => this.#served,
      onProgress: (reading) => this.#settleWaiters(reading),
      onEnded: (reading) => this.#ended(reading),
    });
  }

  get kind(): MeshReader['kind'] {
    return this.#reader.kind;
  }

  async scanNode({ targetIpv6 }: ScanNodeRequest, signal: AbortSignal): Promise<ScanNodeAnswer> {
    if (this.#closed) return refused('the border router’s agent is closing');
    if (signal.aborted) return cancelled;
    const reading = this.#want();
    const answer = this.#answerFrom(reading, targetIpv6);
    if (answer !== null) {
      this.#served = true;
      return answer;
    }
    return new Promise((resolve) => {
      const settle = (answered: ScanNodeAnswer): void => {
        this.#waiters.delete(waiter);
        signal.removeEventListener('abort', leave);
        resolve(answered);
      };
      const leave = (): void => settle(cancelled);
      const waiter: Waiter = { target: targetIpv6, settle };
      this.#waiters.add(waiter);
      signal.addEventListener('abort', leave, { once: true });
    });
  }

  async discover(signal: AbortSignal): Promise<DiscoverAnswer> {
    if (this.#closed) return refused('the border router’s agent is closing');
    if (signal.aborted) return cancelled;
    const reading = this.#want();
    if (reading.endedMs === null) await this.#ends(signal);
    else this.#served = true;
    const { picture } = reading;
    if (picture === null) return failureOf(reading);
    return {
      ok: true,
      network: networkFactsOf(reading),
      nodes: this.#nodesOf(picture, (device) => networkInfoOf(device, picture, this.#clock.monotonicMs())),
    };
  }

  sendCoap(request: SendCoapRequest, signal: AbortSignal): Promise<SendCoapAnswer> {
    if (this.#coap !== undefined && !this.#closed) return this.#coap.sendCoap(request, signal);
    return Promise.resolve(
      refused('this border router’s agent reads the mesh through its tables and sends no CoAP requests'),
    );
  }

  /** What the border router says of itself, and how its last reading of the mesh went. */
  identity(): Partial<BorderRouterIdentity> {
    const latest = this.#collector.latest;
    const picture = this.#known;
    const report = latest === null ? null : reportOf(latest, this.#reader, this.#clock.monotonicMs());
    if (picture === null) return { collection: report };
    const { state } = picture;
    return {
      extAddress: state.extAddress,
      rloc16: state.rloc16,
      role: state.role,
      partitionId: state.partitionId,
      nodesCount: picture.devices.length,
      network: networkOf(state),
      collection: report,
    };
  }

  counters(): NodeSourceCounters {
    return { coapInFlight: null, coapRetriesTotal: null };
  }

  onNews(listener: (news: SourceNews) => void): () => void {
    this.#listeners.add(listener);
    if (this.#lastSeen !== null) listener(this.#lastSeen);
    return () => this.#listeners.delete(listener);
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const { settle } of [...this.#waiters]) settle(refused('the border router’s agent is closing'));
    for (const end of [...this.#endings]) end();
    await this.#collector.close();
    await this.#reader.close();
    await this.#coap?.close();
  }

  // -------------------------------------------------------------------------------------------------------- readings

  #want(): MeshReading {
    const reading = this.#collector.want();
    if (reading !== this.#reading) this.#served = false;
    this.#reading = reading;
    return reading;
  }

  #settleWaiters(reading: MeshReading): void {
    for (const { settle, target } of [...this.#waiters]) {
      const answer = this.#answerFrom(reading, target);
      if (answer === null) continue;
      this.#served = true;
      settle(answer);
    }
  }

  #ended(reading: MeshReading): void {
    this.#settleWaiters(reading);
    for (const end of [...this.#endings]) end();
    if (this.#closed) return;
    const { picture } = reading;
    // A border router that fails in the middle has not lost its mesh.
    if (picture !== null && (reading.isOfUse || this.#known === null)) this.#known = picture;
    this.#onFact({
      kind: 'collected',
      report: reportOf(reading, this.#reader, this.#clock.monotonicMs()),
      statement: statementOf(reading),
    });
    if (picture !== null) this.#remember(picture);
    this.#tell({ kind: 'collected' });
    if (picture !== null && reading.isOfUse) this.#tellSeen(reading, picture);
  }

  /** Null while it is not decided. */
  #answerFrom(reading: MeshReading, target: Ipv6Address): ScanNodeAnswer | null {
    const { picture } = reading;
    const device = picture?.byAddress.get(target);
    if (picture !== null && device !== undefined && reading.isSettled(device))
      return { ok: true, networkInfo: networkInfoOf(device, picture, this.#clock.monotonicMs()) };
    return reading.endedMs === null ? null : absenceOf(reading, target, this.#names.get(target) ?? null);
  }

  #remember({ devices }: MeshPicture): void {
    for (const { extAddress, ipv6Addresses } of devices)
      for (const address of extAddress === null ? [] : ipv6Addresses) {
        this.#names.delete(address);
        if (extAddress !== null) this.#names.set(address, extAddress);
      }
    for (const address of this.#names.keys()) {
      if (this.#names.size <= maxNames) return;
      this.#names.delete(address);
    }
  }

  /** Resolves at the end of the reading, or when the signal aborts. */
  #ends(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const leave = (): void => {
        this.#endings.delete(end);
        signal.removeEventListener('abort', leave);
        resolve();
      };
      const end = (): void => {
        this.#served = true;
        leave();
      };
      this.#endings.add(end);
      signal.addEventListener('abort', leave, { once: true });
    });
  }

  // ------------------------------------------------------------------------------------------------------------ news

  #tellSeen(reading: MeshReading, picture: MeshPicture): void {
    const nodes = this.#nodesOf(picture, () => null);
    const key = nodes
      .map(({ extAddress, ipv6, rloc16 }) => `${extAddress ?? `at ${rloc16 ?? ''}`} ${ipv6 ?? ''}`)
      .sort()
      .join('\n');
    if (key === this.#lastSeenKey) return;
    this.#lastSeenKey = key;
    this.#lastSeen = { kind: 'seen', network: networkFactsOf(reading), nodes };
    this.#tell(this.#lastSeen);
  }

  #tell(news: SourceNews): void {
    for (const listener of [...this.#listeners]) listener(news);
  }

  #nodesOf(
    picture: MeshPicture,
    networkInfoFor: (device: MeshPicture['devices'][number]) => JsonObject | null,
  ): SeenNode[] {
    return picture.devices.map((device) => ({
      ipv6: preferredAddress(device.ipv6Addresses, picture.meshLocalPrefix),
      extAddress: device.extAddress,
      rloc16: device.rloc16,
      name: device.hostname,
      networkInfo: networkInfoFor(device),
    }));
  }
}

const cancelled: SourceFailure = { ok: false, code: 'refused', reason: 'cancelled' };

const refused = (reason: string): SourceFailure => ({ ok: false, code: 'refused', reason });
const timedOut = (reason: string): SourceFailure => ({ ok: false, code: 'timed_out', reason });

/** Why a reading has no answer for a node. `before`: whose the address was in an earlier reading. */
function absenceOf(reading: MeshReading, target: Ipv6Address, before: ExtAddress | null): SourceFailure {
  const { picture, problem } = reading;
  if (
    picture === null ||
    (problem !== null && problem.code !== 'out_of_time' && problem.code !== 'over_budget')
  )
    return failureOf(reading);
  const listed = picture.unproved.find(({ ipv6Addresses }) => ipv6Addresses.includes(target));
  const extAddress = listed?.extAddress ?? before ?? extAddressOf(target);
  const place = rloc16Of(target);
  const router = [...picture.expectedRouters.values()].find(
    (expected) =>
      !expected.wasRead &&
      ((expected.extAddress !== null && expected.extAddress === extAddress) || expected.rloc16 === place),
  );
  const incomplete = incompleteness(reading);
  if (router !== undefined) {
    const cut = problem === null ? '' : `; ${problem.reason}`;
    const reason = `${silentRouter(router, reading)}${cut}`;
    return reading.whyNotAsked(router) === null ? timedOut(reason) : refused(reason);
  }
  if (listed !== undefined) {
    const isGhost = ghostsOf(reading).includes(listed);
    const isAsked = listed.kind !== 'sleepy' && listed.kind !== null;
    const cut = incomplete === null ? '' : `; ${incomplete.reason}`;
    return timedOut(
      isGhost
        ? `the border router still lists ${listed.extAddress}, but no router hears it${isAsked ? ' and it did not answer' : ''}`
        : `the border router lists ${listed.extAddress}, but no router that was read hears it${cut}`,
    );
  }
  const routers = [...picture.expectedRouters.values()].filter(({ wasRead }) => wasRead).length;
  const others = picture.devices.filter(({ parent }) => parent !== null);
  const unnamed = others.filter(({ extAddress }) => extAddress === null).length;
  const wereRead = [
    `${count(routers, 'router')} and ${count(others.length, 'other device')} were read`,
    unnamed === 0 ? '' : `, ${unnamed} of them without an address`,
  ].join('');
  return timedOut(
    incomplete === null
      ? `no device of this mesh has the address ${target} (${wereRead})`
      : `no device with the address ${target} was found; ${wereRead}, and ${incomplete.reason}`,
  );
}

/** What is wrong with the border router itself. */
function failureOf({ problem }: MeshReading): SourceFailure {
  const reason = problem?.reason ?? 'the border router has not told anything yet';
  switch (problem?.code) {
    case 'off':
    case 'too_old':
    case 'rejected':
    case 'over_budget':
      return refused(reason);
    case 'malformed':
      return { ok: false, code: 'malformed', reason };
    case 'unreachable':
    case 'silent':
    case 'unlisted':
    case 'cancelled':
    case 'out_of_time':
    case undefined:
      return timedOut(reason);
  }
}
