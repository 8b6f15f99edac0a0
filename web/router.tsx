/** Addresses and the pages behind them. Each page is loaded when it is first needed. */
import {
  createRootRoute,
  createRoute,
  createRouter,
  lazyRouteComponent,
  redirect,
} from '@tanstack/react-router';
import { toNetworkMapSearch } from './pages/network-map/network-map-search.ts';
import { NotFound } from './pages/not-found.tsx';
import { Shell } from './ui/shell.tsx';

const rootRoute = createRootRoute({ component: Shell, notFoundComponent: NotFound });

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
  component: lazyRouteComponent(() => import('./pages/network-map/network-map-page.tsx'), 'NetworkMapPage'),
});

export const router = createRouter({
  routeTree: rootRoute.addChildren([homeRoute, networkMapRoute]),
  defaultPreload: 'intent',
});

declare module '@tanstack/react-router' {
  interface Register {
    router: typeof router;
  }
}
