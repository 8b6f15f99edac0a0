import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { json } from '../../../test/support/http-answers.ts';
import { startTestServer, type TestServer } from '../../../test/support/test-server.ts';

let server: TestServer;
beforeEach(async () => {
  server = await startTestServer();
});
afterEach(() => server[Symbol.asyncDispose]());

describe('connections', () => {
  it('gives the fullest first', async () => {
    const connection = {
      kind: 'border_router' as const,
      remoteAddress: null,
      connectedAt: 0,
      sentMessages: 0,
      receivedMessages: 0,
    };
    server.world.connections.push(
      { ...connection, id: 'idle', queueBytes: 0, queueMessages: 9 },
      { ...connection, id: 'slow', queueBytes: 900, queueMessages: 3 },
      { ...connection, id: 'busy', queueBytes: 50, queueMessages: 1 },
    );
    const { items } = await json(server.get('/api/connections?sort=queue_bytes&limit=2'));
    expect(items.map(({ id }) => id)).toEqual(['slow', 'busy']);
    const byMessages = await json(server.get('/api/connections?sort=queue_messages&limit=1'));
    expect(byMessages.items.map(({ id }) => id)).toEqual(['idle']);
  });
});
