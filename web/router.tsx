/** Addresses and the pages behind them. Each page is loaded when it is first needed. */
import {
  createRootRouteWithContext,
  createRoute,
  createRouter,
  lazyRouteComponent,
  redirect,
} from '@tanstack/react-router';
import type { QueryClient } from '@tanstack/react-query';
import { scansQuery, topologyQuery } from './api/queries.ts';
import { toNetworkMapSearch } from './pages/network-map/network-map-search.ts';
import { NotFound } from './pages/not-found.tsx';
import { Shell } from './ui/shell.tsx';

interface PageContext {
  readonly queries: QueryClient;
}

const rootRoute = createRootRouteWithContext<PageContext>()({
  component: Shell,
  notFoundComponent: NotFound,
});

const homeRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: '/',
  beforeLoad: () => {
    // eslint-disable-next-line @typescript-eslint/only-throw-error -- the router's way to redirect
    throw redirect({ to: '/network-map', replace: true });
  },
});

const networkMapRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: '/network-map',
  validateSearch: toNetworkMapSearch,
  // While the page's code is still on its way.
  loader: ({ context: { queries } }) => {
    // Failures are the page's to show: it asks for the same.
    queries.query(topologyQuery({ isPushed: true, isScanning: false })).catch(() => undefined);
    queries.query(scansQuery({ isPushed: true })).catch(() => undefined);
  },
  component: lazyRouteComponent(() => import('./pages/network-map/network-map-page.tsx'), 'NetworkMapPage'),
});

const routeTree = rootRoute.addChildren([homeRoute, networkMapRoute]);

export const createPages = (queries: QueryClient) =>
  createRouter({ routeTree, context: { queries }, defaultPreload: 'intent' });

declare module '@tanstack/react-router' {
  interface Register {
    router: ReturnType<typeof createPages>;
  }
}
