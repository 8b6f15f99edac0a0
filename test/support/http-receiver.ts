/** An HTTP server on loopback that keeps what it gets and answers as a test says. */
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface ReceivedRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

export interface HttpReceiver extends AsyncDisposable {
  readonly url: string;
  readonly requests: ReceivedRequest[];
  /** 200 with an empty object, until a test says otherwise. */
  answer: (response: ServerResponse, request: ReceivedRequest) => void;
}

/** `port`: where one was before; any free one where absent. */
export async function openHttpReceiver(port = 0): Promise<HttpReceiver> {
  const server = createServer((incoming, response) => {
    const chunks: Buffer[] = [];
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
    incoming.on('end', () => {
      const request = {
        method: incoming.method ?? '',
        path: incoming.url ?? '',
        headers: incoming.headers,
        body: Buffer.concat(chunks),
      };
      receiver.requests.push(request);
      receiver.answer(response, request);
    });
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  const receiver: HttpReceiver = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests: [],
    answer: (response) => response.end('{}'),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
  return receiver;
}
