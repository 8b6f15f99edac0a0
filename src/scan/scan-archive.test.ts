import { beforeEach, describe, expect, it } from 'vitest';
import { FakeClock, settle } from '../../test/support/fake-clock.ts';
import { MemoryScanStore } from '../../test/support/memory-scan-store.ts';
import { sampleTimeMs } from '../../test/support/samples.ts';
import { runningScan, scanAt, topologyOf } from '../../test/support/stored-scans.ts';
import { FactBus } from '../facts.ts';
import { asScanId } from '../protocol/ids.ts';
import type { Scan } from '../protocol/scan.ts';
import { ScanArchive } from './scan-archive.ts';

describe('ScanArchive', () => {
  let clock: FakeClock;
  let store: MemoryScanStore;
  let facts: FactBus;
  let running: Map<string, Scan>;
  let errors: unknown[];
  let makeTopology: typeof topologyOf;
  let archive: ScanArchive;

  beforeEach(() => {
    clock = new FakeClock(sampleTimeMs + 3_600_000);
    store = new MemoryScanStore();
    facts = new FactBus({
      onListenerError: (_, error) => {
        throw error;
      },
    });
    running = new Map();
    errors = [];
    makeTopology = topologyOf;
    archive = new ScanArchive({
      store,
      scans: { get: (id) => running.get(id) ?? null, running: () => [...running.values()] },
      topologies: { finish: (scan) => makeTopology(scan) },
      facts,
      clock,
      onStoreError: (error) => errors.push(error),
    });
  });

  function start(scan: Scan): void {
    running.set(scan.id, scan);
    facts.emit('scan:started', { scan });
  }

  function finish(scan: Scan): void {
    running.delete(scan.id);
    facts.emit('scan:finished', { scan });
  }

  const ids = async (limit = 50, cursor: string | null = null) =>
    (await archive.list({ limit, cursor })).items.map(({ id }) => id);

  it('writes the start before the end, and gives the scan from memory until the store has it', async () => {
    const slow = Promise.withResolvers<undefined>();
    store.slowedBy = slow.promise;
    start(runningScan('scan-1', 1));
    await settle();
    finish(scanAt(1));
    expect(await archive.get(asScanId('scan-1'))).toMatchObject({ state: 'completed' });
    expect(await archive.topology(asScanId('scan-1'))).toMatchObject({ scanId: 'scan-1' });
    expect(await ids()).toEqual(['scan-1']);
    slow.resolve(undefined);
    await archive.close();
    expect(store.writes).toEqual(['started scan-1', 'finished scan-1']);
    expect(await archive.get(asScanId('scan-1'))).toEqual(scanAt(1));
  });

  it('lists a scan that has just started, and running ones as they stand', async () => {
    await store.saveFinished(scanAt(1), null);
    store.slowedBy = new Promise(() => undefined);
    start(runningScan('scan-2', 2));
    expect(await ids()).toEqual(['scan-2', 'scan-1']);
    running.set('scan-2', { ...runningScan('scan-2', 2), undecided: 1 });
    expect((await archive.list({ limit: 1, cursor: null })).items[0]).toMatchObject({ undecided: 1 });
  });

  it('lists no scan twice over its pages, whether it is in memory, on disk or both', async () => {
    for (const minute of [1, 2, 3, 4]) await store.saveFinished(scanAt(minute), null);
    await store.saveStarted(runningScan('scan-0', 0));
    start(runningScan('scan-0', 0));
    store.failWith = new Error('disk full');
    finish(scanAt(5));
    await settle();
    const seen: string[] = [];
    for (let cursor: string | null = null; ;) {
      const page = await archive.list({ limit: 3, cursor });
      seen.push(...page.items.map(({ id }) => id));
      cursor = page.nextCursor;
      if (cursor === null) break;
    }
    expect(seen.toSorted()).toEqual(['scan-0', 'scan-1', 'scan-2', 'scan-3', 'scan-4', 'scan-5']);
    expect(seen[0]).toBe('scan-5');
  });

  it('keeps scans that could not be saved, and saves them when the store works again', async () => {
    store.failWith = new Error('disk full');
    finish(scanAt(1));
    finish(scanAt(2));
    await settle();
    expect(errors.length).toBeGreaterThan(0);
    expect(archive.saveFailure).toBe(store.failWith);
    expect(await ids()).toEqual(['scan-2', 'scan-1']);
    await clock.advance(5_000);
    store.failWith = null;
    await clock.advance(5_000);
    expect(archive.saveFailure).toBeNull();
    expect(store.writes.toSorted()).toEqual(['finished scan-1', 'finished scan-2']);
    expect(clock.pending).toBe(0);
  });

  it('saves the others where the store never takes one', async () => {
    store.refused.add('scan-1');
    finish(scanAt(1));
    finish(scanAt(2));
    await clock.advance(10_000);
    expect(store.writes).toEqual(['finished scan-2']);
  });

  it('tries once more when the hub stops, and leaves no timer', async () => {
    store.failWith = new Error('disk full');
    finish(scanAt(1));
    await settle();
    store.failWith = null;
    await archive.close();
    expect(store.writes).toEqual(['finished scan-1']);
    expect(clock.pending).toBe(0);
    finish(scanAt(2));
    await settle();
    expect(store.writes).toEqual(['finished scan-1']);
  });

  it('keeps a hundred unsaved scans, and says which one it had to give up', async () => {
    store.failWith = new Error('disk full');
    for (let minute = 1; minute <= 101; minute += 1) finish(scanAt(minute));
    await settle();
    expect(errors.map(String).join()).toContain('scan-1 is lost');
    expect(await ids(200)).toHaveLength(100);
  });

  it('keeps a scan whose map cannot be made', async () => {
    makeTopology = () => {
      throw new RangeError('no such node');
    };
    expect(() => finish(scanAt(1))).toThrow('no such node');
    await archive.close();
    expect(store.writes).toEqual(['finished scan-1']);
    expect(await archive.topology(asScanId('scan-1'))).toBeNull();
  });

  it('does not write the start of a scan that has ended before its turn', async () => {
    start(runningScan('scan-1', 1));
    finish(scanAt(1));
    await archive.close();
    expect(store.writes).toEqual(['finished scan-1']);
  });

  it('ends what a dead hub left running, and knows the nodes’ histories from before', async () => {
    await store.saveFinished(scanAt(1, { a: 'answered' }), null);
    await store.saveStarted(runningScan('cut off', 2));
    expect(await archive.load(clock.nowMs())).toEqual({ interrupted: 1 });
    expect(archive.lastOutcomes().get('a')).toMatchObject({
      lastOutcome: 'cancelled',
      lastScanId: 'cut off',
    });
  });

  it('remembers what became of each node, and when it last answered', () => {
    const answered = scanAt(1, { a: 'answered' });
    finish(answered);
    finish(scanAt(2, { a: 'timed_out' }));
    expect(archive.lastOutcomes().get('a')).toEqual({
      lastOutcome: 'timed_out',
      lastScanId: 'scan-2',
      lastSeenAt: answered.nodes[0]?.decidedAt,
    });
  });

  it('forgets the nodes not heard of for longest, beyond twice what a hub scans', () => {
    const named = (from: number, count: number) =>
      Object.fromEntries(
        Array.from({ length: count }, (_, index) => [`n${from + index}`, 'answered' as const]),
      );
    finish(scanAt(1, named(0, 10_000)));
    finish(scanAt(2, named(10_000, 10_000)));
    finish(scanAt(3, named(0, 1)));
    finish(scanAt(4, named(20_000, 1)));
    expect(archive.lastOutcomes().size).toBe(20_000);
    expect(archive.lastOutcomes().has('n0')).toBe(true);
    expect(archive.lastOutcomes().has('n1')).toBe(false);
  });
});
