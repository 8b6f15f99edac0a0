/** What the stream acknowledged is there after a kill -9 in the midst of appends, whatever the end of its log looks like. */
import { appendFile, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { deliveryKey } from '../../src/events/stream/delivery-key.ts';
import { type DurableStream, type StreamRecord, shardOf } from '../../src/events/stream/durable-stream.ts';
import { openSqliteDurableStream } from '../../src/events/stream/sqlite/open-sqlite-durable-stream.ts';
import { ChildProgram } from '../support/child-program.ts';
import { sensorEvent } from '../support/event-samples.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const appendingProgram = fileURLToPath(new URL('../support/appending-program.ts', import.meta.url));
const counts = { critical: 1, bulk: 3 };
const rounds = 6;

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let log: string;
let stream: DurableStream | null = null;

beforeEach(async () => {
  folder = await temporaryFolder();
  log = join(folder.path, 'resolved.log');
  await writeFile(log, '');
});

afterEach(async () => {
  await stream?.close();
  stream = null;
  await folder.remove();
});

/** Lets a process append and kills it; resolves with every number that it knew to be durable, of all rounds. */
async function appendUntilKilled(firstNumber: number, afterMs: number): Promise<number[]> {
  const program = new ChildProgram(appendingProgram, [folder.path, log, String(firstNumber)]);
  try {
    expect(await program.firstLine()).toBe('appending');
    await pause(afterMs);
  } finally {
    await program.kill();
  }
  const text = await readFile(log, 'utf8');
  // The last line may be half a number.
  const lines = text.split('\n').slice(0, -1);
  return lines.map(Number).sort((a, b) => a - b);
}

async function openStream(): Promise<DurableStream> {
  stream = await openSqliteDurableStream({
    dataDir: folder.path,
    counts,
    maxBytes: 2 ** 40,
    clock: systemClock,
    facts: { emit: () => undefined },
    onCrash: (error) => {
      throw error;
    },
  });
  return stream;
}

async function numbersInOrder(opened: DurableStream): Promise<number[]> {
  const all: number[] = [];
  for (const shard of opened.shards) {
    const numbers: number[] = [];
    let last: StreamRecord | undefined;
    for (;;) {
      const records = await opened.read(shard, last?.position ?? null, {
        maxEntries: 500,
        maxBytes: 1_000_000,
      });
      last = records.at(-1);
      if (last === undefined) break;
      for (const { entry } of records) {
        if (entry.kind !== 'event') throw new Error(`a torn record: ${JSON.stringify(entry)}`);
        const { eventId, sensorId } = entry.event;
        expect(shardOf('bulk', sensorId, counts)).toBe(shard);
        numbers.push(Number(eventId));
      }
    }
    expect(numbers).toEqual([...numbers].sort((a, b) => a - b));
    expect(opened.depths().find((depth) => depth.shard === shard)).toMatchObject({
      entries: numbers.length,
      appended: numbers.length,
    });
    all.push(...numbers);
  }
  return all.sort((a, b) => a - b);
}

/** The end of a log that a power cut tore: bytes that look like the next frame, and are none. */
const damages = [
  () => Promise.resolve(),
  () => appendFile(`${folder.path}/stream.db-wal`, Buffer.alloc(10_000, 0xa5)),
  async () => {
    const wal = await readFile(`${folder.path}/stream.db-wal`);
    await appendFile(`${folder.path}/stream.db-wal`, wal.subarray(32, 32 + 24 + 1_000));
  },
];

it('keeps every acknowledged event in order through kills at any moment and torn ends of the log', async () => {
  let before: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const resolved = await appendUntilKilled((before.at(-1) ?? 0) + 1, Math.random() * 300);
    await damages[round % damages.length]?.();
    const opened = await openStream();
    const kept = await numbersInOrder(opened);
    const there = new Set(kept);
    expect(resolved.filter((number) => !there.has(number))).toEqual([]);
    expect(there.size).toBe(kept.length);
    expect(kept.slice(0, before.length)).toEqual(before);
    // A client that did not hear of its acknowledgement sends again: known deliveries stay single.
    const again = kept.slice(-50);
    await opened.append(
      again.map((number) => ({
        shard: shardOf('bulk', `sensor-${number % 20}`, counts),
        entry: { kind: 'event', event: sensorEvent({ eventId: String(number) }) },
        deliveryKey: deliveryKey('client', number),
      })),
    );
    expect(await numbersInOrder(opened)).toEqual(kept);
    before = kept;
    await opened.close();
  }
  expect(before.length).toBeGreaterThan(rounds);
});
