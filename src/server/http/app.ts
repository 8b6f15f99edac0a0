/**
 * The HTTP side of the hub: REST, its documentation, the probes and the web pages, on a server that is given. What each
 * resource does is in its own file; here is what holds for all of them: who may ask, how much, how errors look.
 */
import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import fastifyHelmet from '@fastify/helmet';
import fastifyRateLimit from '@fastify/rate-limit';
import fastify, { type FastifyError, type FastifyReply, type FastifyRequest } from 'fastify';
import { ThreadhubError } from '../../errors.ts';
import type { AccessPolicy } from '../access.ts';
import { normaliseRemoteAddress } from '../remote-address.ts';
import type { ServerOptions } from '../server.ts';
import { addBorderRouterCandidateRoutes } from './border-router-candidates.ts';
import { addBorderRouterRoutes } from './border-routers.ts';
import { addAlertRoutes } from './alerts.ts';
import { addConnectionRoutes, type BrowserConnections } from './connections.ts';
import { addDeadLetterRoutes } from './dead-letters.ts';
import { addEventRoutes } from './events.ts';
import { addEventIngestRoutes } from './events-ingest.ts';
import { addLogRoutes } from './logs.ts';
import { addNodeRoutes } from './nodes.ts';
import { addOpenApi } from './openapi.ts';
import { addOperationRoutes } from './operation.ts';
import { EdgeError, isProblemCode, makeProblem, problemContentType, type ProblemCode } from './problem.ts';
import { RouteTable } from './route-table.ts';
import type { App } from './route-schema.ts';
import { addScanRoutes } from './scans.ts';
import { addScanTopologyRoutes } from './scan-topology.ts';
import { addTokenRoutes } from './tokens.ts';
import { addTopologyRoutes } from './topology.ts';
import { validateRequest } from './validation.ts';
import { addWebPages } from './web-pages.ts';
import { addWebPushRoutes } from './web-push.ts';

export interface AppOptions extends ServerOptions {
  readonly access: AccessPolicy;
  readonly browsers: BrowserConnections;
  /** Makes the `node:http` server around Fastify's handler. */
  readonly serverFactory: (handler: (request: never, response: never) => void) => Server;
}

const bodyLimitBytes = 1_024 * 1_024;
/** The limit is per second, counted over two, so that one burst of a full second's worth always passes. */
const rateWindowSeconds = 2;

/** No inline script anywhere. Component libraries set styles inline, maps draw from blobs, layouts run in workers. */
const contentSecurityPolicy = {
  useDefaults: false,
  directives: {
    'default-src': ["'self'"],
    'base-uri': ["'self'"],
    'connect-src': ["'self'", 'ws:', 'wss:'],
    'font-src': ["'self'", 'data:'],
    'form-action': ["'self'"],
    'frame-ancestors': ["'none'"],
    'img-src': ["'self'", 'data:', 'blob:'],
    'object-src': ["'none'"],
    'script-src': ["'self'"],
    'style-src': ["'self'", "'unsafe-inline'"],
    'worker-src': ["'self'", 'blob:'],
  },
};

/** The app and what it answers to. */
export async function createApp(options: AppOptions): Promise<{ app: App; routes: RouteTable }> {
  const { access, config, logger } = options;
  const app: App = fastify({
    serverFactory: options.serverFactory,
    bodyLimit: bodyLimitBytes,
    // Names of nodes are at most 31 bytes, ids of border routers 64; percent-encoding triples them.
    routerOptions: { maxParamLength: 256 },
    forceCloseConnections: 'idle',
    logger: false,
    // Addresses that cannot be read reach no route and no hook.
    frameworkErrors(error, request, reply) {
      const { code, detail } = readError(error, request);
      void sendProblem(reply, makeProblem(code, detail, { url: request.url }));
    },
    clientErrorHandler: answerMalformedHttp,
  });
  app.setValidatorCompiler(validateRequest as never);
  app.setSerializerCompiler(() => (value) => JSON.stringify(value));
  app.removeContentTypeParser('text/plain');
  acceptEmptyJson(app);
  const routes = new RouteTable();
  app.addHook('onRoute', ({ method, url }) => routes.add(method, url));

  app.addHook('onRequest', (request, _reply, done) => {
    const path = request.url.split('?', 1)[0] ?? '/';
    const refusal = access.checkRequest({ headers: request.headers, method: request.method, path });
    done(refusal === null ? undefined : new EdgeError(refusal.code, refusal.detail));
  });
  await app.register(fastifyHelmet, {
    contentSecurityPolicy,
    // Over http it would be ignored, and on localhost it would break every other program's port.
    strictTransportSecurity: false,
    crossOriginEmbedderPolicy: false,
  });
  if (config.server.rate_limit > 0) {
    await app.register(fastifyRateLimit, {
      max: config.server.rate_limit * rateWindowSeconds,
      timeWindow: rateWindowSeconds * 1_000,
      keyGenerator: (request) => normaliseRemoteAddress(request.ip) ?? 'unknown',
      errorResponseBuilder: (_request, { after }) =>
        new EdgeError(
          'rate_limited',
          `more than ${config.server.rate_limit} requests a second come from this address; try again in ${after}`,
        ),
    });
  }

  app.setErrorHandler<FastifyError>((error, request, reply) => {
    const { code, detail, items } = readError(error, request);
    if (code === 'internal_error')
      logger.error(
        { request_id: request.id, method: request.method, path: pathOf(request), err: error },
        'request failed',
      );
    const problem = makeProblem(code, detail, { url: request.url, requestId: request.id, items });
    return sendProblem(reply, problem);
  });
  app.setNotFoundHandler((request, reply) => {
    const path = pathOf(request);
    const allowed = routes.methodsOf(path);
    if (allowed.length === 0)
      throw new EdgeError('route_not_found', `there is no ${path} here; /docs lists what there is`);
    void reply.header('allow', allowed.join(', '));
    throw new EdgeError('method_not_allowed', `${path} takes ${allowed.join(', ')}, not ${request.method}`);
  });
  app.addHook('onResponse', (request, reply, done) => {
    logger.debug(
      {
        request_id: request.id,
        method: request.method,
        path: pathOf(request),
        status: reply.statusCode,
        duration_ms: Math.round(reply.elapsedTime),
      },
      'request',
    );
    done();
  });

  await addOpenApi(app, options);
  addScanRoutes(app, options);
  addScanTopologyRoutes(app, options);
  addTopologyRoutes(app, options);
  addBorderRouterRoutes(app, options);
  addBorderRouterCandidateRoutes(app, options);
  addNodeRoutes(app, options);
  addConnectionRoutes(app, options);
  addTokenRoutes(app, options);
  if (options.events !== undefined) {
    const { clock, events } = options;
    addEventIngestRoutes(app, { intake: events.intake, clock });
    addEventRoutes(app, { clock, events });
    addDeadLetterRoutes(app, { events });
    addAlertRoutes(app, { clock, events });
    addWebPushRoutes(app, { events });
  }
  if (options.logs !== undefined) addLogRoutes(app, { logs: options.logs });
  addOperationRoutes(app, options);
  await addWebPages(app, options);
  await app.ready();
  return { app, routes };
}

export function sendProblem(reply: FastifyReply, problem: ReturnType<typeof makeProblem>): FastifyReply {
  return reply
    .code(problem.status)
    .type(problemContentType)
    .header('cache-control', 'no-store')
    .serializer((value: unknown) => JSON.stringify(value))
    .send(problem);
}

function readError(
  error: FastifyError | ThreadhubError | EdgeError,
  request: FastifyRequest,
): { code: ProblemCode; detail: string; items: EdgeError['items'] } {
  const plain = (code: ProblemCode, detail: string) => ({ code, detail, items: null });
  if (error instanceof EdgeError) return { code: error.code, detail: error.message, items: error.items };
  if (error instanceof ThreadhubError && isProblemCode(error.code)) return plain(error.code, error.message);
  switch ((error as FastifyError).code) {
    case 'FST_ERR_CTP_BODY_TOO_LARGE':
      return plain(
        'body_too_large',
        `the body is larger than the ${request.routeOptions.bodyLimit} bytes taken here`,
      );
    case 'FST_ERR_CTP_INVALID_MEDIA_TYPE':
      return plain(
        'unsupported_media_type',
        `the body comes as ${JSON.stringify(request.headers['content-type'] ?? '')}; send application/json`,
      );
  }
  const status = (error as FastifyError).statusCode ?? 500;
  if (status >= 400 && status < 500) return plain('malformed_http', error.message);
  return plain('internal_error', `the hub failed at this request; its log has the cause under ${request.id}`);
}

/** What is not HTTP at all; the parser has given up on this connection. */
function answerMalformedHttp(error: Error & { code?: string }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const tooSlow = error.code === 'ERR_HTTP_REQUEST_TIMEOUT';
  const detail = tooSlow
    ? 'the request did not arrive within 30 s'
    : `this is not an HTTP request that can be read (${error.code ?? 'no code'})`;
  const body = JSON.stringify(makeProblem('malformed_http', detail, { url: '' }));
  const length = Buffer.byteLength(body);
  socket.end(
    `HTTP/1.1 400 Bad Request\r\nContent-Type: ${problemContentType}\r\nContent-Length: ${length}\r\n` +
      `Connection: close\r\n\r\n${body}`,
    () => socket.destroy(),
  );
}

const pathOf = (request: FastifyRequest): string => request.url.split('?', 1)[0] ?? '/';

/** Many clients set the content type and then send nothing. */
function acceptEmptyJson(app: App): void {
  app.removeContentTypeParser('application/json');
  app.addContentTypeParser('application/json', { parseAs: 'string' }, (_request, text: string, done) => {
    if (text.trim() === '') return done(null, undefined);
    try {
      done(null, parseJson(text));
    } catch (error) {
      const reason = error instanceof Error ? error.message : 'undecodable';
      done(new EdgeError('malformed_json', `the body is not JSON: ${reason.slice(0, 200)}`));
    }
  });
}

/** `__proto__` as a key would become a prototype where objects are merged; no body of ours has one. */
function parseJson(text: string): unknown {
  return JSON.parse(text, (key, value: unknown) => {
    if (key === '__proto__') throw new SyntaxError('it has a property named __proto__');
    return value;
  });
}
