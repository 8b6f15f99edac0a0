/**
 * "Same device, new address?" A device that was reset or got a new extended address comes back as a stranger, while its
 * old self stays silent. Where an old and a new one have enough in common, that is told as a guess; nothing is merged.
 *
 * The EUI-64 is burnt in: where it is the same, so is the device. A host name is chosen by the device and mostly lasts. An
 * RLOC16, a parent or a model may be shared by chance: together they make a guess, and only where no second candidate
 * has the same in common.
 */
import type { Hypothesis } from '../protocol/topology.ts';
import type { DraftNode } from './draft-node.ts';
import type { EarlierKnowledge, EarlierNode } from './earlier-knowledge.ts';
import type { NodeDirectory } from './node-directory.ts';
import { compareText } from './text-order.ts';

type Reason = Hypothesis['because'][number];

/** What a device is recognised by. */
interface Traits {
  readonly network: string;
  readonly eui64: string | null;
  readonly hostname: string | null;
  readonly rloc16: string | null;
  readonly parentId: string | null;
  /** Vendor and model. */
  readonly model: string | null;
}

/** How much a trait in common says. */
const weights: Readonly<Record<Reason, number>> = {
  eui64: 10,
  hostname: 4,
  rloc16: 2,
  vendor_model: 2,
  parent: 1,
};
const likelyFrom = 4;
const possibleFrom = 3;

const reasonTexts: Readonly<Record<Reason, string>> = {
  eui64: 'EUI-64',
  hostname: 'host name',
  rloc16: 'RLOC16',
  parent: 'parent',
  vendor_model: 'vendor and model',
};

/** Sorted by the new id. `labelOf` is asked for devices of the map. */
export function findSameDevices(
  directory: NodeDirectory,
  earlier: EarlierKnowledge,
  labelOf: (node: DraftNode) => string,
): Hypothesis[] {
  if (earlier.nodes.length === 0) return [];
  const strangers: DraftNode[] = [];
  for (const node of directory.nodes) if (isStranger(node, directory)) strangers.push(node);
  if (strangers.length === 0) return [];

  const vanished = earlier.nodes.filter((old) => isVanished(directory.withEarlierId(old.id)));
  const candidates = new Candidates(vanished);
  const hypotheses = strangers.flatMap((node): Hypothesis[] => {
    const found = candidates.bestFor(traitsOf(node));
    if (found === null) return [];
    const { because, old } = found;
    const confidence = confidenceOf(because);
    if (confidence === null) return [];
    const oldLabel = old.name ?? old.id;
    const same = because.map((reason) => reasonTexts[reason]).join(', ');
    return [
      {
        kind: 'same_device',
        oldId: old.id,
        newId: node.id,
        confidence,
        because,
        statement:
          confidence === 'certain'
            ? `${labelOf(node)} is ${oldLabel} under a new address: same ${same}`
            : `${labelOf(node)} is ${confidence === 'likely' ? 'likely' : 'possibly'} ${oldLabel} under a new address: same ${same}`,
      },
    ];
  });
  return unambiguous(hypotheses).sort((a, b) => compareText(a.newId, b.newId));
}

/** There now, with an extended address that no earlier scan knew. */
function isStranger(node: DraftNode, directory: NodeDirectory): boolean {
  const { answer, extAddress, remembered, sightings } = node;
  if (extAddress === null || (answer === null && sightings.length === 0)) return false;
  return remembered === null && directory.earlierWithId(node.id) === null;
}

/** Not on the map, or there without an answer and without anybody who names it. */
function isVanished(node: DraftNode | null): boolean {
  return (
    node === null ||
    (node.answer === null && node.sightings.length === 0 && node.borderRouter?.online !== true)
  );
}

function traitsOf({ answer, network, parent, rloc16 }: DraftNode): Traits {
  return { network, rloc16, parentId: parent?.id ?? null, ...makeOf(answer?.device) };
}

function traitsOfEarlier({ device, network, parentId, rloc16 }: EarlierNode): Traits {
  return { network, rloc16, parentId, ...makeOf(device) };
}

function makeOf(device: EarlierNode['device'] | null): Pick<Traits, 'eui64' | 'hostname' | 'model'> {
  if (device == null) return { eui64: null, hostname: null, model: null };
  const { eui64, hostname, vendorModel, vendorName } = device;
  return { eui64, hostname, model: vendorModel === null ? null : `${vendorName ?? ''}\n${vendorModel}` };
}

class Candidates {
  /** By each trait, in its network: others may be built apart, see `topology-builder.ts`. */
  readonly #byTrait = new Map<string, EarlierNode[]>();

  constructor(vanished: readonly EarlierNode[]) {
    for (const old of vanished)
      for (const key of keysOf(traitsOfEarlier(old))) {
        const known = this.#byTrait.get(key);
        if (known === undefined) this.#byTrait.set(key, [old]);
        else known.push(old);
      }
  }

  /** Null where none has anything in common, or two have as much. */
  bestFor(traits: Traits): { readonly old: EarlierNode; readonly because: Reason[] } | null {
    let best: { readonly old: EarlierNode; readonly because: Reason[] } | null = null;
    let bestWeight = 0;
    let isTie = false;
    const seen = new Set<EarlierNode>();
    for (const key of keysOf(traits))
      for (const old of (this.#byTrait.get(key) ?? []).slice(0, maxCompared)) {
        if (seen.has(old)) continue;
        seen.add(old);
        const because = inCommon(traits, traitsOfEarlier(old));
        const weight = weightOf(because);
        if (weight < bestWeight) continue;
        isTie = weight === bestWeight;
        best = { old, because };
        bestWeight = weight;
      }
    return isTie ? null : best;
  }
}

/** A house may have a hundred lamps of one model; with more in common there are few. */
const maxCompared = 100;

function keysOf({ eui64, hostname, model, network, rloc16 }: Traits): string[] {
  const keys: string[] = [];
  if (eui64 !== null) keys.push(`eui64 ${network} ${eui64}`);
  if (hostname !== null) keys.push(`host ${network} ${hostname}`);
  if (rloc16 !== null) keys.push(`rloc16 ${network} ${rloc16}`);
  if (model !== null) keys.push(`model ${network} ${model}`);
  return keys;
}

/** Nothing where two traits prove that they are not the same. */
function inCommon(one: Traits, other: Traits): Reason[] {
  if (one.network !== other.network) return [];
  if (one.eui64 !== null && other.eui64 !== null) return one.eui64 === other.eui64 ? ['eui64'] : [];
  if (one.model !== null && other.model !== null && one.model !== other.model) return [];
  const reasons: Reason[] = [];
  if (one.hostname !== null && one.hostname === other.hostname) reasons.push('hostname');
  if (one.rloc16 !== null && one.rloc16 === other.rloc16) reasons.push('rloc16');
  else if (one.parentId !== null && one.parentId === other.parentId) reasons.push('parent');
  if (one.model !== null && one.model === other.model) reasons.push('vendor_model');
  return reasons;
}

function weightOf(because: readonly Reason[]): number {
  let weight = 0;
  for (const reason of because) weight += weights[reason];
  return weight;
}

function confidenceOf(because: readonly Reason[]): Hypothesis['confidence'] | null {
  if (because.includes('eui64')) return 'certain';
  const weight = weightOf(because);
  return weight >= likelyFrom ? 'likely' : weight >= possibleFrom ? 'possible' : null;
}

/** One old device cannot have become two: the stronger guess holds, and of equals none. */
function unambiguous(hypotheses: readonly Hypothesis[]): Hypothesis[] {
  const kept: Hypothesis[] = [];
  for (const rivals of Map.groupBy(hypotheses, ({ oldId }) => oldId).values()) {
    const most = Math.max(...rivals.map(({ because }) => weightOf(because)));
    const best = rivals.filter(({ because }) => weightOf(because) === most);
    if (best.length === 1) kept.push(...best);
  }
  return kept;
}
