/**
 * The map as it stands and as it stood: feeds the pure code of `topology/` with what scans find, keeps what earlier
 * scans taught, and reads past topologies back from the store.
 *
 * While a scan runs, partial topologies are made at most every `updateIntervalMs`, and only while somebody watches or
 * asks: a map nobody looks at costs nothing. A scan of some of the nodes leaves the others on the map as last found.
 */
import type { Clock } from '../clock.ts';
import type { FactBus } from '../facts.ts';
import type { BorderRouterLinks } from '../links/border-router-links.ts';
import type { BorderRouter } from '../protocol/border-router.ts';
import type { HeartbeatMessage } from '../protocol/border-router-messages.ts';
import { asBorderRouterId, type BorderRouterId, type ScanId } from '../protocol/ids.ts';
import { parseIpv6, parseIpv6Prefix, formatIpv6Prefix } from '../protocol/ipv6.ts';
import { type NetworkInfo, roles } from '../protocol/network-info.ts';
import type { Scan, ScanNode, ScanSummary } from '../protocol/scan.ts';
import type { Topology } from '../protocol/topology.ts';
import { buildTopology } from '../topology/build-topology.ts';
import { type EarlierKnowledge, nothingKnown, rememberTopology } from '../topology/earlier-knowledge.ts';
import { importedNetworkKey } from '../topology/bundle.ts';
import { TopologyBuilder } from '../topology/topology-builder.ts';
import {
  observationOf,
  observationsFromScan,
  type TopologyBorderRouter,
  type TopologyInput,
  type TopologyObservation,
} from '../topology/topology-input.ts';
import type { RegisteredNode } from './registered-node.ts';
import type { ScanStore } from './scan-store.ts';

export interface TopologiesOptions {
  readonly store: Pick<ScanStore, 'list' | 'topology' | 'topologyAt' | 'get'>;
  readonly borderRouters: Pick<BorderRouterLinks, 'list' | 'networkPrefixOf'>;
  readonly nodes: { list(): readonly RegisteredNode[] };
  /** A running scan as it stands. */
  readonly scans: { get(id: ScanId): Scan | null };
  readonly facts: Pick<FactBus, 'on' | 'emit'>;
  readonly clock: Clock;
  readonly updateIntervalMs: number;
  /** Whether anybody looks at the map; partial topologies are pushed only then. */
  readonly isWatched: () => boolean;
  /** A past scan could not be read; the map does without it. */
  readonly onStoreError: (error: unknown) => void;
}

/**
 * Partial maps take at most a hundredth of the time: the map of a thousand nodes and many pages must not slow the scan that
 * it shows, whose results come one by one as well.
 */
const updateSpacing = 100;
/** So long after a network's last node was decided its part of the map is built, with those of others meanwhile. */
const prepareAfterMs = 50;
/** Past scans read at the start to learn where silent nodes were. */
const foldedScans = 50;
/** Of as many nodes as the hub scans, and as many again that were removed and may come back. */
const maxObservations = 20_000;

export class Topologies {
  readonly #options: TopologiesOptions;
  readonly #unsubscribe: (() => void)[];
  /** The newest observation of every node, by name. */
  readonly #observations = new Map<string, TopologyObservation>();
  readonly #builder = new TopologyBuilder();
  /** What border routers last said that they are. */
  readonly #identities = new Map<BorderRouterId, string>();
  /** The same observations as of an earlier scan, so that the builder knows them again. */
  readonly #asEarlier = new WeakMap<TopologyObservation, TopologyObservation>();
  #earlier: EarlierKnowledge = nothingKnown;
  /** Final topologies that `#earlier` has yet to take in. */
  #unlearned: Topology[] = [];
  #current: Topology;
  /** The scan that the map shows while it runs. */
  #shown: ScanSummary | null = null;
  /** When the scan that the map shows, or showed last, began. */
  #startedAt: number;
  /** Undecided nodes of running scans, by network. */
  readonly #openIn = new Map<string, number>();
  #cancelPrepare: (() => void) | null = null;
  /** As parts are built ahead with them; one that has changed by the end costs its part. */
  #preparedWith: readonly TopologyBorderRouter[] | null = null;
  /** What has gone into parts of the next map, ms. */
  #prepareCostMs = 0;
  /** What the last map took to make and to tell, ms. */
  #updateCostMs = 0;
  /** `#current` is older than what is known. */
  #dirty = false;
  /** Something has changed since the watchers were told; a reader may have had `#current` made anew meanwhile. */
  #untold = false;
  #cancelUpdate: (() => void) | null = null;

  constructor(options: TopologiesOptions) {
    this.#options = options;
    this.#startedAt = options.clock.nowMs();
    this.#current = this.#build({ id: null, startedAt: options.clock.nowMs(), final: true });
    const { facts } = options;
    this.#unsubscribe = [
      facts.on('scan:started', ({ scan }) => this.#started(scan)),
      facts.on('scan:node_decided', ({ networkInfo, node }) => this.#decided(node, networkInfo)),
      facts.on('nodes:changed', () => this.#changed()),
      facts.on('border_router:connected', () => this.#changed()),
      facts.on('border_router:disconnected', () => this.#changed()),
      facts.on('border_router:heartbeat', ({ id, heartbeat }) => this.#heard(id, heartbeat)),
    ];
  }

  /** Learns from the stored scans; once, before the first scan. */
  async load(): Promise<void> {
    const { items } = await this.#options.store.list({ limit: foldedScans, cursor: null });
    const past = items.filter((scan) => scan.trigger !== 'import' && scan.finishedAt !== null);
    for (const { id } of past.toReversed()) {
      const topology = await this.#read(this.#options.store.topology(id as ScanId));
      if (topology === null) continue;
      this.#earlier = rememberTopology(this.#earlier, topology);
      this.#current = topology;
    }
    const [last] = past;
    if (last === undefined) return;
    this.#startedAt = last.startedAt;
    await this.#observePast(past);
    // Nodes and border routers are as they are now, not as they were.
    this.#dirty = true;
  }

  /** From the newest scan back, until every registered node was found in one: the last scan may have asked a few only. */
  async #observePast(newestFirst: readonly ScanSummary[]): Promise<void> {
    const sought = new Set<string>(this.#options.nodes.list().map(({ name }) => name));
    for (const { id } of newestFirst) {
      if (sought.size === 0) return;
      const scan = await this.#read(this.#options.store.get(id as ScanId));
      for (const node of scan?.nodes ?? []) if (sought.delete(node.name)) this.#observe(node);
    }
  }

  /** Null as well for what the store cannot read: one damaged scan must not keep the hub from starting. */
  async #read<T>(stored: Promise<T | null>): Promise<T | null> {
    try {
      return await stored;
    } catch (error) {
      this.#options.onStoreError(error);
      return null;
    }
  }

  /** The newest map: of the running scan where there is one, else of the last. */
  current(): Topology {
    if (this.#dirty) this.#refresh();
    return this.#current;
  }

  /** The map of the last scan that had finished at that time; null where there was none. */
  at(atMs: number): Promise<Topology | null> {
    return this.#options.store.topologyAt(atMs);
  }

  /** Makes and keeps the final topology of a scan that has just finished, and tells everybody. */
  finish(scan: Scan): Topology {
    return this.#tell(() => this.#finalOf(scan));
  }

  /** A topology of a scan by itself, without what this hub knows besides. */
  ofImported(scan: Scan, borderRouters: readonly TopologyBorderRouter[]): Topology {
    return buildTopology({
      scan: { id: scan.id, startedAt: scan.startedAt, final: true },
      nodes: observationsFromScan(scan, importedNetworkKey),
      borderRouters,
      earlier: nothingKnown,
      madeAt: scan.finishedAt ?? scan.startedAt,
    });
  }

  close(): void {
    for (const unsubscribe of this.#unsubscribe) unsubscribe();
    this.#cancelUpdate?.();
    this.#cancelUpdate = null;
    this.#cancelPrepare?.();
    this.#cancelPrepare = null;
  }

  #started(scan: ScanSummary): void {
    this.#shown = scan;
    this.#startedAt = scan.startedAt;
    const running = this.#options.scans.get(scan.id as ScanId);
    this.#openIn.clear();
    this.#preparedWith = null;
    this.#prepareCostMs = 0;
    for (const node of running?.nodes ?? []) {
      if (node.outcome !== null) continue;
      const { networkKey } = this.#observe(node);
      this.#openIn.set(networkKey, (this.#openIn.get(networkKey) ?? 0) + 1);
    }
    this.#changed();
  }

  #decided(node: ScanNode, networkInfo: NetworkInfo | null | undefined): void {
    const before = this.#observations.get(node.name);
    this.#observe(node, networkInfo);
    if (before?.outcome === null) this.#closed(before.networkKey);
    this.#changed();
  }

  /** Which device a border router is, and of which network, it may learn only from the reading that a scan causes. */
  #heard(id: BorderRouterId, { extAddress, network }: HeartbeatMessage): void {
    const identity = `${extAddress ?? ''} ${network?.extPanId ?? ''}`;
    if (this.#identities.get(id) === identity) return;
    this.#identities.set(id, identity);
    this.#changed();
  }

  /**
   * Where that was a network's last open node, its part of the map is built before the scan's end, which then has less to
   * wait for. The last network is not: the end has come.
   */
  #closed(networkKey: string): void {
    const open = (this.#openIn.get(networkKey) ?? 1) - 1;
    if (open > 0) {
      this.#openIn.set(networkKey, open);
      return;
    }
    this.#openIn.delete(networkKey);
    if (this.#openIn.size === 0) return;
    this.#cancelPrepare ??= this.#options.clock.after(prepareAfterMs, () => {
      this.#cancelPrepare = null;
      this.#preparedWith ??= this.#options.borderRouters.list().map(borderRouterOf);
      const borderRouters = this.#preparedWith;
      const startedMs = this.#options.clock.monotonicMs();
      this.#builder.prepare(this.#input(this.#shownScan(), { borderRouters }));
      this.#prepareCostMs += this.#options.clock.monotonicMs() - startedMs;
    });
  }

  /** The one that was made when the node was decided, where nothing has happened to it since. */
  #observationOf(node: ScanNode): TopologyObservation {
    const known = this.#observations.get(node.name);
    const isSame =
      known?.decidedAt === node.decidedAt &&
      known.outcome === node.outcome &&
      known.borderRouterId === node.brId;
    return isSame ? known : observationOf(node, (asked) => this.#networkKeyOf(asked));
  }

  #observe(node: ScanNode, networkInfo?: NetworkInfo | null): TopologyObservation {
    const observation = observationOf(node, (asked) => this.#networkKeyOf(asked), networkInfo);
    this.#keep(observation);
    return observation;
  }

  #keep(observation: TopologyObservation): void {
    this.#observations.set(observation.name, observation);
    if (this.#observations.size <= maxObservations) return;
    const registered = new Set<string>(this.#options.nodes.list().map(({ name }) => name));
    for (const name of this.#observations.keys()) if (!registered.has(name)) this.#observations.delete(name);
  }

  #changed(): void {
    this.#dirty = true;
    this.#untold = true;
    if (this.#cancelUpdate !== null || !this.#options.isWatched()) return;
    const delayMs = Math.max(this.#options.updateIntervalMs, this.#updateCostMs * updateSpacing);
    this.#cancelUpdate = this.#options.clock.after(delayMs, () => {
      this.#cancelUpdate = null;
      if (!this.#untold) return;
      this.#untold = false;
      this.#tell(() => this.current());
    });
  }

  /** Makes a map and tells everybody, and notes what that takes, listeners included. */
  #tell(make: () => Topology): Topology {
    const { clock, facts } = this.#options;
    const startedMs = clock.monotonicMs();
    const topology = make();
    facts.emit('topology:updated', { topology });
    this.#updateCostMs = this.#prepareCostMs + clock.monotonicMs() - startedMs;
    return topology;
  }

  #finalOf(scan: Scan): Topology {
    const own = new Map<string, TopologyObservation>();
    for (const node of scan.nodes) {
      const observation = this.#observationOf(node);
      own.set(node.name, observation);
      // Scans overlap: the newest observation may be another's.
      if ((this.#observations.get(node.name)?.decidedAt ?? 0) <= (node.decidedAt ?? 0))
        this.#keep(observation);
    }
    const topology = this.#build({ id: scan.id, startedAt: scan.startedAt, final: true }, own);
    // The next map is soon enough: somebody waits for this one.
    this.#unlearned.push(topology);
    if (this.#shown === null || this.#shown.id === scan.id) {
      this.#shown = null;
      this.#dirty = false;
      this.#untold = false;
      this.#current = topology;
      this.#cancelPrepare?.();
      this.#cancelPrepare = null;
    }
    return topology;
  }

  #refresh(): void {
    this.#dirty = false;
    this.#current = this.#build(this.#shownScan());
  }

  #shownScan(): TopologyInput['scan'] {
    const shown = this.#shown;
    return { id: shown?.id ?? this.#current.scanId, startedAt: this.#startedAt, final: shown === null };
  }

  #build(scan: TopologyInput['scan'], own?: ReadonlyMap<string, TopologyObservation>): Topology {
    const borderRouters = this.#options.borderRouters.list().map(borderRouterOf);
    return this.#builder.build(this.#input(scan, { own, borderRouters }));
  }

  /** `own`: what the scan itself found, where that is not the newest. */
  #input(
    scan: TopologyInput['scan'],
    given: {
      readonly own?: ReadonlyMap<string, TopologyObservation> | undefined;
      readonly borderRouters: readonly TopologyBorderRouter[];
    },
  ): TopologyInput {
    const { clock, nodes } = this.#options;
    const { borderRouters, own } = given;
    const observations: TopologyObservation[] = [];
    for (const node of nodes.list()) {
      const observation = own?.get(node.name) ?? this.#observations.get(node.name);
      if (observation?.ipv6 !== node.ipv6) continue;
      const earlier = observation.decidedAt !== null && observation.decidedAt < scan.startedAt;
      observations.push(earlier ? this.#earlierFormOf(observation) : observation);
    }
    return {
      scan,
      nodes: observations,
      borderRouters,
      earlier: this.#learned(),
      madeAt: clock.nowMs(),
    };
  }

  #earlierFormOf(observation: TopologyObservation): TopologyObservation {
    const known = this.#asEarlier.get(observation);
    if (known !== undefined) return known;
    const form = { ...observation, earlier: true };
    this.#asEarlier.set(observation, form);
    return form;
  }

  #learned(): EarlierKnowledge {
    for (const topology of this.#unlearned) this.#earlier = rememberTopology(this.#earlier, topology);
    this.#unlearned = [];
    return this.#earlier;
  }

  /** The prefix of the border router that was asked, else the node's own /64. */
  #networkKeyOf(node: ScanNode): string {
    const prefix =
      node.brId === null ? null : this.#options.borderRouters.networkPrefixOf(asBorderRouterId(node.brId));
    return prefix ?? slash64Of(node.ipv6);
  }
}

function borderRouterOf(borderRouter: BorderRouter): TopologyBorderRouter {
  return {
    id: borderRouter.id,
    online: borderRouter.online,
    networkKey: borderRouter.networkPrefix ?? borderRouter.id,
    networkPrefix: borderRouter.networkPrefix,
    extAddress: borderRouter.extAddr,
    rloc16: borderRouter.rloc16,
    role: roles.find((role) => role === borderRouter.role) ?? null,
    partitionId: borderRouter.partitionId,
    network: borderRouter.network,
  };
}

function slash64Of(ipv6: string): string {
  const address = parseIpv6(ipv6);
  const prefix = address === null ? null : parseIpv6Prefix(`${address}/64`);
  return prefix === null ? ipv6 : formatIpv6Prefix(prefix);
}
