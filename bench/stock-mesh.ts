/**
 * `stock-mesh`: reading a whole mesh through the REST API of a stock border router, which answers as slowly as a real one:
 * 25 to 115 ms for each router by its distance. The first reading (the border router has to search the mesh) and later
 * ones, with and without a dead router, and the plain way beside it. What was read is compared with what the mesh is.
 */
import { parseArgs } from 'node:util';
import { MeshNodeSource } from '../src/agent/mesh/mesh-node-source.ts';
import { OtbrRestReader } from '../src/agent/otbr-rest/otbr-rest-reader.ts';
import { systemClock } from '../src/clock.ts';
import type { CollectionReport } from '../src/protocol/border-router-messages.ts';
import { isJsonObject } from '../src/protocol/json.ts';
import { createOtbrNetwork, type OtbrNetwork } from '../src/simulator/otbr/otbr-network.ts';
import type { Benchmark, BenchmarkReport } from './benchmark.ts';
import { readWithOnePost } from './peers/one-post.ts';
import { figure } from './report.ts';
import { median } from './statistics.ts';

interface Shape {
  readonly routers: number;
  readonly others: number;
  readonly dead: number;
}

interface Row extends Shape {
  readonly firstMs: number;
  readonly laterMs: number;
  readonly radioRequests: number;
  readonly peerMs: number;
  readonly peerAnswered: number;
  readonly devices: number;
}

/** The mesh of the recordings, a large house, and as many devices as a border router lists. */
const shapes: readonly Shape[] = [
  { routers: 9, others: 4, dead: 0 },
  { routers: 9, others: 4, dead: 1 },
  { routers: 32, others: 168, dead: 0 },
  { routers: 32, others: 168, dead: 2 },
];
const never = new AbortController().signal;

export const stockMeshBenchmark: Benchmark = {
  name: 'stock-mesh',
  summary: 'a mesh read through the REST API of a stock border router, beside one POST for all of it',
  options: ['--repetitions N   later readings; 5'],
  async run(argv, progress) {
    const { values } = parseArgs({ args: [...argv], options: { repetitions: { type: 'string' } } });
    const repetitions = Number(values.repetitions ?? 5);
    if (!Number.isInteger(repetitions) || repetitions < 1)
      throw new Error('--repetitions is a whole number from 1');
    const problems: string[] = [];
    const rows: Row[] = [];
    for (const shape of shapes) {
      progress(`${shape.routers} routers, ${shape.others} others, ${shape.dead} dead`);
      rows.push(await measure(shape, repetitions, problems));
    }
    return report(rows, repetitions, problems);
  },
};

async function measure(shape: Shape, repetitions: number, problems: string[]): Promise<Row> {
  const network = open(shape);
  await network.otbr.open();
  const reports: CollectionReport[] = [];
  const source = new MeshNodeSource({
    reader: new OtbrRestReader({ baseUrl: network.otbr.url, clock: systemClock }),
    clock: systemClock,
    // Each discovery is a reading of its own.
    shareMs: 0,
    onFact: ({ report: collected }) => reports.push(collected),
  });
  let devices = 0;
  try {
    for (let reading = 0; reading <= repetitions; reading += 1) {
      const found = await source.discover(never);
      if (!found.ok) throw new Error(found.reason);
      devices = found.nodes.length;
      problems.push(...wrongIn(network, found.nodes).map((wrong) => `${nameOf(shape)}: ${wrong}`));
    }
  } finally {
    await source.close();
    await network.otbr.close();
  }
  const [first, ...later] = reports.map(({ durationMs }) => durationMs ?? 0);
  const plain = open(shape);
  await plain.otbr.open();
  const peer = await readWithOnePost(plain.otbr.url).finally(() => plain.otbr.close());
  return {
    ...shape,
    firstMs: first ?? 0,
    laterMs: median(later),
    radioRequests: Math.max(...reports.map(({ radioRequests }) => radioRequests ?? 0)),
    peerMs: peer.durationMs,
    peerAnswered: peer.answered,
    devices,
  };
}

function open({ dead, others, routers }: Shape): OtbrNetwork {
  return createOtbrNetwork({
    index: 0,
    id: 'OTBR-001',
    nodes: routers + others - 1,
    routers,
    dialect: 'json-api',
    faults: dead === 0 ? [] : [{ kind: 'dead', devices: dead }],
    seed: 1,
    clock: systemClock,
  });
}

/** Every living router and every child of one is there, where it is; nobody else is. */
function wrongIn(
  network: OtbrNetwork,
  nodes: readonly { readonly extAddress: string | null; readonly networkInfo: unknown }[],
): string[] {
  const real = new Map(network.groundTruth().devices.map((device) => [device.extAddress as string, device]));
  const wrong: string[] = [];
  const seen = new Set<string>();
  for (const { extAddress, networkInfo } of nodes) {
    const device = real.get(extAddress ?? '');
    const rloc16 = isJsonObject(networkInfo) ? networkInfo['rloc16'] : null;
    if (device === undefined) wrong.push(`${String(extAddress)} is no device of the mesh`);
    else if (device.rloc16 !== rloc16)
      wrong.push(`${device.extAddress} is at ${device.rloc16}, not ${JSON.stringify(rloc16)}`);
    else seen.add(device.extAddress);
  }
  for (const device of network.answering())
    if (!seen.has(device.extAddress)) wrong.push(`${device.extAddress} was not read`);
  return wrong;
}

const nameOf = ({ dead, others, routers }: Shape): string =>
  `${routers} routers and ${others} others${dead === 0 ? '' : `, ${dead} dead`}`;

function report(rows: readonly Row[], repetitions: number, problems: readonly string[]): BenchmarkReport {
  const seconds = (ms: number): string => `${figure(ms / 1_000)} s`;
  return {
    name: 'stock-mesh',
    options: { repetitions },
    table: {
      columns: ['mesh', 'first', 'later', 'radio requests', 'devices', 'one POST', 'its answers'],
      rows: rows.map((row) => [
        nameOf(row),
        seconds(row.firstMs),
        seconds(row.laterMs),
        String(row.radioRequests),
        String(row.devices),
        seconds(row.peerMs),
        String(row.peerAnswered),
      ]),
    },
    bars: [
      {
        what: 'nine routers and their children, a later reading',
        measured: (rows[0]?.laterMs ?? 0) / 1_000,
        atMost: 1,
        unit: 's',
      },
      {
        what: 'the slowest reading, first ones and dead routers included',
        measured: Math.max(...rows.flatMap(({ firstMs, laterMs }) => [firstMs, laterMs])) / 1_000,
        atMost: 30,
        unit: 's',
      },
    ],
    problems,
    notes: ['The border router is simulated, with the recorded times of a real one; real radios differ.'],
    details: rows,
  };
}
