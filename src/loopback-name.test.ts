import { expect, it } from 'vitest';
import { isLoopbackName } from './loopback-name.ts';

it('knows that ::1 and localhost are loopback and that wildcards are not', () => {
  expect(['::1', 'localhost', '127.0.0.1'].every(isLoopbackName)).toBe(true);
  expect(['::', '0.0.0.0', '192.168.1.2', ''].some(isLoopbackName)).toBe(false);
});
