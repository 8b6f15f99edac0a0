import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FakeClock } from '../../test/support/fake-clock.ts';
import { FactBus } from '../facts.ts';
import type { BorderRouter, Connection } from '../protocol/border-router.ts';
import type { HeartbeatMessage } from '../protocol/border-router-messages.ts';
import { asBorderRouterId } from '../protocol/ids.ts';
import { createMetrics, type Metrics } from './metrics.ts';
import { finishedScan, borderRouterView, meshReadingView } from '../../test/support/samples.ts';

const id = asBorderRouterId('BR-001');
let facts: FactBus;
let clock: FakeClock;
let metrics: Metrics;

beforeEach(() => {
  facts = new FactBus({
    onListenerError: (_name, error) => {
      throw error;
    },
  });
  clock = new FakeClock();
  metrics = createMetrics({ facts, clock, version: '1.2.3', processMetrics: false });
});
afterEach(() => metrics.close());

async function lines(name: string): Promise<string[]> {
  const text = await metrics.render();
  return text.split('\n').filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `));
}

function heartbeat(fields: Partial<HeartbeatMessage> = {}): void {
  facts.emit('border_router:heartbeat', {
    id,
    atMs: clock.nowMs(),
    heartbeat: { type: 'heartbeat', coapRetriesTotal: null, ...fields } as HeartbeatMessage,
  });
}

describe('border routers', () => {
  it('shows what the view says when it is scraped', async () => {
    let borderRouter: BorderRouter = borderRouterView({
      id,
      lastHeartbeatAt: 1_700_000_000_500,
      outboxMessages: 3,
    });
    metrics.watchBorderRouters(() => [borderRouter]);
    expect(await lines('threadhub_border_router_up')).toEqual([
      'threadhub_border_router_up{border_router="BR-001"} 1',
    ]);
    expect(await lines('threadhub_border_router_last_heartbeat_seconds')).toEqual([
      'threadhub_border_router_last_heartbeat_seconds{border_router="BR-001"} 1700000000.5',
    ]);
    expect(await lines('threadhub_border_router_outbox_messages')).toEqual([
      'threadhub_border_router_outbox_messages{border_router="BR-001"} 3',
    ]);
    borderRouter = { ...borderRouter, online: false };
    expect(await lines('threadhub_border_router_up')).toEqual([
      'threadhub_border_router_up{border_router="BR-001"} 0',
    ]);
  });

  it('shows what the last reading of a mesh cost on the radio, and nothing where nodes are asked by themselves', async () => {
    const collection = meshReadingView({
      ...{ durationMs: 870, radioRequests: 19, answeredRouters: 8 },
      ...{ complete: false, problemCode: 'silent', problem: 'one router was silent' },
    });
    metrics.watchBorderRouters(() => [
      borderRouterView({ id, collection }),
      borderRouterView({ id: 'BR-002' }),
    ]);
    expect(await lines('threadhub_border_router_radio_requests')).toEqual([
      'threadhub_border_router_radio_requests{border_router="BR-001"} 19',
    ]);
    expect(await lines('threadhub_border_router_radio_budget')).toEqual([
      'threadhub_border_router_radio_budget{border_router="BR-001"} 128',
    ]);
    expect(await lines('threadhub_border_router_collection_duration_seconds')).toEqual([
      'threadhub_border_router_collection_duration_seconds{border_router="BR-001"} 0.87',
    ]);
    expect(await lines('threadhub_border_router_collection_complete')).toEqual([
      'threadhub_border_router_collection_complete{border_router="BR-001"} 0',
    ]);
  });

  it('drops the series of a border router an hour after it has gone', async () => {
    metrics.watchBorderRouters(() => [borderRouterView({ id, online: false })]);
    facts.emit('border_router:connected', { id, atMs: 0 });
    facts.emit('border_router:answered', { id, success: true, durationMs: 40 });
    heartbeat({ coapRetriesTotal: 4 });
    facts.emit('border_router:disconnected', { id, atMs: 0, reason: 'silent', replaced: false });
    await clock.advance(3_599_000);
    expect(await lines('threadhub_border_router_up')).toHaveLength(1);
    await clock.advance(2_000);
    expect(await metrics.render()).not.toContain('BR-001');
  });

  it('keeps the series of a border router whose connection was only replaced', async () => {
    metrics.watchBorderRouters(() => [borderRouterView({ id })]);
    facts.emit('border_router:connected', { id, atMs: 0 });
    facts.emit('border_router:disconnected', { id, atMs: 0, reason: 'replaced', replaced: true });
    await clock.advance(4_000_000);
    expect(await lines('threadhub_border_router_up')).toHaveLength(1);
  });

  it('adds up retries across reboots of the border router', async () => {
    for (const total of [3, 5, 5, 2]) heartbeat({ coapRetriesTotal: total });
    expect(await lines('threadhub_coap_retries_total')).toEqual([
      'threadhub_coap_retries_total{border_router="BR-001"} 7',
    ]);
    expect(await lines('threadhub_heartbeats_total')).toEqual(['threadhub_heartbeats_total 4']);
  });

  it('puts answers into the histogram of their border router, in seconds', async () => {
    facts.emit('border_router:answered', { id, success: true, durationMs: 80 });
    facts.emit('border_router:answered', { id, success: false, durationMs: 3_700 });
    expect(await lines('threadhub_coap_request_duration_seconds_sum')).toEqual([
      'threadhub_coap_request_duration_seconds_sum{border_router="BR-001"} 3.7800000000000002',
    ]);
    const buckets = await lines('threadhub_coap_request_duration_seconds_bucket');
    expect(buckets).toContain(
      'threadhub_coap_request_duration_seconds_bucket{le="0.1",border_router="BR-001"} 1',
    );
    expect(buckets).toContain(
      'threadhub_coap_request_duration_seconds_bucket{le="5",border_router="BR-001"} 2',
    );
  });

  it('counts protocol errors and refusals by kind, without the id', async () => {
    facts.emit('border_router:protocol_error', { id, kind: 'malformed', detail: 'x' });
    facts.emit('border_router:refused', {
      status: 401,
      code: 'token_invalid',
      borderRouterId: id,
      remoteAddress: null,
    });
    expect(await lines('threadhub_protocol_errors_total')).toEqual([
      'threadhub_protocol_errors_total{kind="malformed"} 1',
    ]);
    expect(await lines('threadhub_border_router_refusals_total')).toEqual([
      'threadhub_border_router_refusals_total{code="token_invalid"} 1',
    ]);
  });
});

describe('scans', () => {
  it('counts nodes as they are decided and scans as they end', async () => {
    const scan = finishedScan();
    facts.emit('scan:started', { scan });
    expect(await lines('threadhub_scans_in_progress')).toEqual(['threadhub_scans_in_progress 1']);
    for (const node of scan.nodes) facts.emit('scan:node_decided', { scanId: 'scan-1' as never, node });
    facts.emit('scan:finished', { scan });
    expect(await lines('threadhub_scans_in_progress')).toEqual(['threadhub_scans_in_progress 0']);
    expect(await lines('threadhub_scans_total')).toContain('threadhub_scans_total{result="partial"} 1');
    expect(await lines('threadhub_scan_nodes')).toContain('threadhub_scan_nodes{outcome="timed_out"} 1');
    expect(await lines('threadhub_scan_node_results_total')).toContain(
      'threadhub_scan_node_results_total{outcome="answered"} 1',
    );
    expect(await lines('threadhub_scan_duration_seconds_count')).toEqual([
      'threadhub_scan_duration_seconds_count 1',
    ]);
  });
});

describe('outboxes and connections', () => {
  const connection = (fields: Partial<Connection>): Connection => ({
    id: 'c',
    kind: 'browser',
    remoteAddress: null,
    connectedAt: 0,
    queueMessages: 0,
    queueBytes: 0,
    sentMessages: 0,
    receivedMessages: 0,
    ...fields,
  });

  it('counts connections of all views by kind, and the fullest queue of each', async () => {
    metrics.watchConnections(() => [connection({}), connection({})]);
    metrics.watchConnections(() => [
      connection({ kind: 'border_router', queueMessages: 2 }),
      connection({ kind: 'border_router', queueMessages: 9 }),
    ]);
    expect(await lines('threadhub_connections')).toEqual([
      'threadhub_connections{kind="border_router"} 2',
      'threadhub_connections{kind="browser"} 2',
      'threadhub_connections{kind="live"} 0',
    ]);
    expect(await lines('ws_outbox_queue_size')).toEqual([
      'ws_outbox_queue_size{kind="border_router"} 9',
      'ws_outbox_queue_size{kind="live"} 0',
    ]);
  });

  it('takes what outboxes report', async () => {
    metrics.outboxObserver.flushed('border_router', 1);
    metrics.outboxObserver.confirmed('border_router', 0.003);
    metrics.outboxObserver.dropped('live', 5);
    metrics.outboxObserver.failed('live');
    expect(await lines('ws_outbox_batch_size_count')).toContain(
      'ws_outbox_batch_size_count{kind="border_router"} 1',
    );
    expect(await lines('ws_outbox_send_latency_seconds_bucket')).toContain(
      'ws_outbox_send_latency_seconds_bucket{le="0.005",kind="border_router"} 1',
    );
    expect(await lines('ws_outbox_dropped_messages_total')).toContain(
      'ws_outbox_dropped_messages_total{kind="live"} 5',
    );
    expect(await lines('ws_outbox_send_errors_total')).toContain(
      'ws_outbox_send_errors_total{kind="live"} 1',
    );
  });
});

it('names every metric with the prefix, save the five of the outbox, and keeps to its own registry', async () => {
  const all = createMetrics({ facts, clock, version: '1.2.3' });
  const names = [...(await all.render()).matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name ?? '');
  const other = names.filter((name) => !name.startsWith('threadhub_'));
  expect(other.sort()).toEqual([
    'ws_outbox_batch_size',
    'ws_outbox_dropped_messages_total',
    'ws_outbox_queue_size',
    'ws_outbox_send_errors_total',
    'ws_outbox_send_latency_seconds',
  ]);
  for (const name of [
    'nodejs_eventloop_lag_seconds',
    'nodejs_gc_duration_seconds',
    'process_open_fds',
    'build_info',
  ])
    expect(names).toContain(`threadhub_${name}`);
  all.close();
});

it('hears nothing more once closed', async () => {
  metrics.close();
  facts.emit('border_router:answered', { id, success: true, durationMs: 40 });
  expect(await metrics.render()).toBe('\n');
});
