import { expect, it } from 'vitest';
import { FakeClock } from '../../test/support/fake-clock.ts';
import { asBorderRouterId } from '../protocol/ids.ts';
import { BorderRouterLabels } from './border-router-labels.ts';

const [a, b, c] = ['a', 'b', 'c'].map(asBorderRouterId) as [never, never, never];

it('lets border routers beyond the bound share one label until another one has left', async () => {
  const clock = new FakeClock();
  const forgotten: string[] = [];
  const labels = new BorderRouterLabels({ clock, forget: (label) => forgotten.push(label), maxLabels: 2 });
  expect([labels.use(a), labels.use(b), labels.use(c), labels.use(a)]).toEqual(['a', 'b', 'other', 'a']);
  labels.gone(b);
  labels.gone(c);
  await clock.advance(3_600_001);
  labels.prune();
  expect(forgotten).toEqual(['b']);
  expect(labels.use(c)).toBe('c');
});

it('keeps the label of a border router that came back in time', async () => {
  const clock = new FakeClock();
  const forgotten: string[] = [];
  const labels = new BorderRouterLabels({ clock, forget: (label) => forgotten.push(label) });
  labels.use(a);
  labels.gone(a);
  await clock.advance(3_000_000);
  labels.use(a);
  await clock.advance(3_000_000);
  labels.prune();
  expect(forgotten).toEqual([]);
  expect(labels.known(a)).toBe('a');
});
