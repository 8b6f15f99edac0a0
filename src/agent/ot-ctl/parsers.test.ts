import fc from 'fast-check';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { recordedCli } from '../../../test/support/fake-ot-ctl.ts';
import { parseMacCounters, parseMleCounters } from './cli-counters.ts';
import { readTable, toDurationSeconds, toShare } from './cli-fields.ts';
import { parseCliOutput } from './cli-output.ts';
import { parseChildAddresses, parseChildTable, parseNeighborTable } from './meshdiag-tables.ts';
import { parseTopology } from './meshdiag-topology.ts';
import { parseNetworkDiagnostics } from './network-diagnostic.ts';
import {
  meshLocalPrefixOf,
  parseAddresses,
  parseLeaderData,
  parseNextHops,
  parseRouterTable,
  rlocAddressText,
} from './router-tables.ts';
import { formatRloc16 } from '../../protocol/rloc16.ts';
import { parseIpv6 } from '../../protocol/ipv6.ts';

const fixtures = join(import.meta.dirname, '../../../test/fixtures/otbr');
const linesOf = (name: string): readonly string[] => parseCliOutput(recordedCli(name), '').lines;

describe('the frame of an answer', () => {
  it('is known with and without an echo, by its last line', () => {
    expect(parseCliOutput('> state\nleader\nDone\n', 'state')).toEqual({ end: 'done', lines: ['leader'] });
    expect(parseCliOutput('state\r\nleader\r\nDone\r\n', 'state')).toEqual({
      end: 'done',
      lines: ['leader'],
    });
    expect(parseCliOutput('leader\r\nDone\r\n> ', 'state')).toEqual({ end: 'done', lines: ['leader'] });
  });

  it('keeps what came before an error', () => {
    const text = readFileSync(join(fixtures, 'node-lost/t090-meshdiag_topology.txt'), 'utf8');
    const output = parseCliOutput(text, 'meshdiag topology ip6-addrs children');
    expect(output).toMatchObject({ end: 'error', number: 28, text: 'ResponseTimeout' });
    expect(parseTopology(output.lines)).toHaveLength(8);
  });

  it('is cut where the last line is missing', () => {
    expect(parseCliOutput('', 'state').end).toBe('cut');
    expect(parseCliOutput('leader\nDo', 'state').end).toBe('cut');
  });
});

describe('meshdiag topology', () => {
  const routers = parseTopology(linesOf('br-meshdiag_topology_ip6-addrs_children'));

  it('names every router with its links, addresses and children', () => {
    expect(routers.map(({ rloc16 }) => rloc16)).toEqual([
      '0x3400',
      '0x1400',
      '0x3800',
      '0x2800',
      '0x7400',
      '0x6000',
      '0x8c00',
      '0xf000',
      '0xe000',
    ]);
    expect(routers[0]).toMatchObject({
      extAddress: '52a10c4208649fcc',
      threadVersion: 5,
      isThisDevice: true,
      isLeader: true,
      isBorderRouter: true,
      children: [],
    });
    expect(routers[0]?.ipv6Addresses).toHaveLength(6);
    expect([...(routers[1]?.linkQualities ?? [])]).toEqual([
      [14, 3],
      [60, 3],
      [13, 2],
    ]);
    expect(routers[1]?.isLeader).toBe(false);
    expect(routers[5]?.children).toEqual([
      {
        rloc16: '0x6001',
        mode: { rxOnWhenIdle: false, fullThreadDevice: false, fullNetworkData: false },
        linkQuality: 2,
      },
    ]);
    expect(routers[3]?.children?.[0]?.mode).toEqual({
      rxOnWhenIdle: true,
      fullThreadDevice: true,
      fullNetworkData: true,
    });
  });

  it('takes other spacing, order and fields that it does not know', () => {
    const [router] = parseTopology([
      'new:7  ext-addr: 5AE945E62820BC7C   rloc16: 0x1400 id: 05 speed:fast - br - tired',
      '\t3-links: {14,60}',
      '  ip6-addrs:',
      '   fd00::1   (preferred)',
      '  children:',
      '   mode: rn lq: 9 rloc16: 0x1402',
    ]);
    expect(router).toMatchObject({
      rloc16: '0x1400',
      extAddress: '5ae945e62820bc7c',
      isBorderRouter: true,
      threadVersion: null,
      ipv6Addresses: ['fd00::1'],
      children: [{ rloc16: '0x1402', linkQuality: null }],
    });
    expect([...(router?.linkQualities.keys() ?? [])]).toEqual([14, 60]);
  });

  it('keeps a router whose values are odd, as long as it can be told which one it is', () => {
    expect(parseTopology(['id:07 rloc16:0xzzzz ext-addr:0000000000000000 ver:many'])).toMatchObject([
      { rloc16: '0x1c00', extAddress: null, threadVersion: null, ipv6Addresses: null, children: null },
    ]);
  });

  it('reads router id 0', () => {
    expect(parseTopology(['id:00 rloc16:0x0000 ext-addr:5ae945e62820bc7c'])[0]?.rloc16).toBe('0x0000');
  });
});

describe('the tables of a router', () => {
  it('tell a child with its signal, its age and its timeout, not that of CSL', () => {
    expect(parseChildTable(linesOf('br-meshdiag_childtable_node9'))).toEqual([
      {
        extAddress: 'a654f540eac5cbaf',
        rloc16: '0x6001',
        mode: { rxOnWhenIdle: false, fullThreadDevice: false, fullNetworkData: false },
        ageSeconds: 2,
        linkAgeSeconds: 254,
        timeoutSeconds: 240,
        queuedMessages: 0,
        threadVersion: 5,
        ipv6Addresses: null,
        linkMargin: 17,
        averageRssi: -83,
        lastRssi: -83,
        frameErrorRate: 0,
        messageErrorRate: 0,
        linkQuality: null,
      },
    ]);
    expect(parseChildTable(linesOf('br-meshdiag_childtable_node5'))[0]).toMatchObject({
      frameErrorRate: 0.3321,
      messageErrorRate: 0.0272,
    });
    expect(parseChildTable(linesOf('br-meshdiag_childtable_node1'))).toEqual([]);
  });

  it('keeps a child whose signal is unknown', () => {
    const [child] = parseChildTable([
      'rloc16:0x0401',
      '  rss - ave:127 last:junk margin:',
      '  rx-on:perhaps',
    ]);
    expect(child).toMatchObject({
      rloc16: '0x0401',
      averageRssi: null,
      lastRssi: null,
      linkMargin: null,
      mode: null,
    });
  });

  it('tell neighbours and how long their links stand', () => {
    const neighbors = parseNeighborTable(linesOf('br-meshdiag_routerneighbortable_node2'));
    expect(neighbors.map(({ averageRssi, rloc16 }) => [rloc16, averageRssi])).toEqual([
      ['0x3400', -48],
      ['0x3800', -55],
      ['0x2800', -70],
    ]);
    expect(neighbors[0]).toMatchObject({
      extAddress: '52a10c4208649fcc',
      linkMargin: 52,
      linkAgeSeconds: 307,
    });
  });

  it('tell the addresses of minimal children', () => {
    expect([...parseChildAddresses(linesOf('br-meshdiag_childip6_node8'))]).toEqual([
      ['0x8c01', ['fd0d:7fc:a1b9:f050:8374:f270:55a0:d2c0', 'fd7c:8336:ffd4:1:d88b:2d9b:7e13:9aba']],
    ]);
    expect(parseChildAddresses(linesOf('br-meshdiag_childip6_node1')).size).toBe(0);
  });
});

describe('networkdiagnostic get', () => {
  it('tells place, counters and names, and the version that only the TLVs hold', () => {
    const [answer] = parseNetworkDiagnostics(linesOf('br-networkdiagnostic_get_unicast_node9'));
    expect(answer).toMatchObject({
      extAddress: '4e518eb2a238c2d2',
      rloc16: '0x6000',
      mode: { rxOnWhenIdle: true, fullThreadDevice: true, fullNetworkData: true },
      leader: { partitionId: 0x222bea0d, leaderRouterId: 13 },
      eui64: '18b4300000000009',
      threadVersion: 5,
      vendorName: 'RD:',
      vendorModel: 'sim-node-9',
      softwareVersion: '1.0.0',
      stackVersion: 'OPENTHREAD/; SIMULATION; Nov 20 2026 17:44:52',
      batteryPercent: null,
    });
    expect(answer?.ipv6Addresses).toHaveLength(4);
    expect(answer?.counters).toMatchObject({
      mac_in_unicast: 236,
      mac_in_discards: 1,
      tracked_ms: 394472,
      role_router: 1,
    });
    expect(Object.keys(answer?.counters ?? {})).toHaveLength(24);
  });

  it('does not take the mode of a child for the device’s own', () => {
    const [answer] = parseNetworkDiagnostics([
      'DIAG_GET.rsp/ans from fd00::1: 0010',
      'Child Table:',
      '    - ChildId: 0x0001',
      '      Mode:',
      '          RxOnWhenIdle: 0',
      '          DeviceType: 0',
    ]);
    expect(answer?.mode).toBeNull();
  });

  it('reads battery and voltage from text or TLVs', () => {
    const start = 'DIAG_GET.rsp/ans from fd00::1:';
    expect(parseNetworkDiagnostics([`${start} 0e01570f020bc2`])[0]).toMatchObject({
      batteryPercent: 87,
      supplyMillivolts: 3010,
    });
    expect(parseNetworkDiagnostics([start, 'Battery Level: 87%', 'Supply Voltage: 3010mV'])[0]).toMatchObject(
      {
        batteryPercent: 87,
        supplyMillivolts: 3010,
      },
    );
  });
});

describe('what a border router knows by itself', () => {
  it('is its routers and the way to each', () => {
    const routers = parseRouterTable(linesOf('br-router_table'));
    expect(routers).toHaveLength(9);
    expect(routers[0]).toEqual({
      routerId: 5,
      extAddress: '5ae945e62820bc7c',
      linkQualityIn: 3,
      linkQualityOut: 2,
    });
    const hops = parseNextHops(linesOf('br-nexthop'));
    expect(hops).toHaveLength(9);
    expect(hops[1]).toEqual({ routerId: 10, nextHop: 29, cost: 2 });
  });

  it('takes columns in any order, and unknown addresses as unknown', () => {
    const rows = parseRouterTable([
      '| Extended MAC | Mood | LQ In | ID |',
      '+--+--+--+--+',
      '| 0000000000000000 | fine | 9 | 24 |',
      '| aad5acd04e72defc | fine | 2 |',
    ]);
    expect(rows).toEqual([{ routerId: 24, extAddress: null, linkQualityIn: null, linkQualityOut: null }]);
  });

  it('is its leader, prefix and addresses', () => {
    expect(parseLeaderData(linesOf('br-leaderdata'))).toEqual({ partitionId: 573303309, leaderRouterId: 13 });
    const addresses = parseAddresses(linesOf('br-ipaddr'));
    expect(addresses).toHaveLength(6);
    const prefix = meshLocalPrefixOf(addresses, formatRloc16(0x3400));
    expect(parseIpv6(rlocAddressText(prefix ?? 0n, formatRloc16(0x6000)))).toBe(
      'fd0d:7fc:a1b9:f050:0:ff:fe00:6000',
    );
    expect(meshLocalPrefixOf(addresses, formatRloc16(0x3800))).toBeNull();
  });

  it('is counters with the names that diagnostics use', () => {
    expect(parseMleCounters(linesOf('br-counters_mle'))).toMatchObject({ role_leader: 1, leader_ms: 292963 });
    expect(parseMacCounters(linesOf('br-counters_mac'))).toEqual({
      mac_in_unknown_protos: 0,
      mac_in_errors: 160,
      mac_out_errors: 0,
      mac_in_unicast: 470,
      mac_in_broadcast: 208,
      mac_in_discards: 184,
      mac_out_unicast: 306,
      mac_out_broadcast: 87,
      mac_out_discards: 0,
    });
    expect(parseMacCounters(['RxErrFcs: 3'])).toEqual({});
  });
});

describe('values', () => {
  it('are durations with and without days', () => {
    expect(toDurationSeconds('00:04:14')).toBe(254);
    expect(toDurationSeconds('2d.01:00:01')).toBe(176_401);
    expect(toDurationSeconds('soon')).toBeNull();
  });

  it('are shares of at most one', () => {
    expect(toShare('11.51%')).toBe(0.1151);
    expect(toShare('100.00%')).toBe(1);
    expect(toShare('120%')).toBeNull();
  });

  it('in tables are known by name even where the name is one of every object', () => {
    expect(readTable(['| __proto__ | id |', '| 1 | 2 |'])[0]?.get('id')).toBe('2');
  });
});

const recordings = readdirSync(join(fixtures, 'cli')).map((name) =>
  readFileSync(join(fixtures, 'cli', name), 'utf8'),
);

describe('every parser', () => {
  it('survives recorded text that was cut, doubled, mixed and garbled', () => {
    const mutation = fc.record({
      text: fc.constantFrom(...recordings),
      other: fc.constantFrom(...recordings),
      at: fc.nat(4_000),
      length: fc.nat(200),
      junk: fc.oneof(
        fc.string({ maxLength: 40 }),
        fc.constantFrom('\0', '|', ':', '{', '-', '\n', '__proto__:', 'ff'.repeat(99)),
      ),
    });
    fc.assert(
      fc.property(fc.array(mutation, { minLength: 1, maxLength: 3 }), (mutations) => {
        const text = mutations
          .map(
            ({ at, junk, length, other, text }) =>
              text.slice(0, at) + junk + other.slice(at, at + length) + text.slice(at + length),
          )
          .join('');
        const { lines } = parseCliOutput(text, 'state');
        for (const router of parseTopology(lines)) expect(router.rloc16).toMatch(/^0x[0-9a-f]{4}$/);
        for (const child of parseChildTable(lines)) expect(child.rloc16).toMatch(/^0x[0-9a-f]{4}$/);
        for (const row of parseNeighborTable(lines)) expect(row.averageRssi ?? 0).toBeLessThanOrEqual(20);
        for (const { counters } of parseNetworkDiagnostics(lines))
          for (const value of Object.values(counters ?? {})) expect(Number.isSafeInteger(value)).toBe(true);
        parseChildAddresses(lines);
        parseRouterTable(lines);
        parseNextHops(lines);
        parseLeaderData(lines);
        parseAddresses(lines);
        parseMleCounters(lines);
        parseMacCounters(lines);
      }),
      { numRuns: 500 },
    );
  });
});
