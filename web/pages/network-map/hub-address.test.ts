import { expect, test } from 'vitest';
import { hubAddress, isLoopback, withHubAddress } from './hub-address.ts';

const lan = { protocol: 'http:', host: 'hub.lan:5001', hostname: 'hub.lan' };
const local = { protocol: 'http:', host: 'localhost:5001', hostname: 'localhost' };
const command = 'threadhub border-router --id attic --hub ws://ADDRESS-OF-THE-HUB:5001';

test('suggests the address by which the page itself came', () => {
  expect(withHubAddress(command, lan)).toBe('threadhub border-router --id attic --hub ws://hub.lan:5001');
  expect(hubAddress({ ...lan, protocol: 'https:', host: 'hub.lan' })).toBe('wss://hub.lan');
});

test('suggests no address that only this machine knows', () => {
  expect(withHubAddress(command, local)).toBe(command);
  for (const hostname of ['127.0.0.1', '[::1]', 'hub.localhost'])
    expect(isLoopback({ ...local, hostname })).toBe(true);
  expect(isLoopback(lan)).toBe(false);
});
