/** Reads what stands in `clear:` of a rule: what ends an alert, where that is more than that its condition holds no more. */
import type { AlertCondition, LevelTest } from './alert-rule.ts';
import { levelTests, readLevelTest } from './read-condition.ts';
import type { YamlPlace } from './yaml-place.ts';

const clearConditions: readonly AlertCondition['kind'][] = [
  'reading',
  'scan_failure_rate',
  'coap_latency_p99',
  'partitions',
  'margin_below',
  'frame_error_rate',
  'battery_below',
];
/** What ends them is part of them. */
const selfEnding: readonly AlertCondition['kind'][] = [
  ...(['incomplete', 'dataset_mismatch', 'flapping', 'reboots', 'margin_drops'] as const),
];

/** In the unit of the condition: a share for rates of failure, milliseconds for latencies. */
export function readClear(place: YamlPlace, condition: AlertCondition): LevelTest | null {
  if (selfEnding.includes(condition.kind))
    return place.problem(`${condition.kind} ends when it holds no more; leave out clear`);
  if (!clearConditions.includes(condition.kind)) {
    return place.problem('what is offline, missing or silent is cleared by its return; leave out clear');
  }
  if (
    condition.kind === 'reading' &&
    (condition.test.kind === 'changes_by' || condition.test.kind === 'rate')
  ) {
    return place.problem(`${condition.test.kind} ends when it holds no more; leave out clear`);
  }
  const known = condition.kind === 'reading' ? levelTests : (['above', 'below'] as const);
  const parts = place.parts(known, 'clear');
  if (parts === null) return null;
  const [key, second] = known.filter((name) => parts.has(name));
  const part = key === undefined ? undefined : parts.get(key);
  if (key === undefined || part === undefined || second !== undefined)
    return place.problem(`clear needs one of ${known.join(', ')}`);
  if (key === 'above' || key === 'below') {
    const limit =
      condition.kind === 'scan_failure_rate' || condition.kind === 'frame_error_rate'
        ? part.fraction()
        : condition.kind === 'coap_latency_p99'
          ? part.durationMs('a duration such as 2s')
          : part.number();
    if (limit === null) return null;
    const clear: LevelTest = { kind: key, limit };
    return contradicts(clear, condition)
      ? part.problem(
          'clear holds while the condition holds too: it would fire and end at once; set it on the other side',
        )
      : clear;
  }
  return readLevelTest(key, part);
}

/** Both can hold of one value. */
function contradicts(clear: LevelTest, condition: AlertCondition): boolean {
  const fires = firingSide(condition);
  if (fires === null || (clear.kind !== 'above' && clear.kind !== 'below')) return false;
  if (clear.kind === fires.kind) return true;
  return clear.kind === 'below' ? clear.limit > fires.limit : clear.limit < fires.limit;
}

function firingSide(
  condition: AlertCondition,
): { readonly kind: 'above' | 'below'; readonly limit: number } | null {
  switch (condition.kind) {
    case 'reading':
      return condition.test.kind === 'above' || condition.test.kind === 'below' ? condition.test : null;
    case 'scan_failure_rate':
    case 'frame_error_rate':
    case 'partitions':
      return { kind: 'above', limit: condition.above };
    case 'coap_latency_p99':
      return { kind: 'above', limit: condition.aboveMs };
    case 'margin_below':
      return { kind: 'below', limit: condition.limitDb };
    case 'battery_below':
      return { kind: 'below', limit: condition.limitMillivolts };
    default:
      return null;
  }
}
