/** Holds the channels' schema and `docs/notifications.md` together, both ways. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { defaultConfig } from '../../config.ts';
import { readAlertRules } from '../alerts/read-alert-rules.ts';
import { channelConfigSchema } from './channel-config.ts';

const markdown = readFileSync(new URL('../../../docs/notifications.md', import.meta.url), 'utf8');
const examples = [...markdown.matchAll(/```yaml\n(.*?)```/gs)].map(([, text]) => text ?? '');

/** Of the section `## \`kind\``: the keys in the first column of its table. */
function documentedKeys(kind: string): readonly string[] {
  const section = markdown.split(/^## /m).find((text) => text.startsWith(`\`${kind}\``)) ?? '';
  return [...section.matchAll(/^\| (`[^|]+) \|/gm)].flatMap(([, cell]) =>
    [...(cell ?? '').matchAll(/`(\w+)`/g)].map(([, key]) => key ?? ''),
  );
}

describe('docs/notifications.md', () => {
  it('has examples that load as they are', () => {
    expect(examples.length).toBeGreaterThan(6);
    for (const example of examples) {
      expect(readAlertRules('threadhub.yaml', example).problems, example).toEqual([]);
      expect(() => defaultConfig(parse(example) as object), example).not.toThrow();
    }
  });

  it('has an example of every kind of channel', () => {
    const kinds = examples.flatMap((example) =>
      [...readAlertRules('threadhub.yaml', example).channels.values()].map(({ type }) => type),
    );
    expect([...new Set(kinds)].sort()).toEqual(
      channelConfigSchema.options.map(({ shape }) => shape.type.value).sort(),
    );
  });

  it.each(channelConfigSchema.options.map(({ shape }) => [shape.type.value, Object.keys(shape)] as const))(
    'describes every key of %s, and none that is not there',
    (kind, keys) => {
      expect([...documentedKeys(kind)].sort()).toEqual(keys.filter((key) => key !== 'type').sort());
    },
  );
});
