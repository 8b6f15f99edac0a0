/** Gives components the connection to the hub. */
import { createContext, use, useSyncExternalStore } from 'react';
import type { HubConnection, HubConnectionStore } from './hub-connection.ts';
import type { HubSocket } from './hub-socket.ts';

export interface Hub {
  readonly socket: HubSocket;
  readonly connection: HubConnectionStore;
}

export const HubContext = createContext<Hub | null>(null);

export function useHub(): Hub {
  const hub = use(HubContext);
  if (hub === null) throw new Error('useHub needs a HubContext around it');
  return hub;
}

export function useHubConnection(): HubConnection {
  const { connection } = useHub();
  return useSyncExternalStore(connection.subscribe, connection.get);
}
