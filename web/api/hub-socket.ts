/** The Socket.IO connection to the hub, typed. Names and payloads are the wire's. */
import { io, type Socket } from 'socket.io-client';
import type { BorderRouterWire } from '../../src/protocol/border-router.ts';
import type { ScanNodeResultEvent, ScanProgressEvent, ScanSummaryWire } from '../../src/protocol/scan.ts';
import type { TopologyWire } from '../../src/protocol/topology.ts';

export interface HubToPage {
  scan_started: (scan: ScanSummaryWire) => void;
  scan_node_result: (result: ScanNodeResultEvent) => void;
  scan_progress: (progress: ScanProgressEvent) => void;
  scan_completed: (scan: ScanSummaryWire) => void;
  topology_update: (topology: TopologyWire) => void;
  border_router_update: (borderRouter: BorderRouterWire) => void;
  /** Events were left out because this browser took them too slowly. */
  gap: () => void;
}

/** `error` is a sentence, or problem details as REST gives them. */
export type TriggerAck =
  | { readonly scan_id: string }
  | {
      readonly error: string | { readonly detail?: string; readonly title?: string; readonly code?: string };
    };

export interface PageToHub {
  trigger_scan: (filter: Record<string, never>, ack: (answer: TriggerAck) => void) => void;
}

export type HubSocket = Socket<HubToPage, PageToHub>;

export function openHubSocket(): HubSocket {
  return io({
    transports: ['websocket', 'polling'],
    tryAllTransports: true,
    reconnectionDelay: 500,
    reconnectionDelayMax: 5_000,
  });
}
