import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { asBorderRouterId, asRequestId } from '../protocol/ids.ts';
import { type NetworkInfo, parseNetworkInfo } from '../protocol/network-info.ts';
import { outcomes } from '../protocol/outcome.ts';
import { nextNodeScan, type NodeScan, type NodeScanEvent, waitingFor } from './node-scan.ts';

const a = asBorderRouterId('a');
const b = asBorderRouterId('b');
const r1 = asRequestId('r1');
const r2 = asRequestId('r2');
const networkInfo: NetworkInfo = (() => {
  const parsed = parseNetworkInfo({ role: 'router', rloc16: '0x0400' });
  if (!parsed.ok) throw new Error(parsed.reason);
  return parsed.networkInfo;
})();

const dispatched = (requestId = r1, atMs = 0, borderRouterId = a): NodeScanEvent => ({
  type: 'dispatched',
  requestId,
  borderRouterId,
  atMs,
  nodeTimeoutMs: 5_000,
});
const answered = (atMs: number): NodeScanEvent => ({ type: 'answered', networkInfo, atMs });
const failed = (requestId = r1): NodeScanEvent => ({
  type: 'failed',
  requestId,
  outcome: 'refused',
  error: '4.04',
  atMs: 1,
});
const ended = (outcome: 'timed_out' | 'cancelled', atMs = 5_000): NodeScanEvent => ({
  type: 'ended',
  outcome,
  error: 'over',
  atMs,
});
const after = (...events: NodeScanEvent[]): NodeScan => events.reduce(nextNodeScan, waitingFor(a));

describe('a node in a scan', () => {
  it('has its deadline counted from its first dispatch, whoever it is asked through later', () => {
    expect(after(dispatched(r1, 100))).toMatchObject({ phase: 'in_flight', attempts: 1, deadlineMs: 5_100 });
    const again = after(
      dispatched(r1, 100),
      { type: 'requeued', borderRouterId: b },
      dispatched(r2, 3_000, b),
    );
    expect(again).toMatchObject({ borderRouterId: b, attempts: 2, startedMs: 100, deadlineMs: 5_100 });
  });

  it('has its deadline running from the moment in which its border router had no room', () => {
    const state = after({ type: 'blocked', atMs: 200, nodeTimeoutMs: 5_000 }, dispatched(r1, 900));
    expect(state).toMatchObject({ phase: 'in_flight', attempts: 1, deadlineMs: 5_200 });
  });

  it('waits when told to, and only by the command that is out', () => {
    const inFlight = after(dispatched());
    expect(nextNodeScan(inFlight, { type: 'told_to_wait', requestId: r2, untilMs: 1 })).toBe(inFlight);
    expect(after(dispatched(), { type: 'told_to_wait', requestId: r1, untilMs: 700 })).toMatchObject({
      phase: 'pausing',
      untilMs: 700,
    });
  });

  it('fails by the command that is out, not by an older one', () => {
    const again = after(dispatched(), { type: 'requeued', borderRouterId: b }, dispatched(r2));
    expect(nextNodeScan(again, failed(r1))).toBe(again);
    expect(nextNodeScan(again, failed(r2))).toMatchObject({ phase: 'decided', outcome: 'refused' });
  });

  it('takes an answer to any of its commands, in any phase', () => {
    for (const state of [
      waitingFor(a),
      after(dispatched()),
      after(dispatched(), { type: 'told_to_wait', requestId: r1, untilMs: 9 }),
    ])
      expect(nextNodeScan(state, answered(7))).toMatchObject({
        phase: 'decided',
        outcome: 'answered',
        late: false,
        decidedMs: 7,
      });
  });

  it('takes a late answer in place of a time-out, and of nothing else', () => {
    expect(after(dispatched(), ended('timed_out'), answered(6_000))).toMatchObject({
      outcome: 'answered',
      late: true,
      decidedMs: 6_000,
      error: null,
    });
    expect(after(dispatched(), ended('cancelled'), answered(6_000))).toMatchObject({ outcome: 'cancelled' });
    expect(after(dispatched(), failed(), answered(6_000))).toMatchObject({ outcome: 'refused' });
  });

  const requestId = fc.constantFrom(r1, r2);
  const atMs = fc.integer({ min: 0, max: 10_000 });
  const event: fc.Arbitrary<NodeScanEvent> = fc.oneof(
    fc.record({
      type: fc.constant('dispatched' as const),
      requestId,
      borderRouterId: fc.constantFrom(a, b),
      atMs,
      nodeTimeoutMs: fc.constant(5_000),
    }),
    fc.record({ type: fc.constant('blocked' as const), atMs, nodeTimeoutMs: fc.constant(5_000) }),
    fc.record({ type: fc.constant('told_to_wait' as const), requestId, untilMs: atMs }),
    fc.record({ type: fc.constant('requeued' as const), borderRouterId: fc.constantFrom(a, b) }),
    fc.record({ type: fc.constant('answered' as const), networkInfo: fc.constant(networkInfo), atMs }),
    fc.record({
      type: fc.constant('failed' as const),
      requestId,
      outcome: fc.constantFrom(...outcomes),
      error: fc.string(),
      atMs,
    }),
    fc.record({
      type: fc.constant('ended' as const),
      outcome: fc.constantFrom(...outcomes),
      error: fc.string(),
      atMs,
    }),
  );

  it('stays decided whatever comes, save for one late answer, and never gets a second deadline', () => {
    fc.assert(
      fc.property(fc.array(event, { maxLength: 20 }), (events) => {
        let state = waitingFor(a);
        for (const next of events) {
          const before = state;
          state = nextNodeScan(state, next);
          if (before.deadlineMs !== null) expect(state.deadlineMs).toBe(before.deadlineMs);
          expect(state.attempts).toBeGreaterThanOrEqual(before.attempts);
          if (before.phase !== 'decided' || state === before) continue;
          expect([before.outcome, next.type]).toEqual(['timed_out', 'answered']);
          expect(state).toMatchObject({ phase: 'decided', outcome: 'answered', late: true });
        }
      }),
    );
  });
});
