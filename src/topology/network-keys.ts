/**
 * Which Thread network each observation and border router belongs to. Callers know networks by whatever they were told
 * (usually a prefix); one network may have several prefixes, and its extended PAN id is known only once somebody has said
 * it. The key of a network is its extended PAN id where that is known, else the caller's key.
 *
 * Who says its extended PAN id belongs there, under whatever prefix it is known. A node that did not answer belongs where
 * the border router does that it was asked through.
 */
import { formatIpv6Prefix, parseIpv6Prefix } from '../protocol/ipv6.ts';
import { compareText } from './text-order.ts';
import type { TopologyBorderRouter, TopologyInput, TopologyObservation } from './topology-input.ts';

export interface NetworkKeys {
  /** The key of the network that the caller calls `inputKey`. */
  readonly of: (inputKey: string) => string;
  readonly ofObservation: (observation: TopologyObservation) => string;
  readonly ofBorderRouter: (borderRouter: TopologyBorderRouter) => string;
  /** Null where nobody has said it. */
  readonly extPanIdOf: (key: string) => string | null;
  /** Sorted. */
  readonly prefixesOf: (key: string) => string[];
}

export function resolveNetworkKeys(input: TopologyInput): NetworkKeys {
  const extPanIds = new Set<string>();
  const byInputKey = new Map<string, string>();
  for (const network of input.earlier.networks) {
    extPanIds.add(network.extPanId);
    for (const prefix of network.prefixes) byInputKey.set(prefix, network.extPanId);
  }
  const extPanIdsOf = new Map<string, string>();
  for (const { id, network } of input.borderRouters)
    if (network?.extPanId != null) {
      extPanIds.add(network.extPanId);
      extPanIdsOf.set(id, network.extPanId);
    }
  for (const { networkInfo } of input.nodes)
    if (networkInfo?.extPanId != null) extPanIds.add(networkInfo.extPanId);
  // The better word last: what an offline border router said may be over, and an answer is of this network for certain.
  for (const claims of [
    claimsOf(input.borderRouters.filter(({ online }) => !online)),
    claimsOf(input.borderRouters.filter(({ online }) => online)),
    input.nodes.map((node): Claim => [node.networkKey, node.networkInfo?.extPanId ?? null]),
  ])
    for (const [inputKey, extPanId] of mostClaimed(claims)) byInputKey.set(inputKey, extPanId);

  const of = (inputKey: string): string =>
    extPanIds.has(inputKey) ? inputKey : (byInputKey.get(inputKey) ?? inputKey);
  const ofBorderRouter = ({ network, networkKey }: TopologyBorderRouter): string =>
    network?.extPanId ?? of(networkKey);
  const ofObservation = ({ borderRouterId, networkInfo, networkKey }: TopologyObservation): string =>
    networkInfo?.extPanId ??
    (borderRouterId === null ? undefined : extPanIdsOf.get(borderRouterId)) ??
    of(networkKey);
  const prefixes = new Map<string, Set<string>>();
  const addPrefix = (key: string, prefix: string): void => {
    const known = prefixes.get(key);
    if (known === undefined) prefixes.set(key, new Set([prefix]));
    else known.add(prefix);
  };
  for (const borderRouter of input.borderRouters) {
    const { networkKey, networkPrefix } = borderRouter;
    if (networkPrefix !== null) addPrefix(ofBorderRouter(borderRouter), networkPrefix);
    if (parseIpv6Prefix(networkKey) !== null) addPrefix(ofBorderRouter(borderRouter), networkKey);
  }
  for (const inputKey of new Set(input.nodes.map(({ networkKey }) => networkKey)))
    if (parseIpv6Prefix(inputKey) !== null) addPrefix(of(inputKey), inputKey);

  return {
    of,
    ofObservation,
    ofBorderRouter,
    extPanIdOf: (key) => (extPanIds.has(key) ? key : null),
    prefixesOf: (key) => [...(prefixes.get(key) ?? [])].sort(compareText),
  };
}

/** An input key, and the extended PAN id that somebody says it has. */
type Claim = readonly [inputKey: string, extPanId: string | null];

/** Its mesh-local prefix as well: nodes may be known by nothing else. */
function claimsOf(borderRouters: readonly TopologyBorderRouter[]): Claim[] {
  return borderRouters.flatMap(({ network, networkKey, networkPrefix }) => {
    const inputKeys = new Set([networkKey, networkPrefix, meshLocalKeyOf(network)]);
    return [...inputKeys].flatMap((inputKey): Claim[] =>
      inputKey === null ? [] : [[inputKey, network?.extPanId ?? null]],
    );
  });
}

/** As callers write prefixes. */
export function meshLocalKeyOf(network: TopologyBorderRouter['network']): string | null {
  const prefix = network?.meshLocalPrefix == null ? null : parseIpv6Prefix(network.meshLocalPrefix);
  return prefix === null ? null : formatIpv6Prefix(prefix);
}

/** Input key → the extended PAN id that is claimed most often; of equals, the smaller. */
function mostClaimed(claims: readonly Claim[]): Map<string, string> {
  const votes = new Map<string, Map<string, number>>();
  for (const [inputKey, extPanId] of claims) {
    if (extPanId === null) continue;
    const ofKey = votes.get(inputKey) ?? new Map<string, number>();
    votes.set(inputKey, ofKey.set(extPanId, (ofKey.get(extPanId) ?? 0) + 1));
  }
  const chosen = new Map<string, string>();
  for (const [inputKey, ofKey] of votes) {
    const [first] = [...ofKey].sort((a, b) => b[1] - a[1] || compareText(a[0], b[0]));
    if (first !== undefined) chosen.set(inputKey, first[0]);
  }
  return chosen;
}
