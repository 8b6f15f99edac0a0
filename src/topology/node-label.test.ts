import { expect, test } from 'vitest';
import { nodeLabel } from './node-label.ts';

const borderRouter = {
  ...{ id: '4e3c91f5aa0821b7', name: '4e3c91f5aa0821b7', brId: 'BR-001', rloc16: '0x8400' },
  kind: 'border_router',
} as const;

test('calls a border router by its id where it was registered under nothing but its address', () => {
  expect(nodeLabel(borderRouter)).toBe('BR-001');
  expect(nodeLabel({ ...borderRouter, name: null })).toBe('BR-001');
  expect(nodeLabel({ ...borderRouter, name: 'attic' })).toBe('attic');
});

test('calls a node by the name it has, the border router that asked it notwithstanding', () => {
  expect(nodeLabel({ ...borderRouter, kind: 'node' })).toBe('4e3c91f5aa0821b7');
  expect(nodeLabel({ ...borderRouter, kind: 'node', name: null })).toBe('0x8400');
});
