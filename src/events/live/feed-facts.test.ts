import { describe, expect, it } from 'vitest';
import { FakeClock } from '../../../test/support/fake-clock.ts';
import {
  borderRouterView,
  emptyTopology,
  finishedScan,
  sampleTimeMs,
  scanNode,
} from '../../../test/support/samples.ts';
import { FactBus } from '../../facts.ts';
import { type BorderRouter, borderRouterSchema } from '../../protocol/border-router.ts';
import type { HeartbeatMessage } from '../../protocol/border-router-messages.ts';
import { asBorderRouterId, asScanId, type BorderRouterId } from '../../protocol/ids.ts';
import type { LiveMessage } from '../../protocol/live.ts';
import { scanNodeSchema, scanSummarySchema } from '../../protocol/scan.ts';
import { feedFacts } from './feed-facts.ts';

function setUp() {
  const clock = new FakeClock();
  const facts = new FactBus({
    onListenerError: (_name, error) => {
      throw error;
    },
  });
  const messages: LiveMessage[] = [];
  const borderRouters = new Map<BorderRouterId, BorderRouter>();
  let watched = true;
  const stop = feedFacts({
    facts,
    feed: { append: (appended) => void messages.push(...appended) },
    borderRouters: { get: (id) => borderRouters.get(id) ?? null },
    clock,
    isWatched: () => watched,
  });
  const connect = (name: string): BorderRouterId => {
    const id = asBorderRouterId(name);
    borderRouters.set(id, borderRouterView({ id: name }));
    facts.emit('border_router:connected', { id, atMs: sampleTimeMs });
    return id;
  };
  const beat = (id: BorderRouterId): void =>
    facts.emit('border_router:heartbeat', { id, atMs: sampleTimeMs, heartbeat: {} as HeartbeatMessage });
  return {
    beat,
    borderRouters,
    clock,
    connect,
    facts,
    messages,
    stop,
    unwatch: () => (watched = false),
    wire: () => JSON.parse(JSON.stringify(messages)) as Record<string, unknown>[],
  };
}

describe('feedFacts', () => {
  it('tells when a scan starts, of each node decided, and how it ends, without its nodes again', () => {
    const { facts, wire } = setUp();
    const scan = finishedScan();
    facts.emit('scan:started', { scan: { ...scan, state: 'running' } });
    facts.emit('scan:node_decided', { scanId: asScanId(scan.id), node: scanNode() });
    facts.emit('scan:finished', { scan });
    const [started, node, finished] = wire();
    expect([started?.['type'], node?.['type'], finished?.['type']]).toEqual(['scan', 'scan_node', 'scan']);
    expect(scanSummarySchema.strict().safeParse(started?.['scan']).success).toBe(true);
    expect(scanSummarySchema.strict().parse(finished?.['scan']).state).toBe('partial');
    expect(scanNodeSchema.parse(node?.['node']).network_info).toEqual(scanNode().networkInfo);
    expect(node?.['scan_id']).toBe('scan-1');
  });

  it('tells of progress four times a second at most', async () => {
    const { clock, facts, messages } = setUp();
    const scan = finishedScan();
    for (let step = 0; step < 100; step += 1) {
      facts.emit('scan:progress', { scan });
      await clock.advance(10);
    }
    expect(messages).toHaveLength(4);
  });

  it('says how large the topology is', () => {
    const { facts, messages } = setUp();
    facts.emit('topology:updated', { topology: emptyTopology({ scanId: 'scan-1' }) });
    expect(messages).toEqual([{ type: 'topology', scan_id: 'scan-1', nodes: 0, links: 0 }]);
  });

  it('tells when border routers come and go, as they are when somebody reads it', () => {
    const { borderRouters, connect, facts, messages, wire } = setUp();
    const id = connect('BR-001');
    borderRouters.set(id, borderRouterView({ id: 'BR-001', firmware: '2.0', online: false }));
    facts.emit('border_router:disconnected', { id, atMs: 0, reason: 'silent', replaced: true });
    expect(messages).toHaveLength(1);
    facts.emit('border_router:disconnected', { id, atMs: 0, reason: 'silent', replaced: false });
    expect(wire().map(({ border_router: view }) => borderRouterSchema.parse(view).firmware)).toEqual([
      '2.0',
      '2.0',
    ]);
  });

  it('still writes a border router that was forgotten meanwhile', () => {
    const { borderRouters, connect, wire } = setUp();
    borderRouters.delete(connect('BR-001'));
    expect(borderRouterSchema.parse(wire()[0]?.['border_router'])).toMatchObject({
      id: 'BR-001',
      online: false,
    });
  });

  it('tells of heartbeats together, each border router once, and of many in turns', async () => {
    const { beat, clock, connect, messages } = setUp();
    const ids = Array.from({ length: 120 }, (_, index) => connect(`BR-${index}`));
    messages.length = 0;
    for (const id of [...ids, ...ids]) beat(id);
    expect(messages).toHaveLength(0);
    await clock.advance(1_000);
    expect(messages).toHaveLength(50);
    await clock.advance(2_000);
    expect(messages).toHaveLength(120);
    await clock.advance(10_000);
    expect([messages.length, clock.pending]).toEqual([120, 0]);
  });

  it('appends no heartbeat and no progress where nobody reads', async () => {
    const { beat, clock, connect, facts, messages, unwatch } = setUp();
    const id = connect('BR-001');
    unwatch();
    beat(id);
    facts.emit('scan:progress', { scan: finishedScan() });
    await clock.advance(5_000);
    expect(messages).toHaveLength(1);
  });

  it('ends with its timers', async () => {
    const { beat, clock, connect, facts, messages, stop } = setUp();
    beat(connect('BR-001'));
    stop();
    facts.emit('scan:started', { scan: finishedScan() });
    await clock.advance(5_000);
    expect([messages.length, clock.pending]).toEqual([1, 0]);
  });
});
