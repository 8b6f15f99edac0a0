/** Whether what the page shows is live. A small store for `useSyncExternalStore`. */
import type { HubSocket } from './hub-socket.ts';

export interface HubConnection {
  /** `connecting`: not yet once; `reconnecting`: lost, what is shown may be old. */
  readonly state: 'connecting' | 'live' | 'reconnecting';
  /** Since when, Unix milliseconds on this browser's clock. */
  readonly sinceMs: number;
}

export interface HubConnectionStore {
  readonly subscribe: (listener: () => void) => () => void;
  readonly get: () => HubConnection;
}

export function hubConnectionStore(
  socket: Pick<HubSocket, 'on'>,
  nowMs: () => number = Date.now,
): HubConnectionStore {
  let connection: HubConnection = { state: 'connecting', sinceMs: nowMs() };
  const listeners = new Set<() => void>();
  const change = (state: HubConnection['state']): void => {
    if (connection.state === state) return;
    connection = { state, sinceMs: nowMs() };
    for (const listener of listeners) listener();
  };
  socket.on('connect', () => change('live'));
  socket.on('disconnect', () => change('reconnecting'));
  socket.on('connect_error', () => change('reconnecting'));
  return {
    subscribe(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    get: () => connection,
  };
}
