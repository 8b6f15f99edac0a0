/** For tests: the least hub that a simulation can talk to. It registers what it is told and asks what a test asks. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { WebSocketServer, type WebSocket } from 'ws';
import { decodeBorderRouterFrame, encodeHubCommand } from '../../src/protocol/border-router-codec.ts';
import {
  type BorderRouterMessage,
  cborSubprotocol,
  type HubCommand,
} from '../../src/protocol/border-router-messages.ts';

interface TinyHubLink {
  readonly borderRouterId: string;
  readonly networkPrefix: string | null;
  readonly authorization: string | null;
  readonly messages: BorderRouterMessage[];
  readonly socket: WebSocket;
  /** Sends a command and resolves with the message that answers it. */
  ask(command: HubCommand): Promise<BorderRouterMessage>;
}

export interface TinyHub {
  readonly url: string;
  /** Every node file that was imported. */
  readonly imports: unknown[];
  /** In the order in which they came, closed ones included. */
  readonly links: TinyHubLink[];
  /** The latest link of a border router. */
  link(borderRouterId: string): TinyHubLink;
  /** Resolves when it holds; looked at whenever something arrives. */
  until(holds: () => boolean): Promise<void>;
  close(): Promise<void>;
}

export async function openTinyHub(importStatus = 200): Promise<TinyHub> {
  const imports: unknown[] = [];
  const links: TinyHubLink[] = [];
  const waiting = new Set<() => void>();
  const wake = (): void => {
    for (const look of [...waiting]) look();
  };
  const http = createServer((request, response) => {
    let body = '';
    request.on('data', (part: Buffer) => (body += part.toString()));
    request.on('end', () => {
      imports.push({ path: request.url, ...(JSON.parse(body) as object) });
      response.writeHead(importStatus, { 'content-type': 'application/json' });
      response.end('{"detail":"tiny"}');
    });
  });
  const server = new WebSocketServer({
    server: http,
    handleProtocols: (protocols) => (protocols.has(cborSubprotocol) ? cborSubprotocol : false),
  });
  server.on('connection', (socket, request) => {
    const { searchParams } = new URL(request.url ?? '/', 'ws://hub');
    const messages: BorderRouterMessage[] = [];
    const until = (holds: () => boolean): Promise<void> => hub.until(holds);
    links.push({
      borderRouterId: searchParams.get('br_id') ?? '',
      networkPrefix: searchParams.get('network_prefix'),
      authorization: request.headers.authorization ?? null,
      messages,
      socket,
      async ask(command) {
        socket.send(encodeHubCommand(command, socket.protocol === cborSubprotocol ? 'cbor' : 'json'));
        const answer = (): BorderRouterMessage | undefined =>
          messages.find((message) => 'requestId' in message && message.requestId === command.requestId);
        await until(() => answer() !== undefined);
        return answer() as BorderRouterMessage;
      },
    });
    socket.on('error', () => undefined);
    socket.on('close', wake);
    socket.on('pong', wake);
    socket.on('message', (data: Buffer, isBinary) => {
      const frame = decodeBorderRouterFrame(isBinary ? data : data.toString());
      if (frame.kind !== 'message') throw new Error(JSON.stringify(frame));
      messages.push(frame.message);
      wake();
    });
    wake();
  });
  http.listen(0, '127.0.0.1');
  await once(http, 'listening');
  const hub: TinyHub = {
    url: `ws://127.0.0.1:${(http.address() as AddressInfo).port}`,
    imports,
    links,
    link(borderRouterId) {
      const found = links.findLast((link) => link.borderRouterId === borderRouterId);
      if (found === undefined) throw new Error(`${borderRouterId} has never connected`);
      return found;
    },
    until: (holds) =>
      new Promise((resolve) => {
        const look = (): void => {
          if (!holds()) return;
          waiting.delete(look);
          resolve();
        };
        waiting.add(look);
        look();
      }),
    async close() {
      for (const socket of server.clients) socket.terminate();
      server.close();
      http.closeAllConnections();
      http.close();
      await once(http, 'close');
    },
  };
  return hub;
}
