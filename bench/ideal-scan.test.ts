import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { idealScan, type IdealLimits, type IdealNode } from './ideal-scan.ts';

const limits: IdealLimits = {
  perBorderRouter: 16,
  total: 256,
  nodeTimeoutMs: 5_000,
  scanTimeoutMs: 30_000,
  onTheRadio: 8,
  tokensPerSecond: 10,
  burst: 32,
  silenceMs: 3_700,
};

/** Nodes of one border router, by their round trips; null is a dead one. */
const nodesOf = (roundTrips: readonly (number | null)[], borderRouter = 'BR-001'): IdealNode[] =>
  roundTrips.map((roundTripMs, index) => ({
    name: `${borderRouter}/${index}`,
    borderRouter,
    roundTripsMs: roundTripMs === null ? null : [roundTripMs],
  }));

const equal = <Item>(count: number, item: Item): Item[] => Array.from({ length: count }, () => item);

describe('the ideal scan', () => {
  it('asks eight nodes of one border router in a single round trip', () => {
    expect(idealScan(nodesOf(equal(8, 100)), limits).durationMs).toBe(100);
  });

  it('asks sixteen in two, because eight are on the radio at a time', () => {
    expect(idealScan(nodesOf(equal(16, 100)), limits).durationMs).toBe(200);
  });

  it('gives a free place to the next node at once, not to the next batch', () => {
    // Seven take 100 ms, one takes 40: the ninth starts at 40.
    expect(idealScan(nodesOf([...equal(7, 100), 40, 50]), limits).durationMs).toBe(100);
  });

  it('adds the round trips of an answer that comes in blocks', () => {
    const node = { name: 'a', borderRouter: 'BR-001', roundTripsMs: [100, 100, 50] };
    expect(idealScan([node], limits).durationMs).toBe(250);
  });

  it('lets border routers work side by side', () => {
    const nodes = Array.from({ length: 10 }, (_, index) => nodesOf(equal(8, 100), `BR-${index}`)).flat();
    expect(idealScan(nodes, limits).durationMs).toBe(100);
  });

  it('waits for tokens: the hundredth node of a border router is asked after 6.8 s', () => {
    const { durationMs } = idealScan(nodesOf(equal(100, 40)), limits);
    expect(durationMs).toBeCloseTo(6_840, 3);
  });

  it('keeps to the bound per border router where that is the lower one', () => {
    expect(idealScan(nodesOf(equal(8, 100)), { ...limits, perBorderRouter: 4 }).durationMs).toBe(200);
  });

  it('keeps to the bound in all', () => {
    const nodes = Array.from({ length: 300 }, (_, index) => nodesOf([100], `BR-${index}`)).flat();
    expect(idealScan(nodes, limits).durationMs).toBe(200);
  });

  it('ends a dead node with the last try, and the others long before', () => {
    const { durationMs, nodes } = idealScan(nodesOf([100, null, 100]), limits);
    expect(durationMs).toBe(3_700);
    expect(nodes.get('BR-001/1')).toEqual({ outcome: 'timed_out', decidedMs: 3_700 });
    expect(nodes.get('BR-001/2')).toEqual({ outcome: 'answered', decidedMs: 100 });
  });

  it('holds up the living behind eight dead ones until those are given up', () => {
    const { nodes } = idealScan(nodesOf([...equal(8, null), 100]), limits);
    expect(nodes.get('BR-001/8')).toEqual({ outcome: 'answered', decidedMs: 3_800 });
  });

  it('ends a node that waited too long at the border router by its own deadline', () => {
    const { durationMs, nodes } = idealScan(nodesOf([...equal(16, null), 100]), limits);
    // The second eight are asked at 3.7 s and end 5 s after their dispatch at 0; the last is dispatched at 3.7 s.
    expect(nodes.get('BR-001/15')).toEqual({ outcome: 'timed_out', decidedMs: 5_000 });
    expect(nodes.get('BR-001/16')).toEqual({ outcome: 'answered', decidedMs: 5_100 });
    expect(durationMs).toBe(5_100);
  });

  it('ends everything at the hard stop', () => {
    const { durationMs, nodes } = idealScan(nodesOf(equal(400, 100)), limits);
    expect(durationMs).toBe(30_000);
    expect(nodes.size).toBe(400);
    expect(nodes.get('BR-001/399')?.outcome).toBe('timed_out');
  });

  it('of no nodes takes no time', () => {
    expect(idealScan([], limits)).toEqual({ durationMs: 0, nodes: new Map() });
  });

  it('is never faster than the radio, the tokens or its slowest node allow, and decides every node once', () => {
    const meshes = fc.array(fc.array(fc.integer({ min: 1, max: 250 }), { maxLength: 60 }), { maxLength: 6 });
    fc.assert(
      fc.property(meshes, (roundTrips) => {
        const nodes = roundTrips.flatMap((of, index) => nodesOf(of, `BR-${index}`));
        const scan = idealScan(nodes, limits);
        expect(scan.nodes.size).toBe(nodes.length);
        for (const of of roundTrips) {
          const radioMs = of.reduce((sum, roundTripMs) => sum + roundTripMs, 0) / limits.onTheRadio;
          const tokensMs = ((of.length - limits.burst) / limits.tokensPerSecond) * 1_000;
          expect(scan.durationMs).toBeGreaterThanOrEqual(Math.max(radioMs, tokensMs, ...of) - 1e-6);
        }
      }),
    );
  });

  it('is never slower than asking the nodes of each border router one after the other', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 250 }), { minLength: 1, maxLength: 32 }),
        (roundTrips) => {
          const oneByOneMs = roundTrips.reduce((sum, roundTripMs) => sum + roundTripMs, 0);
          expect(idealScan(nodesOf(roundTrips), limits).durationMs).toBeLessThanOrEqual(oneByOneMs);
        },
      ),
    );
  });
});
