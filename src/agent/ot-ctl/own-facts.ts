/** What the border router tells of itself, at once and without the radio. */
import { parseExtAddress } from '../../protocol/ids.ts';
import { type Ipv6Address, parseIpv6 } from '../../protocol/ipv6.ts';
import type { DeviceDiagnostics, LeaderData } from '../mesh/device-diagnostics.ts';
import type { BorderRouterState, DiagnosticTopic, ReadResult } from '../mesh/mesh-reader.ts';
import { parseMacCounters, parseMleCounters } from './cli-counters.ts';
import { firstValue, toExtAddress, toRloc16, toWhole } from './cli-fields.ts';
import { toText } from './network-diagnostic.ts';
import type { LocalCommand } from './ot-ctl-command.ts';
import type { OtCtlSession } from './ot-ctl-session.ts';
import { asFailure, cancelled, failed, told } from './read-results.ts';
import {
  type KnownRouter,
  meshLocalPrefixOf,
  meshLocalPrefixText,
  type NextHop,
  parseAddresses,
  parseLeaderData,
  parseNextHops,
  parseRouterTable,
} from './router-tables.ts';

export interface OwnState {
  readonly state: BorderRouterState;
  /** Upper 64 bits; null where its addresses do not tell it. */
  readonly meshLocalPrefix: bigint | null;
}

/** A local command takes milliseconds; `docker exec` on a slow board takes a second. */
const localTimeoutMs = 5_000;

export class OwnFacts {
  readonly #session: OtCtlSession;

  constructor(session: OtCtlSession) {
    this.#session = session;
  }

  async state(signal: AbortSignal): Promise<ReadResult<OwnState>> {
    const role = await this.#local('state', signal, toRole);
    if (!role.ok) return role;
    const extAddress = await this.#local('extaddr', signal, toExtAddress);
    if (!extAddress.ok) return extAddress;
    const rloc16 = await this.#told('rloc16', signal, toRloc16);
    const leader = await this.leader(signal);
    const ipv6Addresses = await this.#addresses(signal);
    const routers = await this.routers(signal);
    const extPanId = await this.#told('extpanid', signal, parseExtAddress);
    const networkName = await this.#told('networkname', signal, toText);
    const channel = await this.#told('channel', signal, (text) => toWhole(text, 0, 255));
    const panId = await this.#told('panid', signal, (text) => toWhole(text, 0, 0xffff));
    if (signal.aborted) return cancelled;
    const meshLocalPrefix = rloc16 === null ? null : meshLocalPrefixOf(ipv6Addresses, rloc16);
    return told({
      meshLocalPrefix,
      state: {
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
      },
    });
  }

  /** The topics that it has an own command for. */
  async facts(
    topics: ReadonlySet<DiagnosticTopic>,
    signal: AbortSignal,
  ): Promise<Partial<DeviceDiagnostics>> {
    let facts: Partial<DeviceDiagnostics> = {};
    if (topics.has('place'))
      facts = { ipv6Addresses: await this.#addresses(signal), leader: await this.leader(signal) };
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

  async leader(signal: AbortSignal): Promise<LeaderData | null> {
    return parseLeaderData(await this.#lines('leaderdata', signal));
  }

  async #addresses(signal: AbortSignal): Promise<Ipv6Address[]> {
    return parseAddresses(await this.#lines('ipaddr', signal));
  }

  async nextHops(signal: AbortSignal): Promise<NextHop[]> {
    return parseNextHops(await this.#lines('nexthop', signal));
  }

  /** Null where the device is no router and has no such table. */
  async routers(signal: AbortSignal): Promise<KnownRouter[] | null> {
    const routers = parseRouterTable(await this.#lines('router table', signal));
    return routers.length === 0 ? null : routers;
  }
}

function toRole(text: string): string | null {
  return /^(leader|router|child|detached|disabled)$/.test(text) ? text : null;
}
