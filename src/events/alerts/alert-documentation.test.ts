/** Holds the rules and `docs/alerts.md` together: every example loads, and every condition has one. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { loadConfig } from '../../config-loader.ts';
import { readAlertRules } from './read-alert-rules.ts';

const markdown = readFileSync(new URL('../../../docs/alerts.md', import.meta.url), 'utf8');
const examples = [...markdown.matchAll(/```yaml\n([^`]+)```/g)].map(([, yaml = '']) => yaml);

describe('docs/alerts.md', () => {
  it.each(examples.map((yaml) => [yaml.split('\n').find((line) => line.includes('name:')) ?? yaml, yaml]))(
    'has an example that loads:%s',
    (_title, yaml) => {
      const { problems, rules } = readAlertRules('docs/alerts.md', yaml);
      expect(problems).toEqual([]);
      expect(rules?.length).toBeGreaterThan(0);
      expect(() =>
        loadConfig({ file: null, environment: {}, flags: new Map(), readFile: () => yaml }),
      ).not.toThrow();
    },
  );

  it('has an example of every condition', () => {
    const conditions = examples
      .flatMap((yaml) => readAlertRules('docs/alerts.md', yaml).rules ?? [])
      .map(({ condition }) => (condition.kind === 'reading' ? condition.test.kind : condition.kind));
    expect([...new Set(conditions)].sort()).toEqual(
      [
        ...['equals', 'above', 'below', 'between', 'changes_by', 'rate', 'silent', 'offline', 'missing'],
        ...['scan_failure_rate', 'coap_latency_p99', 'partitions', 'margin_below', 'battery_below'],
        ...['incomplete', 'dataset_mismatch', 'flapping', 'reboots', 'margin_drops', 'frame_error_rate'],
      ].sort(),
    );
  });
});
