/**
 * Border routers that cannot belong together as they say: one network has one name and one set of settings. Two that differ were set up
 * apart from each other, or one missed a change.
 */

export interface NetworkMember {
  readonly name: string;
  readonly extPanId: string | null;
  readonly networkName: string | null;
  readonly activeTimestamp: string | null;
}

/** A sentence for each member that disagrees with another of its network; null for the others. */
export function findConflicts<Member extends NetworkMember>(
  members: readonly Member[],
): Map<Member, string | null> {
  const conflicts = new Map<Member, string | null>(members.map((member) => [member, null]));
  const networks = Map.groupBy(members, ({ extPanId }) => extPanId);
  for (const [extPanId, network] of networks) {
    if (extPanId === null) continue;
    for (const member of network) conflicts.set(member, conflictOf(member, network));
  }
  return conflicts;
}

function conflictOf(member: NetworkMember, network: readonly NetworkMember[]): string | null {
  const differs = (key: 'networkName' | 'activeTimestamp'): NetworkMember | undefined =>
    network.find((other) => member[key] !== null && other[key] !== null && other[key] !== member[key]);
  const namedOtherwise = differs('networkName');
  if (namedOtherwise !== undefined)
    return (
      `${quoted(namedOtherwise.name)} calls the same network (extended PAN id ${member.extPanId ?? ''}) ` +
      `${quoted(namedOtherwise.networkName ?? '')}, this one ${quoted(member.networkName ?? '')}: they do not share one set of settings.`
    );
  const setOtherwise = differs('activeTimestamp');
  if (setOtherwise === undefined) return null;
  const isOlder = (member.activeTimestamp ?? '') < (setOtherwise.activeTimestamp ?? '');
  return (
    `Its settings of the network (extended PAN id ${member.extPanId ?? ''}) are ${isOlder ? 'older' : 'newer'} than those of ` +
    `${quoted(setOtherwise.name)}: one of them missed a change and may be in a partition of its own.`
  );
}

const quoted = (text: string): string => JSON.stringify(text);
