/** A hub's HTTP side that answers what a test tells it, and remembers what it was asked. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface FakeHubRequest {
  readonly method: string;
  /** With its query. */
  readonly path: string;
  readonly userAgent: string;
  /** Parsed JSON; null without one. */
  readonly body: unknown;
}

export interface FakeHubAnswer {
  readonly status?: number;
  /** Text goes as it is, anything else as JSON. */
  readonly body?: unknown;
}

export interface FakeHub extends AsyncDisposable {
  readonly url: string;
  readonly requests: readonly FakeHubRequest[];
}

/** Keys are `GET /api/nodes`, without the query. Anything else is answered with 404 and no explanation. */
export async function startFakeHub(
  routes: Readonly<Record<string, (request: FakeHubRequest) => FakeHubAnswer>>,
): Promise<FakeHub> {
  const requests: FakeHubRequest[] = [];
  const server = createServer((incoming, outgoing) => {
    const chunks: Buffer[] = [];
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
    incoming.on('end', () => {
      const text = Buffer.concat(chunks).toString();
      const request: FakeHubRequest = {
        method: incoming.method ?? '',
        path: incoming.url ?? '',
        userAgent: incoming.headers['user-agent'] ?? '',
        body: text === '' ? null : JSON.parse(text),
      };
      requests.push(request);
      const route = routes[`${request.method} ${request.path.split('?')[0] ?? ''}`];
      const { status = 200, body } = route?.(request) ?? { status: 404, body: '<h1>Not found</h1>' };
      outgoing.writeHead(status, { 'content-type': 'application/json' });
      outgoing.end(body === undefined ? '' : typeof body === 'string' ? body : JSON.stringify(body));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Problem details as a hub words them. */
export const problem = (status: number, code: string, detail: string): FakeHubAnswer => ({
  status,
  body: { type: `urn:threadhub:problem:${code}`, title: code, status, detail, code },
});
