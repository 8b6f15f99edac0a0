import { describe, expect, it } from 'vitest';
import { type CliHarness, type CliHarnessOptions, createCliHarness } from '../../test/support/cli-harness.ts';
import { settle } from '../../test/support/fake-clock.ts';
import { startFakeHub } from '../../test/support/fake-hub.ts';
import { borderRouterView } from '../../test/support/samples.ts';
import type { Agent, AgentOptions, AgentStatus } from '../agent/agent-options.ts';
import type { NodeSource } from '../agent/node-source.ts';
import type { Config } from '../config.ts';
import { StartError } from '../errors.ts';
import { toWire } from '../protocol/wire.ts';
import type { HouseOptions } from './cli-context.ts';
import type { SimulatedHouse } from '../simulator/house/simulated-house.ts';
import type { Simulation } from '../simulator/simulation.ts';
import type { SimulationOptions } from '../simulator/simulation-options.ts';

/** Programs that only write down what is done with them. */
function recordedPrograms(
  url = 'http://127.0.0.1:5001',
  state: AgentStatus['state'] = 'connected',
  mqtt: { url: string } | null = null,
) {
  const calls: string[] = [];
  const seen: {
    config: Config | null;
    simulation: SimulationOptions | null;
    house: HouseOptions | null;
    agent: AgentOptions | null;
    threadInterface: string | null;
  } = { config: null, simulation: null, house: null, agent: null, threadInterface: null };
  const call = (name: string) => () => {
    calls.push(name);
    return Promise.resolve();
  };
  const programs: CliHarnessOptions['programs'] = {
    createHub: (config) => {
      seen.config = config;
      const start = () => {
        calls.push('hub starts');
        return Promise.resolve({ url, mqtt });
      };
      return Promise.resolve({ start, stop: call('hub stops') });
    },
    createSimulation: (options) => {
      seen.simulation = options;
      return Promise.resolve({
        nodes: [{}, {}] as unknown as Simulation['nodes'],
        borderRouters: [
          { networkIndex: 0, status: () => ({ state }) },
        ] as unknown as Simulation['borderRouters'],
        start: call('mesh starts'),
        stop: call('mesh stops'),
      } as Partial<Simulation> as Simulation);
    },
    createHouse: (options) => {
      seen.house = options;
      const start = () => void calls.push('house starts');
      const sensors = Array.from({ length: options.sensors }, () => ({ id: '', kind: 'door' as const }));
      const house: Partial<SimulatedHouse> = { sensors, start, stop: call('house stops') };
      return Promise.resolve(house as SimulatedHouse);
    },
    createCoapSource: ({ threadInterface }) => {
      seen.threadInterface = threadInterface;
      return Promise.resolve({ close: call('source closes') } as Partial<NodeSource> as NodeSource);
    },
    createAgent: (options) => {
      seen.agent = options;
      const start = () => void calls.push('agent starts');
      return Promise.resolve({ start, close: call('agent closes') } as Partial<Agent> as Agent);
    },
  };
  return { programs, calls, seen };
}

/** Runs a command that goes on until it is told to stop, and tells it once its output says so. */
async function runAndStop(harness: CliHarness, until: () => boolean, ...commandLine: string[]) {
  const run = harness.run(...commandLine);
  for (let turn = 0; turn < 1_000 && !until(); turn += 1) {
    await settle();
    await new Promise((resolve) => setImmediate(resolve));
  }
  harness.signal('SIGTERM');
  return run;
}

describe('threadhub serve', () => {
  it('starts the hub on its configuration, says where it is, and stops it', async () => {
    const { programs, calls, seen } = recordedPrograms('http://127.0.0.1:6001');
    const harness = createCliHarness({ programs, files: { 'site.yaml': 'scan: { timeout: 9s }' } });
    const run = await runAndStop(
      harness,
      () => harness.output.stdout !== '',
      ...['serve', '--port', '6001', '--data-dir', '/srv/t', '--config', 'site.yaml'],
    );
    expect(run.exitCode).toBe(0);
    expect(run.stdout).toBe(
      'Threadhub is at http://127.0.0.1:6001, its map at http://127.0.0.1:6001/network-map. Ctrl-C stops it.\n',
    );
    expect(seen.config).toMatchObject({
      server: { port: 6001 },
      data_dir: '/srv/t',
      scan: { timeout: 9_000 },
    });
    expect(calls).toEqual(['hub starts', 'hub stops']);
  });

  it('names every problem of its configuration and starts nothing', async () => {
    const { programs, calls } = recordedPrograms();
    const environment = { THREADHUB_LOG_LEVEL: 'loud', THREADHUB_CONFIG: 'gone.yaml' };
    const run = await createCliHarness({ programs, environment }).run('serve', '--port', 'x');
    expect(run.exitCode).toBe(1);
    expect(run.stderr.split('\n').slice(0, 4)).toEqual([
      'threadhub: The configuration has 3 problems.',
      '  gone.yaml: there is no such file; correct the path given with --config or THREADHUB_CONFIG',
      '  THREADHUB_LOG_LEVEL: log.level is "loud"; write one of fatal, error, warn, info, debug, trace, silent',
      '  --port: server.port is "x"; write a whole number from 0 to 65535; 0 takes any free port',
    ]);
    expect(calls).toEqual([]);
  });

  it('tells in one sentence why the hub cannot start', async () => {
    const error = new StartError('port_in_use', 'port 5001 is in use; choose another with --port');
    const programs = {
      createHub: () => Promise.resolve({ start: () => Promise.reject(error), stop: () => Promise.resolve() }),
    };
    expect(await createCliHarness({ programs }).run('serve')).toEqual({
      exitCode: 1,
      stdout: '',
      stderr: 'threadhub: port 5001 is in use; choose another with --port.\n',
    });
  });
});

it('names no map where a hub that listens beyond loopback shows none', async () => {
  const { programs } = recordedPrograms('http://0.0.0.0:5001');
  const harness = createCliHarness({ programs });
  const run = await runAndStop(harness, () => harness.output.stdout !== '', 'serve', '--host', '0.0.0.0');
  expect(run.stdout).toContain('for border routers with a token');
  expect(run.stdout).not.toContain('/network-map');
});

describe('threadhub simulate', () => {
  it('builds the mesh that its options describe, against the hub named', async () => {
    const { programs, calls, seen } = recordedPrograms();
    const harness = createCliHarness({ programs });
    const options =
      '--hub hub.example:6001 --border-routers 3 --nodes 7 --rtt 10..20 --loss 5% --dead 2 --slow 1 --malformed 3 --seed 9 --encoding cbor --border-routers-per-network 3 --crash BR-002@10s+500ms --crash 3@4';
    const run = await runAndStop(
      harness,
      () => harness.output.stdout !== '',
      'simulate',
      ...options.split(' '),
    );
    expect(run).toMatchObject({ exitCode: 0, stderr: '' });
    expect(run.stdout).toBe(
      '1 border router and 2 nodes in 1 network are at http://hub.example:6001. Ctrl-C stops them.\n',
    );
    expect(seen.simulation).toMatchObject({
      hubUrl: 'http://hub.example:6001',
      borderRouters: 3,
      nodesPerBorderRouter: 7,
      rttMs: [10, 20],
      loss: 0.05,
      dead: 2,
      slow: 1,
      malformed: 3,
      seed: 9,
      encoding: 'cbor',
      borderRoutersPerNetwork: 3,
      crash: [
        { borderRouterIndex: 1, atMs: 10_000, rebootAfterMs: 500 },
        { borderRouterIndex: 2, atMs: 4_000 },
      ],
    });
    expect(calls).toEqual(['mesh starts', 'mesh stops']);
  });

  it('says how many border routers no hub has let in so far', async () => {
    const { programs } = recordedPrograms(undefined, 'waiting');
    const harness = createCliHarness({ programs });
    const run = await runAndStop(harness, () => harness.output.stdout !== '', 'simulate');
    expect(run.stderr).toContain('1 border router could not connect yet; they go on trying.');
  });

  it('runs a house of sensors beside the mesh, at the broker of the hub or another', async () => {
    const { programs, calls, seen } = recordedPrograms();
    const harness = createCliHarness({ programs });
    const options = 'simulate --hub hub.example:6001 --sensors 50 --speed 60 --seed 3'.split(' ');
    const run = await runAndStop(harness, () => harness.output.stdout !== '', ...options);
    expect(run.stdout).toContain('and 50 sensors, are at http://hub.example:6001');
    expect(seen.house).toMatchObject({
      brokerUrl: 'mqtt://hub.example:1883',
      sensors: 50,
      speed: 60,
      seed: 3,
    });
    expect(calls).toEqual(['house starts', 'mesh starts', 'house stops', 'mesh stops']);
    const other = createCliHarness({ programs });
    await runAndStop(other, () => other.output.stdout !== '', ...options, '--mqtt', 'mqtts://broker:8883');
    expect(seen.house?.brokerUrl).toBe('mqtts://broker:8883');
  });

  it('gives each border router its own token', async () => {
    const { programs, seen } = recordedPrograms();
    const harness = createCliHarness({ programs });
    await runAndStop(
      harness,
      () => harness.output.stdout !== '',
      ...['simulate', '--token', 'BR-001=one', '--token', 'BR-002=two=2'],
    );
    expect(['BR-001', 'BR-002', 'BR-003'].map((id) => seen.simulation?.tokenOf?.(id))).toEqual([
      'one',
      'two=2',
      undefined,
    ]);
  });

  it('refuses one token for several border routers', async () => {
    const run = await createCliHarness().run('simulate', '--token', 's3cret');
    expect(run.exitCode).toBe(2);
    expect(run.stderr).toMatch(/A token belongs to one border router/);
  });
});

describe('threadhub border-router', () => {
  it('connects an agent with its token from the environment, and closes it before its source', async () => {
    const { programs, calls, seen } = recordedPrograms();
    const harness = createCliHarness({ programs, environment: { THREADHUB_TOKEN: 's3cret' } });
    const run = await runAndStop(
      harness,
      () => calls.includes('agent starts'),
      ...['border-router', '--id', 'BR-007', '--hub', 'http://hub:5001', '--interface', 'wpan0'],
      ...['--network-prefix', 'FD78:8E78:3bfe:1::/64', '--ext-addr', '53:39:69:5E:8F:14:AC:F6'],
    );
    expect(run).toMatchObject({ exitCode: 0, stdout: '' });
    expect(run.stderr).not.toContain('s3cret');
    expect(seen.agent).toMatchObject({
      hub: 'ws://hub:5001',
      id: 'BR-007',
      token: 's3cret',
      networkPrefix: 'fd78:8e78:3bfe:1::/64',
      encoding: 'json',
    });
    expect(seen.agent?.identity?.()).toEqual({ extAddress: '5339695e8f14acf6' });
    expect(seen.threadInterface).toBe('wpan0');
    expect(calls).toEqual(['agent starts', 'agent closes', 'source closes']);
  });

  it('logs why the hub refused it', async () => {
    const { programs, calls, seen } = recordedPrograms();
    const harness = createCliHarness({ programs });
    const run = runAndStop(harness, () => false, 'border-router', '--id', 'BR-1');
    while (!calls.includes('agent starts')) await new Promise((resolve) => setImmediate(resolve));
    seen.agent?.onFact?.({ kind: 'refused', status: 401, body: '{"detail":"the token is not valid"}' });
    expect((await run).stderr).toContain('the hub refused: the token is not valid.');
  });
});

describe('threadhub demo', () => {
  it('starts hub and mesh, scans once the border routers are there, and cleans up', async () => {
    let asked = 0;
    await using hub = await startFakeHub({
      'GET /api/border_routers': () => ({
        body: { items: [toWire(borderRouterView({ online: ++asked > 1 }))], next_cursor: null },
      }),
      'POST /api/trigger_scan': () => ({ status: 202, body: {} }),
    });
    const { programs, calls, seen } = recordedPrograms(hub.url, 'connected', {
      url: 'mqtt://127.0.0.1:1884',
    });
    const harness = createCliHarness({ programs, environment: { THREADHUB_SCAN_TIMEOUT: 'nonsense' } });
    const run = await runAndStop(
      harness,
      () => harness.output.stdout !== '',
      ...['demo', '--border-routers', '1', '--nodes', '2', '--speed', '2', '--port', '0'],
    );
    expect(run.exitCode).toBe(0);
    expect(run.stdout).toContain(`Look at ${hub.url.replace('127.0.0.1', 'localhost')}/network-map.`);
    expect(hub.requests.map((request) => request.method)).toEqual(['GET', 'GET', 'POST']);
    expect(seen.config).toMatchObject({
      data_dir: '/temporary',
      nodes: { file: '/temporary/adresses.json' },
      scan: { interval: 30_000 },
    });
    expect(seen.simulation).toMatchObject({ hubUrl: hub.url, driftEveryMs: 10_000 });
    expect(run.stdout).toContain('and 40 sensors at mqtt://localhost:1884');
    expect(seen.house).toMatchObject({ brokerUrl: 'mqtt://127.0.0.1:1884', sensors: 40, speed: 2 });
    expect(calls).toEqual([
      'hub starts',
      'house starts',
      'mesh starts',
      'house stops',
      'hub stops',
      'mesh stops',
    ]);
    expect(harness.removedFolders).toEqual(['/temporary']);
  });

  it('keeps a data folder that was named', async () => {
    const { programs } = recordedPrograms();
    const harness = createCliHarness({ programs });
    const run = await harness.run('demo', '--data-dir', '/srv/demo', '--port', 'x');
    expect(run.exitCode).toBe(1);
    expect(harness.removedFolders).toEqual([]);
  });
});
