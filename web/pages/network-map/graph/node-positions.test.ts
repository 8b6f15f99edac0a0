import { expect, test } from 'vitest';
import { nodeOf } from '../test-support/topologies.ts';
import { NodePositions, type TextStorage } from './node-positions.ts';

function fakeStorage(text: string | null = null): TextStorage & { text: string | null } {
  return {
    text,
    getItem() {
      return this.text;
    },
    setItem(_key, value) {
      this.text = value;
    },
    removeItem() {
      this.text = null;
    },
  };
}

test('finds a position again on the next visit', () => {
  const storage = fakeStorage();
  const first = new NodePositions(storage);
  first.set(nodeOf('a'), { x: 10.4, y: -20.6 }, false);
  first.set(nodeOf('b'), { x: 1, y: 2 }, true);
  first.save();
  const second = new NodePositions(storage);
  expect(second.get(nodeOf('a'))).toEqual({ x: 10, y: -21, pinned: false });
  expect(second.get(nodeOf('b'))).toEqual({ x: 1, y: 2, pinned: true });
  expect(second.get(nodeOf('c'))).toBeNull();
});

test('finds a node by the name it had before its address was known', () => {
  const positions = new NodePositions(fakeStorage());
  positions.set(nodeOf('name:lamp', { name: 'lamp' }), { x: 5, y: 6 }, false);
  expect(positions.get(nodeOf('4e3c91f5aa0821b7', { name: 'lamp' }))).toMatchObject({ x: 5, y: 6 });
});

test('finds a node by the RLOC16 under which others named it before', () => {
  const positions = new NodePositions(fakeStorage());
  positions.set(nodeOf('net-1/0x8400', { name: null, rloc16: '0x8400' }), { x: 5, y: 6 }, false);
  expect(positions.get(nodeOf('4e3c91f5aa0821b7', { rloc16: '0x8400' }))).toMatchObject({ x: 5, y: 6 });
});

test('keeps one position per node when its key changes', () => {
  const storage = fakeStorage();
  const positions = new NodePositions(storage);
  positions.set(nodeOf('name:lamp', { name: 'lamp' }), { x: 5, y: 6 }, false);
  positions.set(nodeOf('4e3c91f5aa0821b7', { name: 'lamp' }), { x: 7, y: 8 }, false);
  positions.save();
  expect(JSON.parse(storage.text ?? '')).toEqual([['4e3c91f5aa0821b7', 7, 8]]);
});

test.each(['', '{', '{"a":1}', '[1,[2],["a","b","c"],null]'])('starts afresh on damaged text %j', (text) => {
  expect(new NodePositions(fakeStorage(text)).get(nodeOf('a'))).toBeNull();
});

test('works for the visit where storage is refused', () => {
  const refusing: TextStorage = {
    getItem: () => null,
    setItem: () => {
      throw new Error('QuotaExceededError');
    },
    removeItem: () => undefined,
  };
  const positions = new NodePositions(refusing);
  positions.set(nodeOf('a'), { x: 1, y: 2 }, false);
  positions.save();
  expect(positions.get(nodeOf('a'))).toMatchObject({ x: 1, y: 2 });
});

test('forgets the longest unused positions beyond its bound', () => {
  const positions = new NodePositions(fakeStorage());
  for (let index = 0; index <= 6_000; index += 1)
    positions.set(nodeOf(`node-${index}`), { x: index, y: 0 }, false);
  positions.save();
  expect(positions.get(nodeOf('node-0'))).toBeNull();
  expect(positions.get(nodeOf('node-6000'))).not.toBeNull();
});

test('clears what is stored', () => {
  const storage = fakeStorage();
  const positions = new NodePositions(storage);
  positions.set(nodeOf('a'), { x: 1, y: 2 }, true);
  positions.save();
  positions.clear();
  expect(storage.text).toBeNull();
  expect(positions.get(nodeOf('a'))).toBeNull();
});
