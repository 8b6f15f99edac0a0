/** Socket.IO on WebSockets alone, without compression: one `emit` for all. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Server } from 'socket.io';
import { askedFor, fanoutMessage, publishAtRate } from './publisher.ts';

const http = createServer({ noDelay: true });
const io = new Server(http, { transports: ['websocket'], perMessageDeflate: false, serveClient: false });
http.prependListener('request', (request, response) => {
  if (request.url?.startsWith('/publish') !== true) return;
  void publishAtRate(askedFor(request.url), (number) => io.emit('event', fanoutMessage(number))).then(() =>
    response.end(),
  );
});
http.listen(0, '127.0.0.1', () => {
  process.stdout.write(`Socket.IO is at http://127.0.0.1:${(http.address() as AddressInfo).port}\n`);
});
process.once('SIGTERM', () => process.exit(0));
