/** How the fake border router behaves: what is known to trap clients of the real one, and the faults on demand. */
import { request as httpRequest } from 'node:http';
import { afterEach, describe, expect, it } from 'vitest';
import { FakeClock } from '../../../test/support/fake-clock.ts';
import { systemClock } from '../../clock.ts';
import type { JsonObject } from '../../protocol/json.ts';
import type { MeshDevice } from '../mesh-device.ts';
import { createOtbrNetwork, type OtbrNetwork, type OtbrNetworkOptions } from './otbr-network.ts';
import { parseOtbrFault } from './otbr-fault.ts';

const jsonApi = 'application/vnd.api+json';
const opened: OtbrNetwork[] = [];
afterEach(async () => {
  await Promise.all(opened.splice(0).map((network) => network.otbr.close()));
});

/** A network with a fake clock, its border router listening. */
async function open(change: Partial<OtbrNetworkOptions> = {}) {
  const clock = new FakeClock();
  const network = createOtbrNetwork({
    ...{ index: 0, id: 'OTBR-001', nodes: 40, dialect: 'json-api', seed: 3, clock },
    ...change,
  });
  await network.otbr.open();
  opened.push(network);
  const { observed, otbr } = network;
  const itself = observed.mesh.borderRouters[0] as MeshDevice;
  const get = async (path: string): Promise<JsonObject> =>
    (await (await fetch(otbr.url + path, { headers: { accept: jsonApi } })).json()) as JsonObject;
  const post = async (...tasks: readonly JsonObject[]): Promise<string[]> => {
    const response = await fetch(`${otbr.url}/api/actions`, {
      method: 'POST',
      headers: { 'content-type': jsonApi },
      body: JSON.stringify({ data: tasks }),
    });
    return ((await response.json()) as { data: { id: string }[] }).data.map(({ id }) => id);
  };
  const statusOf = async (id: string | undefined): Promise<string> => {
    const document = (await get(`/api/actions/${id}`))['data'] as JsonObject;
    return (document['attributes'] as JsonObject)['status'] as string;
  };
  const resultOf = async (id: string | undefined): Promise<string | undefined> => {
    const { relationships } = (await get(`/api/actions/${id}`))['data'] as {
      relationships?: { result: { data: { id: string } } };
    };
    return relationships?.result.data.id;
  };
  const attributesOf = async (resultId: string | undefined): Promise<JsonObject> =>
    ((await get(`/api/diagnostics/${resultId}`))['data'] as JsonObject)['attributes'] as JsonObject;
  const listed = async (): Promise<JsonObject[]> => (await get('/api/devices'))['data'] as JsonObject[];
  /** The own diagnostic that sets what upstream does not initialise, then a discovery. */
  const discover = async (): Promise<void> => {
    await post(diagnostic(itself.extAddress, ['rloc16'], 1), discovery(15));
    await clock.advance(16_000);
  };
  const find = (test: (device: MeshDevice) => boolean): MeshDevice => {
    const device = observed.mesh.nodes.find(test);
    if (device === undefined) throw new Error('this network has no such device');
    return device;
  };
  return {
    ...{ clock, network, observed, otbr, itself, get, post, statusOf, resultOf, attributesOf, listed },
    ...{ discover, find, mesh: observed.mesh },
    router: find(
      (device) => device.attachment.kind === 'router' && device !== observed.mesh.leaderOf(itself),
    ),
    minimal: find((device) => device.attachment.kind === 'child' && device.deviceKind === 'minimal'),
    sleepy: find((device) => device.deviceKind === 'sleepy'),
  };
}

const diagnostic = (destination: string, types: readonly string[], timeout: number): JsonObject => ({
  type: 'getNetworkDiagnosticTask',
  attributes: { destination, types: [...types], timeout },
});
const discovery = (timeout: number, deviceCount = 0): JsonObject => ({
  type: 'updateDeviceCollectionTask',
  attributes: { maxAge: 30, maxRetries: 3, deviceCount, timeout },
});

describe('what traps clients of a border router', () => {
  it('is known under /node at once, and under /api only after a discovery', async () => {
    const { get, listed, discover, mesh, itself } = await open();
    expect((await get('/node'))['state']).toBe(mesh.roleOf(itself));
    const before = ((await get('/api/node'))['data'] as JsonObject)['attributes'] as JsonObject;
    expect(before).toMatchObject({ state: 'disabled', rloc16: '0x0000', omrIpv6Address: '::' });
    expect(await listed()).toHaveLength(1);
    await discover();
    const after = ((await get('/api/node'))['data'] as JsonObject)['attributes'] as JsonObject;
    expect(after).toMatchObject({ state: mesh.roleOf(itself), rloc16: mesh.rloc16Of(itself) });
    expect((await listed()).map((item) => item['id']).sort()).toEqual(
      mesh.devices.map((device) => device.extAddress).sort(),
    );
  });

  it('has nothing of itself under /api/node after the device list was deleted', async () => {
    const { otbr } = await open();
    await fetch(`${otbr.url}/api/devices`, { method: 'DELETE' });
    expect((await fetch(`${otbr.url}/api/node`)).status).toBe(404);
  });

  it('leaves a task for an unknown device pending, then stops it', async () => {
    const { post, statusOf, clock, router } = await open();
    const [id] = await post(diagnostic(router.extAddress, ['rloc16'], 4));
    await clock.advance(3_900);
    expect(await statusOf(id)).toBe('pending');
    await clock.advance(600);
    expect(await statusOf(id)).toBe('stopped');
  });

  it('completes a task by RLOC without any result', async () => {
    const { post, statusOf, resultOf, clock, router, mesh, discover } = await open();
    await discover();
    const [id] = await post(diagnostic(mesh.rloc16Of(router), ['rloc16'], 4));
    await clock.advance(200);
    expect([await statusOf(id), await resultOf(id)]).toEqual(['completed', '']);
  });

  it('waits out the timeout for what a device does not have, and completes with the rest', async () => {
    const { post, statusOf, resultOf, attributesOf, clock, minimal, discover } = await open();
    await discover();
    const [id] = await post(diagnostic(minimal.extAddress, ['extAddress', 'rloc16', 'route'], 12));
    await clock.advance(11_900);
    expect(await statusOf(id)).toBe('active');
    await clock.advance(600);
    expect(await statusOf(id)).toBe('completed');
    expect(Object.keys(await attributesOf(await resultOf(id)))).toEqual(['extAddress', 'rloc16', 'created']);
  });

  it('tells the types that were asked for and no others, and does not wait for those that may be left out', async () => {
    const { post, resultOf, attributesOf, clock, minimal, discover } = await open();
    await discover();
    const [id] = await post(diagnostic(minimal.extAddress, ['mode', 'timeout', 'batteryLevel'], 12));
    await clock.advance(150);
    expect(Object.keys(await attributesOf(await resultOf(id)))).toEqual([
      ...['mode', 'rloc16', 'extAddress', 'created'],
    ]);
  });

  it('answers of a router in 25 to 115 ms and of a sleepy device when it polls', async () => {
    const { post, statusOf, clock, router, sleepy, discover } = await open();
    await discover();
    const [ofRouter] = await post(diagnostic(router.extAddress, ['route'], 12));
    await clock.advance(24);
    expect(await statusOf(ofRouter)).toBe('active');
    await clock.advance(95);
    expect(await statusOf(ofRouter)).toBe('completed');
    const [ofSleepy] = await post(diagnostic(sleepy.extAddress, ['mode'], 12));
    await clock.advance(240);
    expect(await statusOf(ofSleepy)).toBe('active');
    await clock.advance(2_200);
    expect(await statusOf(ofSleepy)).toBe('completed');
  });

  it('stops healthy devices that wait behind a dead one, since their time counts from the POST', async () => {
    const { post, statusOf, clock, router, itself, observed, discover } = await open();
    await discover();
    observed.setDead(router, true);
    const [own, dead] = await post(
      diagnostic(itself.extAddress, ['rloc16'], 5),
      diagnostic(router.extAddress, ['rloc16'], 5),
    );
    await clock.advance(5_500);
    // What was posted last goes first.
    expect([await statusOf(dead), await statusOf(own)].sort()).toEqual(['completed', 'stopped']);
    expect(await statusOf(own)).toBe('stopped');
  });

  it('keeps a dead router in its list, and runs a discovery to its end while the router holds an id', async () => {
    const { post, statusOf, clock, router, observed, listed, discover, itself } = await open();
    await discover();
    const before = (await listed()).length;
    observed.setDead(router, true);
    const [first] = await post(discovery(15));
    await clock.advance(14_900);
    expect(await statusOf(first)).toBe('active');
    await clock.advance(600);
    expect(await statusOf(first)).toBe('completed');
    await clock.advance(330_000);
    expect(observed.routersIn(itself)).not.toContain(router);
    const [second] = await post(discovery(15));
    await clock.advance(3_000);
    expect(await statusOf(second)).toBe('completed');
    expect(await listed()).toHaveLength(before);
  });

  it('lets neighbours forget a dead router after 90 to 200 s, its age not told but its link gone', async () => {
    const { clock, observed, mesh, router } = await open();
    const [neighbor] = mesh.neighborRoutersOf(router);
    if (neighbor === undefined) throw new Error('a router without neighbours');
    const hears = (): boolean => observed.neighborsOf(neighbor).some((row) => row.device === router);
    observed.setDead(router, true);
    await clock.advance(89_000);
    expect(hears()).toBe(true);
    await clock.advance(112_000);
    expect(hears()).toBe(false);
  });

  it('moves the children of a dead router within a minute, as far as others have room', async () => {
    const { clock, observed, mesh, router } = await open();
    const children = mesh.childrenOf(router);
    observed.setDead(router, true);
    await clock.advance(61_000);
    observed.hopsBetween(router, router);
    expect(children.length).toBeGreaterThan(0);
    for (const child of children) expect(mesh.parentOf(child)).not.toBe(router);
  });

  it('runs a first discovery into its timeout at some starts, though the list is there, unless a diagnostic came before', async () => {
    const hanging: boolean[] = [];
    for (let seed = 1; seed <= 12; seed += 1) {
      const { post, statusOf, clock, listed, mesh } = await open({ seed });
      const [id] = await post(discovery(20));
      await clock.advance(3_000);
      expect((await listed()).length).toBe(mesh.devices.length);
      hanging.push((await statusOf(id)) === 'active');
    }
    expect(new Set(hanging)).toEqual(new Set([true, false]));
    for (let seed = 1; seed <= 12; seed += 1) {
      const { post, statusOf, clock, itself } = await open({ seed });
      await post(diagnostic(itself.extAddress, ['extAddress', 'rloc16'], 1));
      await clock.advance(10);
      const [id] = await post(discovery(20));
      await clock.advance(3_000);
      expect(await statusOf(id)).toBe('completed');
    }
  });

  it('tries again for devices that it was told to find and that are not there', async () => {
    const { post, statusOf, clock, itself } = await open();
    await post(diagnostic(itself.extAddress, ['rloc16'], 1));
    await clock.advance(10);
    const [id] = await post(discovery(60, 90));
    await clock.advance(1_500);
    expect(await statusOf(id)).toBe('active');
    await clock.advance(10_000);
    expect(await statusOf(id)).toBe('completed');
  });

  it('holds 200 items, so that of 232 devices some are not listed and cannot be asked', async () => {
    const { listed, discover, post, statusOf, clock, mesh, get } = await open({ nodes: 231, routers: 32 });
    await discover();
    const ids = new Set((await listed()).map((item) => item['id']));
    expect(ids.size).toBe(200);
    expect(((await get('/api/devices'))['meta'] as JsonObject)['collection']).toMatchObject({ total: 200 });
    const unlisted = mesh.devices.find((device) => !ids.has(device.extAddress));
    const [id] = await post(diagnostic(unlisted?.extAddress ?? '', ['rloc16'], 2));
    await clock.advance(2_500);
    expect(await statusOf(id)).toBe('stopped');
  });

  it('lists actions in no order', async () => {
    const { post, get, itself, clock } = await open();
    const tasks = Array.from({ length: 40 }, () => diagnostic(itself.extAddress, ['rloc16'], 5));
    const posted = await post(...tasks);
    await clock.advance(100);
    const shown = ((await get('/api/actions'))['data'] as JsonObject[]).map((item) => item['id']);
    expect([...shown].sort()).toEqual([...posted].sort());
    expect(shown).not.toEqual(posted);
    expect(shown).not.toEqual([...posted].reverse());
  });
});

describe('a network of a stock border router', () => {
  it('has exactly the routers that were asked for, and the rest as children', async () => {
    for (const seed of [1, 2, 3]) {
      const { mesh, network } = await open({ nodes: 231, routers: 32, seed });
      expect(mesh.routers).toHaveLength(32);
      expect(mesh.devices.filter((device) => mesh.parentOf(device) !== null)).toHaveLength(200);
      expect(network.answering()).toHaveLength(232);
    }
  });

  it.each([0, 33])('refuses %i routers', (routers) => {
    const options = { index: 0, id: 'OTBR-001', nodes: 100, dialect: 'json-api', seed: 1 } as const;
    expect(() => createOtbrNetwork({ ...options, routers, clock: systemClock })).toThrow(/32/);
  });

  it('is the same for the same seed, to the byte, and another one for another', async () => {
    const tell = async (seed: number): Promise<string> => {
      const { discover, post, resultOf, attributesOf, listed, clock, router } = await open({ seed });
      await discover();
      const [id] = await post(
        diagnostic(
          router.extAddress,
          ['route', 'children', 'routerNeighbors', 'mleCounters', 'macCounters'],
          9,
        ),
      );
      await clock.advance(200);
      return JSON.stringify([id, await listed(), await attributesOf(await resultOf(id))]);
    };
    expect(await tell(5)).toBe(await tell(5));
    expect(await tell(5)).not.toBe(await tell(6));
  });

  it('counts on while time passes, and never back', async () => {
    const { discover, post, resultOf, attributesOf, clock, router } = await open();
    await discover();
    const counters = async (): Promise<JsonObject> => {
      const [id] = await post(diagnostic(router.extAddress, ['macCounters', 'mleCounters'], 9));
      await clock.advance(200);
      const { macCounters, mleCounters } = await attributesOf(await resultOf(id));
      return { ...(macCounters as JsonObject), ...(mleCounters as JsonObject) };
    };
    const before = await counters();
    await clock.advance(600_000);
    const after = await counters();
    for (const [name, value] of Object.entries(before)) {
      expect(Number(after[name])).toBeGreaterThanOrEqual(Number(value));
    }
    expect(Number(after['totalTrackingTime']) - Number(before['totalTrackingTime'])).toBe(600_200);
    expect(Number(after['ifInUcastPkts'])).toBeGreaterThan(Number(before['ifInUcastPkts']));
  });

  it('tells each link as its own receiver measures it', async () => {
    const { mesh, observed } = await open();
    for (const router of mesh.routers) {
      const rows = observed.neighborsOf(router);
      expect(rows.map((row) => row.averageRssi)).toEqual(rows.map((row) => mesh.rssi(row.device, router)));
    }
  });
});

describe('a fault of a border router', () => {
  /** Of 60 requests to /node, how they end. */
  async function endings(fault: string): Promise<Map<string, number>> {
    const { otbr } = await open({ faults: faultsOf(fault) });
    const counts = new Map<string, number>();
    for (let count = 0; count < 60; count += 1) {
      const ending = await endOf(`${otbr.url}/node`);
      counts.set(ending, (counts.get(ending) ?? 0) + 1);
    }
    return counts;
  }

  it.each([
    ['errors=20%', '500 application/json json'],
    ['busy=20%', '503 application/json json'],
    ['cut=20%', 'aborted'],
    ['garbage=20%', '200 application/json garbage'],
    ['content-type=20%', '200 text/html json'],
  ])('%s happens to about every fifth request', async (fault, ending) => {
    const counts = await endings(fault);
    expect([...counts.keys()].sort()).toEqual(['200 application/json json', ending].sort());
    expect(counts.get(ending)).toBeGreaterThan(3);
    expect(counts.get(ending)).toBeLessThan(24);
    expect(await endings(fault)).toEqual(counts);
  });

  it('slow: diagnostics take so many times longer', async () => {
    const { post, statusOf, clock, router, discover } = await open({ faults: faultsOf('slow=5') });
    await discover();
    const [id] = await post(diagnostic(router.extAddress, ['route'], 12));
    await clock.advance(120);
    expect(await statusOf(id)).toBe('active');
    await clock.advance(500);
    expect(await statusOf(id)).toBe('completed');
  });

  it('stuck: one diagnostic never ends, and all behind it stop', async () => {
    const { post, statusOf, clock, itself } = await open({ faults: faultsOf('stuck=2') });
    const ids: (string | undefined)[] = [];
    for (let count = 0; count < 3; count += 1) {
      ids.push(...(await post(diagnostic(itself.extAddress, ['rloc16'], 2))));
      await clock.advance(100);
    }
    await clock.advance(60_000);
    expect(await Promise.all(ids.map(statusOf))).toEqual(['completed', 'active', 'stopped']);
  });

  it('renamed: some fields have names that nobody knows', async () => {
    const { get } = await open({ faults: faultsOf('renamed') });
    expect(await get('/node')).toHaveProperty('shortAddress');
  });

  it('dead: so many devices do not answer, routers and children in turn', async () => {
    const { network, mesh, observed } = await open({ nodes: 100, faults: faultsOf('dead=4') });
    const dead = mesh.devices.filter((device) => observed.isDead(device));
    expect(dead).toHaveLength(4);
    expect(dead.filter((device) => device.attachment.kind === 'router')).toHaveLength(2);
    for (const device of dead) expect(network.answering()).not.toContain(device);
    expect(network.groundTruth().devices.filter((device) => device.dead)).toHaveLength(4);
  });

  it('ghost: a child that moved is listed by two parents, and a device by a former address', async () => {
    const { mesh, observed, listed, discover } = await open({ faults: faultsOf('ghost=2') });
    const rows = mesh.routers.flatMap((router) => observed.childrenOf(router));
    const twice = rows.filter((row) => rows.filter(({ device }) => device === row.device).length === 2);
    expect(twice).toHaveLength(4);
    expect(twice.filter((row) => row.rloc16 === mesh.rloc16Of(row.device))).toHaveLength(2);
    await discover();
    expect(await listed()).toHaveLength(mesh.devices.length + 2);
  });

  it('restart: connections are refused for a while, then everything is forgotten', async () => {
    const { clock, otbr, discover, listed, get, itself } = await open({ faults: faultsOf('restart=30s+5s') });
    await discover();
    expect((await listed()).length).toBeGreaterThan(1);
    await clock.advance(15_000);
    await expect(endOf(`${otbr.url}/node`)).resolves.toBe('ECONNREFUSED');
    await clock.advance(5_000);
    await untilListening(otbr.url);
    expect(await get('/node')).toMatchObject({ extAddress: itself.extAddress });
    expect(await listed()).toHaveLength(1);
  });

  it.each([
    '',
    'slow=0',
    'errors=101%',
    'errors=',
    'dead=0',
    'restart=5',
    'restart=1s+',
    'renamed=1',
    'gone',
    '=1',
  ])('is none in %j', (text) => expect(parseOtbrFault(text)).toBeNull());
});

const faultsOf = (...texts: readonly string[]) =>
  texts.map((text) => {
    const fault = parseOtbrFault(text);
    if (fault === null) throw new Error(`${text} is no fault`);
    return fault;
  });

/** `200 application/json json`, or how the connection failed. */
function endOf(url: string): Promise<string> {
  return new Promise((resolve) => {
    const request = httpRequest(url, { headers: { accept: '*/*' } }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', () => resolve('aborted'));
      response.on('end', () => {
        const type = response.headers['content-type'];
        resolve(
          `${response.statusCode} ${type} ${isJson(Buffer.concat(chunks).toString()) ? 'json' : 'garbage'}`,
        );
      });
    });
    request.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? 'aborted'));
    request.end();
  });
}

async function untilListening(url: string): Promise<void> {
  for (let tries = 0; tries < 100; tries += 1) {
    if ((await endOf(`${url}/node`)) !== 'ECONNREFUSED') return;
  }
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
