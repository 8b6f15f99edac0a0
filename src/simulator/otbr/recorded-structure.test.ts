/** The fake border router beside recordings of a real one: the same fields in the same order, types, headers and refusals. */
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../clock.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../../protocol/json.ts';
import { createOtbrNetwork, type OtbrNetwork } from './otbr-network.ts';
import type { OtbrDialect } from './otbr-dialects.ts';

const recordings = join(import.meta.dirname, '../../../test/fixtures/otbr');

interface Recorded {
  readonly head: readonly string[];
  readonly body: string;
}

function parseHttp(text: string): Recorded {
  const end = text.indexOf('\r\n\r\n');
  return { head: text.slice(0, end).split('\r\n'), body: text.slice(end + 4) };
}

function recorded(name: string, kind: 'request' | 'response' = 'response'): Recorded {
  return parseHttp(readFileSync(join(recordings, `${name}.${kind}.http`), 'utf8'));
}

/** Sends the bytes and reads until the connection ends. */
function exchange(url: string, bytes: string): Promise<Recorded> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    const socket = connect(Number(port), hostname, () => socket.write(bytes));
    socket.on('data', (chunk) => chunks.push(chunk));
    socket.on('end', () => resolve(parseHttp(Buffer.concat(chunks).toString('utf8'))));
    socket.on('error', reject);
  });
}

/** The request of a recording, sent again as it was. */
function replay(url: string, name: string): Promise<Recorded> {
  return exchange(url, readFileSync(join(recordings, `${name}.request.http`), 'utf8'));
}

/** Without what differs from one mesh to another. */
const comparableHead = (head: readonly string[]): string[] =>
  head.map((line) => line.replace(/^Content-Length: [1-9]\d*$/, 'Content-Length: some'));

/** Names in order and types of values; of a list, the union of its items' shapes. */
function shapeOf(value: JsonValue): unknown {
  if (Array.isArray(value)) return [...new Set(value.map((item) => JSON.stringify(shapeOf(item))))].sort();
  if (isJsonObject(value)) return Object.entries(value).map(([name, entry]) => [name, shapeOf(entry)]);
  return typeof value;
}

const parse = (text: string): JsonObject => JSON.parse(text) as JsonObject;
const attributesOf = (text: string): JsonObject =>
  (parse(text)['data'] as JsonObject)['attributes'] as JsonObject;

describe.each([
  ['json-api', 'rest/01-before-'],
  ['legacy', 'legacy/brrouter-'],
] as const)('the %s dialect of the fake border router', (dialect, prefix) => {
  let network: OtbrNetwork;
  beforeAll(async () => (network = await openNetwork(dialect)));
  afterAll(() => network.otbr.close());

  const endpoints = [
    'api_actions',
    'api_devices',
    'api_diagnostics',
    'api_node',
    ...(dialect === 'json-api' ? ['diagnostics', 'api', 'root', 'topology'] : []),
    'node',
    'node_ba-id',
    'node_commissioner_joiner',
    'node_commissioner_state',
    'node_ext-address',
    'node_ext-panid',
    'node_leader-data',
    'node_network-name',
    'node_num-of-router',
    'node_rloc',
    'node_rloc16',
    'node_state',
    'well-known_thread_br-rest',
  ];
  it.each(endpoints)('answers %s as recorded', async (endpoint) => {
    const [real, fake] = [recorded(prefix + endpoint), await replay(network.otbr.url, prefix + endpoint)];
    expect(comparableHead(fake.head)).toEqual(comparableHead(real.head));
    if (real.body === '') expect(fake.body).toBe('');
    else expect(shapeOf(parse(fake.body))).toEqual(shapeOf(parse(real.body)));
  });
});

describe('the json-api dialect', () => {
  let network: OtbrNetwork;
  beforeAll(async () => (network = await openNetwork('json-api')));
  afterAll(() => network.otbr.close());

  it.each([
    '10-err-action-not-found',
    '10-err-device-not-found',
    '10-err-diag-not-found',
    '10-err-get-accept-axios',
    '10-err-get-accept-html',
    '10-err-get-no-accept',
    '10-err-post-bad-json',
    '10-err-post-bad-type',
    '10-err-post-charset',
    '10-err-post-data-not-array',
    '10-err-post-json-content-type',
    '10-err-post-no-content-type',
    '10-err-post-no-timeout',
    '10-err-post-unknown-task',
    '10-post-empty-array',
    '11-options-actions',
    '11-options-actions-id',
    '11-options-diagnostics',
    '11-options-node',
    '11-options-node-state',
    '08-delete-actions',
    '08-delete-diagnostics',
  ])('answers %s byte for byte', async (name) => {
    expect(await replay(network.otbr.url, `rest/${name}`)).toEqual(recorded(`rest/${name}`));
  });

  it('takes tasks in the form that was recorded', async () => {
    for (const name of ['03-diag-unknown-device-post', '04-discover-first-post', '12-diag-by-rloc-post']) {
      const [real, fake] = [recorded(`rest/${name}`), await replay(network.otbr.url, `rest/${name}`)];
      expect(comparableHead(fake.head)).toEqual(comparableHead(real.head));
      expect(shapeOf(parse(fake.body))).toEqual(shapeOf(parse(real.body)));
      // One line, as it is printed there and nowhere else.
      expect(fake.body).not.toContain('\n');
    }
  });

  it('prints documents as cJSON does', async () => {
    const name = 'rest/01-before-api_devices';
    const digits = (text: string): string =>
      text.replaceAll(/"[0-9a-f]{16,32}"/g, '"hex"').replaceAll(/\d{4}-\d\d-\d\dT[\d:]+/g, 'time');
    const other = await openNetwork('json-api');
    try {
      const fake = await replay(other.otbr.url, name);
      expect(digits(fake.body)).toBe(digits(recorded(name).body));
    } finally {
      await other.otbr.close();
    }
  });
});

describe('diagnostics of the json-api dialect', () => {
  let network: OtbrNetwork;
  let told: (kind: Kind) => Promise<JsonObject>;
  beforeAll(async () => {
    network = await openNetwork('json-api');
    const run = await runner(network);
    await run({ type: 'updateDeviceCollectionTask', attributes: discovery });
    told = async (kind) => {
      const { id } = await run({
        type: 'getNetworkDiagnosticTask',
        attributes: { destination: deviceOf(network, kind), types: typesAskedOf(kind), timeout: 30 },
      });
      const response = await get(network, `/api/diagnostics/${id}`);
      return attributesOf(response);
    };
  });
  afterAll(() => network.otbr.close());

  it.each([
    ['border router', '06-diag-node1-br-self'],
    ['router', '06-diag-node7-router'],
    ['full child', '06-diag-node10-fed'],
    ['minimal child', '06-diag-node12-med'],
    ['sleepy child', '06-diag-node13-sed1s'],
  ] as const)('of a %s have the fields, order and types that were recorded', async (kind, name) => {
    const real = attributesOf(recorded(`rest/${name}-result`).body);
    const fake = await told(kind);
    expect(Object.keys(fake)).toEqual(kind === 'router' ? withChildren(real) : Object.keys(real));
    for (const [key, value] of Object.entries(real)) {
      if (Array.isArray(value) && value.length === 0) continue;
      if (key === 'children' || key === 'childTable') {
        expect(rowShapes(fake[key])).toEqual(expect.arrayContaining(rowShapes(value)));
      } else {
        expect([key, shapeOf(fake[key] ?? null)]).toEqual([key, shapeOf(value)]);
      }
    }
  });

  it('lists devices after a discovery in the form that was recorded, two flags of a child swapped', async () => {
    const real = parse(recorded('rest/05-api_devices-after').body)['data'] as JsonObject[];
    const fake = parse(await get(network, '/api/devices'))['data'] as JsonObject[];
    const shapes = (items: readonly JsonObject[]): unknown => [
      ...new Set(items.map((item) => JSON.stringify([item['type'], shapeOf(withoutUpdate(item))]))),
    ];
    expect(new Set(shapes(fake) as unknown[])).toEqual(new Set(shapes(real) as unknown[]));
    const modeOf = (kind: Kind): JsonValue =>
      (fake.find((item) => item['id'] === deviceOf(network, kind))?.['attributes'] as JsonObject)['mode'] ??
      null;
    expect(modeOf('minimal child')).toEqual({
      fullThreadDevice: true,
      rxOnWhenIdle: false,
      fullNetworkData: true,
    });
    expect(fake.every((item) => (item['attributes'] as JsonObject)['role'] !== 'leader')).toBe(true);
  });
});

describe('legacy diagnostics', () => {
  it('have the fields, order and types that were recorded, after two seconds', async () => {
    const network = await openNetwork('legacy');
    try {
      const startedMs = performance.now();
      const response = await replay(network.otbr.url, 'legacy/brrouter-diagnostics');
      expect(performance.now() - startedMs).toBeGreaterThan(1_990);
      const real = recorded('legacy/brrouter-diagnostics');
      expect(comparableHead(response.head)).toEqual(comparableHead(real.head));
      const shapes = (body: string): Set<string> =>
        new Set((JSON.parse(body) as JsonObject[]).map((row) => JSON.stringify(shapeOf(comparableRow(row)))));
      expect(shapes(response.body)).toEqual(shapes(real.body));
      const rows = JSON.parse(response.body) as JsonObject[];
      expect(rows[0]?.['ExtAddress']).toBe(deviceOf(network, 'border router').toUpperCase());
      expect(rows).toHaveLength(
        network.observed.mesh.devices.filter((device) => device.deviceKind === 'full').length,
      );
    } finally {
      await network.otbr.close();
    }
  });
});

describe('the dialect of September 2025 to July 2026', () => {
  it('is the present one under its former names, without the well-known document', async () => {
    const network = await openNetwork('json-api-2025');
    try {
      expect((await replay(network.otbr.url, 'rest/01-before-well-known_thread_br-rest')).head[0]).toContain(
        '404',
      );
      const run = await runner(network);
      await run({ type: 'updateDeviceCollectionTask', attributes: discovery });
      const { id } = await run({
        type: 'getNetworkDiagnosticTask',
        attributes: {
          destination: deviceOf(network, 'router'),
          types: ['extAddress', 'mode', 'eui64', 'version', 'children', 'childIpv6Addresses'],
          timeout: 30,
        },
      });
      const told = attributesOf(await get(network, `/api/diagnostics/${id}`));
      expect(told).toMatchObject({
        mode: { rxOnWhenIdle: true, deviceTypeFTD: true, fullNetworkData: true },
        eui64: expect.any(String) as string,
        version: expect.any(Number) as number,
      });
      const [child] = told['children'] as JsonObject[];
      expect(child).toMatchObject({ connectionTime: expect.any(Number) as number });
      expect(child).not.toHaveProperty('linkAge');
      const [addresses] = told['childIpv6Addresses'] as JsonObject[];
      expect(Object.keys(addresses ?? {})).toEqual(['rloc16', 'ip6Addresses']);
      const [device] = parse(await get(network, '/api/devices'))['data'] as JsonObject[];
      expect(device?.['attributes']).toHaveProperty('hostName');
      expect(parse(await get(network, '/api/nothing'))).toEqual({
        title: 'Not Found',
        status: 404,
        details: '',
      });
    } finally {
      await network.otbr.close();
    }
  });

  it('refuses the names of today', async () => {
    const network = await openNetwork('json-api-2025');
    try {
      const response = await fetch(`${network.otbr.url}/api/actions`, {
        method: 'POST',
        headers: { 'content-type': 'application/vnd.api+json' },
        body: JSON.stringify({
          data: [
            {
              type: 'getNetworkDiagnosticTask',
              attributes: { destination: deviceOf(network, 'border router'), types: ['eui'], timeout: 5 },
            },
          ],
        }),
      });
      expect(response.status).toBe(422);
    } finally {
      await network.otbr.close();
    }
  });
});

describe('the dialect of ESP border routers', () => {
  it('tells a node with a number as its state, and routers alone', async () => {
    const network = await openNetwork('esp');
    try {
      const node = (await (await fetch(`${network.otbr.url}/node`)).json()) as JsonObject;
      expect(Object.keys(node)).toEqual([
        ...['NetworkName', 'ExtPanId', 'ExtAddress', 'RlocAddress', 'LeaderData', 'State', 'Rloc16'],
        'NumOfRouter',
      ]);
      expect(node['State']).toBeTypeOf('number');
      const rows = (await (await fetch(`${network.otbr.url}/diagnostics`)).json()) as JsonObject[];
      expect(rows).toHaveLength(network.observed.mesh.routers.length);
      for (const row of rows) {
        expect(Object.keys(row)).toEqual([
          ...['ExtAddress', 'Rloc16', 'Mode', 'Route', 'LeaderData', 'IP6AddressList', 'ChildTable'],
        ]);
        expect(row['ExtAddress']).toMatch(/^[0-9a-f]{16}$/);
      }
      expect((await fetch(`${network.otbr.url}/api/devices`)).status).toBe(404);
    } finally {
      await network.otbr.close();
    }
  });
});

// ------------------------------------------------------------------------------------------------------------ support

type Kind = 'border router' | 'router' | 'full child' | 'minimal child' | 'sleepy child';

const discovery = { maxAge: 30, maxRetries: 3, deviceCount: 0, timeout: 15 };

/** A seed whose network holds every kind of device and whose agent's first discovery does not hang. */
async function openNetwork(dialect: OtbrDialect): Promise<OtbrNetwork> {
  const network = createOtbrNetwork({
    index: 0,
    id: 'OTBR-001',
    nodes: 40,
    dialect,
    seed: 3,
    clock: systemClock,
  });
  await network.otbr.open();
  return network;
}

/** Posts a task and waits until it has ended. */
async function runner(network: OtbrNetwork) {
  const run = async (task: JsonObject): Promise<{ readonly status: string; readonly id: string }> => {
    const posted = await fetch(`${network.otbr.url}/api/actions`, {
      method: 'POST',
      headers: { 'content-type': 'application/vnd.api+json' },
      body: JSON.stringify({ data: [task] }),
    });
    const [action] = ((await posted.json()) as { data: { id: string }[] }).data;
    for (;;) {
      const document = parse(await get(network, `/api/actions/${action?.id}`))['data'] as JsonObject;
      const status = (document['attributes'] as JsonObject)['status'] as string;
      if (status === 'pending' || status === 'active') continue;
      const { result } = (document['relationships'] ?? {}) as { result?: { data: { id: string } } };
      return { status, id: result?.data.id ?? '' };
    }
  };
  // Before a first diagnostic, a discovery may hang.
  const own = deviceOf(network, 'border router');
  await run({
    type: 'getNetworkDiagnosticTask',
    attributes: { destination: own, types: ['rloc16'], timeout: 1 },
  });
  return run;
}

async function get(network: OtbrNetwork, path: string): Promise<string> {
  const response = await fetch(network.otbr.url + path, { headers: { accept: 'application/vnd.api+json' } });
  return response.text();
}

function deviceOf({ observed }: OtbrNetwork, kind: Kind): string {
  const { mesh } = observed;
  const found = mesh.devices.find((device) => {
    const { battery } = observed.profileOf(device);
    if (kind === 'border router') return device.kind === 'border_router';
    if (kind === 'router') return device.kind === 'node' && hasAllKindsOfChildren(mesh.childrenOf(device));
    return mesh.parentOf(device) !== null && battery === null && `${device.deviceKind} child` === kind;
  });
  return found?.extAddress ?? '';
}

const hasAllKindsOfChildren = (children: readonly { readonly deviceKind: string }[]): boolean =>
  new Set(children.map((child) => child.deviceKind)).size === 3;

function typesAskedOf(kind: Kind): JsonValue[] {
  const name = kind.endsWith('router') ? '06-diag-node1-br-self-post' : '06-diag-node12-med-post';
  const [task] = parse(recorded(`rest/${name}`, 'request').body)['data'] as JsonObject[];
  return (task?.['attributes'] as JsonObject)['types'] as JsonValue[];
}

/** Recorded routers without children have no longest timeout of one. */
const withChildren = (real: JsonObject): string[] => {
  const names = Object.keys(real).filter((name) => name !== 'maxChildTimeout');
  names.splice(names.indexOf('channelPages') + 1, 0, 'maxChildTimeout');
  return names;
};

const rowShapes = (rows: JsonValue | undefined): unknown[] => (rows as JsonValue[]).map(shapeOf);

function withoutUpdate(item: JsonObject): JsonObject {
  const { updated: _, ...attributes } = item['attributes'] as JsonObject;
  return { ...item, attributes };
}

/** Whether a router has children decides what it tells of them. */
function comparableRow({ ChildTable, MaxChildTimeout: _, ...row }: JsonObject): JsonObject {
  return { ...row, ...(ChildTable === undefined ? {} : { ChildTable: [] }) };
}
