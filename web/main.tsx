/** Starts the pages: opens the connection to the hub and draws the router's page. */
import '@mantine/core/styles.css';
import './ui/global.css';
import { MantineProvider } from '@mantine/core';
import { QueryClientProvider } from '@tanstack/react-query';
import { RouterProvider } from '@tanstack/react-router';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { hubConnectionStore } from './api/hub-connection.ts';
import { HubContext } from './api/hub-context.ts';
import { followHub } from './api/hub-events.ts';
import { openHubSocket } from './api/hub-socket.ts';
import { createQueries } from './api/query-client.ts';
import { createPages } from './router.tsx';
import { theme } from './ui/theme.ts';

const queries = createQueries();
const socket = openHubSocket();
const hub = { socket, connection: hubConnectionStore(socket) };
followHub(socket, queries);
const router = createPages(queries);

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
