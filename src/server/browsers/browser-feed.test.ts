import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { alertView } from '../../../test/support/event-samples.ts';
import { FakeClock } from '../../../test/support/fake-clock.ts';
import { borderRouterView, emptyTopology, finishedScan, scanNode } from '../../../test/support/samples.ts';
import { FactBus } from '../../facts.ts';
import { asBorderRouterId, asScanId } from '../../protocol/ids.ts';
import { BrowserFeed } from './browser-feed.ts';

interface Sent {
  readonly to: readonly string[];
  readonly event: string;
  readonly payload: Record<string, unknown>;
}

class FakeBrowser {
  drained = true;
  writes = 0;
  queued = 0;
  disconnected = false;
  readonly id: string;
  constructor(id: string) {
    this.id = id;
  }
  isDrained(): boolean {
    return this.drained;
  }
  taken(): number {
    return this.writes;
  }
  waiting(): number {
    return this.queued;
  }
  disconnect(): void {
    this.disconnected = true;
  }
}

let clock: FakeClock;
let facts: FactBus;
let sent: Sent[];
let feed: BrowserFeed;
let dropped: number;
let log: (line: string) => void;

beforeEach(() => {
  clock = new FakeClock();
  facts = new FactBus({
    onListenerError: (_name, error) => {
      throw error;
    },
  });
  sent = [];
  dropped = 0;
  feed = new BrowserFeed({
    facts,
    clock,
    borderRouters: { get: (id) => borderRouterView({ id }) },
    logs: {
      subscribe(listener) {
        log = listener;
        return () => (log = () => undefined);
      },
    },
    send: (to, event, json) =>
      sent.push({ to: [...to], event, payload: JSON.parse(json) as Record<string, unknown> }),
    onDropped: (events) => (dropped += events),
  });
});
afterEach(() => feed.close());

const scanId = asScanId('scan-1');
const browser = (id: string): FakeBrowser => {
  const socket = new FakeBrowser(id);
  feed.add(socket);
  return socket;
};
const events = (to?: string): string[] =>
  sent.filter((one) => to === undefined || one.to.includes(to)).map(({ event }) => event);
const decide = (name = 'd4E') => facts.emit('scan:node_decided', { scanId, node: scanNode({ name }) });
const map = (id: string) => facts.emit('topology:updated', { topology: emptyTopology({ scanId: id }) });

it('tells browsers of alerts and log lines, and leaves lines out for one that is behind', async () => {
  const slow = browser('a');
  facts.emit('alert:changed', { alert: alertView() });
  log('{"level":"warn","msg":"one"}\n');
  slow.drained = false;
  await clock.advance(2_000);
  log('{"level":"warn","msg":"two"}\n');
  facts.emit('alert:changed', { alert: alertView({ state: 'resolved' }) });
  expect(
    sent.map(({ event, payload }) => [event, payload['msg'] ?? payload['state'] ?? payload['dropped']]),
  ).toEqual([
    ['alert', 'firing'],
    ['log', 'one'],
    ['gap', 1],
    ['alert', 'resolved'],
  ]);
});

describe('browsers that keep up', () => {
  it('lose nothing though something is on its way to them at any moment', async () => {
    const busy = browser('a');
    busy.drained = false;
    for (let step = 0; step < 100; step += 1) {
      decide();
      await clock.advance(50);
      busy.writes += 1;
    }
    expect(events('a').filter((event) => event === 'scan_node_result')).toHaveLength(100);
    expect(dropped).toBe(0);
  });

  it('get every event of a scan, each handed over once for all of them', async () => {
    browser('a');
    browser('b');
    const scan = finishedScan();
    facts.emit('scan:started', { scan });
    decide();
    map('scan-1');
    facts.emit('scan:finished', { scan });
    await clock.advance(1_000);
    expect(sent.map(({ event, to }) => [event, to])).toEqual([
      ['scan_started', ['a', 'b']],
      ['scan_node_result', ['a', 'b']],
      ['topology_update', ['a', 'b']],
      ['scan_completed', ['a', 'b']],
    ]);
  });

  it('get the last map of a scan before its end, also while they take what came before', () => {
    const a = browser('a');
    const scan = finishedScan();
    decide();
    a.drained = false;
    map('scan-1');
    facts.emit('scan:finished', { scan });
    expect(events()).toEqual(['scan_node_result', 'topology_update', 'scan_completed']);
  });

  it('get events in the names that pages read', () => {
    browser('a');
    decide();
    expect(sent[0]?.payload).toMatchObject({
      scan_id: 'scan-1',
      node_name: 'd4E',
      name: 'd4E',
      success: true,
      network_info: { someKey: { innerKey: 1 } },
    });
    facts.emit('scan:finished', { scan: finishedScan() });
    expect(sent[1]?.payload).toMatchObject({ id: 'scan-1', scan_id: 'scan-1', state: 'partial' });
    expect(sent[1]?.payload).not.toHaveProperty('nodes');
  });

  it('get the progress of a scan at most ten times a second, the newest each time', async () => {
    browser('a');
    for (let undecided = 99; undecided >= 0; undecided -= 1) {
      facts.emit('scan:progress', { scan: finishedScan({ undecided }) });
      await clock.advance(10);
    }
    await clock.advance(200);
    const progress = sent.filter(({ event }) => event === 'scan_progress');
    expect(progress.length).toBeGreaterThanOrEqual(9);
    expect(progress.length).toBeLessThanOrEqual(11);
    expect(progress.at(-1)?.payload).toMatchObject({ scan_id: 'scan-1', undecided: 0, expected: 2 });
  });

  it('hear of one border router at most once a second, and of its last change always', async () => {
    browser('a');
    const id = asBorderRouterId('BR-001');
    for (let beat = 0; beat < 25; beat += 1) {
      facts.emit('border_router:connected', { id, atMs: 0 });
      await clock.advance(100);
    }
    const told = events().length;
    expect(told).toBeGreaterThanOrEqual(2);
    expect(told).toBeLessThanOrEqual(3);
    await clock.advance(2_000);
    expect(events().length).toBeLessThanOrEqual(4);
    expect(sent.at(-1)?.payload).toMatchObject({ id: 'BR-001', online: true });
  });

  it('survive ten thousand nodes decided at once', () => {
    const socket = browser('a');
    for (let node = 0; node < 9_000; node += 1) {
      decide(`n${node}`);
      socket.drained = false;
      socket.queued += 1;
    }
    expect(events('a')).toHaveLength(9_000);
  });
});

describe('a browser that takes nothing', () => {
  it('costs the others nothing: they get every map, it gets none', async () => {
    browser('fast');
    browser('slow').drained = false;
    for (let number = 0; number < 5; number += 1) {
      map(`scan-${number}`);
      await clock.advance(500);
    }
    expect(events('fast')).toHaveLength(5);
    expect(events('slow')).toEqual([]);
  });

  it('gets only the newest map once it has caught up', async () => {
    const slow = browser('slow');
    slow.drained = false;
    for (let number = 0; number < 5; number += 1) {
      map(`scan-${number}`);
      await clock.advance(500);
    }
    slow.drained = true;
    await clock.advance(100);
    expect(sent.map(({ event, payload }) => [event, payload['scan_id']])).toEqual([
      ['topology_update', 'scan-4'],
    ]);
  });

  it('misses node results after a second, and is told how many', async () => {
    const slow = browser('slow');
    slow.drained = false;
    decide('first');
    await clock.advance(1_000);
    for (const name of ['a', 'b', 'c']) decide(name);
    expect([events(), dropped]).toEqual([['scan_node_result'], 3]);
    slow.drained = true;
    await clock.advance(100);
    expect(sent.at(-1)).toEqual({
      to: ['slow'],
      event: 'gap',
      payload: { dropped: 3, reason: 'slow_consumer' },
    });
    decide('d');
    expect(events().slice(-2)).toEqual(['gap', 'scan_node_result']);
  });

  it('still hears that the scan has ended', async () => {
    browser('slow').drained = false;
    decide();
    await clock.advance(5_000);
    decide();
    facts.emit('scan:finished', { scan: finishedScan() });
    expect(events()).toEqual(['scan_node_result', 'gap', 'scan_completed']);
  });

  it('is disconnected after 30 s, though nothing more happens', async () => {
    const slow = browser('slow');
    slow.drained = false;
    decide();
    await clock.advance(29_900);
    expect(slow.disconnected).toBe(false);
    await clock.advance(300);
    expect([slow.disconnected, feed.size]).toEqual([true, 0]);
  });

  it('stays where it takes something in between', async () => {
    const slow = browser('slow');
    for (let round = 0; round < 4; round += 1) {
      slow.drained = false;
      decide();
      await clock.advance(20_000);
      slow.drained = true;
      await clock.advance(200);
    }
    expect(slow.disconnected).toBe(false);
  });
});

it('keeps nothing and sets no timer while nobody watches', async () => {
  map('scan-1');
  facts.emit('scan:progress', { scan: finishedScan() });
  await clock.advance(1_000);
  browser('late');
  await clock.advance(1_000);
  expect([sent, clock.pending]).toEqual([[], 0]);
});

it('comes to rest once everybody has everything', async () => {
  browser('a');
  decide();
  map('scan-1');
  await clock.advance(1_000);
  expect(clock.pending).toBe(0);
});
