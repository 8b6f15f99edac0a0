/**
 * Who may talk to this hub at all, before anything looks at what they want.
 *
 * Bound to loopback the hub runs open, like a notebook server. Two things then stand between it and a web page that its
 * user happens to visit: the `Host` must be a loopback name (a foreign page can point its own name at 127.0.0.1, DNS
 * rebinding, but cannot change the name that the browser sends), and what changes state must come from our own pages.
 *
 * Bound elsewhere nothing is open: without users only the health probes and border routers with a token get in.
 *
 * Border-router tokens are not checked here but in `border-routers/`.
 */
import type { IncomingHttpHeaders } from 'node:http';
import { isLoopbackName } from '../loopback-name.ts';

export interface Refusal {
  readonly code: 'host_not_allowed' | 'cross_origin_refused' | 'setup_required';
  readonly detail: string;
}

/** The part of a request that decides. */
export interface AccessRequest {
  readonly headers: IncomingHttpHeaders;
  readonly method: string;
  /** Without the query. */
  readonly path: string;
}

export interface AccessPolicy {
  /** True where the hub listens on loopback only. */
  readonly open: boolean;
  /** Null where the request may go on. */
  checkRequest(request: AccessRequest): Refusal | null;
  /** Socket.IO, by polling or WebSocket: whatever it does changes state or reads it all. */
  checkBrowser(request: Pick<AccessRequest, 'headers'>): Refusal | null;
  /** A border-router upgrade; its token is somebody else's matter. */
  checkBorderRouter(request: Pick<AccessRequest, 'headers'>): Refusal | null;
}

const safeMethods = new Set(['GET', 'HEAD', 'OPTIONS']);
const probePaths = new Set(['/healthz', '/readyz']);

export function createAccessPolicy(listenHost: string): AccessPolicy {
  return isLoopbackName(listenHost) ? loopbackPolicy : closedPolicy(listenHost);
}

const loopbackPolicy: AccessPolicy = {
  open: true,
  checkRequest: ({ headers, method }) =>
    checkHost(headers) ?? (safeMethods.has(method) ? null : checkOrigin(headers)),
  checkBrowser: ({ headers }) => checkHost(headers) ?? checkOrigin(headers),
  checkBorderRouter: ({ headers }) => checkHost(headers) ?? checkOrigin(headers),
};

function closedPolicy(listenHost: string): AccessPolicy {
  const closed: Refusal = {
    code: 'setup_required',
    detail:
      `this hub listens on ${listenHost} and has no users yet, so only /healthz, /readyz and border routers ` +
      'with a token get in. Set server.host to 127.0.0.1 and reach it from elsewhere through an SSH tunnel: ' +
      'ssh -L 5001:127.0.0.1:5001 HOST',
  };
  return {
    open: false,
    checkRequest: ({ path }) => (probePaths.has(path) ? null : closed),
    checkBrowser: () => closed,
    // A browser would send an Origin; no border router is a web page.
    checkBorderRouter: ({ headers }) => (headers.origin === undefined ? null : checkOrigin(headers)),
  };
}

function checkHost(headers: IncomingHttpHeaders): Refusal | null {
  const name = hostName(headers.host);
  if (name !== null && isLoopbackName(name)) return null;
  return {
    code: 'host_not_allowed',
    detail:
      `the Host header is ${JSON.stringify(headers.host ?? '')}, and this hub answers only to loopback names: ` +
      'use http://localhost or http://127.0.0.1 with its port',
  };
}

/** Programs send neither header and may pass; browsers always send one of them where it matters. */
function checkOrigin(headers: IncomingHttpHeaders): Refusal | null {
  const site = headers['sec-fetch-site'];
  const { origin } = headers;
  const sameSite = site === undefined || site === 'same-origin' || site === 'none';
  const sameOrigin =
    origin === undefined || origin === `http://${headers.host}` || origin === `https://${headers.host}`;
  if (sameSite && sameOrigin) return null;
  return {
    code: 'cross_origin_refused',
    detail: `the request comes from another site (${origin ?? String(site)}); only this hub's own pages may make it`,
  };
}

/** The name in a Host header, without its port; null where it is not one. */
function hostName(host: string | undefined): string | null {
  const match = /^(\[[0-9a-f:.]+\]|[^:[\]@/\\]+)(?::\d{1,5})?$/i.exec(host ?? '');
  return match?.[1] ?? null;
}
