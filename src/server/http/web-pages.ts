/**
 * The web build: its pages, its files, and a plain page where it has not been built. Page addresses all give
 * `index.html`, which looks at the address itself; files under `/assets` carry a hash in their name and never change.
 */
import { stat } from 'node:fs/promises';
import path from 'node:path';
import fastifyStatic from '@fastify/static';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { EdgeError } from './problem.ts';
import type { App } from './route-schema.ts';

/** What has an address of its own in the web pages; below each there may be more (`/scans/ID`). */
const pages = [
  'network-map',
  'scans',
  'nodes',
  'border-routers',
  'sensors',
  'events',
  'alerts',
  'dead-letters',
  'logs',
  'settings',
];
/** These belong to the programs' side: a wrong address there is never a page. */
const programPrefixes = ['/api/', '/ws/', '/docs/', '/socket.io/'];

const absentBuild = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>Threadhub</title>
<h1>Threadhub runs; its pages have not been built</h1>
<p>In the project folder, run <code>npm run build</code> and load this page again. There is no need to restart the hub.</p>
<p>The <a href="/docs">API</a> works without them.</p>
</html>
`;

export async function addWebPages(app: App, { webRoot }: { readonly webRoot: string }): Promise<void> {
  const root = path.resolve(webRoot);
  await app.register(fastifyStatic, {
    root,
    serve: false,
    cacheControl: false,
    suppressWarning: true,
  } as never);

  app.get('/*', { schema: { hide: true } as never }, async (request, reply) => {
    const address = decodePath(request);
    if (programPrefixes.some((prefix) => `${address}/`.startsWith(prefix))) return notFound(reply);
    if (address.startsWith('/assets/') || path.extname(address) !== '') {
      if (!(await isFile(path.join(root, address)))) return notFound(reply);
      const immutable = address.startsWith('/assets/');
      void reply.header('cache-control', immutable ? 'public, max-age=31536000, immutable' : 'no-cache');
      return reply.sendFile(address.slice(1), root);
    }
    const known = address === '/' || pages.includes(address.split('/')[1] ?? '');
    // A person who mistypes gets the pages' own way of saying so; a program gets a problem it can read.
    if (!known && !(request.headers.accept ?? '').includes('text/html')) return notFound(reply);
    void reply.code(known ? 200 : 404).header('cache-control', 'no-cache');
    if (await isFile(path.join(root, 'index.html'))) return reply.sendFile('index.html', root);
    return reply
      .code(known ? 503 : 404)
      .type('text/html; charset=utf-8')
      .serializer((value: unknown) => String(value))
      .send(absentBuild);
  });
}

function notFound(reply: FastifyReply): FastifyReply {
  reply.callNotFound();
  return reply;
}

function decodePath(request: FastifyRequest): string {
  try {
    return path.posix.normalize(decodeURIComponent(request.url.split('?', 1)[0] ?? '/'));
  } catch {
    throw new EdgeError('malformed_http', 'the path has a percent sign that encodes nothing');
  }
}

async function isFile(file: string): Promise<boolean> {
  return (await stat(file).catch(() => null))?.isFile() === true;
}
