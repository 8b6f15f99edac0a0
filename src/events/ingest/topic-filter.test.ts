import { describe, expect, it } from 'vitest';
import { compileTopicFilter, literalPrefix } from './topic-filter.ts';

describe('compileTopicFilter', () => {
  it.each([
    ['sensors/#', 'sensors/a', true],
    ['sensors/#', 'sensors/a/b', true],
    ['sensors/#', 'sensors', true],
    ['sensors/#', 'sensors/', true],
    ['sensors/#', 'sensorsx', false],
    ['sensors/#', 'Sensors/a', false],
    ['a/+', 'a/b', true],
    ['a/+', 'a/', true],
    ['a/+', 'a', false],
    ['a/+', 'a/b/c', false],
    ['+/+/+/state', 'x/sensor/y/state', true],
    ['+/+/+/state', '///state', true],
    ['+/+/+/state', 'x/sensor/y/z/state', false],
    ['+/b/#', 'a/b', true],
    ['+/b/#', 'a/c', false],
    ['#', 'anything/at/all', true],
    ['#', '$SYS/broker/uptime', false],
    ['+/x', '$SYS/x', false],
    ['$SYS/#', '$SYS/x', true],
    ['a/b', 'a/b', true],
    ['a/b', 'a/b/', false],
    ['a/b', 'a/bc', false],
  ])('%s and %s: %s', (filter, topic, fits) => {
    expect(compileTopicFilter(filter)(topic)).toBe(fits);
  });

  it('knows what all topics of a filter begin with', () => {
    expect(['sensors/#', '+/a', 'a/b', 'a/+/c', '#'].map(literalPrefix)).toEqual([
      'sensors/',
      '',
      'a/b',
      'a/',
      '',
    ]);
  });
});
