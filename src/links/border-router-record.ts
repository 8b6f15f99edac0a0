/** What the hub knows of one border router, connected or gone: its last heartbeat, its counts, its link. */
import type { Clock } from '../clock.ts';
import type { LinkEnd } from '../facts.ts';
import type { CollectionReport, HeartbeatMessage } from '../protocol/border-router-messages.ts';
import type { BorderRouter } from '../protocol/border-router.ts';
import { type BorderRouterId, parseExtAddress } from '../protocol/ids.ts';
import { formatIpv6Prefix } from '../protocol/ipv6.ts';
import { parseRloc16 } from '../protocol/rloc16.ts';
import type { BorderRouterLink, LinkHandshake } from './border-router-link.ts';
import { LatencyWindow } from './latency-window.ts';
import { SlidingCount } from './sliding-count.ts';

/** More than 5 replacements within a minute are flapping. */
const flappingReplacements = 6;

export class BorderRouterRecord {
  readonly id: BorderRouterId;
  readonly #clock: Clock;
  // Made when first needed: most of ten thousand border routers only heartbeat.
  #latencies: LatencyWindow | null = null;
  #recentReplacements: SlidingCount | null = null;
  #link: BorderRouterLink | null = null;
  #handshake: LinkHandshake | null = null;
  /** Its text; absent until somebody asks. */
  #networkPrefix: string | null | undefined;
  #connectedAt: number | null = null;
  #disconnectedAt: number | null = null;
  #disconnectReason: LinkEnd | null = null;
  #heartbeat: HeartbeatMessage | null = null;
  #heartbeatAt: number | null = null;
  #replacements = 0;
  #protocolErrors = 0;
  #answered = 0;
  #failed = 0;

  constructor(id: BorderRouterId, clock: Clock) {
    this.id = id;
    this.#clock = clock;
  }

  /** Of its last connection. A scan asks for it with every node. */
  get networkPrefix(): string | null {
    if (this.#networkPrefix !== undefined) return this.#networkPrefix;
    const prefix = this.#handshake?.networkPrefix ?? null;
    this.#networkPrefix = prefix === null ? null : formatIpv6Prefix(prefix);
    return this.#networkPrefix;
  }

  get meshReadingMs(): number | null {
    return this.#heartbeat?.collection?.durationMs ?? null;
  }

  get replacements(): number {
    return this.#replacements;
  }

  get flapping(): boolean {
    return (this.#recentReplacements?.count ?? 0) >= flappingReplacements;
  }

  connected(link: BorderRouterLink): void {
    this.#link = link;
    this.#handshake = link.handshake;
    this.#networkPrefix = undefined;
    this.#connectedAt = link.connectedAtMs;
    this.#disconnectedAt = null;
    this.#disconnectReason = null;
  }

  disconnected(reason: LinkEnd, atMs: number): void {
    this.#link = null;
    this.#disconnectedAt = atMs;
    this.#disconnectReason = reason;
  }

  /** True where that makes it flap. */
  replaced(): boolean {
    this.#replacements += 1;
    this.#recentReplacements ??= new SlidingCount({
      clock: this.#clock,
      windowMs: 60_000,
      threshold: flappingReplacements,
    });
    return this.#recentReplacements.add();
  }

  heartbeat(heartbeat: HeartbeatMessage, atMs: number): void {
    this.#heartbeat = heartbeat;
    this.#heartbeatAt = atMs;
  }

  answered(success: boolean, durationMs: number): void {
    if (success) {
      this.#answered += 1;
      this.#latencies ??= new LatencyWindow();
      this.#latencies.add(durationMs);
    } else this.#failed += 1;
  }

  protocolError(): void {
    this.#protocolErrors += 1;
  }

  #collectionOf({ endedAgoMs, ...collection }: CollectionReport): BorderRouter['collection'] {
    const heardAt = this.#heartbeatAt;
    return { ...collection, endedAt: endedAgoMs === null || heardAt === null ? null : heardAt - endedAgoMs };
  }

  view(): BorderRouter {
    const heartbeat = this.#heartbeat;
    const asked = this.#answered + this.#failed;
    return {
      id: this.id,
      online: this.#link !== null,
      networkPrefix: this.networkPrefix,
      encoding: this.#handshake?.encoding ?? null,
      remoteAddress: this.#handshake?.remoteAddress ?? null,
      connectedAt: this.#connectedAt,
      disconnectedAt: this.#disconnectedAt,
      disconnectReason: this.#disconnectReason,
      lastHeartbeatAt: this.#heartbeatAt,
      status: heartbeat?.status ?? null,
      firmware: heartbeat?.firmware ?? null,
      nodesCount: heartbeat?.nodesCount ?? null,
      uptime: heartbeat?.uptime ?? null,
      queueSize: heartbeat?.queueSize ?? null,
      coapInFlight: heartbeat?.coapInFlight ?? null,
      coapRetriesTotal: heartbeat?.coapRetriesTotal ?? null,
      heapFree: heartbeat?.heapFree ?? null,
      rssi: heartbeat?.rssi ?? null,
      partitionId: heartbeat?.partitionId ?? null,
      extAddr: heartbeat?.extAddress == null ? null : parseExtAddress(heartbeat.extAddress),
      rloc16: heartbeat?.rloc16 == null ? null : parseRloc16(heartbeat.rloc16),
      role: heartbeat?.role ?? null,
      network: heartbeat?.network ?? null,
      collection: heartbeat?.collection == null ? null : this.#collectionOf(heartbeat.collection),
      outboxMessages: this.#link?.outboxMessages ?? 0,
      outboxBytes: this.#link?.outboxBytes ?? 0,
      inFlight: this.#link?.inFlight ?? 0,
      replacements: this.#replacements,
      flapping: this.flapping,
      protocolErrors: this.#protocolErrors,
      answered: this.#answered,
      failed: this.#failed,
      successRate: asked === 0 ? null : this.#answered / asked,
      latencyMs: this.#latencies?.summary() ?? null,
    };
  }
}
