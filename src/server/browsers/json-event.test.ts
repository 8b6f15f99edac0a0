import { describe, expect, it } from 'vitest';
import { acceptJsonPayloads, JsonPayload } from './json-event.ts';

function encoder() {
  const made = {
    encode: (packet: { type: number; nsp: string; id?: number; data?: unknown }) => [JSON.stringify(packet)],
  };
  acceptJsonPayloads(made);
  return made;
}

describe('an event whose payload is JSON already', () => {
  const data = ['topology_update', new JsonPayload('{"scan_id":"s"}')];

  it('is written as Socket.IO writes it', () => {
    expect(encoder().encode({ type: 2, nsp: '/', data })).toEqual(['2["topology_update",{"scan_id":"s"}]']);
  });

  it.each([
    ['asks for an acknowledgement', { type: 2, nsp: '/', id: 0, data }],
    ['is for another namespace', { type: 2, nsp: '/admin', data }],
    ['is an acknowledgement itself', { type: 3, nsp: '/', data }],
    ['has more than one payload', { type: 2, nsp: '/', data: [...data, 1] }],
  ])('is left to Socket.IO where it %s', (_case, packet) => {
    expect(JSON.parse(encoder().encode(packet)[0] ?? '')).toEqual(JSON.parse(JSON.stringify(packet)));
    expect(JSON.stringify(packet)).toContain('{"scan_id":"s"}');
  });
});
