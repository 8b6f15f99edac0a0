import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { filterReaches, TopicTree } from './topic-tree.ts';

const reaches = (filter: string, topic: string): boolean => {
  const tree = new TopicTree<string, string>();
  tree.set(filter, 'client', filter);
  return tree.match(topic).length === 1;
};

describe('TopicTree', () => {
  it.each([
    ['a/b', 'a/b', true],
    ['a/b', 'a/c', false],
    ['a/+', 'a/b', true],
    ['a/+', 'a', false],
    ['a/+', 'a/', true],
    ['a/#', 'a', true],
    ['a/#', 'a/b/c', true],
    ['a/#', 'ab', false],
    ['#', 'a/b', true],
    ['+/+', '/x', true],
    ['+', '/x', false],
    ['/+', '/x', true],
    ['#', '$SYS/x', false],
    ['+/x', '$SYS/x', false],
    ['$SYS/#', '$SYS/x', true],
    ['maison/+/température', 'maison/salon 🛋/température', true],
    ['__proto__/+', '__proto__/constructor', true],
    ['a//b', 'a//b', true],
    ['a/b', 'a//b', false],
  ])('filter %s and topic %s: %s', (filter, topic, expected) => {
    expect(reaches(filter, topic)).toBe(expected);
    expect(filterReaches(filter, topic)).toBe(expected);
  });

  it('keeps one value for a filter and key, and forgets what was removed', () => {
    const tree = new TopicTree<string, number>();
    tree.set('a/+', 'one', 1);
    expect(tree.match('a/b')).toEqual([1]);
    tree.set('a/+', 'one', 2);
    tree.set('a/b', 'two', 3);
    expect(tree.size).toBe(2);
    expect([...tree.match('a/b')].sort()).toEqual([2, 3]);
    tree.delete('a/+', 'one');
    tree.delete('a/+', 'one');
    tree.delete('nowhere/#', 'one');
    expect(tree.match('a/b')).toEqual([3]);
    tree.delete('a/b', 'two');
    expect(tree.size).toBe(0);
    expect(tree.match('a/b')).toEqual([]);
  });

  it('finds with many filters what asking each of them finds', () => {
    const level = fc.constantFrom('a', 'b', '', '$s', 'é');
    const topic = fc.array(level, { minLength: 1, maxLength: 4 }).map((levels) => levels.join('/'));
    const filter = fc
      .tuple(
        fc.array(fc.oneof(level, fc.constant('+')), { minLength: 1, maxLength: 4 }),
        fc.constantFrom('', '/#'),
      )
      .map(([levels, end]) => levels.join('/') + end);
    fc.assert(
      fc.property(fc.uniqueArray(filter, { maxLength: 12 }), topic, (filters, name) => {
        const tree = new TopicTree<string, string>();
        for (const each of filters) tree.set(each, 'client', each);
        expect([...tree.match(name)].sort()).toEqual(
          filters.filter((each) => filterReaches(each, name)).sort(),
        );
      }),
    );
  });
});
