/**
 * The plain way to read a mesh through a border router's REST API: let it search, wait for the end, post one task for each
 * listed device, all at once, and wait for the last of them. Each is asked only for what its kind has: else most would wait for
 * their whole timeout.
 */
import { isJsonObject, type JsonValue } from '../../src/protocol/json.ts';

const mediaType = 'application/vnd.api+json';
const endDeviceTypes = ['extAddress', 'rloc16', 'mode', 'leaderData', 'ipv6Addresses'];
const routerTypes = [
  'extAddress',
  'rloc16',
  'mode',
  'route',
  'leaderData',
  'ipv6Addresses',
  'childTable',
  'children',
  'childIpv6Addresses',
  'routerNeighbors',
];
const pollMs = 100;
const searchTimeoutSeconds = 15;
const taskTimeoutSeconds = 30;

export interface OnePostReading {
  readonly durationMs: number;
  /** Devices whose task completed with an answer. */
  readonly answered: number;
}

export async function readWithOnePost(baseUrl: string): Promise<OnePostReading> {
  const startedMs = performance.now();
  const search = { maxAge: 30, maxRetries: 2, deviceCount: 0, timeout: searchTimeoutSeconds };
  await ended(baseUrl, await post(baseUrl, [{ type: 'updateDeviceCollectionTask', attributes: search }]));
  const tasks = itemsOf(await get(baseUrl, '/api/devices')).map(({ id, role }) => ({
    type: 'getNetworkDiagnosticTask',
    attributes: {
      destination: id,
      types: role === 'router' ? routerTypes : endDeviceTypes,
      timeout: taskTimeoutSeconds,
    },
  }));
  const results = await ended(baseUrl, await post(baseUrl, tasks));
  return {
    durationMs: performance.now() - startedMs,
    answered: results.filter((status) => status === 'completed').length,
  };
}

/** The final states of tasks. */
async function ended(baseUrl: string, ids: readonly string[]): Promise<string[]> {
  const open = new Set(ids);
  const states: string[] = [];
  while (open.size > 0) {
    await new Promise((resolve) => setTimeout(resolve, pollMs));
    for (const { id, status } of itemsOf(await get(baseUrl, '/api/actions')))
      if (open.has(id) && status !== null && status !== 'pending' && status !== 'active') {
        open.delete(id);
        states.push(status);
      }
  }
  return states;
}

async function post(baseUrl: string, tasks: readonly object[]): Promise<string[]> {
  const response = await fetch(`${baseUrl}/api/actions`, {
    method: 'POST',
    headers: { accept: mediaType, 'content-type': mediaType },
    body: JSON.stringify({ data: tasks }),
  });
  if (!response.ok) throw new Error(`POST /api/actions answered ${response.status}`);
  return itemsOf((await response.json()) as JsonValue).map(({ id }) => id);
}

async function get(baseUrl: string, path: string): Promise<JsonValue> {
  const response = await fetch(`${baseUrl}${path}`, { headers: { accept: mediaType } });
  if (!response.ok) throw new Error(`GET ${path} answered ${response.status}`);
  return (await response.json()) as JsonValue;
}

function itemsOf(document: JsonValue): { id: string; role: string | null; status: string | null }[] {
  const data = isJsonObject(document) ? document['data'] : null;
  if (!Array.isArray(data)) throw new Error('this is no list of items');
  return data.filter(isJsonObject).map((item) => {
    const attributes = isJsonObject(item['attributes']) ? item['attributes'] : {};
    return {
      id: textOf(item['id']) ?? '',
      role: textOf(attributes['role']),
      status: textOf(attributes['status']),
    };
  });
}

const textOf = (value: JsonValue | undefined): string | null => (typeof value === 'string' ? value : null);
