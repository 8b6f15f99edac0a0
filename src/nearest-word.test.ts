import { expect, it } from 'vitest';
import { nearestWord } from './nearest-word.ts';

it.each([
  ['prot', 'port'],
  ['por', 'port'],
  ['node-timeout', 'node_timeout'],
  ['NODETIMEOUT', 'node_timeout'],
])('takes %j for %j', (typed, meant) => {
  expect(nearestWord(typed, ['host', 'port', 'node_timeout'])).toBe(meant);
});

it('suggests nothing where nothing is close', () => {
  expect(nearestWord('colour', ['host', 'port', 'node_timeout'])).toBeNull();
  expect(nearestWord('x', [])).toBeNull();
});

it('prefers the closest of several', () => {
  expect(nearestWord('timeouts', ['timeout', 'node_timeout', 'timers'])).toBe('timeout');
});
