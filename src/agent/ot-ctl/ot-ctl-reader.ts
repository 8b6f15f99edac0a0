/**
 * Reads a mesh through `ot-ctl`, where the border router's REST API is switched off or missing: an adapter of `MeshReader`.
 *
 * `survey` asks every router once for its links, addresses and children (`meshdiag topology`); `ask` reads one router's tables
 * with their signals, or one device's counters and names. The latter always takes 5.1 s, because OpenThread waits for more
 * answers, so full end devices are asked for their addresses all at once; the border router's own counters and names come at once, and without the radio.
 */
import type { Clock } from '../../clock.ts';
import { parseExtAddress, type ExtAddress } from '../../protocol/ids.ts';
import { asIpv6Address, type Ipv6Address, parseIpv6 } from '../../protocol/ipv6.ts';
import { isRouterRloc16, routerIdOf, type Rloc16, rloc16OfRouter } from '../../protocol/rloc16.ts';
import {
  type ChildRow,
  type DeviceDiagnostics,
  type LeaderData,
  nothingTold,
  type RouteRow,
} from '../mesh/device-diagnostics.ts';
import type {
  AskedDevice,
  BorderRouterState,
  DiagnosticTopic,
  ListedDevice,
  MeshReader,
  ReadContext,
  ReadFailure,
  ReadResult,
  Survey,
} from '../mesh/mesh-reader.ts';
import { parseMacCounters, parseMleCounters } from './cli-counters.ts';
import { firstValue, toExtAddress, toRloc16, toWhole } from './cli-fields.ts';
import { parseChildAddresses, parseChildTable, parseNeighborTable } from './meshdiag-tables.ts';
import { parseTopology, type TopologyChild, type TopologyRouter } from './meshdiag-topology.ts';
import { parseNetworkDiagnostics, toText } from './network-diagnostic.ts';
import type { LocalCommand, RouterQuery } from './ot-ctl-command.ts';
import { type CommandFailure, type CommandResult, OtCtlSession } from './ot-ctl-session.ts';
import {
  type KnownRouter,
  meshLocalPrefixOf,
  meshLocalPrefixText,
  type NextHop,
  parseAddresses,
  parseLeaderData,
  parseNextHops,
  parseRouterTable,
  rlocAddressText,
} from './router-tables.ts';

export interface OtCtlReaderOptions {
  /** How `ot-ctl` is run; its own arguments follow. `['ot-ctl']` unless told. */
  readonly command?: readonly string[];
  readonly clock: Clock;
}

/** A local command takes milliseconds; `docker exec` on a slow board takes a second. */
const localTimeoutMs = 5_000;
/** OpenThread's response timeout is 5 s, then it says who was silent. */
const topologyTimeoutMs = 10_000;
/** `networkdiagnostic get` always waits 5.1 s. */
const diagnosticTimeoutMs = 8_000;

/** All devices of the mesh that listen (RFC 4291 §2.7, realm-local); no sleepy one wakes up for it. */
const everybodyAwake = asIpv6Address('ff03::1');

const placeTlvs = [1, 2, 6, 8];
const counterTlvs = [9, 34];
/** Battery, voltage, EUI-64, Thread version, vendor name, model, software and stack version. */
const identityTlvs = [14, 15, 23, 24, 25, 26, 27, 28];

/** What the last survey told of one router. */
interface SurveyedRouter {
  readonly threadVersion: number | null;
  readonly routes: readonly RouteRow[];
  readonly children: readonly TopologyChild[];
  readonly ipv6Addresses: readonly Ipv6Address[];
}

/** The border router itself, as its last `state` said. */
interface Self {
  readonly extAddress: ExtAddress;
  readonly rloc16: Rloc16 | null;
  readonly ipv6Addresses: readonly Ipv6Address[];
  /** Upper 64 bits. */
  readonly meshLocalPrefix: bigint | null;
}

export class OtCtlReader implements MeshReader {
  readonly kind = 'ot-ctl';
  readonly asksDevices = true;
  readonly #session: OtCtlSession;
  readonly #surveyed = new Map<Rloc16, SurveyedRouter>();
  /** What devices said when all were asked at once, since the last survey. */
  readonly #heard = new Map<ExtAddress, DeviceDiagnostics>();
  #hasAskedAll = false;
  #self: Self | null = null;
  #dialect: string | null = null;

  constructor({ command = ['ot-ctl'], clock }: OtCtlReaderOptions) {
    this.#session = new OtCtlSession({ command, clock });
  }

  get address(): string {
    return this.#session.address;
  }

  get dialect(): string | null {
    return this.#dialect;
  }

  close(): Promise<void> {
    return this.#session.close();
  }

  async state({ signal }: Pick<ReadContext, 'signal'>): Promise<ReadResult<BorderRouterState>> {
    const role = await this.#local('state', signal, toRole);
    if (!role.ok) return role;
    const extAddress = await this.#local('extaddr', signal, toExtAddress);
    if (!extAddress.ok) return extAddress;
    const rloc16 = await this.#told('rloc16', signal, toRloc16);
    const leader = await this.#leader(signal);
    const ipv6Addresses = await this.#addresses(signal);
    const routers = await this.#routers(signal);
    const extPanId = await this.#told('extpanid', signal, parseExtAddress);
    const networkName = await this.#told('networkname', signal, toText);
    const channel = await this.#told('channel', signal, (text) => toWhole(text, 0, 255));
    const panId = await this.#told('panid', signal, (text) => toWhole(text, 0, 0xffff));
    if (signal.aborted) return cancelled;
    const meshLocalPrefix = rloc16 === null ? null : meshLocalPrefixOf(ipv6Addresses, rloc16);
    this.#self = { extAddress: extAddress.value, rloc16, ipv6Addresses, meshLocalPrefix };
    return told({
      extAddress: extAddress.value,
      rloc16,
      role: role.value,
      partitionId: leader?.partitionId ?? null,
      leaderRouterId: leader?.leaderRouterId ?? null,
      extPanId,
      networkName,
      meshLocalPrefix:
        meshLocalPrefix === null ? null : `${parseIpv6(meshLocalPrefixText(meshLocalPrefix)) ?? ''}/64`,
      ipv6Addresses,
      routerCount: routers === null ? null : routers.length,
      channel,
      panId,
    });
  }

  async survey(context: ReadContext, _expected: number): Promise<ReadResult<Survey>> {
    const { radio, signal } = context;
    if (this.#self === null) {
      const state = await this.state(context);
      if (!state.ok) return state;
    }
    const known = (await this.#routers(signal)) ?? [];
    // OpenThread asks each router by itself; only the border router's own part stays off the radio.
    if (!radio.take(Math.max(1, known.length - 1)))
      return failed('over_budget', 'the radio budget of this reading is spent');
    const answer = await this.#session.run(
      { kind: 'topology' },
      { timeoutMs: topologyTimeoutMs, signal },
      (lines) => this.#isWhole(parseTopology(lines)),
    );
    // Where somebody stays silent, the rows of the others come first.
    const rows = parseTopology(answer.lines);
    if (!answer.ok && rows.length === 0) return this.#surveyFailure(answer);
    this.#dialect = 'meshdiag';
    const nextHops = await this.#nextHops(signal);
    const leader = await this.#leader(signal);
    if (signal.aborted) return cancelled;
    this.#remember(rows, known, nextHops);
    return told({
      devices: this.#listed(rows, known),
      diagnostics: rows.map((row) => this.#surveyedDiagnostics(row, rows, leader)),
    });
  }

  async ask(
    device: AskedDevice,
    topics: ReadonlySet<DiagnosticTopic>,
    timeoutMs: number,
    context: ReadContext,
  ): Promise<ReadResult<DeviceDiagnostics>> {
    if (device.kind === 'sleepy')
      return failed('rejected', 'a sleepy device is not asked; its parent tells it');
    const isSelf = device.extAddress === this.#self?.extAddress;
    let answer: DeviceDiagnostics = { ...nothingTold, extAddress: device.extAddress, rloc16: device.rloc16 };
    if (topics.has('tables') && device.rloc16 !== null && isRouterRloc16(device.rloc16)) {
      const tables = await this.#tables(device.rloc16, timeoutMs, context, isSelf);
      if (!tables.ok) return tables;
      answer = { ...answer, ...tables.value };
    }
    const wants = topics.has('counters') || topics.has('identity');
    if (isSelf) return told({ ...answer, ...(await this.#ownFacts(topics, context.signal)) });
    // The survey told the place of every router.
    if (!wants && (!topics.has('place') || device.kind === 'router')) return told(answer);
    const diagnostics =
      !wants && this.#asksAll(device)
        ? await this.#placeOf(device, context)
        : await this.#diagnostics(device, topics, timeoutMs, context);
    if (!diagnostics.ok) return topics.has('tables') && answer.children !== null ? told(answer) : diagnostics;
    return told(merged(answer, diagnostics.value));
  }

  // ----------------------------------------------------------------------------------------------- one router's tables

  async #tables(
    rloc16: Rloc16,
    timeoutMs: number,
    context: ReadContext,
    isSelf: boolean,
  ): Promise<ReadResult<Partial<DeviceDiagnostics>>> {
    const surveyed = this.#surveyed.get(rloc16);
    // An empty table where the survey saw entries may be the end of another session's answer: asked once more.
    let doubts = 0;
    const isSurelyEmpty = (hadEntries: boolean): boolean => !hadEntries || (doubts += 1) > 1;
    const childLines = await this.#query('childtable', rloc16, timeoutMs, context, isSelf, (lines) => {
      const rows = parseChildTable(lines);
      return rows.length === 0
        ? isSurelyEmpty((surveyed?.children.length ?? 0) > 0)
        : rows.every((row) => routerIdOf(row.rloc16) === routerIdOf(rloc16));
    });
    if (!childLines.ok) return asFailure(childLines);
    const neighborLines = await this.#query(
      'routerneighbortable',
      rloc16,
      timeoutMs,
      context,
      isSelf,
      (lines) => {
        const rows = parseNeighborTable(lines);
        return rows.length === 0
          ? isSurelyEmpty(surveyed?.routes.some(({ linkQualityIn }) => linkQualityIn > 0) ?? false)
          : rows.every((row) => isRouterRloc16(row.rloc16));
      },
    );
    const children = parseChildTable(childLines.lines);
    const hasMinimal = children.some((child) => child.mode?.fullThreadDevice !== true);
    const addressLines = hasMinimal
      ? await this.#query('childip6', rloc16, timeoutMs, context, isSelf)
      : { ok: true as const, lines: [] };
    const addresses = addressLines.ok ? parseChildAddresses(addressLines.lines) : null;
    const neighbors = neighborLines.ok
      ? parseNeighborTable(neighborLines.lines).map((row) => ({
          ...row,
          linkQuality:
            row.linkQuality ??
            surveyed?.routes.find((route) => route.routerId === routerIdOf(row.rloc16))?.linkQualityIn ??
            null,
        }))
      : null;
    return told({
      routes: surveyed?.routes ?? null,
      neighbors,
      children: children.map((child) => joinedChild(child, surveyed, addresses)),
      ipv6Addresses: surveyed?.ipv6Addresses ?? null,
      threadVersion: surveyed?.threadVersion ?? null,
    });
  }

  async #query(
    query: RouterQuery,
    rloc16: Rloc16,
    timeoutMs: number,
    { radio, signal }: ReadContext,
    isSelf: boolean,
    accepts?: (lines: readonly string[]) => boolean,
  ): Promise<CommandResult> {
    // What the border router asks itself stays inside.
    if (!isSelf && !radio.take(1)) return overBudget;
    const result = await this.#session.run({ kind: 'router', query, rloc16 }, { timeoutMs, signal }, accepts);
    return !result.ok && result.code === 'silent'
      ? { ...result, reason: `router ${rloc16} stayed silent` }
      : result;
  }

  // ------------------------------------------------------------------------------------- counters and names

  async #diagnostics(
    device: AskedDevice,
    topics: ReadonlySet<DiagnosticTopic>,
    timeoutMs: number,
    { radio, signal }: ReadContext,
  ): Promise<ReadResult<DeviceDiagnostics>> {
    const address = this.#addressOf(device);
    if (address === null) return failed('rejected', `no address of ${device.extAddress} is known`);
    const tlvs = [
      0,
      ...(topics.has('place') ? placeTlvs : []),
      ...(topics.has('counters') ? counterTlvs : []),
      ...(topics.has('identity') ? identityTlvs : []),
    ];
    if (!radio.take(1)) return asFailure(overBudget);
    const isItsOwn = (lines: readonly string[]): boolean =>
      parseNetworkDiagnostics(lines).every(
        ({ extAddress }) => extAddress === null || extAddress === device.extAddress,
      );
    const result = await this.#session.run(
      { kind: 'diagnostic', address, tlvs },
      { timeoutMs: Math.max(timeoutMs, diagnosticTimeoutMs), signal },
      isItsOwn,
    );
    const answer = parseNetworkDiagnostics(result.lines).find(
      ({ extAddress }) => extAddress === null || extAddress === device.extAddress,
    );
    if (answer !== undefined) return told(answer);
    return result.ok ? failed('silent', `${device.extAddress} stayed silent`) : asFailure(result);
  }

  /** One question to all is worth it where more than one wants to be asked: each by itself would take 5.1 s. */
  #asksAll({ extAddress }: AskedDevice): boolean {
    if (this.#heard.has(extAddress)) return true;
    const children = [...this.#surveyed.values()].flatMap((router) => router.children);
    return !this.#hasAskedAll && children.filter(({ mode }) => mode?.fullThreadDevice === true).length > 1;
  }

  async #placeOf(
    { extAddress }: AskedDevice,
    { radio, signal }: ReadContext,
  ): Promise<ReadResult<DeviceDiagnostics>> {
    if (!this.#heard.has(extAddress)) {
      if (!radio.take(1)) return asFailure(overBudget);
      this.#hasAskedAll = true;
      const result = await this.#session.run(
        { kind: 'diagnostic', address: everybodyAwake, tlvs: [0, ...placeTlvs] },
        { timeoutMs: diagnosticTimeoutMs, signal },
      );
      for (const answer of parseNetworkDiagnostics(result.lines))
        if (answer.extAddress !== null) this.#heard.set(answer.extAddress, answer);
      if (!result.ok && this.#heard.size === 0) return asFailure(result);
    }
    const answer = this.#heard.get(extAddress);
    return answer === undefined
      ? failed('silent', `${extAddress} did not answer when all were asked`)
      : told(answer);
  }

  /** Its RLOC address: it needs no address query over the mesh. */
  #addressOf({ rloc16 }: AskedDevice): Ipv6Address | null {
    const prefix = this.#self?.meshLocalPrefix ?? null;
    return prefix === null || rloc16 === null ? null : parseIpv6(rlocAddressText(prefix, rloc16));
  }

  /** Of the border router itself. */
  async #ownFacts(
    topics: ReadonlySet<DiagnosticTopic>,
    signal: AbortSignal,
  ): Promise<Partial<DeviceDiagnostics>> {
    let facts: Partial<DeviceDiagnostics> = {};
    if (topics.has('place'))
      facts = { ipv6Addresses: await this.#addresses(signal), leader: await this.#leader(signal) };
    if (topics.has('counters')) {
      const counters = {
        ...parseMleCounters(await this.#lines('counters mle', signal)),
        ...parseMacCounters(await this.#lines('counters mac', signal)),
      };
      facts = { ...facts, counters: Object.keys(counters).length === 0 ? null : counters };
    }
    if (!topics.has('identity')) return facts;
    return {
      ...facts,
      eui64: await this.#told('eui64', signal, toExtAddress),
      stackVersion: await this.#told('version', signal, toText),
      vendorName: await this.#told('vendor name', signal, toText),
      vendorModel: await this.#told('vendor model', signal, toText),
      softwareVersion: await this.#told('vendor swversion', signal, toText),
    };
  }

  // ---------------------------------------------------------------------------------------------------- the survey

  #remember(
    rows: readonly TopologyRouter[],
    known: readonly KnownRouter[],
    nextHops: readonly NextHop[],
  ): void {
    this.#surveyed.clear();
    this.#heard.clear();
    this.#hasAskedAll = false;
    for (const row of rows)
      this.#surveyed.set(row.rloc16, {
        threadVersion: row.threadVersion,
        routes: row.isThisDevice ? ownRoutes(row, known, nextHops) : routesOf(row, rows),
        children: row.children ?? [],
        ipv6Addresses: row.ipv6Addresses ?? [],
      });
  }

  #surveyedDiagnostics(
    row: TopologyRouter,
    rows: readonly TopologyRouter[],
    leader: LeaderData | null,
  ): DeviceDiagnostics {
    return {
      ...nothingTold,
      extAddress: row.extAddress,
      rloc16: row.rloc16,
      leader,
      routes: this.#surveyed.get(row.rloc16)?.routes ?? null,
      children: row.children?.map((child) => bareChild(child)) ?? null,
      ipv6Addresses: row.ipv6Addresses,
      // Releases before the mark was printed mark nobody.
      isBorderRouter: rows.some(({ isBorderRouter }) => isBorderRouter) ? row.isBorderRouter : null,
      threadVersion: row.threadVersion,
    };
  }

  #listed(rows: readonly TopologyRouter[], known: readonly KnownRouter[]): ListedDevice[] {
    const devices = new Map<ExtAddress, ListedDevice>();
    for (const { extAddress, ipv6Addresses } of rows)
      if (extAddress !== null)
        devices.set(extAddress, {
          extAddress,
          kind: 'router',
          ipv6Addresses: ipv6Addresses ?? [],
          hostname: null,
        });
    for (const { extAddress } of known)
      if (extAddress !== null && !devices.has(extAddress))
        devices.set(extAddress, { extAddress, kind: 'router', ipv6Addresses: [], hostname: null });
    const self = this.#self;
    // A border router that is a child is in no router's row by name.
    if (self !== null && !devices.has(self.extAddress))
      devices.set(self.extAddress, {
        extAddress: self.extAddress,
        kind: self.rloc16 !== null && isRouterRloc16(self.rloc16) ? 'router' : 'full',
        ipv6Addresses: self.ipv6Addresses,
        hostname: null,
      });
    return [...devices.values()];
  }

  /** The border router names itself where it routes; without that row, it is the end of another session's answer. */
  #isWhole(rows: readonly TopologyRouter[]): boolean {
    const ownRloc16 = this.#self?.rloc16 ?? null;
    return ownRloc16 !== null && isRouterRloc16(ownRloc16)
      ? rows.some((row) => row.isThisDevice || row.extAddress === this.#self?.extAddress)
      : rows.length > 0;
  }

  #surveyFailure(answer: CommandResult): ReadFailure {
    if (answer.ok) return failed('malformed', `${this.address} named no router of the mesh`);
    if (answer.code === 'too_old')
      return failed(
        'too_old',
        `${answer.reason}: this otbr-agent has no 'meshdiag', which came in March 2023; update it, or use its REST API`,
      );
    return asFailure(answer);
  }

  // ---------------------------------------------------------------------------------------------- the border router itself

  /** A command whose answer is needed. */
  async #local<Value>(
    words: LocalCommand,
    signal: AbortSignal,
    parse: (text: string) => Value | null,
  ): Promise<ReadResult<Value>> {
    const result = await this.#session.run(
      { kind: 'local', words },
      { timeoutMs: localTimeoutMs, signal },
      (lines) => firstValue(lines, parse) !== null,
    );
    if (!result.ok) return asFailure(result);
    const value = firstValue(result.lines, parse);
    return value === null ? failed('malformed', `'${words}' told nothing`) : told(value);
  }

  /** A command whose answer may be missing. */
  async #told<Value>(
    words: LocalCommand,
    signal: AbortSignal,
    parse: (text: string) => Value | null,
  ): Promise<Value | null> {
    return firstValue(await this.#lines(words, signal), parse);
  }

  async #lines(words: LocalCommand, signal: AbortSignal): Promise<readonly string[]> {
    const result = await this.#session.run({ kind: 'local', words }, { timeoutMs: localTimeoutMs, signal });
    return result.ok ? result.lines : [];
  }

  async #leader(signal: AbortSignal): Promise<LeaderData | null> {
    return parseLeaderData(await this.#lines('leaderdata', signal));
  }

  async #addresses(signal: AbortSignal): Promise<Ipv6Address[]> {
    return parseAddresses(await this.#lines('ipaddr', signal));
  }

  async #nextHops(signal: AbortSignal): Promise<NextHop[]> {
    return parseNextHops(await this.#lines('nexthop', signal));
  }

  /** Null where the device is no router and has no such table. */
  async #routers(signal: AbortSignal): Promise<KnownRouter[] | null> {
    const routers = parseRouterTable(await this.#lines('router table', signal));
    return routers.length === 0 ? null : routers;
  }
}

function toRole(text: string): string | null {
  return /^(leader|router|child|detached|disabled)$/.test(text) ? text : null;
}

/** Each end tells how it hears the other; the other direction is the other row's. */
function routesOf(row: TopologyRouter, rows: readonly TopologyRouter[]): RouteRow[] {
  const ownId = routerIdOf(row.rloc16);
  return [...row.linkQualities].map(([routerId, linkQualityIn]) => {
    const other = rows.find(({ rloc16 }) => rloc16 === rloc16OfRouter(routerId));
    return {
      routerId,
      linkQualityIn,
      linkQualityOut: other === undefined ? null : (other.linkQualities.get(ownId) ?? 0),
      cost: null,
      nextHop: null,
    };
  });
}

/** The border router knows every router and the way there. */
function ownRoutes(
  row: TopologyRouter,
  known: readonly KnownRouter[],
  nextHops: readonly NextHop[],
): RouteRow[] {
  const ownId = routerIdOf(row.rloc16);
  const routerIds = new Set([
    ...row.linkQualities.keys(),
    ...known.map(({ routerId }) => routerId),
    ...nextHops.map(({ routerId }) => routerId),
  ]);
  routerIds.delete(ownId);
  return [...routerIds].map((routerId) => {
    const entry = known.find((candidate) => candidate.routerId === routerId);
    const way = nextHops.find((candidate) => candidate.routerId === routerId);
    return {
      routerId,
      linkQualityIn: entry?.linkQualityIn ?? row.linkQualities.get(routerId) ?? 0,
      linkQualityOut: entry?.linkQualityOut ?? null,
      cost: way?.cost ?? null,
      nextHop: way?.nextHop ?? null,
    };
  });
}

const noReception = {
  linkMargin: null,
  averageRssi: null,
  lastRssi: null,
  frameErrorRate: null,
  messageErrorRate: null,
} as const;

function bareChild({ linkQuality, mode, rloc16 }: TopologyChild): ChildRow {
  return {
    extAddress: null,
    rloc16,
    mode,
    ageSeconds: null,
    linkAgeSeconds: null,
    timeoutSeconds: null,
    queuedMessages: null,
    threadVersion: null,
    ipv6Addresses: null,
    ...noReception,
    linkQuality,
  };
}

function joinedChild(
  child: ChildRow,
  surveyed: SurveyedRouter | undefined,
  addresses: ReadonlyMap<Rloc16, readonly Ipv6Address[]> | null,
): ChildRow {
  const before = surveyed?.children.find(({ rloc16 }) => rloc16 === child.rloc16);
  const mode = child.mode ?? before?.mode ?? null;
  const isMinimal = mode?.fullThreadDevice === false;
  return {
    ...child,
    mode,
    linkQuality: child.linkQuality ?? before?.linkQuality ?? null,
    // A minimal device without an entry has none registered; of others the parent knows nothing.
    ipv6Addresses: addresses?.get(child.rloc16) ?? (addresses !== null && isMinimal ? [] : null),
  };
}

/** Of two answers of one device, what the later one tells. */
function merged(before: DeviceDiagnostics, later: DeviceDiagnostics): DeviceDiagnostics {
  const told = Object.entries(later).filter(([, value]) => value !== null);
  return { ...before, ...Object.fromEntries(told) };
}

const overBudget: CommandFailure = {
  ok: false,
  code: 'over_budget',
  reason: 'the radio budget of this reading is spent',
  answered: false,
  lines: [],
};
const cancelled = failed('cancelled', 'nobody waits for the answer any more');

function told<Value>(value: Value): ReadResult<Value> {
  return { ok: true, value };
}

function failed(code: ReadFailure['code'], reason: string): ReadFailure {
  return { ok: false, code, reason: `${reason}.` };
}

function asFailure({ code, reason }: CommandFailure): ReadFailure {
  return failed(code, reason);
}
