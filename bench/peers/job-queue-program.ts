/**
 * The usual design with a job queue, as a program: a broker, a queue (BullMQ on Redis), three workers in processes of
 * their own that insert one row for each job into PostgreSQL, and a WebSocket that gets every event once it is inserted.
 *
 *   job-queue-program.ts serve REDIS_PORT POSTGRES_PORT CONCURRENCY
 *
 * What is kind to it: finished jobs are removed, rows are short, statements are prepared once, workers send to the clients
 * through a pipe instead of Redis. Its broker acknowledges before anything is durable.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import { createServer } from 'node:net';
import { Aedes } from 'aedes';
import pg from 'pg';
import { WebSocketServer } from 'ws';

/** What is used of BullMQ. */
interface BullMq {
  readonly Queue: new (
    name: string,
    options: { readonly connection: object },
  ) => { add(name: string, data: object, options: { readonly removeOnComplete: boolean }): Promise<unknown> };
  readonly Worker: new (
    name: string,
    process: (job: { readonly data: Job }) => Promise<void>,
    options: { readonly connection: object; readonly concurrency: number },
  ) => { waitUntilReady(): Promise<unknown> };
}

// It is no dependency of this project: its CommonJS half is found by NODE_PATH.
const { Queue, Worker } = createRequire(import.meta.url)('bullmq') as BullMq;

interface Job {
  readonly sensor: string;
  readonly type: string;
  readonly value: number;
  readonly seq: number;
  readonly event_id: string;
  readonly timestamp: number;
}

const [role, redisPort = '', postgresPort = '', concurrency = '1'] = process.argv.slice(2);
const connection = { host: '127.0.0.1', port: Number(redisPort) };
const queueName = 'sensors';
const workerCount = 3;
const postgres = { host: '127.0.0.1', port: Number(postgresPort), user: 'bench', database: 'postgres' };

async function serve(): Promise<void> {
  const database = new pg.Client(postgres);
  await database.connect();
  await database.query(
    `create table events (id bigserial primary key, sensor text, type text, value double precision, seq bigint,
      event_id text, timestamp timestamptz)`,
  );
  await database.end();
  const clients = new WebSocketServer({ port: 0, host: '127.0.0.1', perMessageDeflate: false });
  await once(clients, 'listening');
  for (let index = 0; index < workerCount; index += 1) {
    const worker = fork(import.meta.filename, ['work', redisPort, postgresPort, concurrency]);
    worker.on('message', (text: string) => {
      for (const client of clients.clients) client.send(text);
    });
    await once(worker, 'message');
  }
  const queue = new Queue(queueName, { connection });
  const broker = await Aedes.createBroker();
  const server = createServer((socket) => broker.handle(socket));
  broker.on('publish', (packet, client) => {
    if (client === null) return;
    const [, sensor = '', type = ''] = packet.topic.split('/');
    const message = JSON.parse(packet.payload.toString()) as Pick<Job, 'value' | 'seq' | 'event_id'>;
    const job: Job = { ...message, sensor, type, timestamp: Date.now() };
    void queue.add('event', job, { removeOnComplete: true });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const portOf = (address: unknown): number => (address as { port: number }).port;
  process.stdout.write(`listens at mqtt:${portOf(server.address())},ws:${portOf(clients.address())} \n`);
  process.on('SIGTERM', () => process.exit());
}

async function work(): Promise<void> {
  process.on('disconnect', () => process.exit());
  const database = new pg.Pool({ ...postgres, max: Math.min(20, Number(concurrency)) });
  const worker = new Worker(
    queueName,
    async (job) => {
      const { event_id: eventId, sensor, seq, timestamp, type, value } = job.data;
      if (value < -20 || value > 60) throw new Error('out of range');
      await database.query({
        name: 'insert',
        text: 'insert into events (sensor, type, value, seq, event_id, timestamp) values ($1, $2, $3, $4, $5, $6)',
        values: [sensor, type, value, seq, eventId, new Date(timestamp)],
      });
      process.send?.(JSON.stringify({ type: 'event', sensor_id: sensor, value, event_id: eventId }));
    },
    { connection, concurrency: Number(concurrency) },
  );
  await worker.waitUntilReady();
  process.send?.('{"type":"ready"}');
}

await (role === 'work' ? work() : serve());
