/** Probes for whoever runs the hub, and metrics for Prometheus. */
import { z } from 'zod';
import { StoreError } from '../../errors.ts';
import { createHealth } from '../../observability/health.ts';
import { toWire } from '../../protocol/wire.ts';
import { borderRouterPath } from '../../protocol/border-router-messages.ts';
import type { ServerOptions } from '../server.ts';
import { EdgeError } from './problem.ts';
import { type App, describeRoute, tags } from './route-schema.ts';

type Dependencies = Pick<ServerOptions, 'clock' | 'events' | 'isStopping' | 'metrics' | 'scans'>;

const healthSchema = z.object({ status: z.literal('ok') }).meta({ id: 'Health' });
const readinessSchema = z
  .object({
    ready: z.boolean(),
    not_ready: z
      .array(z.object({ name: z.string(), detail: z.string() }))
      .describe('What is not ready, and why; empty where everything is'),
  })
  .meta({ id: 'Readiness' });

export function addOperationRoutes(
  app: App,
  { clock, events, isStopping, metrics, scans }: Dependencies,
): void {
  const health = createHealth({
    clock,
    isStopping,
    checks: [
      { name: 'store', check: () => checkStore(scans) },
      { name: 'events', check: () => checkEvents(events) },
    ],
  });

  app.get(
    '/healthz',
    {
      config: { rateLimit: false },
      schema: describeRoute({
        tag: tags.operation,
        id: 'health',
        summary: 'Is the process alive',
        description: 'Answers as long as the event loop runs. Restart the hub where it does not.',
        answers: { 200: { description: 'Alive', body: healthSchema } },
      }),
    },
    (_request, reply) => reply.header('cache-control', 'no-store').send({ status: 'ok' }),
  );

  app.get(
    '/readyz',
    {
      config: { rateLimit: false },
      schema: describeRoute({
        tag: tags.operation,
        id: 'readiness',
        summary: 'Can the hub work',
        description:
          'The store answers, no finished scan waits to be saved, events can be made durable and stored, and the hub is not stopping. Send no traffic here where it cannot.',
        answers: {
          200: { description: 'Ready', body: readinessSchema },
          503: { description: 'Not ready', body: readinessSchema },
        },
      }),
    },
    async (_request, reply) => {
      const notReady = await health.notReady();
      return reply
        .code(notReady.length === 0 ? 200 : 503)
        .header('cache-control', 'no-store')
        .send(toWire({ ready: notReady.length === 0, notReady }));
    },
  );

  app.get(
    '/metrics',
    {
      config: { rateLimit: false },
      schema: describeRoute({
        tag: tags.operation,
        id: 'metrics',
        summary: 'Prometheus metrics',
        description: 'Text exposition format.',
        answers: { 200: { description: 'Metrics', body: z.string(), contentTypes: ['text/plain'] } },
      }),
    },
    async (_request, reply) =>
      reply
        .type(metrics.contentType)
        .serializer((value: unknown) => String(value))
        .send(await metrics.render()),
  );

  app.get(borderRouterPath, { schema: { hide: true } as never }, (_request, reply) => {
    void reply.header('upgrade', 'websocket').header('connection', 'Upgrade');
    throw new EdgeError(
      'upgrade_required',
      `${borderRouterPath} is for border routers, over WebSocket (RFC 6455): connect to ws://…${borderRouterPath}?br_id=NAME`,
    );
  });
}

/** A full disk still reads: only what could not be written shows it. */
async function checkStore(scans: Dependencies['scans']): Promise<void> {
  await scans.list({ limit: 1, cursor: null });
  const { saveFailure } = scans;
  if (saveFailure instanceof StoreError) throw saveFailure;
}

function checkEvents(events: Dependencies['events']): Promise<void> {
  const failure = events?.failure() ?? null;
  return failure === null ? Promise.resolve() : Promise.reject(new Error(failure));
}
