/** Starts the pages: opens the connection to the hub and draws the router's page. */
import '@mantine/core/styles.css';
import './ui/global.css';
import { MantineProvider } from '@mantine/core';
import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { RouterProvider } from '@tanstack/react-router';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { hubConnectionStore } from './api/hub-connection.ts';
import { HubContext } from './api/hub-context.ts';
import { followHub } from './api/hub-events.ts';
import { HubError } from './api/hub-error.ts';
import { openHubSocket } from './api/hub-socket.ts';
import { router } from './router.tsx';
import { theme } from './ui/theme.ts';

const queries = new QueryClient({
  defaultOptions: {
    queries: {
      // What changes is pushed; asking again is for after a lost connection.
      staleTime: Infinity,
      refetchOnWindowFocus: false,
      // Offline or not is the hub's to say: it may be on this very machine.
      networkMode: 'always',
      // The hub's own refusals do not get better by asking again.
      retry: (failures, error) =>
        failures < 3 && (!(error instanceof HubError) || error.status === 0 || error.status >= 500),
    },
    mutations: { networkMode: 'always' },
  },
});
const socket = openHubSocket();
const hub = { socket, connection: hubConnectionStore(socket) };
followHub(socket, queries);

const root = document.getElementById('root');
if (root === null) throw new Error('index.html has no element with the id "root"');
createRoot(root).render(
  <StrictMode>
    <MantineProvider theme={theme} defaultColorScheme="auto">
      <QueryClientProvider client={queries}>
        <HubContext value={hub}>
          <RouterProvider router={router} />
        </HubContext>
      </QueryClientProvider>
    </MantineProvider>
  </StrictMode>,
);
