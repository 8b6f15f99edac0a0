/** Bun's own WebSocket server: its topic's `publish`, without compression. */
import { askedFor, fanoutMessage, publishAtRate } from './publisher.ts';

interface BunSocket {
  subscribe(topic: string): void;
}
interface BunServer {
  readonly port: number;
  upgrade(request: Request): boolean;
  publish(topic: string, message: string, compress: boolean): number;
}
declare const Bun: { serve(options: object): BunServer };

const server = Bun.serve({
  hostname: '127.0.0.1',
  port: 0,
  // The answer to `/publish` comes when all is published.
  idleTimeout: 255,
  async fetch(request: Request) {
    if (server.upgrade(request)) return undefined;
    await publishAtRate(askedFor(request.url), (number) => {
      server.publish('events', JSON.stringify(fanoutMessage(number)), false);
    });
    return new Response();
  },
  websocket: {
    perMessageDeflate: false,
    open: (socket: BunSocket) => socket.subscribe('events'),
    message: () => undefined,
  },
});
process.stdout.write(`Bun is at http://127.0.0.1:${server.port}\n`);
