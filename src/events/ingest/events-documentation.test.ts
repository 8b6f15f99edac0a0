/** Holds what `docs/events.md` says that can be sent to what is taken. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { defaultConfig } from '../../config.ts';
import { acceptEvent } from './accept-event.ts';
import { decodeEventJson } from './event-json.ts';
import { FieldProblem } from './field-problem.ts';

const markdown = readFileSync(new URL('../../../docs/events.md', import.meta.url), 'utf8');

describe('docs/events.md', () => {
  it('shows events that are taken, with every property that there is', () => {
    const [, fence = ''] = /```json\n([^`]+)```/.exec(markdown) ?? [];
    const examples = fence.trim().split('\n');
    expect(examples).toHaveLength(2);
    const shown = new Set<string>();
    for (const example of examples) {
      const json = JSON.parse(example) as Record<string, unknown>;
      for (const name of Object.keys(json)) shown.add(name);
      const decoded = decodeEventJson(json, { sensorId: null, type: null, unknownProperties: 'refuse' });
      if (decoded instanceof FieldProblem) throw new Error(String(decoded));
      const accepted = acceptEvent(
        decoded,
        { protocol: 'http', receivedAt: 1_763_646_000_000, qos: null, topic: null },
        { criticalTypes: new Set(), maxClockSkewMs: 1, maxAgeMs: 1, newId: () => 'id' },
      );
      expect(accepted).toMatchObject({ sensorId: 'kitchen-1', flags: [] });
    }
    const refusal = decodeEventJson({ x: 1 }, { sensorId: null, type: null, unknownProperties: 'refuse' });
    if (!(refusal instanceof FieldProblem)) throw new Error('an unknown property was taken');
    const valid = refusal.message.split('valid: ')[1]?.split(', ');
    expect([...shown].sort()).toEqual(valid?.sort());
  });

  it('has a section for every decoder', () => {
    const sections = [...markdown.matchAll(/^### (\w+): /gm)].map(([, name]) => name);
    expect(sections.toSorted()).toEqual(
      defaultConfig()
        .events.decoders.map(({ decoder }) => decoder)
        .sort(),
    );
  });
});
