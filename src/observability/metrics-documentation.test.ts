/** Holds the metrics and `docs/metrics.md` together, both ways. */
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { FakeClock } from '../../test/support/fake-clock.ts';
import { codeRows } from '../../test/support/markdown-table.ts';
import { FactBus } from '../facts.ts';
import { createMetrics } from './metrics.ts';

it('documents every metric with its type, and no other', async () => {
  const facts = new FactBus({ onListenerError: () => undefined });
  const metrics = createMetrics({ facts, clock: new FakeClock(), version: '0', processMetrics: false });
  const exposed = [...(await metrics.render()).matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(
    ([, name, type]) => `${name} ${type}`,
  );
  const markdown = readFileSync(new URL('../../docs/metrics.md', import.meta.url), 'utf8');
  const documented = codeRows(markdown).map(
    ([name = '', type = '']) => `${name} ${type.split(',')[0] ?? ''}`,
  );
  expect(documented.toSorted()).toEqual(exposed.toSorted());
  metrics.close();
});
