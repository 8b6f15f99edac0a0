import fc from 'fast-check';
import { expect, it } from 'vitest';
import { asExtAddress, parseBorderRouterId } from '../protocol/ids.ts';
import { defaultBorderRouterId } from './default-border-router-id.ts';

const extAddress = asExtAddress('52a10c4208649fcc');

it.each([
  ['pi4', null, 'pi4'],
  ['pi4.lan', extAddress, 'pi4-9fcc'],
  ['Büro Küche', null, 'B-ro-K-che'],
  ['', null, 'border-router'],
  ['日本', extAddress, 'border-router-9fcc'],
])('of %j with %j is %s', (hostName, address, id) => {
  expect(defaultBorderRouterId(hostName, address)).toBe(id);
});

it('is valid whatever the machine is called', () => {
  fc.assert(
    fc.property(fc.string({ maxLength: 300 }), fc.constantFrom(null, extAddress), (hostName, address) => {
      expect(parseBorderRouterId(defaultBorderRouterId(hostName, address))).not.toBeNull();
    }),
  );
});
