/** How the pages keep what they asked of the hub. */
import { QueryClient } from '@tanstack/react-query';
import { HubError } from './hub-error.ts';

export const createQueries = (): QueryClient =>
  new QueryClient({
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
