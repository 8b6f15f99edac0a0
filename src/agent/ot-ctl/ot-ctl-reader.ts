/**
 * Reads a mesh through `ot-ctl`, where the border router's REST API is switched off or missing: an adapter of `MeshReader`.
 *
 * `survey` asks every router once for its links, addresses and children (`meshdiag topology`); `ask` reads one router's tables
 * with their signals, or one device's counters and names. The latter always takes 5.1 s, because OpenThread waits for more
 * answers, so full end devices are asked for their addresses all at once; the border router's own facts come at once, and
 * without the radio (`own-facts.ts`).
 */
import type { Clock } from '../../clock.ts';
import type { ExtAddress } from '../../protocol/ids.ts';
import { asIpv6Address, type Ipv6Address, parseIpv6 } from '../../protocol/ipv6.ts';
import { isRouterRloc16, routerIdOf, type Rloc16 } from '../../protocol/rloc16.ts';
import { type DeviceDiagnostics, nothingTold } from '../mesh/device-diagnostics.ts';
import type {
  AskedDevice,
  BorderRouterState,
  DiagnosticTopic,
  MeshReader,
  ReadContext,
  ReadFailure,
  ReadResult,
  Survey,
} from '../mesh/mesh-reader.ts';
import { parseChildAddresses, parseChildTable, parseNeighborTable } from './meshdiag-tables.ts';
import { parseTopology, type TopologyRouter } from './meshdiag-topology.ts';
import { parseNetworkDiagnostics } from './network-diagnostic.ts';
import type { RouterQuery } from './ot-ctl-command.ts';
import { type CommandFailure, type CommandResult, OtCtlSession } from './ot-ctl-session.ts';
import { OwnFacts, type OwnState } from './own-facts.ts';
import { asFailure, cancelled, failed, overBudget, told } from './read-results.ts';
import { rlocAddressText } from './router-tables.ts';
import { joinedChild, SurveyedMesh } from './surveyed-mesh.ts';

export interface OtCtlReaderOptions {
  /** How `ot-ctl` is run; its own arguments follow. `['ot-ctl']` unless told. */
  readonly command?: readonly string[];
  readonly clock: Clock;
}

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

export class OtCtlReader implements MeshReader {
  readonly kind = 'ot-ctl';
  readonly asksDevices = true;
  readonly #session: OtCtlSession;
  readonly #own: OwnFacts;
  #mesh: SurveyedMesh | null = null;
  /** What devices said when all were asked at once, since the last survey. */
  readonly #heard = new Map<ExtAddress, DeviceDiagnostics>();
  #hasAskedAll = false;
  #self: OwnState | null = null;
  #dialect: string | null = null;

  constructor({ command = ['ot-ctl'], clock }: OtCtlReaderOptions) {
    this.#session = new OtCtlSession({ command, clock });
    this.#own = new OwnFacts(this.#session);
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
    const result = await this.#own.state(signal);
    if (!result.ok) return result;
    this.#self = result.value;
    return told(result.value.state);
  }

  list(): Promise<ReadResult<null>> {
    return Promise.resolve(told(null));
  }

  async survey(context: ReadContext, _expected: number): Promise<ReadResult<Survey>> {
    const { radio, signal } = context;
    const self = await this.#knownSelf(context);
    if (!self.ok) return self;
    const known = (await this.#own.routers(signal)) ?? [];
    // OpenThread asks each router by itself; only the border router's own part stays off the radio.
    if (!radio.take(Math.max(1, known.length - 1))) return overBudget;
    const answer = await this.#session.run(
      { kind: 'topology' },
      { timeoutMs: topologyTimeoutMs, signal },
      (lines) => isWhole(parseTopology(lines), self.value),
    );
    // Where somebody stays silent, the rows of the others come first.
    const rows = parseTopology(answer.lines);
    if (!answer.ok && rows.length === 0) return surveyFailure(answer, this.address);
    this.#dialect = 'meshdiag';
    const nextHops = await this.#own.nextHops(signal);
    const leader = await this.#own.leader(signal);
    if (signal.aborted) return cancelled;
    this.#mesh = new SurveyedMesh({ rows, known, nextHops, leader });
    this.#heard.clear();
    this.#hasAskedAll = false;
    return told({ devices: this.#mesh.devices(self.value), diagnostics: this.#mesh.diagnostics() });
  }

  async ask(
    device: AskedDevice,
    topics: ReadonlySet<DiagnosticTopic>,
    timeoutMs: number,
    context: ReadContext,
  ): Promise<ReadResult<DeviceDiagnostics>> {
    if (device.kind === 'sleepy')
      return failed('rejected', 'a sleepy device is not asked; its parent tells it');
    const isSelf = device.extAddress === this.#self?.state.extAddress;
    let answer: DeviceDiagnostics = { ...nothingTold, extAddress: device.extAddress, rloc16: device.rloc16 };
    if (topics.has('tables') && device.rloc16 !== null && isRouterRloc16(device.rloc16)) {
      const tables = await this.#tables(device.rloc16, timeoutMs, context, isSelf);
      if (!tables.ok) return tables;
      answer = { ...answer, ...tables.value };
    }
    const wants = topics.has('counters') || topics.has('identity');
    if (isSelf) return told({ ...answer, ...(await this.#own.facts(topics, context.signal)) });
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
    const surveyed = this.#mesh?.router(rloc16) ?? null;
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
    if (!isSelf && !radio.take(1)) return { ...overBudget, lines: [] };
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
    if (!radio.take(1)) return overBudget;
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
    return this.#heard.has(extAddress) || (!this.#hasAskedAll && (this.#mesh?.fullChildren ?? 0) > 1);
  }

  async #placeOf(
    { extAddress }: AskedDevice,
    { radio, signal }: ReadContext,
  ): Promise<ReadResult<DeviceDiagnostics>> {
    if (!this.#heard.has(extAddress)) {
      if (!radio.take(1)) return overBudget;
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

  async #knownSelf(context: ReadContext): Promise<ReadResult<BorderRouterState>> {
    return this.#self === null ? this.state(context) : told(this.#self.state);
  }
}

/** The border router names itself where it routes; without that row, it is the end of another session's answer. */
function isWhole(rows: readonly TopologyRouter[], { extAddress, rloc16 }: BorderRouterState): boolean {
  return rloc16 !== null && isRouterRloc16(rloc16)
    ? rows.some((row) => row.isThisDevice || row.extAddress === extAddress)
    : rows.length > 0;
}

function surveyFailure(answer: CommandFailure, address: string): ReadFailure {
  return answer.code === 'too_old'
    ? failed(
        'too_old',
        `${answer.reason}: the otbr-agent behind ${address} has no 'meshdiag', which came in March 2023; update it, or use its REST API`,
      )
    : asFailure(answer);
}

/** Of two answers of one device, what the later one tells. */
function merged(before: DeviceDiagnostics, later: DeviceDiagnostics): DeviceDiagnostics {
  const told = Object.entries(later).filter(([, value]) => value !== null);
  return { ...before, ...Object.fromEntries(told) };
}
