/** Every recorded answer, read: the mesh that the recordings were made of comes out. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  otbrChildren,
  otbrLinks,
  otbrNodes,
  otbrRecordedBody,
  otbrRecordedDiagnostics,
  withOlderNames,
} from '../../../test/support/otbr-recordings.ts';
import type { JsonValue } from '../../protocol/json.ts';
import type { DeviceDiagnostics } from '../mesh/device-diagnostics.ts';
import { readDevices } from './read-devices.ts';
import { readDiagnostics } from './read-diagnostics.ts';
import { readState } from './read-state.ts';
const routers = [1, 2, 3, 4, 5, 6, 7, 8, 9];

const namings = [
  { naming: 'today', rename: (value: JsonValue): JsonValue => value },
  { naming: 'before July 2026', rename: withOlderNames },
];

function read(value: JsonValue): DeviceDiagnostics {
  const diagnostics = readDiagnostics(value);
  if (diagnostics === null) throw new Error('no diagnostics');
  return diagnostics;
}

describe.each(namings)('diagnostics with the names of $naming', ({ rename }) => {
  const told = (node: number): DeviceDiagnostics => read(rename(otbrRecordedDiagnostics(node)));

  it('have the signal of every link, in each direction from its own router', () => {
    const heard = routers.flatMap((node) =>
      (told(node).neighbors ?? []).map(({ averageRssi, extAddress }) => [
        otbrNodes[node],
        extAddress,
        averageRssi,
      ]),
    );
    const expected = otbrLinks.flatMap(([a, b, dbm]) => [
      [otbrNodes[a], otbrNodes[b], dbm],
      [otbrNodes[b], otbrNodes[a], dbm - 3],
    ]);
    expect(new Set(heard.map(String))).toEqual(new Set(expected.map(String)));
  });

  it('have every child with what its parent hears, with its link quality and its patience', () => {
    for (const [child, parent, dbm] of otbrChildren) {
      const [row, ...others] = told(parent).children ?? [];
      expect(others).toEqual([]);
      expect(row).toMatchObject({ extAddress: otbrNodes[child], averageRssi: dbm, timeoutSeconds: 240 });
      expect(row?.linkQuality).toBe(child === 14 ? 2 : 3);
      expect(row?.mode).toEqual(told(child).mode);
    }
  });

  it('have the addresses of minimal children from their parents', () => {
    expect(told(7).children?.[0]?.ipv6Addresses).toContain('fd7c:8336:ffd4:1:c124:dc9d:511:e10f');
    expect(told(9).children?.[0]?.ipv6Addresses).toHaveLength(2);
    expect(told(5).children?.[0]?.ipv6Addresses).toBeNull();
  });

  it('have what a device says of itself', () => {
    expect(told(9)).toMatchObject({
      extAddress: otbrNodes[9],
      rloc16: '0x6000',
      leader: { partitionId: 573303309, leaderRouterId: 13 },
      isBorderRouter: false,
      eui64: '18b4300000000009',
      threadVersion: 5,
      vendorModel: 'sim-node-9',
      softwareVersion: '1.0.0',
      batteryPercent: null,
    });
    expect(told(9).counters).toMatchObject({
      mac_in_unicast: 98,
      mac_in_discards: 1,
      role_router: 1,
      parent_changes: 0,
      tracked_ms: 200717,
      router_ms: 114593,
    });
    expect(Object.keys(told(9).counters ?? {})).toHaveLength(24);
    expect(told(1)).toMatchObject({ isBorderRouter: true, softwareVersion: null, children: [] });
    expect(told(5).children?.[0]).toMatchObject({ frameErrorRate: 0.3508507013320923, linkAgeSeconds: 80 });
  });

  it('have the routes, and from them the link quality of neighbours', () => {
    expect(told(9).routes).toHaveLength(9);
    expect(told(9).routes).toContainEqual({
      routerId: 35,
      linkQualityIn: 1,
      linkQualityOut: 2,
      cost: 4,
      nextHop: null,
    });
    expect(told(9).neighbors?.map(({ linkQuality }) => linkQuality)).toEqual([3, 1]);
  });

  it('tell devices without tables from devices whose tables are empty', () => {
    for (const child of [10, 12, 13, 14])
      expect(told(child)).toMatchObject({ routes: null, neighbors: null, children: null });
  });
});

describe('diagnostics of the legacy dialect', () => {
  const body = otbrRecordedBody('legacy/brrouter-diagnostics.response.http');
  const devices = (Array.isArray(body) ? body : []).map(read);

  it('are of nine routers and the full child, without signals', () => {
    expect(devices.map(({ extAddress }) => extAddress).sort()).toEqual(
      [...routers, 10].map((node) => otbrNodes[node]).sort(),
    );
    for (const device of devices) {
      expect(device.neighbors).toBeNull();
      expect(device.routes).toHaveLength(9);
      expect(device.leader).toEqual({ partitionId: 636746097, leaderRouterId: 29 });
      expect(device.counters).toHaveProperty('mac_out_broadcast');
    }
    expect(devices[0]).toMatchObject({ rloc16: '0x3400' });
  });

  it('have children by child id, and 2^(n − 4) seconds of patience: 12 is 256 s', () => {
    const rows = devices.flatMap(({ children: told }) => told ?? []);
    expect(rows.map(({ rloc16 }) => rloc16).sort()).toEqual(['0x2803', '0x6001', '0x8c01', '0xf002']);
    for (const row of rows)
      expect(row).toMatchObject({ timeoutSeconds: 256, extAddress: null, averageRssi: null });
    expect(rows.find(({ rloc16 }) => rloc16 === '0xf002')?.mode).toEqual({
      rxOnWhenIdle: true,
      fullThreadDevice: false,
      fullNetworkData: true,
    });
  });
});

describe('the list of devices', () => {
  const prefix = 'fd0d:7fc:a1b9:f050::/64';
  const kinds = (value: JsonValue): Map<string, string | null> =>
    new Map(readDevices(value, prefix)?.devices.map(({ extAddress, kind }) => [extAddress, kind]));
  const recorded = otbrRecordedBody('rest/05-api_devices-after.response.http');

  it.each(namings)('trap 2: reads kinds from swapped modes, with the names of $naming', ({ rename }) => {
    const found = kinds(rename(recorded));
    for (const node of routers) expect(found.get(otbrNodes[node] ?? '')).toBe('router');
    expect(found.get(otbrNodes[10] ?? '')).toBe('full');
    expect(found.get(otbrNodes[12] ?? '')).toBe('minimal');
    expect(found.get(otbrNodes[13] ?? '')).toBe('sleepy');
    expect(found.get(otbrNodes[14] ?? '')).toBe('sleepy');
  });

  it('trap 2: reads the same kinds should they be unswapped one day', () => {
    const swappedBack = JSON.parse(
      JSON.stringify(recorded)
        .replaceAll('"fullThreadDevice"', '"kept"')
        .replaceAll('"rxOnWhenIdle"', '"fullThreadDevice"')
        .replaceAll('"kept"', '"rxOnWhenIdle"'),
    ) as JsonValue;
    expect(kinds(swappedBack)).toEqual(kinds(recorded));
  });

  it('makes addresses of prefix and interface id, those that the devices have', () => {
    const listed = readDevices(recorded, prefix)?.devices ?? [];
    expect(listed).toHaveLength(13);
    for (const [node, extAddress] of Object.entries(otbrNodes)) {
      const own = read(otbrRecordedDiagnostics(Number(node))).ipv6Addresses;
      const addresses = listed.find((device) => device.extAddress === extAddress)?.ipv6Addresses ?? [];
      expect(addresses).toHaveLength(2);
      expect(own).toEqual(expect.arrayContaining([...addresses]));
    }
  });

  it('says nothing of the border router before the first discovery', () => {
    const before = readDevices(otbrRecordedBody('rest/01-before-api_devices.response.http'), prefix);
    expect(before?.devices).toEqual([
      { extAddress: otbrNodes[1], kind: null, ipv6Addresses: [], hostname: null },
    ]);
  });
});

describe('the state', () => {
  it.each([
    ['rest/01-before-node.response.http', { role: 'leader', leaderRouterId: 13, partitionId: 573303309 }],
    ['legacy/brrouter-node.response.http', { role: 'router', leaderRouterId: 29, partitionId: 636746097 }],
    ['node-lost/t090-node.response.http', { role: 'router', leaderRouterId: 29, partitionId: 636746097 }],
  ])('is read from %s', (name, expected) => {
    expect(readState(otbrRecordedBody(name), 'http://x')).toMatchObject({
      ok: true,
      value: {
        extAddress: otbrNodes[1],
        rloc16: '0x3400',
        extPanId: '1a2b3c4d5e6f7081',
        networkName: 'OtLab',
        meshLocalPrefix: 'fd0d:7fc:a1b9:f050::/64',
        routerCount: 9,
        ...expected,
      },
    });
  });

  it('knows router id 0 and RLOC16 0x0000', () => {
    const node = otbrRecordedBody('rest/01-before-node.response.http') as Record<string, JsonValue>;
    const zero = { ...node, rloc16: 0, leaderData: { partitionId: 7, leaderRouterId: 0 } };
    expect(readState(zero, 'x')).toMatchObject({ ok: true, value: { rloc16: '0x0000', leaderRouterId: 0 } });
    expect(readDiagnostics({ rloc16: 0, childTable: [{ childId: 1, timeout: 12 }] })).toMatchObject({
      rloc16: '0x0000',
      children: [{ rloc16: '0x0001', timeoutSeconds: 256 }],
    });
  });
});

describe('odd answers', () => {
  it('cost the odd field and nothing else', () => {
    const odd = {
      ...otbrRecordedDiagnostics(9),
      mode: 7,
      leaderData: { partitionId: 'x', leaderRouterId: 99 },
      vendorName: 'A\u0000\u001b[31mB\n',
      batteryLevel: 300,
      eui: 5,
      ipv6Addresses: ['::', 'nonsense', null, 'fd00::1', 'fd00::1'],
    };
    expect(readDiagnostics(odd)).toMatchObject({
      rloc16: '0x6000',
      mode: null,
      leader: null,
      vendorName: 'A [31mB',
      batteryPercent: null,
      eui64: null,
      ipv6Addresses: ['fd00::1'],
    });
  });

  const bodies = [
    ...[1, 5, 7, 9, 12, 13].map(otbrRecordedDiagnostics),
    otbrRecordedBody('rest/05-api_devices-after.response.http'),
    otbrRecordedBody('legacy/brrouter-diagnostics.response.http'),
    otbrRecordedBody('rest/01-before-node.response.http'),
  ];
  const hostile = fc.oneof(
    fc.jsonValue(),
    fc.constantFrom<unknown>(null, -1, 1e308, 0.5, '', '__proto__', 'x'.repeat(10_000), [], {}, [[[]]], true),
  );
  const mutated = fc
    .record({
      body: fc.constantFrom(...bodies),
      swaps: fc.array(fc.tuple(fc.nat(400), hostile), { maxLength: 12 }),
    })
    .map(({ body, swaps }) => {
      let place = 0;
      const bySpot = new Map(swaps);
      const [changed = null] = JSON.parse(
        JSON.stringify([body], (_, value: unknown) => {
          place += 1;
          // A copy: one value in two places, one of them inside of itself, could not be written.
          return place > 1 && bySpot.has(place) ? structuredClone(bySpot.get(place)) : value;
        }),
      ) as JsonValue[];
      return changed;
    });

  it('of any kind are read without throwing, within the bounds of every field', () => {
    fc.assert(
      fc.property(fc.oneof(mutated, fc.jsonValue() as fc.Arbitrary<JsonValue>), (value) => {
        readState(value, 'x');
        readDevices(value, 'fd00::/64');
        for (const entry of Array.isArray(value) ? value : [value]) {
          const told = readDiagnostics(entry);
          if (told === null) continue;
          for (const row of [...(told.neighbors ?? []), ...(told.children ?? [])]) {
            expect(row.rloc16).toMatch(/^0x[0-9a-f]{4}$/);
            expect(row.averageRssi ?? 0).toBeGreaterThanOrEqual(-128);
            expect(row.frameErrorRate ?? 0).toBeLessThanOrEqual(1);
          }
          expect((told.vendorName ?? '').length).toBeLessThanOrEqual(64);
          for (const count of Object.values(told.counters ?? {}))
            expect(Number.isSafeInteger(count)).toBe(true);
        }
      }),
      { numRuns: 400 },
    );
  });
});
