/**
 * Measures the usual design with a job queue (`job-queue-program.ts`): the most events a second that come out at the live
 * client, at several numbers of jobs that a worker does at once. Redis and PostgreSQL run in temporary folders, each with
 * the settings it comes with; the queue is installed into npm's cache folder of this project.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { type ChildProgram, startProgram } from '../child-program.ts';
import { startPublishes, startReceiver } from '../event-run.ts';
import { freePort } from '../free-port.ts';
import { figure } from '../report.ts';

export interface JobQueueRun {
  /** Jobs that each of the three workers does at once. */
  readonly concurrency: number;
  readonly perSecond: number;
  /** Events of the runs that held which came after a later one of their sensor. */
  readonly outOfOrder: number;
}

export interface JobQueueMeasure {
  readonly runs: readonly JobQueueRun[];
  /** What keeps it from being measured, a sentence; null where nothing does. */
  readonly missing: string | null;
}

/** The queue, and the Redis client that it asks for, with their major versions. */
const packages = { bullmq: 6, ioredis: 5 };
const cacheFolder = join(import.meta.dirname, '..', '..', 'node_modules', '.cache', 'bench-peers');
const offeredPerSecond = [250, 400, 650, 1_000, 1_600, 2_500, 4_000, 6_500, 10_000];
const offeredSeconds = 6;
/** At the start of a rate, not counted. */
const settleSeconds = 2;
/** Below this share of what is offered it does not keep up. */
const keepsUp = 0.95;
const sensors = 1_000;

export async function measureJobQueue(
  concurrencies: readonly number[],
  progress: (line: string) => void,
): Promise<JobQueueMeasure> {
  const missing = prepare();
  if (missing !== null) return { runs: [], missing };
  const runs: JobQueueRun[] = [];
  for (const concurrency of concurrencies) {
    const run = await measure(concurrency);
    runs.push(run);
    progress(`job queue, 3 workers with ${concurrency} at once: at most ${figure(run.perSecond)} events/s`);
  }
  return { runs, missing: null };
}

function prepare(): string | null {
  if (postgresProgram('postgres') === null)
    return 'PostgreSQL is not installed: apt-get install -y postgresql';
  if (spawnSync('redis-server', ['--version']).status !== 0)
    return 'Redis is not installed: apt-get install -y redis-server';
  if (Object.keys(packages).every((name) => existsSync(join(cacheFolder, 'node_modules', name)))) return null;
  const wanted = Object.entries(packages).map(([name, version]) => `${name}@${version}`);
  const { status } = spawnSync('npm', ['install', '--no-save', '--prefix', cacheFolder, ...wanted], {
    stdio: 'ignore',
  });
  return status === 0 ? null : `npm could not install ${wanted.join(' and ')}`;
}

async function measure(concurrency: number): Promise<JobQueueRun> {
  const redis = await startRedis();
  const postgres = await startPostgres();
  const program = await startProgram({
    name: 'the job queue',
    command: process.execPath,
    args: [
      join(import.meta.dirname, 'job-queue-program.ts'),
      'serve',
      redis.address,
      postgres.address,
      String(concurrency),
    ],
    environment: { ...process.env, NODE_PATH: join(cacheFolder, 'node_modules') },
    ready: /listens at (mqtt:\d+,ws:\d+) /,
  });
  const [, mqttPort, wsPort] = /^mqtt:(\d+),ws:(\d+)$/.exec(program.address) ?? [];
  const receiver = await startReceiver(`ws://127.0.0.1:${wsPort}`, null);
  let most = 0;
  let outOfOrder = 0;
  try {
    for (const perSecond of offeredPerSecond) {
      const publishes = startPublishes();
      const events = perSecond * offeredSeconds;
      const question = { port: Number(mqttPort), connections: 8, sensors, prefix: 'b', type: 'temperature' };
      const sending = publishes
        .ask({ ...question, value: '21.5', perSecond, events, first: 0 })
        .catch(() => null);
      await pause(settleSeconds * 1_000);
      const count = async (): Promise<number> =>
        (await receiver.ask({ kind: 'count', prefix: 'b' })) as unknown as number;
      const [before, startedMs] = [await count(), performance.now()];
      await pause((offeredSeconds - settleSeconds) * 1_000 - 200);
      const came = ((await count()) - before) / ((performance.now() - startedMs) / 1_000);
      most = Math.max(most, came);
      if (came < keepsUp * perSecond) {
        await publishes.stop();
        break;
      }
      const sent = await sending;
      const collected = await receiver.ask({
        kind: 'collect',
        prefix: 'b',
        sensors,
        first: 0,
        events,
        perSecond,
        startedAtMs: sent?.startedAtMs ?? 0,
        waitMs: 10_000,
      });
      outOfOrder += collected.outOfOrder;
      await publishes.stop();
    }
  } finally {
    await receiver.stop();
    await program.stop();
    await redis.stop();
    await postgres.stop();
  }
  return { concurrency, perSecond: most, outOfOrder };
}

interface Server {
  /** Its port. */
  readonly address: string;
  stop(): Promise<void>;
}

async function startRedis(): Promise<Server> {
  const folder = mkdtempSync(join(tmpdir(), 'threadhub-bench-redis-'));
  const port = String(await freePort());
  const child = await startProgram({
    name: 'Redis',
    command: 'redis-server',
    args: ['--port', port, '--bind', '127.0.0.1', '--dir', folder, '--appendonly', 'yes', '--save', ''],
    environment: process.env,
    ready: /(Ready to accept connections)/,
  });
  return stoppable(child, port, folder);
}

async function startPostgres(): Promise<Server> {
  const folder = mkdtempSync(join(tmpdir(), 'threadhub-bench-postgres-'));
  const port = String(await freePort());
  // It refuses to run as root.
  const asUser = userInfo().uid === 0 ? { uid: idOf('-u'), gid: idOf('-g') } : {};
  if (asUser.uid !== undefined) chownSync(folder, asUser.uid, asUser.gid);
  const data = join(folder, 'data');
  execFileSync(postgresProgram('initdb') ?? 'initdb', ['-D', data, '-U', 'bench', '-A', 'trust'], {
    ...asUser,
    cwd: folder,
    stdio: 'ignore',
  });
  const child = await startProgram({
    name: 'PostgreSQL',
    command: postgresProgram('postgres') ?? 'postgres',
    args: [
      '-D',
      data,
      '-p',
      port,
      '-k',
      folder,
      '-c',
      'listen_addresses=127.0.0.1',
      '-c',
      'max_connections=200',
    ],
    environment: process.env,
    errorsToo: true,
    ready: /(ready to accept connections)/,
    ...asUser,
  });
  return stoppable(child, port, folder);
}

const stoppable = (child: ChildProgram, port: string, folder: string): Server => ({
  address: port,
  async stop() {
    await child.stop();
    rmSync(folder, { recursive: true, force: true });
  },
});

const idOf = (option: '-u' | '-g'): number =>
  Number(execFileSync('id', [option, 'postgres'], { encoding: 'utf8' }));

/** Debian keeps them out of the path. */
function postgresProgram(name: string): string | null {
  const root = '/usr/lib/postgresql';
  const versions = existsSync(root) ? readdirSync(root).sort() : [];
  const candidates = versions
    .map((version) => join(root, version, 'bin', name))
    .filter((path) => existsSync(path));
  return candidates.at(-1) ?? (spawnSync(name, ['--version']).status === 0 ? name : null);
}

const pause = (durationMs: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, durationMs));
