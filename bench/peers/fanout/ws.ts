/**
 * `ws` alone, without compression. `naive`: each client's message is made and sent by itself. `once`: it is made once, as
 * bytes, and each client is sent those.
 */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { WebSocketServer } from 'ws';
import { askedFor, fanoutMessage, publishAtRate } from './publisher.ts';

const once = process.argv[2] === 'once';
const http = createServer({ noDelay: true }, (request, response) => {
  void publishAtRate(askedFor(request.url ?? ''), (number) => {
    const message = fanoutMessage(number);
    if (once) {
      const bytes = Buffer.from(JSON.stringify(message));
      for (const client of sockets.clients) client.send(bytes, { binary: false });
    } else {
      for (const client of sockets.clients) client.send(JSON.stringify(message));
    }
  }).then(() => response.end());
});
const sockets = new WebSocketServer({ server: http, perMessageDeflate: false });
sockets.on('connection', (socket) => socket.on('error', () => undefined));
http.listen(0, '127.0.0.1', () => {
  process.stdout.write(`ws is at http://127.0.0.1:${(http.address() as AddressInfo).port}\n`);
});
process.once('SIGTERM', () => process.exit(0));
