/**
 * The border routers of the local network: found by mDNS when somebody asks, never before. Whether one's REST API answers is
 * tried once, because mDNS does not tell its port. What is found is a proposal; nothing connects to it by itself.
 */
import type { Clock } from '../clock.ts';
import type { ExtAddress } from '../protocol/ids.ts';
import { mayBeTried, orderAddresses, urlOf } from './candidate-addresses.ts';
import type { Browsed, BrowseResult } from './mdns-browser.ts';
import { type MeshcopText, parseMeshcopText } from './meshcop-text.ts';
import { findConflicts } from './network-conflicts.ts';
import type { ProbeRest } from './rest-probe.ts';
import type { ServiceInstance } from './service-records.ts';

export const meshcopService = '_meshcop._udp.local';

export interface Candidate extends MeshcopText {
  readonly name: string;
  readonly host: string | null;
  /** Best first. */
  readonly addresses: readonly string[];
  /** `off`: somebody is there and has no such API for us. */
  readonly rest: 'answers' | 'off' | 'unknown';
  /** Where the REST API answers; null where it does not. */
  readonly restUrl: string | null;
  /** Where it usually is: on port 8081, or on port 80 of an ESP border router. */
  readonly restUrls: readonly string[];
  /** A sentence where it disagrees with another of the same network. */
  readonly conflict: string | null;
}

export type CandidatesResult =
  | { readonly ok: true; readonly candidates: readonly Candidate[]; readonly foundAtMs: number }
  | { readonly ok: false; readonly reason: string };

export interface BorderRouterCandidatesOptions {
  readonly browse: (signal: AbortSignal) => Promise<BrowseResult>;
  readonly probe: ProbeRest;
  readonly clock: Clock;
}

const keptMs = 30_000;
const restPorts = [8081, 80] as const;
/** Two addresses say enough: of a kind, the others lead to the same machine. */
const triedAddresses = 2;
/** At a time. */
const probesAtOnce = 16;

export class BorderRouterCandidates {
  readonly #options: BorderRouterCandidatesOptions;
  readonly #closed = new AbortController();
  #kept: { readonly untilMs: number; readonly result: CandidatesResult } | null = null;
  #running: Promise<CandidatesResult> | null = null;

  constructor(options: BorderRouterCandidatesOptions) {
    this.#options = options;
  }

  /** Takes about two seconds, or none within 30 s of the last time. Who asks meanwhile shares the search. */
  find(): Promise<CandidatesResult> {
    const { clock } = this.#options;
    if (this.#kept !== null && clock.monotonicMs() < this.#kept.untilMs)
      return Promise.resolve(this.#kept.result);
    this.#running ??= this.#search().finally(() => {
      this.#running = null;
    });
    return this.#running;
  }

  /** Ends a search that runs. */
  async close(): Promise<void> {
    this.#closed.abort();
    await this.#running?.catch(() => undefined);
  }

  async #search(): Promise<CandidatesResult> {
    const { browse, clock } = this.#options;
    const browsed = await browse(this.#closed.signal);
    if (!browsed.ok) return browsed;
    const result: CandidatesResult = {
      ok: true,
      candidates: await this.#candidates(browsed.browsed),
      foundAtMs: clock.nowMs(),
    };
    this.#kept = { untilMs: clock.monotonicMs() + keptMs, result };
    return result;
  }

  async #candidates({ instances, interfaceName, onLoopback }: Browsed): Promise<Candidate[]> {
    const found = instances.map((instance) => describe(instance, interfaceName));
    const conflicts = findConflicts(found);
    const candidates: Candidate[] = [];
    const waiting = found.entries();
    const work = async (): Promise<void> => {
      for (const [index, entry] of waiting) {
        const isOver = this.#closed.signal.aborted;
        const tried = isOver ? [] : entry.restUrls.filter((url) => mayBeTried(hostOf(url), onLoopback));
        candidates[index] = {
          ...entry,
          ...(await this.#try(tried, entry.extAddress)),
          conflict: conflicts.get(entry) ?? null,
        };
      }
    };
    await Promise.all(Array.from({ length: probesAtOnce }, work));
    return candidates.toSorted((one, other) => one.name.localeCompare(other.name, 'en'));
  }

  async #try(
    urls: readonly string[],
    extAddress: ExtAddress | null,
  ): Promise<Pick<Candidate, 'rest' | 'restUrl'>> {
    const probes = await Promise.all(
      urls.map(async (url) => ({ url, probe: await this.#options.probe(url) })),
    );
    const answering = probes.find(
      ({ probe }) =>
        // Another machine may have this address by now.
        probe.kind === 'answers' &&
        (probe.extAddress === null || extAddress === null || probe.extAddress === extAddress),
    );
    if (answering !== undefined) return { rest: 'answers', restUrl: answering.url };
    const isOff = probes.length > 0 && probes.every(({ probe }) => probe.kind === 'off');
    return { rest: isOff ? 'off' : 'unknown', restUrl: null };
  }
}

function describe({ addresses, host, name, txt }: ServiceInstance, interfaceName: string | null) {
  const ordered = orderAddresses(addresses, interfaceName);
  const restUrls = ordered
    .filter((address) => !address.includes('%'))
    .slice(0, triedAddresses)
    .flatMap((address) => restPorts.map((port) => urlOf(address, port)))
    .filter((url) => url !== null);
  return { ...parseMeshcopText(txt), name, host, addresses: ordered, restUrls };
}

function hostOf(url: string): string {
  return (URL.parse(url)?.hostname ?? '').replace(/^\[|\]$/g, '');
}
