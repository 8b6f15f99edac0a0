/**
 * A border router that can be asked about its mesh: the port behind which the REST API of `otbr-agent`, in each of its
 * dialects, and `ot-ctl` stand. A reader knows how to ask and how to read; which device is asked when, how often, and
 * what the answers mean together is the collector's (`mesh-collector.ts`).
 *
 * A border router that is off, too old, silent or answers nonsense is a value. Readers throw only for their own bugs.
 * When the signal aborts, a call settles soon, with any value. Calls do not overlap: the collector makes one at a time.
 */
import type { ExtAddress } from '../../protocol/ids.ts';
import type { Ipv6Address } from '../../protocol/ipv6.ts';
import type { Rloc16 } from '../../protocol/rloc16.ts';
import type { DeviceDiagnostics } from './device-diagnostics.ts';

export const readFailureCodes = [
  /** The border router is there, but its Thread interface or its API is switched off. */
  'off',
  /** Its software has nothing that tells the mesh. */
  'too_old',
  /** It understood and refused. */
  'rejected',
  /** Nobody there: no route, no answer, connection lost. */
  'unreachable',
  /** What came cannot be read, or is too large. */
  'malformed',
  /** The border router works, the device in the mesh stayed silent. */
  'silent',
  /** The border router has no way to ask that device, as one that its list has no room for. */
  'unlisted',
  /** The radio budget is spent. */
  'over_budget',
  /** The signal aborted. */
  'cancelled',
] as const;
export type ReadFailureCode = (typeof readFailureCodes)[number];

export interface ReadFailure {
  readonly ok: false;
  readonly code: ReadFailureCode;
  /** A sentence that says what was seen, and what to do where somebody can. No secrets. */
  readonly reason: string;
}
export type ReadResult<Value> = { readonly ok: true; readonly value: Value } | ReadFailure;

/** Requests that go out on the mesh's radio, counted where they are made. */
export interface RadioBudget {
  /** Takes so many, or none and false. A multicast query counts as one, a query and a get of one device as two. */
  take(requests: number): boolean;
}

export interface ReadContext {
  readonly radio: RadioBudget;
  readonly signal: AbortSignal;
}

/** The border router's own state, read live and without the radio. */
export interface BorderRouterState {
  readonly extAddress: ExtAddress;
  readonly rloc16: Rloc16 | null;
  /** `leader`, `router`, `child`, `detached` or `disabled`. */
  readonly role: string;
  readonly partitionId: number | null;
  readonly leaderRouterId: number | null;
  /** 16 lower-case hex digits: tells networks apart. */
  readonly extPanId: string | null;
  readonly networkName: string | null;
  /** Of the mesh-local prefix, `fd…::/64`. */
  readonly meshLocalPrefix: string | null;
  /** Its own addresses where it tells them. */
  readonly ipv6Addresses: readonly Ipv6Address[];
  readonly routerCount: number | null;
  readonly channel: number | null;
  readonly panId: number | null;
}

/** A device that the border router lists. Being listed proves nothing: dead devices stay listed for minutes. */
export interface ListedDevice {
  readonly extAddress: ExtAddress;
  readonly kind: DeviceKind | null;
  readonly ipv6Addresses: readonly Ipv6Address[];
  /** Its SRP name, where it has one. */
  readonly hostname: string | null;
}

/** `router`: routes now. `full`: may become one. `minimal`: listens, never routes. `sleepy`: only its parent is asked. */
export type DeviceKind = 'router' | 'full' | 'minimal' | 'sleepy';

export interface Survey {
  readonly devices: readonly ListedDevice[];
  /** What devices told themselves in the same go. */
  readonly diagnostics: readonly DeviceDiagnostics[];
}

/**
 * What a device is asked for. `place`: addresses, mode, leader. `tables`: routes, neighbours, children with their
 * addresses; routers only. `counters` and `identity` (EUI-64, versions, vendor, battery) change slowly.
 */
export type DiagnosticTopic = 'place' | 'tables' | 'counters' | 'identity';

export interface AskedDevice {
  readonly extAddress: ExtAddress;
  readonly rloc16: Rloc16 | null;
  /** What it has decides what it is asked for: to ask for more costs the whole timeout. */
  readonly kind: DeviceKind;
}

export interface MeshReader {
  readonly kind: 'otbr-rest' | 'ot-ctl';
  /** Where it asks, for people: `http://127.0.0.1:8081`, `ot-ctl`. */
  readonly address: string;
  /** How it found that it must ask, such as `json-api` or `legacy`; null until it has. */
  readonly dialect: string | null;
  /** Whether one device can be asked by itself; known after `survey`. */
  readonly asksDevices: boolean;
  state(context: Pick<ReadContext, 'signal'>): Promise<ReadResult<BorderRouterState>>;
  /**
   * What the border router lists as it is, without the radio: some of it may be gone, and what is new may be missing. Null
   * where only a survey tells anything.
   */
  list(context: Pick<ReadContext, 'signal'>): Promise<ReadResult<readonly ListedDevice[] | null>>;
  /**
   * Searches the mesh, in one query to all of it. It takes a second, or as long as 15 s where a device that the others still
   * name is dead. `expected`: devices known from before, 0 where none is.
   */
  survey(context: ReadContext, expected: number): Promise<ReadResult<Survey>>;
  /**
   * Asks one device. Part of what was asked for is an answer: what is missing is null. `timeoutMs` bounds the silence
   * that is waited for.
   */
  ask(
    device: AskedDevice,
    topics: ReadonlySet<DiagnosticTopic>,
    timeoutMs: number,
    context: ReadContext,
  ): Promise<ReadResult<DeviceDiagnostics>>;
  /** Ends what is open. Safe to call twice. */
  close(): Promise<void>;
}
