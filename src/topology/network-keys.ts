/**
 * Which Thread network each observation and border router belongs to. Callers know networks by whatever they were told
 * (usually a prefix); one network may have several prefixes, and its extended PAN id is known only once somebody has said
 * it. The key of a network is its extended PAN id where that is known, else the caller's key.
 */
import { parseIpv6Prefix } from '../protocol/ipv6.ts';
import { compareText } from './text-order.ts';
import type { TopologyInput, TopologyObservation } from './topology-input.ts';

export interface NetworkKeys {
  /** The key of the network that the caller calls `inputKey`. */
  readonly of: (inputKey: string) => string;
  readonly ofObservation: (observation: TopologyObservation) => string;
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
  for (const [inputKey, extPanId] of mostReported(input.nodes)) byInputKey.set(inputKey, extPanId);
  for (const { networkInfo } of input.nodes)
    if (networkInfo?.extPanId != null) extPanIds.add(networkInfo.extPanId);

  const of = (inputKey: string): string => byInputKey.get(inputKey) ?? inputKey;
  const prefixes = new Map<string, Set<string>>();
  const addPrefix = (inputKey: string, prefix: string | null): void => {
    if (prefix === null) return;
    const known = prefixes.get(of(inputKey));
    if (known === undefined) prefixes.set(of(inputKey), new Set([prefix]));
    else known.add(prefix);
  };
  for (const borderRouter of input.borderRouters)
    addPrefix(borderRouter.networkKey, borderRouter.networkPrefix);
  for (const inputKey of new Set([...input.nodes, ...input.borderRouters].map((item) => item.networkKey)))
    if (parseIpv6Prefix(inputKey) !== null) addPrefix(inputKey, inputKey);

  return {
    of,
    ofObservation: (observation) => observation.networkInfo?.extPanId ?? of(observation.networkKey),
    extPanIdOf: (key) => (extPanIds.has(key) ? key : null),
    prefixesOf: (key) => [...(prefixes.get(key) ?? [])].sort(compareText),
  };
}

/** Input key → the extended PAN id that most of its answers name; of equals, the smaller. */
function mostReported(observations: readonly TopologyObservation[]): Map<string, string> {
  const votes = new Map<string, Map<string, number>>();
  for (const { networkKey, networkInfo } of observations) {
    const extPanId = networkInfo?.extPanId ?? null;
    if (extPanId === null) continue;
    const ofKey = votes.get(networkKey) ?? new Map<string, number>();
    votes.set(networkKey, ofKey.set(extPanId, (ofKey.get(extPanId) ?? 0) + 1));
  }
  const chosen = new Map<string, string>();
  for (const [networkKey, ofKey] of votes) {
    const [first] = [...ofKey].sort((a, b) => b[1] - a[1] || compareText(a[0], b[0]));
    if (first !== undefined) chosen.set(networkKey, first[0]);
  }
  return chosen;
}
