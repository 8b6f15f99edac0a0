/** The hub's REST API as the pages use it. Answers come in camelCase, times as Unix milliseconds. */
import type { BorderRouterCandidateWire } from '../../src/protocol/border-router-candidate.ts';
import type { BorderRouterWire, RegisteredNodeWire } from '../../src/protocol/border-router.ts';
import type { RouteTrace, RouteTraceWire } from '../../src/protocol/route-trace.ts';
import type { ScanSummaryWire, triggeredScanSchema } from '../../src/protocol/scan.ts';
import type { Topology, TopologyWire } from '../../src/protocol/topology.ts';
import { type FromWire, fromWire } from '../../src/protocol/wire.ts';
import type { z } from 'zod';
import { noteHubDate } from './hub-clock.ts';
import { HubError } from './hub-error.ts';

interface ListWire<Item> {
  readonly items: readonly Item[];
}

type TriggeredScanWire = z.infer<typeof triggeredScanSchema>;

const unreachable = 'The hub does not answer. Is it running, and is the network up?';

export const hubApi = {
  topology: (signal?: AbortSignal): Promise<Topology> => read<TopologyWire>('/api/topology', signal),

  /** Ids of nodes of the newest map. */
  route: (fromId: string, toId: string, signal?: AbortSignal): Promise<RouteTrace> =>
    read<RouteTraceWire>(`/api/topology/route?${new URLSearchParams({ from: fromId, to: toId })}`, signal),

  scans: async (limit: number, signal?: AbortSignal) =>
    (await read<ListWire<ScanSummaryWire>>(`/api/scans?limit=${limit}`, signal)).items,

  borderRouters: async (signal?: AbortSignal) =>
    (await read<ListWire<BorderRouterWire>>('/api/border_routers', signal)).items,

  /** Looks around in the local network, which takes seconds. */
  borderRouterCandidates: async (signal?: AbortSignal) =>
    (await read<ListWire<BorderRouterCandidateWire>>('/api/border_router_candidates', signal)).items,

  nodes: async (limit: number, signal?: AbortSignal) =>
    (await read<ListWire<RegisteredNodeWire>>(`/api/nodes?limit=${limit}`, signal)).items,

  /** Scans everything. */
  triggerScan: (): Promise<FromWire<TriggeredScanWire>> =>
    request<TriggeredScanWire>('/api/trigger_scan', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{}',
    }),

  cancelScan: async (id: string): Promise<void> => {
    await send(`/api/scans/${encodeURIComponent(id)}`, { method: 'DELETE' });
  },
};

function read<Wire>(path: string, signal: AbortSignal | undefined): Promise<FromWire<Wire>> {
  return request<Wire>(path, signal === undefined ? {} : { signal });
}

async function request<Wire>(path: string, init: RequestInit): Promise<FromWire<Wire>> {
  const response = await send(path, init);
  try {
    return fromWire((await response.json()) as Wire);
  } catch (cause) {
    throw new HubError('answer_unreadable', response.status, `The hub's answer to ${path} is not JSON.`, {
      cause,
    });
  }
}

async function send(path: string, init: RequestInit): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(path, init);
  } catch (cause) {
    if (init.signal?.aborted === true) throw cause;
    throw new HubError('hub_unreachable', 0, unreachable, { cause });
  }
  noteHubDate(response.headers.get('date'));
  if (response.ok) return response;
  throw await problemOf(response);
}

/** RFC 9457 problem details, or the status alone where something else answered. */
async function problemOf(response: Response): Promise<HubError> {
  try {
    const problem = (await response.json()) as { title?: unknown; detail?: unknown; code?: unknown };
    const text = [problem.detail, problem.title].find((part) => typeof part === 'string' && part !== '');
    if (typeof text === 'string')
      return new HubError(typeof problem.code === 'string' ? problem.code : 'unknown', response.status, text);
  } catch {
    // Not problem details: a proxy's page, most likely.
  }
  return new HubError('unknown', response.status, `The hub answered with status ${response.status}.`);
}
