/** Threadhub's live gateway on its feed, as the hub puts them together, with nothing else in the process. */
import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { systemClock } from '../../../src/clock.ts';
import { defaultConfig } from '../../../src/config.ts';
import { MemoryLiveFeed } from '../../../src/events/live/memory-live-feed.ts';
import { FactBus } from '../../../src/facts.ts';
import { createMetrics } from '../../../src/observability/metrics.ts';
import { defaultOutboxBudgetBytes, OutboxBudget } from '../../../src/outbox/outbox-budget.ts';
import { createAccessPolicy } from '../../../src/server/access.ts';
import { LiveGateway } from '../../../src/server/live/live-gateway.ts';
import { askedFor, fanoutMessage, publishAtRate } from './publisher.ts';

// A paused reader is then behind after two seconds, not after minutes.
const config = defaultConfig({ live: { unacknowledged_bytes: 131_072 } });
const feed = new MemoryLiveFeed({
  resumeMessages: config.live.resume_messages,
  resumeMs: config.live.resume,
  clock: systemClock,
  newId: randomUUID,
});
const facts = new FactBus({ onListenerError: () => undefined });
const metrics = createMetrics({ facts, clock: systemClock, version: 'bench', processMetrics: false });
const gateway = new LiveGateway({
  config,
  access: createAccessPolicy('127.0.0.1'),
  feed,
  budget: new OutboxBudget(defaultOutboxBudgetBytes),
  observer: metrics.outboxObserver,
  clock: systemClock,
  random: Math.random,
  isStopping: () => false,
});
const http = createServer({ noDelay: true }, (request, response) => {
  if (request.url === '/connections') {
    response.end(JSON.stringify(gateway.connections()));
    return;
  }
  void publishAtRate(askedFor(request.url ?? ''), (number) => feed.append([fanoutMessage(number)])).then(() =>
    response.end(),
  );
});
http.on('upgrade', (request, socket, head) => gateway.handleUpgrade(request, socket, head));
http.listen(0, '127.0.0.1', () => {
  process.stdout.write(`threadhub is at http://127.0.0.1:${(http.address() as AddressInfo).port}\n`);
});
process.once('SIGTERM', () => process.exit(0));
