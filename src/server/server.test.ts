import { createServer as createTcpServer } from 'node:net';
import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import { fakeServerOptions, startTestServer, TestWorld } from '../../test/support/test-server.ts';
import { StartError } from '../errors.ts';
import { createServer } from './server.ts';

async function failureOf(server: ReturnType<typeof createServer>): Promise<StartError> {
  try {
    await server.listen();
  } catch (error) {
    if (error instanceof StartError) return error;
    throw error;
  } finally {
    await server.close();
  }
  throw new Error('it listens');
}

describe('listening', () => {
  it('names the port that is taken, and how to choose another', async () => {
    const blocker = createTcpServer().listen(0, '127.0.0.1');
    await once(blocker, 'listening');
    const { port } = blocker.address() as { port: number };
    const server = createServer(fakeServerOptions(new TestWorld(), { config: { server: { port } } }));
    const error = await failureOf(server);
    expect(error.code).toBe('port_in_use');
    expect(error.message).toContain(`port ${port} on 127.0.0.1`);
    expect(error.message).toContain('--port');
    blocker.close();
  });

  it('says what is wrong with an address of another machine', async () => {
    const config = { server: { host: '192.0.2.1' } };
    const error = await failureOf(createServer(fakeServerOptions(new TestWorld(), { config })));
    expect(error.code).toBe('listen_failed');
    expect(error.message).toContain('server.host');
  });

  it('listens on localhost by name and on IPv6', async () => {
    for (const host of ['localhost', '::1']) {
      const server = createServer(fakeServerOptions(new TestWorld(), { config: { server: { host } } }));
      const address = await server.listen();
      expect(address).toEqual({ host, port: expect.any(Number) as number });
      const shown = host === '::1' ? '[::1]' : '127.0.0.1';
      expect((await fetch(`http://${shown}:${address.port}/healthz`)).status).toBe(200);
      await server.close();
    }
  });
});

describe('closing', () => {
  it('ends idle keep-alive connections and refuses new ones', async () => {
    const hub = await startTestServer();
    await (await hub.get('/healthz')).text();
    await hub[Symbol.asyncDispose]();
    await expect(hub.get('/healthz')).rejects.toThrow();
  });

  it('may come before listening', async () => {
    await createServer(fakeServerOptions(new TestWorld(), {})).close();
  });
});
