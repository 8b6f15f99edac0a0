import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseNetworkInfo, roles } from './network-info.ts';

const parsed = (value: unknown) => {
  const result = parseNetworkInfo(value);
  if (!result.ok) throw new Error(result.reason);
  return result.networkInfo;
};

describe('parseNetworkInfo', () => {
  it('reads the answer of the specification and keeps what it does not know', () => {
    const answer = {
      role: 'router',
      rloc16: '0xa000',
      ext_addr: '5339695e8f14acf6',
      partition_id: 1_234,
      parent: { rloc16: '0x7000', rssi: -45 },
      children: [{ rloc16: '0xa001', ext_addr: '00:11:22:33:44:55:66:77', rssi: -60, lqi: 3, mode: 'rdn' }],
      neighbors: [{ rloc16: '0x7000', rssi: -42, link_quality_in: 3 }],
      routes: [{ router_id: 40, next_hop: 28, cost: 1, lq_in: 3, lq_out: 2 }],
      counters: { parent_changes: 2, attach_attempts: 5, text: 'x' },
      battery: { voltage_mv: 3_010 },
      vendor: { anything: true },
    };
    const info = parsed(answer);
    expect(info).toMatchObject({
      role: 'router',
      rloc16: '0xa000',
      extAddress: '5339695e8f14acf6',
      partitionId: 1_234,
      parent: { rloc16: '0x7000', rssi: -45 },
      children: [{ extAddress: '0011223344556677', lqi: 3 }],
      neighbors: [{ lqi: 3 }],
      routes: [{ routerId: 40, nextHop: 28, cost: 1, linkQualityIn: 3, linkQualityOut: 2 }],
      counters: { parent_changes: 2, attach_attempts: 5 },
      batteryMillivolts: 3_010,
    });
    expect(info.raw).toBe(answer);
  });

  it('needs only role and RLOC16, and takes RLOC16 0x0000 and a number', () => {
    expect(parsed({ role: 'leader', rloc16: 0 })).toMatchObject({
      rloc16: '0x0000',
      children: [],
      neighbors: [],
    });
    expect(parsed({ role: 'router', rloc16: 0xa000 }).rloc16).toBe('0xa000');
  });

  it.each([
    ['end device', 'child'],
    ['End-Device', 'child'],
    ['Sleepy End Device', 'sleepy_child'],
    ['LEADER', 'leader'],
    ['detached', 'detached'],
  ])('reads the role spelling %s as %s', (spelling, role) => {
    expect(parsed({ role: spelling, rloc16: '0x0401' }).role).toBe(role);
  });

  it('takes a child that does not listen when idle for a sleepy one', () => {
    expect(parsed({ role: 'child', rloc16: '0x0401', mode: 'n' }).role).toBe('sleepy_child');
    expect(parsed({ role: 'child', rloc16: '0x0401', mode: 'rn' }).role).toBe('child');
  });

  it.each([
    [null, /null, not an object/],
    [[], /not an object/],
    [{ rloc16: '0x0400' }, /role is missing/],
    [{ role: 'king', rloc16: '0x0400' }, /"king"/],
    [{ role: 'router' }, /rloc16 is missing/],
    [{ role: 'router', rloc16: '0xffff' }, /0xffff/],
    [{ role: 'router', rloc16: -1 }, /-1/],
  ])('says what is wrong with %j', (value, reason) => {
    const result = parseNetworkInfo(value);
    expect(result.ok ? '' : result.reason).toMatch(reason);
  });

  it('leaves out odd table entries and values, and keeps the node', () => {
    const info = parsed({
      role: 'router',
      rloc16: '0x0400',
      ext_addr: 'not hex',
      neighbors: [null, 7, { rloc16: 'x' }, { rloc16: '0x0800', rssi: 4_000, lqi: 200, frame_error_rate: 7 }],
      routes: [{ router_id: 63 }, { router_id: 1.5 }, { router_id: 0, next_hop: 63 }],
      children: 'none',
    });
    expect(info.extAddress).toBeNull();
    expect(info.neighbors).toEqual([
      {
        rloc16: '0x0800',
        extAddress: null,
        ageSeconds: null,
        linkAgeSeconds: null,
        rssi: null,
        lastRssi: null,
        lqi: null,
        linkMargin: null,
        frameErrorRate: null,
        messageErrorRate: null,
      },
    ]);
    expect(info.routes).toEqual([
      { routerId: 0, nextHop: null, cost: null, linkQualityIn: null, linkQualityOut: null },
    ]);
    expect(info.children).toEqual([]);
  });

  it('reads what a border router tells of its mesh, and how old that is', () => {
    expect(
      parsed({
        role: 'sleepy_child',
        rloc16: '0x6001',
        told_by: '4E518EB2A238C2D2',
        measured_ago_ms: 1_500,
        counters_ago_ms: 60_000,
        network_name: 'OpenThreadDemo',
        leader_router_id: 0,
        mode: '-',
        ipv6_addresses: ['FD00::1', 'fd00::1', 'fd00::2', 'no address', 7],
        border_router: false,
        device: { hostname: 'lamp', vendor_name: 'RD:', thread_version: 5, eui64: '18b430000000000e' },
        battery: { percent: 87 },
        children: [
          {
            rloc16: '0x6001',
            link_age: 102,
            timeout: 240,
            queued_messages: 0,
            thread_version: 5,
            last_rssi: -83,
          },
        ],
        neighbors: [{ rloc16: '0x8c00', rssi: -91, last_rssi: -90, link_age: 110 }],
      }),
    ).toMatchObject({
      toldBy: '4e518eb2a238c2d2',
      measuredAgoMs: 1_500,
      countersAgoMs: 60_000,
      networkName: 'OpenThreadDemo',
      leaderRouterId: 0,
      mode: '-',
      ipv6Addresses: ['fd00::1', 'fd00::2'],
      borderRouter: false,
      device: {
        hostname: 'lamp',
        vendorName: 'RD:',
        vendorModel: null,
        softwareVersion: null,
        stackVersion: null,
        threadVersion: 5,
        eui64: '18b430000000000e',
      },
      batteryMillivolts: null,
      batteryPercent: 87,
      children: [
        { linkAgeSeconds: 102, timeoutSeconds: 240, queuedMessages: 0, threadVersion: 5, lastRssi: -83 },
      ],
      neighbors: [{ rssi: -91, lastRssi: -90, linkAgeSeconds: 110 }],
    });
  });

  it('leaves out text that is too long or not printable, and bounds lists and ages', () => {
    const info = parsed({
      role: 'router',
      rloc16: '0x0400',
      told_by: 'x',
      measured_ago_ms: 1e300,
      counters_ago_ms: -1,
      network_name: 'n'.repeat(17),
      leader_router_id: 63,
      mode: 'anything',
      ipv6_addresses: Array.from({ length: 1_000 }, (_, index) => `fd00::${index + 1}`),
      border_router: 'yes',
      device: {
        hostname: 'a\u0007b',
        vendor_name: 'v'.repeat(65),
        vendor_model: '\ud800',
        thread_version: 0.5,
      },
      battery: { percent: 101 },
    });
    expect(info).toMatchObject({
      toldBy: null,
      measuredAgoMs: 30 * 24 * 3_600_000,
      countersAgoMs: null,
      networkName: null,
      leaderRouterId: null,
      mode: null,
      borderRouter: null,
      device: null,
      batteryPercent: null,
    });
    expect(info.ipv6Addresses).toHaveLength(32);
  });

  it.each(['__proto__', '_ proto _', 'constructor', 'toString'])('does not take %s for a role', (role) => {
    expect(parseNetworkInfo({ role, rloc16: '0x0400' })).toMatchObject({ ok: false });
  });

  it('never throws, and what it accepts is within its types', () => {
    const entry = fc.record({
      rloc16: fc.anything(),
      ext_addr: fc.anything(),
      rssi: fc.anything(),
      lqi: fc.anything(),
    });
    const value = fc.oneof(
      fc.anything(),
      fc.record({
        role: fc.oneof(
          fc.constantFrom(...roles, '__proto__', 'constructor', 'to string', 'valueOf'),
          fc.string(),
        ),
        rloc16: fc.oneof(fc.nat(0x1ffff), fc.string()),
        neighbors: fc.oneof(fc.array(fc.oneof(entry, fc.anything())), fc.anything()),
        children: fc.anything(),
        parent: fc.oneof(entry, fc.anything()),
        counters: fc.anything(),
      }),
    );
    fc.assert(
      fc.property(value, (answer) => {
        const result = parseNetworkInfo(answer);
        if (!result.ok) {
          expect(result.reason.length).toBeGreaterThan(0);
          return;
        }
        expect(result.networkInfo.rloc16).toMatch(/^0x[0-9a-f]{4}$/);
        expect(roles).toContain(result.networkInfo.role);
        for (const { lqi, rssi } of result.networkInfo.neighbors) {
          expect(lqi === null || (lqi >= 0 && lqi <= 3)).toBe(true);
          expect(rssi === null || (rssi >= -128 && rssi <= 20)).toBe(true);
        }
      }),
      { numRuns: 5_000 },
    );
  });
});
