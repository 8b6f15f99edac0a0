/**
 * The peer of the `connections` benchmark: a `ws` server that does nothing but hold connections, parse what comes and
 * count it. In its best mode: no compression, no list of its clients.
 */
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:http';
import { WebSocketServer } from 'ws';

let connections = 0;
let heartbeats = 0;

const http = createServer((_request, response) => {
  response.setHeader('content-type', 'application/json');
  response.end(JSON.stringify({ connections, heartbeats }));
});
const server = new WebSocketServer({
  server: http,
  perMessageDeflate: false,
  clientTracking: false,
  maxPayload: 262_144,
});
server.on('connection', (socket) => {
  connections += 1;
  socket.on('message', (data: Buffer) => {
    const message = JSON.parse(data.toString()) as { readonly type?: unknown };
    if (message.type === 'heartbeat') heartbeats += 1;
  });
  socket.on('error', () => undefined);
  socket.on('close', () => (connections -= 1));
});
http.listen(0, '127.0.0.1', () => {
  const { port } = http.address() as AddressInfo;
  process.stdout.write(`plain ws is at http://127.0.0.1:${port}\n`);
});
process.once('SIGTERM', () => process.exit(0));
