/** Holds the schema and `docs/configuration.md` together, both ways. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { codeRows, sectionOf } from '../test/support/markdown-table.ts';
import { formatDuration } from './config.ts';
import { loadConfig } from './config-loader.ts';
import { configKeys } from './config-keys.ts';

const markdown = readFileSync(new URL('../docs/configuration.md', import.meta.url), 'utf8');
const rows = codeRows(markdown).map(([key = '', defaultText = '', unit = '', text = '']) => ({
  key,
  defaultText: defaultText.replaceAll('`', ''),
  unit,
  text,
}));

describe('docs/configuration.md', () => {
  it('has a row for every key of the schema, in its section', () => {
    expect(rows.map((row) => row.key).toSorted()).toEqual(configKeys.map((key) => key.path).toSorted());
    for (const { section, path } of configKeys) {
      const heading = section === null ? '## General' : `## \`${section}\``;
      const keys = codeRows(sectionOf(markdown, heading)).map(([key]) => key);
      expect(keys, heading).toContain(path);
    }
  });

  it.each(configKeys.map((key) => [key.path, key] as const))('names the default of %s', (path, key) => {
    const row = rows.find((candidate) => candidate.key === path);
    const defaultText =
      key.meta.duration === true
        ? formatDuration(Number(key.defaultValue))
        : key.meta.structured === true
          ? key.defaultValue === null
            ? 'none'
            : 'see below'
          : Array.isArray(key.defaultValue)
            ? key.defaultValue.join(',')
            : String(key.defaultValue);
    expect(row?.defaultText).toBe(defaultText);
  });

  it('gives a unit to every key, and a sentence', () => {
    for (const row of rows) {
      expect(row.unit, row.key).not.toBe('');
      expect(row.text, row.key).toMatch(/\.$/);
    }
  });

  it('shows an example that loads', () => {
    const [, yaml = ''] = /```yaml\n([^`]+)```/.exec(markdown) ?? [];
    const load = () => loadConfig({ file: null, environment: {}, flags: new Map(), readFile: () => yaml });
    expect([...load().origins.values()].filter((origin) => origin !== 'default')).not.toEqual([]);
  });
});
