import { describe, expect, it } from 'vitest';
import { sampleTimeMs, sensorView } from '../../../test/support/event-samples.ts';
import { FakeClock } from '../../../test/support/fake-clock.ts';
import { asSensorId } from '../../protocol/ids.ts';
import type { Page, SensorView } from './event-store.ts';
import { testLatestValues } from './latest-values.contract.ts';
import { MemoryLatestValues } from './memory-latest-values.ts';

const open = () => new MemoryLatestValues({ clock: new FakeClock(sampleTimeMs) });

testLatestValues('MemoryLatestValues', open);

describe('MemoryLatestValues', () => {
  it('begin with every sensor of the store, over as many pages as it has', async () => {
    const stored = ['a', 'b', 'c'].map((id) => sensorView({ id, events: 7 }));
    const pages: Page<SensorView>[] = stored.map((view, index) => ({
      items: [view],
      nextCursor: index === 2 ? null : String(index + 1),
    }));
    const values = open();
    await values.load({
      sensors: ({ cursor }) => Promise.resolve(pages[Number(cursor ?? 0)] ?? { items: [], nextCursor: null }),
    });
    expect(values.list({ limit: 10, cursor: null }).items).toEqual(stored);
    expect(values.lastReceivedAt(asSensorId('b'))).toBe(sampleTimeMs);
  });
});
