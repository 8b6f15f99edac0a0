import { expect, test } from 'vitest';
import { HubError } from './hub-error.ts';
import { triggerScan } from './trigger-scan.ts';

type TriggerSocket = Parameters<typeof triggerScan>[0];

function fakeSocket(answer: () => Promise<unknown>, connected = true): TriggerSocket {
  const socket = { connected, timeout: () => ({ emitWithAck: answer }) };
  return socket as unknown as TriggerSocket;
}

const rest = {
  triggerScan: () => Promise.resolve({ scanId: 'by-rest', joined: false, nodes: 1, borderRouters: 1 }),
};
const forbidden = {
  triggerScan: () => Promise.reject(new Error('REST was asked')),
};

test('takes the scan that the hub acknowledges', async () => {
  const socket = fakeSocket(() => Promise.resolve({ scan_id: 'by-socket' }));
  await expect(triggerScan(socket, forbidden)).resolves.toBe('by-socket');
});

test('asks over REST where no acknowledgement comes in time', async () => {
  const socket = fakeSocket(() => Promise.reject(new Error('operation has timed out')));
  await expect(triggerScan(socket, rest)).resolves.toBe('by-rest');
});

test('asks over REST without a connection', async () => {
  const socket = fakeSocket(() => Promise.reject(new Error('not reached')), false);
  await expect(triggerScan(socket, rest)).resolves.toBe('by-rest');
});

test.each([
  [{ error: 'There is nothing to scan.' }, 'unknown', 'There is nothing to scan.'],
  [
    { error: { code: 'nothing_to_scan', detail: 'No node is registered.' } },
    'nothing_to_scan',
    'No node is registered.',
  ],
])('says why the hub refused (%j)', async (answer, code, message) => {
  const socket = fakeSocket(() => Promise.resolve(answer));
  await expect(triggerScan(socket, forbidden)).rejects.toThrow(new HubError(code, 0, message));
});
