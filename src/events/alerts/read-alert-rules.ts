/**
 * Reads the `alerts:` list and the `channels:` map of the configuration file. Every problem has its file, line and column;
 * where there is one, nothing of it should be put in force: half of somebody's alarms is worse than those of before.
 */
import { severities } from '../../protocol/alert.ts';
import { type ChannelConfig, channelConfigSchema } from '../notifications/channel-config.ts';
import { type AlertRule, type EscalationStep, type Hold, noHold } from './alert-rule.ts';
import { readClear } from './read-clear.ts';
import { type ReadCondition, readCondition, readHold } from './read-condition.ts';
import { openYaml, type YamlPlace } from './yaml-place.ts';

export interface ReadRules {
  /** Null where the file has no list of rules. */
  readonly rules: readonly AlertRule[] | null;
  readonly channels: ReadonlyMap<string, ChannelConfig>;
  /** A sentence each, with file, line and column in front. */
  readonly problems: readonly string[];
}

const ruleKeys = [
  'name',
  'when',
  'clear',
  'for',
  'severity',
  'notify',
  'repeat',
  'escalate',
  'enabled',
] as const;
const maxRules = 1_000;
const maxChannels = 100;

export function readAlertRules(path: string, text: string): ReadRules {
  const { problems, root } = openYaml(path, text);
  if (root !== null && !root.isMap && !root.isEmpty)
    root.problem('the file holds no sections; write alerts: with a list of rules below it');
  const sections = new Map(root?.isMap === true ? (root.entries('a map') ?? []) : []);
  const channelsPlace = sections.get('channels');
  const rulesPlace = sections.get('alerts');
  const hasChannels = channelsPlace !== undefined && !channelsPlace.isEmpty;
  const channels = hasChannels ? readChannels(channelsPlace) : new Map<string, ChannelConfig>();
  const rules =
    rulesPlace === undefined || rulesPlace.isEmpty
      ? null
      : readRules(rulesPlace, hasChannels ? [...(channelNames(channelsPlace) ?? [])] : null);
  return { rules, channels, problems };
}

const channelNames = (place: YamlPlace): readonly string[] | null =>
  place.isMap ? (place.entries('a map')?.map(([name]) => name) ?? null) : null;

function readChannels(place: YamlPlace): ReadonlyMap<string, ChannelConfig> {
  const channels = new Map<string, ChannelConfig>();
  const entries =
    place.entries('a map of channels, such as phone: {type: ntfy, url: https://ntfy.sh/my-home}') ?? [];
  if (entries.length > maxChannels)
    place.problem(`there are ${entries.length} channels; at most ${maxChannels}`);
  for (const [name, entry] of entries) {
    if (!/^[^\s,][^,]{0,63}$/u.test(name)) {
      entry.problem(
        `${JSON.stringify(name)} is no name for a channel; write 1 to 64 characters without commas`,
      );
      continue;
    }
    const plain = plainValue(entry);
    const parsed = channelConfigSchema.safeParse(plain);
    if (parsed.success) {
      channels.set(name, parsed.data);
      continue;
    }
    for (const issue of parsed.error.issues) {
      const unknown = issue.code === 'unrecognized_keys' ? issue.keys : [null];
      for (const key of unknown) {
        const path = key === null ? issue.path : [...issue.path, key];
        const shown = path.length === 0 ? name : `${name}.${path.map(String).join('.')}`;
        entry.problemAt(
          path,
          key === null ? `${shown}: ${issue.message}` : `${shown} is no key of this channel`,
        );
      }
    }
  }
  return channels;
}

function plainValue(place: YamlPlace): unknown {
  try {
    return place.plain();
  } catch {
    return null;
  }
}

function readRules(place: YamlPlace, channels: readonly string[] | null): readonly AlertRule[] {
  const items = place.items('a list of rules, each with name and when') ?? [];
  if (items.length > maxRules) place.problem(`there are ${items.length} rules; at most ${maxRules}`);
  const rules: AlertRule[] = [];
  const names = new Set<string>();
  for (const item of items) {
    const rule = readRule(item, channels);
    if (rule === null) continue;
    if (names.has(rule.name))
      item.problem(`there are two rules named ${rule.name}; each needs a name of its own`);
    names.add(rule.name);
    rules.push(rule);
  }
  return rules;
}

function readRule(place: YamlPlace, channels: readonly string[] | null): AlertRule | null {
  const parts = place.parts(ruleKeys, 'a rule');
  if (parts === null) return null;
  const namePlace = parts.get('name');
  const name =
    namePlace === undefined
      ? place.problem('this rule has no name; write name: and a name that no other rule has')
      : namePlace.text('a name of at most 100 characters', 100);
  const when = parts.get('when');
  const read =
    when === undefined ? place.problem('this rule has no when: it would never fire') : readCondition(when);
  const clearPlace = parts.get('clear');
  const clear = clearPlace === undefined || read === null ? null : readClear(clearPlace, read.condition);
  const severity = parts.get('severity')?.word(severities) ?? 'warning';
  const enabledPlace = parts.get('enabled');
  const enabled = enabledPlace?.scalar() ?? true;
  if (typeof enabled !== 'boolean') enabledPlace?.expected('true or false');
  const notifyPlace = parts.get('notify');
  const notify = notifyPlace === undefined ? null : readNotify(notifyPlace, channels);
  const repeatMs = parts.get('repeat')?.durationMs() ?? null;
  const escalate = readEscalation(parts.get('escalate'), channels);
  const hold = readRuleHold(parts.get('for'), read);
  if (name === null || read === null) return null;
  return {
    name,
    enabled: enabled !== false,
    severity,
    condition: read.condition,
    clear,
    during: read.during,
    hold,
    notify,
    repeatMs,
    escalate,
  };
}

function readRuleHold(place: YamlPlace | undefined, read: ReadCondition | null): Hold {
  if (place === undefined) return read?.hold ?? noHold;
  if (read === null) return readHold(place, { scansCount: true }) ?? noHold;
  if (read.hold !== null) {
    place.problem('the condition has its own time already; write one of the two');
    return read.hold;
  }
  return readHold(place, read) ?? noHold;
}

function readNotify(place: YamlPlace, channels: readonly string[] | null): readonly string[] | null {
  const names = place.texts('a list of channels such as [phone, siren]');
  const unknown = (names ?? []).filter((name) => channels !== null && !channels.includes(name));
  for (const name of unknown) {
    place.problem(`there is no channel ${name}; channels: has ${(channels ?? []).join(', ')}`);
  }
  return names === null ? null : [...new Set(names)];
}

function readEscalation(
  place: YamlPlace | undefined,
  channels: readonly string[] | null,
): readonly EscalationStep[] {
  if (place === undefined) return [];
  const steps: EscalationStep[] = [];
  for (const item of place.items('a list such as [{after: 3m, notify: [neighbour]}]') ?? []) {
    const parts = item.parts(['after', 'notify'], 'a step of an escalation');
    if (parts === null) continue;
    const after = parts.get('after');
    const notify = parts.get('notify');
    if (after === undefined || notify === undefined) {
      item.problem(
        'a step of an escalation needs after and notify, such as {after: 3m, notify: [neighbour]}',
      );
      continue;
    }
    const afterMs = after.durationMs();
    const names = readNotify(notify, channels);
    if (afterMs !== null && names !== null) steps.push({ afterMs, notify: names });
  }
  return steps.sort((a, b) => a.afterMs - b.afterMs);
}
