/** What every `ScanStore` does; each adapter's test runs it. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { emptyTopology, sampleTimeMs } from '../../test/support/samples.ts';
import { runningScan, scanAt, topologyOf } from '../../test/support/stored-scans.ts';
import { asScanId } from '../protocol/ids.ts';
import type { ScanStore } from './scan-store.ts';

export interface ScanStoreUnderTest {
  readonly store: ScanStore;
  /** The same data through a new adapter, as after a restart. */
  reopen(): Promise<ScanStore>;
  release(): Promise<void>;
}

export function testScanStore(name: string, open: () => Promise<ScanStoreUnderTest>): void {
  describe(`${name} as ScanStore`, () => {
    let under: ScanStoreUnderTest;
    let store: ScanStore;

    beforeEach(async () => {
      under = await open();
      store = under.store;
    });

    afterEach(() => under.release());

    const minutes = (count: number): number => sampleTimeMs + count * 60_000;
    const listed = async (limit: number, cursor: string | null = null) => {
      const page = await store.list({ limit, cursor });
      return { ids: page.items.map(({ id }) => id), nextCursor: page.nextCursor };
    };

    it('gives a scan back as it was saved, other people’s JSON untouched', async () => {
      const scan = scanAt(1, { d4E: 'answered', d5F: 'timed_out', 'ünï cødé': 'malformed' });
      const topology = emptyTopology({ scanId: scan.id });
      await store.saveFinished(scan, topology);
      expect(await store.get(asScanId(scan.id))).toEqual(scan);
      expect(await store.topology(asScanId(scan.id))).toEqual(topology);
    });

    it('gives a scan of a thousand nodes back in their order', async () => {
      const nodes = Object.fromEntries(
        Array.from({ length: 1_000 }, (_, index) => [`n${index}`, 'answered']),
      );
      const scan = scanAt(1, nodes as Record<string, 'answered'>);
      await store.saveFinished(scan, null);
      expect(await store.get(asScanId(scan.id))).toEqual(scan);
      expect((await store.lastOutcomes()).size).toBe(1_000);
    });

    it('knows nothing of a scan that it never had', async () => {
      expect(await store.get(asScanId('none'))).toBeNull();
      expect(await store.topology(asScanId('none'))).toBeNull();
      expect(await store.topologyAt(minutes(1_000))).toBeNull();
      expect(await listed(10)).toEqual({ ids: [], nextCursor: null });
      expect(await store.latencies(['none'], 10)).toEqual(new Map([['none', []]]));
    });

    it('keeps a started scan over a restart, and replaces it by the finished one', async () => {
      const started = runningScan('s');
      await store.saveStarted(started);
      store = await under.reopen();
      expect(await store.get(asScanId('s'))).toEqual(started);
      const finished = scanAt(0, { a: 'answered', b: 'timed_out' }, { id: 's' });
      await store.saveFinished(finished, topologyOf(finished));
      store = await under.reopen();
      expect(await store.get(asScanId('s'))).toEqual(finished);
      expect(await listed(10)).toEqual({ ids: ['s'], nextCursor: null });
      expect((await store.list({ limit: 1, cursor: null })).items[0]).toEqual(
        (({ nodes: _nodes, ...summary }) => summary)(finished),
      );
    });

    it('counts a scan that is saved twice once', async () => {
      const scan = scanAt(1, { a: 'answered' });
      await store.saveFinished(scan, topologyOf(scan));
      await store.saveFinished(scan, topologyOf(scan));
      expect((await listed(10)).ids).toEqual(['scan-1']);
      expect((await store.latencies(['a'], 10)).get('a')).toHaveLength(1);
    });

    it('lists newest first, page by page, to the end', async () => {
      for (const minute of [3, 1, 5, 2, 4]) await store.saveFinished(scanAt(minute), null);
      const first = await listed(2);
      const second = await listed(2, first.nextCursor);
      const third = await listed(2, second.nextCursor);
      expect([first.ids, second.ids, third]).toEqual([
        ['scan-5', 'scan-4'],
        ['scan-3', 'scan-2'],
        { ids: ['scan-1'], nextCursor: null },
      ]);
    });

    it('repeats and skips nothing where scans begin and end between two pages, or began together', async () => {
      for (const id of ['a', 'b', 'c', 'd'])
        await store.saveFinished(scanAt(1, { n: 'answered' }, { id }), null);
      const first = await listed(2);
      await store.saveFinished(scanAt(9), null);
      await store.saveStarted(runningScan('running', 10));
      const second = await listed(10, first.nextCursor);
      expect([...first.ids, ...second.ids].sort()).toEqual(['a', 'b', 'c', 'd']);
    });

    it('has nothing after a cursor that is none of its own', async () => {
      await store.saveFinished(scanAt(1), null);
      for (const cursor of ['', 'x', '~', "1~' or 1=1", `${'9'.repeat(40)}~a`])
        expect((await listed(10, cursor)).ids, cursor).toEqual([]);
    });

    it('finds the topology of the last scan that had finished by a time', async () => {
      for (const minute of [1, 2, 3]) {
        const scan = scanAt(minute);
        await store.saveFinished(scan, topologyOf(scan));
      }
      await store.saveFinished(scanAt(4), null);
      const imported = scanAt(5, {}, { trigger: 'import' });
      await store.saveFinished(imported, topologyOf(imported));
      const at = async (atMs: number) => (await store.topologyAt(atMs))?.scanId ?? null;
      expect(await at(minutes(1))).toBeNull();
      expect(await at(minutes(1) + 2_000)).toBe('scan-1');
      expect(await at(minutes(3))).toBe('scan-2');
      expect(await at(minutes(1_000))).toBe('scan-3');
    });

    it('ends the scans that a dead hub left running, and only those', async () => {
      const half = runningScan('half', 1);
      const nodes = scanAt(1, { a: 'answered', b: null }).nodes;
      await store.saveStarted({ ...half, nodes, undecided: 1 });
      await store.saveStarted(runningScan('untouched', 2));
      await store.saveFinished(scanAt(3), null);
      store = await under.reopen();
      expect(await store.endInterrupted(minutes(10))).toBe(2);
      const ended = await store.get(asScanId('half'));
      expect(ended).toMatchObject({
        state: 'cancelled',
        finishedAt: minutes(10),
        durationMs: 9 * 60_000,
        undecided: 0,
        outcomes: { answered: 1, cancelled: 1 },
        nodes: [
          { name: 'a', outcome: 'answered' },
          { name: 'b', outcome: 'cancelled', decidedAt: minutes(10) },
        ],
      });
      expect(ended?.notes.join()).toContain('hub ended');
      expect(await store.get(asScanId('scan-3'))).toEqual(scanAt(3));
      const summaries = (await store.list({ limit: 10, cursor: null })).items;
      expect(summaries.map(({ id, state }) => [id, state])).toEqual([
        ['scan-3', 'completed'],
        ['untouched', 'cancelled'],
        ['half', 'cancelled'],
      ]);
      expect(await store.endInterrupted(minutes(11))).toBe(0);
    });

    it('gives the latencies of a node’s answers, newest first, up to a number', async () => {
      await store.saveFinished(scanAt(1, { a: 'answered', b: 'answered' }), null);
      await store.saveFinished(scanAt(2, { a: 'timed_out', b: 'answered' }), null);
      await store.saveFinished(scanAt(3, { a: 'answered' }), null);
      await store.saveFinished(scanAt(4, { a: 'answered' }, { trigger: 'import' }), null);
      const latency = (minute: number) => ({
        scanId: `scan-${minute}`,
        measuredAt: minutes(minute) + 1_000,
        durationMs: 10,
      });
      expect(await store.latencies(['a'], 10)).toEqual(new Map([['a', [latency(3), latency(1)]]]));
      expect(await store.latencies(['a'], 1)).toEqual(new Map([['a', [latency(3)]]]));
      expect(await store.latencies(['a'], 0)).toEqual(new Map([['a', []]]));
      expect(await store.latencies([], 10)).toEqual(new Map());
    });

    it('gives the latencies of many nodes as it gives those of each, however long ago one answered', async () => {
      const names = ['always', 'now and then', 'long ago', 'never', 'unknown'];
      for (let minute = 1; minute <= 30; minute += 1)
        await store.saveFinished(
          scanAt(minute, {
            always: 'answered',
            'now and then': minute % 7 === 0 ? 'answered' : 'timed_out',
            'long ago': minute === 2 ? 'answered' : 'timed_out',
            never: 'timed_out',
          }),
          null,
        );
      const together = await store.latencies(names, 3);
      for (const name of names)
        expect([name, together.get(name)]).toEqual([name, (await store.latencies([name], 3)).get(name)]);
      const scans = Object.fromEntries(
        [...together].map(([name, all]) => [name, all.map(({ scanId }) => scanId)]),
      );
      expect(scans).toEqual({
        always: ['scan-30', 'scan-29', 'scan-28'],
        'now and then': ['scan-28', 'scan-21', 'scan-14'],
        'long ago': ['scan-2'],
        never: [],
        unknown: [],
      });
    });

    it('remembers the last outcome and the last answer of every node', async () => {
      await store.saveFinished(scanAt(1, { a: 'answered', b: 'answered', c: 'timed_out' }), null);
      await store.saveFinished(scanAt(2, { a: 'timed_out', b: 'answered' }), null);
      await store.saveFinished(scanAt(3, { a: 'answered' }, { trigger: 'import' }), null);
      store = await under.reopen();
      expect(Object.fromEntries(await store.lastOutcomes())).toEqual({
        a: { lastOutcome: 'timed_out', lastScanId: 'scan-2', lastSeenAt: minutes(1) + 1_000 },
        b: { lastOutcome: 'answered', lastScanId: 'scan-2', lastSeenAt: minutes(2) + 1_000 },
        c: { lastOutcome: 'timed_out', lastScanId: 'scan-1', lastSeenAt: null },
      });
    });

    it('is not misled by a scan that is saved after a later one', async () => {
      await store.saveFinished(scanAt(2, { a: 'timed_out' }), null);
      await store.saveFinished(scanAt(1, { a: 'refused' }), null);
      expect((await store.lastOutcomes()).get('a')).toMatchObject({
        lastOutcome: 'timed_out',
        lastScanId: 'scan-2',
      });
    });

    it('deletes what finished before a time, with everything that belongs to it', async () => {
      for (const minute of [1, 2, 3]) {
        const scan = scanAt(minute, { [`n${minute}`]: 'answered', all: 'answered' });
        await store.saveFinished(scan, topologyOf(scan));
      }
      await store.saveStarted(runningScan('old but running', 0));
      expect(await store.deleteBefore(minutes(3))).toBe(2);
      expect((await listed(10)).ids).toEqual(['scan-3', 'old but running']);
      expect(await store.get(asScanId('scan-1'))).toBeNull();
      expect(await store.topology(asScanId('scan-1'))).toBeNull();
      expect((await store.latencies(['all'], 10)).get('all')?.map(({ scanId }) => scanId)).toEqual([
        'scan-3',
      ]);
      expect([...(await store.lastOutcomes()).keys()].sort()).toEqual(['all', 'n3']);
      expect(await store.deleteBefore(minutes(3))).toBe(0);
    });
  });
}
