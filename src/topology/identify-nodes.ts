/**
 * Finds out which devices there are: one draft node per device, however many names, tables and earlier scans speak of it.
 * Where they are and how they are linked is decided afterwards.
 */
import type { NetworkInfo } from '../protocol/network-info.ts';
import { parseExtAddress } from '../protocol/ids.ts';
import { isRouterRloc16, parseRloc16, rloc16OfRouter, routerRloc16Of } from '../protocol/rloc16.ts';
import { bestSighting, type DraftNode, isAttached, isChildRloc16, type Sighting } from './draft-node.ts';
import { factsAt } from './fact-time.ts';
import { removeGhosts } from './ghosts.ts';
import type { NetworkKeys } from './network-keys.ts';
import { NodeDirectory, type Place } from './node-directory.ts';
import type { PartitionScopes } from './partition-scopes.ts';
import { compareText } from './text-order.ts';
import type { TopologyBorderRouter, TopologyInput, TopologyObservation } from './topology-input.ts';

interface Answer {
  readonly observation: TopologyObservation;
  readonly info: NetworkInfo;
  readonly network: string;
  readonly extAddress: string | null;
  /** Null for a detached device. */
  readonly place: Place | null;
}

export interface IdentifiedNodes {
  readonly directory: NodeDirectory;
  /** Taken off the map: see `ghosts.ts`. */
  readonly ghosts: readonly DraftNode[];
}

export function identifyNodes(
  input: TopologyInput,
  keys: NetworkKeys,
  scopes: PartitionScopes,
): IdentifiedNodes {
  const directory = new NodeDirectory(input.earlier);
  const observations = [...input.nodes].sort(
    (a, b) => compareText(a.name, b.name) || compareText(a.ipv6, b.ipv6),
  );
  const answers = readAnswers(observations, keys, scopes, directory);
  for (const answer of answers) if (answer.place !== null) learnAliases(answer.info, answer.place, directory);
  for (const answer of answers)
    if (answer.extAddress !== null) directory.answeredAt(answer.extAddress, answer.place);

  for (const answer of answers) if (answer.extAddress !== null) addAnswered(answer, directory);
  for (const answer of answers) if (answer.extAddress === null) addAnswered(answer, directory);
  for (const borderRouter of [...input.borderRouters].sort(onlineFirst))
    addBorderRouter(borderRouter, keys.ofBorderRouter(borderRouter), scopes, directory);
  const answered = new Set(answers.map((answer) => answer.observation));
  for (const observation of observations)
    if (!answered.has(observation))
      addSilent(observation, keys.ofObservation(observation), scopes, directory);
  recallLastPlaces(input, scopes, directory);

  for (const node of [...directory.nodes]) if (node.answer !== null) addSightings(node, scopes, directory);
  const ghosts = removeGhosts(directory);
  addImpliedParents(scopes, directory);
  recallNeighborsOfSilent(input, directory, new Set(ghosts.map(({ id }) => id)));
  return { directory, ghosts };
}

/** Latest first: where two answers claim one address or place, the later one is right. */
function readAnswers(
  observations: readonly TopologyObservation[],
  keys: NetworkKeys,
  scopes: PartitionScopes,
  directory: NodeDirectory,
): Answer[] {
  return observations
    .flatMap((observation): Answer[] => {
      const info = observation.networkInfo;
      if (info === null || observation.outcome !== 'answered') return [];
      const network = keys.ofObservation(observation);
      const partitionId = scopes.resolve(network, info.partitionId);
      return [
        {
          observation,
          info,
          network,
          extAddress: info.extAddress ?? knownExtAddress(observation, directory),
          place: isAttached(info) ? { network, partitionId, rloc16: info.rloc16 } : null,
        },
      ];
    })
    .sort((a, b) => (factsAt(b.observation) ?? 0) - (factsAt(a.observation) ?? 0));
}

function knownExtAddress(observation: TopologyObservation, directory: NodeDirectory): string | null {
  return (
    (observation.extAddress === null ? null : parseExtAddress(observation.extAddress)) ??
    directory.earlierWithName(observation.name)?.extAddress ??
    null
  );
}

function learnAliases(info: NetworkInfo, { network, partitionId }: Place, directory: NodeDirectory): void {
  for (const entry of [...info.neighbors, ...info.children])
    if (entry.extAddress !== null)
      directory.addAlias({ network, partitionId, rloc16: entry.rloc16 }, entry.extAddress, entry.ageSeconds);
  if (info.parent?.rloc16 != null && info.parent.extAddress !== null)
    directory.addAlias({ network, partitionId, rloc16: info.parent.rloc16 }, info.parent.extAddress, null);
}

function addAnswered(answer: Answer, directory: NodeDirectory): void {
  const node = nodeOfAnswer(answer, directory);
  if (node.observation !== null) {
    node.otherNames.push(answer.observation.name);
    return;
  }
  node.observation = answer.observation;
  node.answer = answer.info;
  rememberByName(node, answer.observation.name, directory);
  if (answer.place !== null) directory.take(answer.place, node);
}

function nodeOfAnswer(
  { extAddress, place, network, observation }: Answer,
  directory: NodeDirectory,
): DraftNode {
  if (extAddress !== null) return directory.byExtAddress(extAddress, network);
  if (place !== null) {
    const alias = directory.aliasOf(place);
    if (alias !== null) return directory.byExtAddress(alias, network);
    const holder = directory.takenBy(place);
    if (holder === null || holder.extAddress === null) return directory.byPlace(place);
  }
  return directory.byOtherId(`name:${observation.name}`, network);
}

/** Earlier scans knew the device of this name, unless that was another device. */
function rememberByName(node: DraftNode, name: string, directory: NodeDirectory): void {
  const earlier = directory.earlierWithName(name);
  if (earlier !== null && (earlier.extAddress === null || earlier.extAddress === node.extAddress))
    directory.remember(node, earlier);
}

function addBorderRouter(
  borderRouter: TopologyBorderRouter,
  network: string,
  scopes: PartitionScopes,
  directory: NodeDirectory,
): void {
  const place = placeOfBorderRouter(borderRouter, network, scopes);
  const node = nodeOfBorderRouter(borderRouter, network, place, directory);
  if (node.borderRouter !== null) {
    node.otherBorderRouterIds.push(borderRouter.id);
    return;
  }
  node.borderRouter = borderRouter;
  if (place === null) return;
  if (borderRouter.online && node.answer === null) directory.take(place, node);
  else if (!borderRouter.online) directory.lastKnownAt(place, node);
}

function placeOfBorderRouter(
  { online, partitionId, rloc16: text, role }: TopologyBorderRouter,
  network: string,
  scopes: PartitionScopes,
): Place | null {
  const rloc16 = text === null ? null : parseRloc16(text);
  if (rloc16 === null || (role !== null && !isAttached({ role }))) return null;
  const scope = online ? scopes.resolve : scopes.resolveEarlier;
  return { network, partitionId: scope(network, partitionId), rloc16 };
}

function nodeOfBorderRouter(
  borderRouter: TopologyBorderRouter,
  network: string,
  place: Place | null,
  directory: NodeDirectory,
): DraftNode {
  const extAddress = borderRouter.extAddress === null ? null : parseExtAddress(borderRouter.extAddress);
  const alias = place === null ? null : directory.aliasOf(place);
  const node =
    extAddress !== null
      ? directory.byExtAddress(extAddress, network)
      : place === null
        ? null
        : (directory.takenBy(place) ??
          (alias === null ? directory.byPlace(place) : directory.byExtAddress(alias, network)));
  if (node === null) return directory.byOtherId(`br:${borderRouter.id}`, network);
  if (node.borderRouter === null || (extAddress !== null && node.network === network)) return node;
  // Two that share a place only cannot be one device: the second keeps a place of its own on the map.
  return directory.byOtherId(`br:${borderRouter.id}`, network);
}

/** A connection that stands speaks for its device, rather than one that has gone. */
const onlineFirst = (a: TopologyBorderRouter, b: TopologyBorderRouter): number =>
  Number(b.online) - Number(a.online) || compareText(a.id, b.id);

/** Not answered, or with an answer that could not be read. */
function addSilent(
  observation: TopologyObservation,
  network: string,
  scopes: PartitionScopes,
  directory: NodeDirectory,
): void {
  const node = nodeOfSilent(observation, network, scopes, directory);
  if (node.observation !== null) {
    node.otherNames.push(observation.name);
    return;
  }
  node.observation = observation;
  rememberByName(node, observation.name, directory);
}

function nodeOfSilent(
  observation: TopologyObservation,
  network: string,
  scopes: PartitionScopes,
  directory: NodeDirectory,
): DraftNode {
  const extAddress = knownExtAddress(observation, directory);
  if (extAddress !== null) return directory.byExtAddress(extAddress, network);
  const earlier = directory.earlierWithName(observation.name);
  const rloc16 = earlier?.rloc16 == null ? null : parseRloc16(earlier.rloc16);
  if (earlier !== null && rloc16 !== null && (earlier.role === null || isAttached({ role: earlier.role }))) {
    const place = {
      network: earlier.network,
      partitionId: scopes.resolveEarlier(earlier.network, earlier.partitionId),
      rloc16,
    };
    if (directory.takenBy(place) === null) {
      const alias = directory.aliasOf(place);
      const node = alias === null ? directory.byPlace(place) : directory.byExtAddress(alias, network);
      if (node.observation === null) return node;
    }
  }
  return directory.byOtherId(`name:${observation.name}`, network);
}

/** Who has not answered may still be where it last was: entries without an extended address mean it. Latest first. */
function recallLastPlaces(input: TopologyInput, scopes: PartitionScopes, directory: NodeDirectory): void {
  const nodes = [...input.earlier.nodes].sort((a, b) => b.knownAt - a.knownAt || compareText(a.id, b.id));
  for (const earlier of nodes) {
    const rloc16 = earlier.rloc16 === null ? null : parseRloc16(earlier.rloc16);
    if (rloc16 === null || (earlier.role !== null && !isAttached({ role: earlier.role }))) continue;
    const node = directory.withEarlierId(earlier.id);
    if (node !== null && node.answer !== null) continue;
    const { network } = earlier;
    const partitionId = scopes.resolveEarlier(network, earlier.partitionId);
    directory.lastKnownAt({ network, partitionId, rloc16 }, node ?? earlier);
  }
}

/** Files every entry of a node's answer with the node that it names. */
function addSightings(reporter: DraftNode, scopes: PartitionScopes, directory: NodeDirectory): void {
  const info = reporter.answer;
  if (info === null || !isAttached(info)) return;
  const { network } = reporter;
  const partitionId = scopes.resolve(network, info.partitionId);
  const add = (
    extAddress: string | null,
    rloc16: Place['rloc16'],
    details: Pick<Sighting, 'source'> & Partial<Sighting>,
  ): void => {
    const place = { network, partitionId, rloc16 };
    const node = directory.resolve(place, extAddress);
    if (node === reporter) return;
    const holder = directory.takenBy(place);
    node.sightings.push({
      reporter,
      // An old entry: the place has been taken by another device.
      rloc16: holder === null || holder === node ? rloc16 : null,
      named: rloc16,
      ageSeconds: null,
      mode: null,
      heard: null,
      linkQualityOut: null,
      ...details,
    });
  };

  for (const child of info.children)
    add(child.extAddress, child.rloc16, {
      source: 'child_table',
      ageSeconds: child.ageSeconds,
      mode: child.mode,
      heard: child,
    });
  for (const neighbor of info.neighbors)
    add(neighbor.extAddress, neighbor.rloc16, {
      source: 'neighbor_table',
      ageSeconds: neighbor.ageSeconds,
      heard: neighbor,
    });
  const { parent } = info;
  if (parent?.rloc16 != null) add(parent.extAddress, parent.rloc16, { source: 'parent', heard: parent });
  else if (parent?.extAddress != null) {
    const node = directory.byExtAddress(parent.extAddress, network);
    const rloc16 = isRouterRloc16(info.rloc16) ? null : routerRloc16Of(info.rloc16);
    if (node !== reporter)
      node.sightings.push({
        reporter,
        source: 'parent',
        rloc16,
        named: rloc16,
        ageSeconds: null,
        mode: null,
        heard: parent,
        linkQualityOut: null,
      });
  }
  for (const route of firstPerRouter(info.routes)) {
    const { linkQualityIn, linkQualityOut } = route;
    add(null, rloc16OfRouter(route.routerId), {
      source: 'route64',
      heard:
        linkQualityIn === null || linkQualityIn === 0
          ? null
          : {
              rssi: null,
              lastRssi: null,
              lqi: linkQualityIn,
              linkMargin: null,
              frameErrorRate: null,
              messageErrorRate: null,
            },
      linkQualityOut: linkQualityOut === 0 ? null : linkQualityOut,
    });
  }
  if (parent === null && isChildRloc16(info.rloc16))
    add(null, routerRloc16Of(info.rloc16), { source: 'rloc16' });
}

function firstPerRouter(routes: NetworkInfo['routes']): NetworkInfo['routes'] {
  const seen = new Set<number>();
  return routes.filter(({ routerId }) => {
    if (seen.has(routerId)) return false;
    seen.add(routerId);
    return true;
  });
}

/** A device that tables give a child's RLOC16 has a parent, even where nobody else names it. */
function addImpliedParents(scopes: PartitionScopes, directory: NodeDirectory): void {
  for (const node of [...directory.nodes]) {
    if (node.answer !== null) continue;
    const best = bestSighting(node);
    if (best === null || best.source === 'child_table' || !isChildRloc16(best.rloc16)) continue;
    const { reporter } = best;
    const rloc16 = routerRloc16Of(best.rloc16);
    if (reporter.answer === null || reporter.answer.rloc16 === rloc16) continue;
    const partitionId = scopes.resolve(reporter.network, reporter.answer.partitionId);
    const parent = directory.resolve({ network: reporter.network, partitionId, rloc16 }, null);
    if (parent !== node && parent !== reporter)
      parent.sightings.push({
        reporter,
        source: 'rloc16',
        rloc16,
        named: rloc16,
        ageSeconds: null,
        mode: null,
        heard: null,
        linkQualityOut: null,
      });
  }
}

/** A silent node keeps its last known links, so the nodes at their other ends stay on the map with it. */
function recallNeighborsOfSilent(
  input: TopologyInput,
  directory: NodeDirectory,
  ghostIds: ReadonlySet<string>,
): void {
  const isSilent = (id: string): boolean => {
    const node = directory.withEarlierId(id);
    return node !== null && node.observation !== null && node.answer === null;
  };
  const recall = (id: string): void => {
    const earlier = directory.earlierWithId(id);
    if (earlier !== null && !ghostIds.has(earlier.id)) directory.recall(earlier);
  };
  for (const earlier of input.earlier.nodes)
    if (earlier.parentId !== null && isSilent(earlier.id)) recall(earlier.parentId);
  for (const { reporterId, heardId } of input.earlier.evidence) if (isSilent(reporterId)) recall(heardId);
}
