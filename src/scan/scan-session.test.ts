import { describe, expect, it } from 'vitest';
import { asBorderRouterId, asNodeName, asRequestId, asScanId } from '../protocol/ids.ts';
import type { Ipv6Address } from '../protocol/ipv6.ts';
import { parseNetworkInfo } from '../protocol/network-info.ts';
import type { NodeScanEvent } from './node-scan.ts';
import type { RegisteredNode } from './registered-node.ts';
import { ScanSession } from './scan-session.ts';

const a = asBorderRouterId('a');
const startedAtMs = Date.UTC(2026, 0, 1);
const startedMs = 1_000;

const node = (name: string, ipv6 = `fd00::${name}`): RegisteredNode => ({
  name: asNodeName(name),
  ipv6: ipv6 as Ipv6Address,
  extAddress: null,
  borderRouterId: null,
  origins: ['rest'],
});

function sessionOf(...names: string[]): ScanSession {
  return new ScanSession({
    id: asScanId('s'),
    trigger: 'rest',
    nodes: names.map((name) => ({ node: node(name), borderRouterId: a })),
    startedAtMs,
    startedMs,
  });
}

function answer(session: ScanSession, name: string, afterMs: number): void {
  const parsed = parseNetworkInfo({ role: 'router', rloc16: '0x0400', ext_addr: '0011223344556677' });
  if (!parsed.ok) throw new Error(parsed.reason);
  ask(session, name, 0);
  const { networkInfo } = parsed;
  session.apply(asNodeName(name), { type: 'answered', networkInfo, atMs: startedMs + afterMs });
}

const ask = (session: ScanSession, name: string, afterMs: number): boolean =>
  session.apply(asNodeName(name), {
    type: 'dispatched',
    requestId: asRequestId(`r-${name}`),
    borderRouterId: a,
    atMs: startedMs + afterMs,
    nodeTimeoutMs: 5_000,
  });

const end = (session: ScanSession, name: string, outcome: 'timed_out' | 'refused'): boolean =>
  session.apply(asNodeName(name), { type: 'ended', outcome, error: 'over', atMs: startedMs + 5_000 });

describe('ScanSession', () => {
  it('counts each node once, also where a late answer replaces a time-out', () => {
    const session = sessionOf('1', '2', '3');
    ask(session, '1', 0);
    end(session, '1', 'timed_out');
    expect(session.summary(startedMs)).toMatchObject({ undecided: 2, outcomes: { timed_out: 1 }, late: 0 });
    answer(session, '1', 6_000);
    answer(session, '2', 100);
    expect(session.summary(startedMs)).toMatchObject({
      undecided: 1,
      outcomes: { timed_out: 0, answered: 2 },
      late: 1,
    });
  });

  it.each([
    ['all_decided', 'completed', 'timed_out'],
    ['hard_stop', 'partial', 'timed_out'],
    ['cancelled', 'cancelled', 'cancelled'],
    ['hub_stopping', 'cancelled', 'cancelled'],
  ] as const)('ends by %s as %s, what is open as %s', (reason, state, outcome) => {
    const session = sessionOf('1', '2');
    answer(session, '1', 100);
    if (reason === 'all_decided') end(session, '2', 'timed_out');
    const decided = session.finish(reason, startedMs + 7_000);
    expect(decided).toEqual(reason === 'all_decided' ? [] : ['2']);
    expect(session.scan(startedMs + 99_000)).toMatchObject({
      state,
      undecided: 0,
      durationMs: 7_000,
      finishedAt: startedAtMs + 7_000,
      nodes: [{ outcome: 'answered' }, { outcome }],
    });
  });

  it('is failed where no node answered, whatever else became of them', () => {
    const session = sessionOf('1');
    end(session, '1', 'refused');
    session.finish('all_decided', startedMs);
    expect(session.summary(startedMs).state).toBe('failed');
  });

  it('changes no more once finished, and finishes once', () => {
    const session = sessionOf('1');
    session.finish('cancelled', startedMs + 10);
    const finished = session.scan(startedMs + 10);
    answer(session, '1', 20);
    expect(session.finish('hard_stop', startedMs + 30_000)).toEqual([]);
    expect(session.scan(startedMs + 40_000)).toEqual(finished);
  });

  it('names the five slowest nodes, the slowest first, when it has finished', () => {
    const session = sessionOf('1', '2', '3', '4', '5', '6', '7');
    for (let index = 1; index <= 7; index += 1) answer(session, String(index), index * 10);
    expect(session.summary(startedMs).slowest).toEqual([]);
    session.finish('all_decided', startedMs + 70);
    expect(session.summary(startedMs).slowest).toEqual(
      [7, 6, 5, 4, 3].map((index) => ({ name: String(index), durationMs: index * 10 })),
    );
  });

  it('covers a trigger by nodes that are undecided or fresh, under the same address and border router', () => {
    const session = sessionOf('1', '2');
    answer(session, '1', 4_000);
    const covers = (nodes: RegisteredNode[], only: string[] | null = null, freshSinceMs = 0) =>
      session.covers(nodes, only, freshSinceMs);
    expect(covers([node('1'), node('2')])).toBe(true);
    expect(covers([node('1')], null, startedMs + 4_000)).toBe(true);
    expect(covers([node('1')], null, startedMs + 4_001)).toBe(false);
    expect(covers([node('2')], null, startedMs + 99_000)).toBe(true);
    expect(covers([node('2', 'fd00::99')])).toBe(false);
    expect(covers([node('3')])).toBe(false);
    expect(covers([node('2')], ['a'])).toBe(true);
    expect(covers([node('2')], ['b'])).toBe(false);
  });

  it('says how many nodes were never asked, and about how long it would have needed', () => {
    const session = sessionOf('1', '2', '3', '4');
    answer(session, '1', 100);
    const blocked: NodeScanEvent = { type: 'blocked', atMs: startedMs, nodeTimeoutMs: 5_000 };
    session.apply(asNodeName('2'), blocked);
    session.finish('hard_stop', startedMs + 10_000);
    const { notes, rateLimited } = session.summary(startedMs);
    expect(rateLimited).toEqual({ nodes: 3, neededMs: 40_000 });
    expect(notes.join()).toContain('3 of 4 nodes were not asked');
  });

  it('keeps each note once, and at most fifty', () => {
    const session = sessionOf('1');
    for (let index = 0; index < 100; index += 1) {
      session.note(`note ${index}`);
      session.note(`note ${index}`);
    }
    expect(session.summary(startedMs).notes).toHaveLength(50);
    expect(new Set(session.summary(startedMs).notes).size).toBe(50);
  });

  it('shows the extended address that a node answered with', () => {
    const session = sessionOf('1');
    expect(session.scanNode(asNodeName('1')).extAddr).toBeNull();
    answer(session, '1', 10);
    expect(session.scanNode(asNodeName('1'))).toMatchObject({
      extAddr: '0011223344556677',
      networkInfo: { rloc16: '0x0400' },
    });
  });
});
