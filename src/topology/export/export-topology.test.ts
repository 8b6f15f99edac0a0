import { DOMParser } from '@xmldom/xmldom';
import fc from 'fast-check';
import { UndirectedGraph } from 'graphology';
import graphml from 'graphology-graphml/node/index.js';
import { describe, expect, it } from 'vitest';
import { fromWire } from '../../protocol/wire.ts';
import { topologySchema } from '../../protocol/topology.ts';
import { buildingMesh } from '../../../test/fixtures/topology/building-mesh.ts';
import {
  answered,
  borderRouter,
  ext,
  inputWith,
  silent,
} from '../../../test/fixtures/topology/observations.ts';
import { inputOf, recordedNodes, scanOf } from '../../../test/fixtures/topology/recorded-mesh.ts';
import { buildTopology } from '../build-topology.ts';
import { exportTopology } from './export-topology.ts';
import { toTree } from './tree.ts';

const recorded = buildTopology(inputOf(scanOf(recordedNodes('mesh'), 'recorded/1', Date.UTC(2026, 10, 20))));
const hostileName = `=cmd()|"x"\\ <b>&'\u0000\u001b[31m\u202e\ud800`;
const hostile = buildTopology(
  inputWith(
    [
      answered(hostileName, {
        role: 'router',
        rloc16: '0x0400',
        ext_addr: ext('a'),
        neighbors: [{ rloc16: '0x0800', rssi: -50 }],
      }),
      silent(`${hostileName}\n2`, { error: '@SUM(A1)\r\n+1,2' }),
    ],
    { borderRouters: [borderRouter(']]>--><script>')] },
  ),
);

/** Throws on anything that is not well-formed XML; that something was replaced is only a warning. */
function parseXml(text: string): ReturnType<DOMParser['parseFromString']> {
  return new DOMParser({
    onError: (level, message) => {
      if (level !== 'warning') throw new Error(`${level}: ${message}`);
    },
  }).parseFromString(text, 'application/xml');
}

describe('an exported topology', () => {
  it('names its content type, and a file name that is safe anywhere', () => {
    expect(exportTopology(recorded, 'svg')).toMatchObject({
      contentType: 'image/svg+xml; charset=utf-8',
      fileName: 'topology-recorded1.svg',
    });
    expect(exportTopology({ ...recorded, scanId: null }, 'json').fileName).toBe('topology-none.json');
  });

  it('is read back from JSON as it was', () => {
    const wire = topologySchema.parse(JSON.parse(exportTopology(recorded, 'json').body));
    expect(fromWire(wire)).toEqual(recorded);
  });
});

describe('GraphML', () => {
  it('is read by another program with every node, link and attribute', () => {
    const graph = graphml.parse(UndirectedGraph, exportTopology(recorded, 'graphml').body);
    expect([graph.order, graph.size]).toEqual([13, 16]);
    expect(graph.getAttribute('completeness')).toBe('9 of 9 routers answered');
    const leader = graph.findNode((_, attributes) => attributes['role'] === 'leader');
    expect(graph.getNodeAttributes(leader)).toMatchObject({
      name: 'sim-1',
      label: 'sim-1',
      kind: 'border_router',
      rloc16: '0x3400',
      ext_addr: '52a10c4208649fcc',
      partition_id: 573303309,
      stale: false,
    });
    const [link] = recorded.links;
    expect(graph.getEdgeAttributes(link?.a, link?.b)).toMatchObject({
      kind: 'router_router',
      state: 'live',
      link_margin: link?.linkMargin,
      rssi_at_source: link?.aHearsB[0]?.rssi,
      rssi_at_target: link?.bHearsA[0]?.rssi,
      one_way: false,
    });
  });

  it('stays well-formed with hostile names', () => {
    const { body } = exportTopology(hostile, 'graphml');
    parseXml(body);
    expect(graphml.parse(UndirectedGraph, body).order).toBe(hostile.nodes.length);
  });
});

describe('CSV', () => {
  const rowsOf = (text: string): string[][] =>
    text
      .split('\r\n')
      .slice(0, -1)
      .map((line) =>
        [...`${line},`.matchAll(/("(?:[^"]|"")*"|[^,]*),/g)].map(([, cell = '']) =>
          cell.replaceAll(/^"|"$/g, '').replaceAll('""', '"'),
        ),
      );

  it('has one header and a row for each node and link, all of the same width', () => {
    const rows = rowsOf(exportTopology(recorded, 'csv').body);
    const [header] = rows;
    expect(rows.filter(([record]) => record === 'node')).toHaveLength(13);
    expect(rows.filter(([record]) => record === 'link')).toHaveLength(16);
    expect(new Set(rows.map((row) => row.length))).toEqual(new Set([header?.length]));
    const leader = rows.find((row) => row[header?.indexOf('role') ?? -1] === 'leader');
    expect(leader?.[header?.indexOf('name') ?? -1]).toBe('sim-1');
  });

  it('gives a spreadsheet no formula and no line break', () => {
    const rows = rowsOf(exportTopology(hostile, 'csv').body);
    expect(rows).toHaveLength(1 + hostile.nodes.length + hostile.links.length);
    for (const cell of rows.flat()) expect(cell).not.toMatch(/^[=+@\t\r]|^-(?!\d)/);
    expect(rows.flat()).toContainEqual(expect.stringMatching(/^'=cmd\(\)\|"x"/));
  });
});

describe('DOT', () => {
  it('has a statement for each node and link and quotes what it is given', () => {
    const { body } = exportTopology(hostile, 'dot');
    // Strings taken out, nothing of the names may be left.
    const bare = body.replaceAll(/"(?:[^"\\]|\\.)*"/g, 'S');
    expect(bare).not.toMatch(/["\\<&]|cmd|script/);
    expect(bare.match(/^ {4}S \[/gm)).toHaveLength(hostile.nodes.length);
    expect(bare.match(/^ {2}S -- S \[/gm)).toHaveLength(hostile.links.length);
  });
});

describe('SVG', () => {
  it('draws every node and link inside its picture', () => {
    const { input } = buildingMesh({ nodes: 40, silentShare: 0.1 });
    const topology = buildTopology(input);
    const { body } = exportTopology(topology, 'svg');
    parseXml(body);
    expect(body.match(/<line class="link (?:router_router|parent_child)/g)).toHaveLength(
      topology.links.length,
    );
    for (const node of topology.nodes) expect(body).toContain(`<title>${node.name ?? node.id} · `);
    expect(body).toContain(topology.networks[0]?.completeness.statement);
    const [, width = '0', height = '0'] = /viewBox="0 0 ([\d.]+) ([\d.]+)"/.exec(body) ?? [];
    for (const [, x = '', y = ''] of body.matchAll(
      /<g transform="translate\(([-\d.]+) ([-\d.]+)\)"><title>/g,
    )) {
      expect(Number(x)).toBeGreaterThanOrEqual(0);
      expect(Number(x)).toBeLessThanOrEqual(Number(width));
      expect(Number(y)).toBeGreaterThanOrEqual(0);
      expect(Number(y)).toBeLessThanOrEqual(Number(height));
    }
  });

  it('is the same picture for the same topology, and loads nothing from outside', () => {
    const { body } = exportTopology(recorded, 'svg');
    expect(exportTopology(structuredClone(recorded), 'svg').body).toBe(body);
    expect(body).not.toMatch(/href|url\(|@import|<script|<image|<foreignObject/i);
  });

  it('keeps no two routers on top of each other', () => {
    const topology = buildTopology(buildingMesh({ nodes: 60, seed: 3 }).input);
    const places = [
      ...exportTopology(topology, 'svg').body.matchAll(
        /<g transform="translate\(([\d.]+) ([\d.]+)\)"><title>[^<]*(?:leader|router) ·/g,
      ),
    ].map(([, x, y]) => [Number(x), Number(y)] as const);
    expect(places.length).toBeGreaterThan(10);
    for (const [index, [x, y]] of places.entries())
      for (const [otherX, otherY] of places.slice(index + 1))
        expect(Math.hypot(x - otherX, y - otherY)).toBeGreaterThan(60);
  });

  it('stays well-formed with hostile names, and draws an empty topology', () => {
    parseXml(exportTopology(hostile, 'svg').body);
    parseXml(exportTopology(buildTopology(inputWith([])), 'svg').body);
  });
});

describe('every text format', () => {
  it('carries any name without breaking', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 12 }), (name) => {
        const topology = buildTopology(
          inputWith([answered(`x${name}`, { role: 'router', rloc16: '0x0400' }), silent(`y${name}`)]),
        );
        parseXml(exportTopology(topology, 'graphml').body);
        parseXml(exportTopology(topology, 'svg').body);
        const rows = exportTopology(topology, 'csv').body.split('\r\n').slice(0, -1);
        expect(rows).toHaveLength(3);
        expect(toTree(topology).match(/\p{Cc}/gu)).toEqual(['\n', '\n', '\n', '\n']);
      }),
      { numRuns: 200 },
    );
  });
});

describe('the tree', () => {
  it('lists routers under their partition and children under their parent, with signal and silence', () => {
    const topology = buildTopology(
      inputWith(
        [
          answered('hall', {
            role: 'leader',
            rloc16: '0x0400',
            ext_addr: ext('a'),
            partition_id: 7,
            neighbors: [{ rloc16: '0x0800', ext_addr: ext('b'), rssi: -50, lqi: 3 }],
            children: [{ rloc16: '0x0401', ext_addr: ext('c'), rssi: -60, lqi: 2, mode: '-' }],
            routes: [
              { router_id: 1, lq_in: 0, lq_out: 0 },
              { router_id: 2, lq_in: 3, lq_out: 3 },
            ],
          }),
          silent('lamp', { extAddress: ext('b') }),
          answered('door', { role: 'sleepy_child', rloc16: '0x0401', ext_addr: ext('c'), partition_id: 7 }),
        ],
        { borderRouters: [borderRouter('BR-1', { extAddress: ext('a'), role: 'leader', partitionId: 7 })] },
      ),
    );
    expect(toTree(topology)).toBe(
      [
        'fd00::/64 · 1 of 2 routers answered; lamp (0x0800) silent, never answered',
        '└─ partition 7 · 3 nodes',
        '   ├─ hall leader 0x0400 border router BR-1',
        '   │  │  ↔ lamp lq 3 -50/? dBm',
        '   │  └─ door sleepy_child 0x0401 lq 2 ?/-60 dBm',
        '   └─ lamp router 0x0800 SILENT (timed_out)',
        '         ↔ hall lq 3 ?/-50 dBm',
        '! Without the link between hall and lamp, 1 node loses its path',
        '',
      ].join('\n'),
    );
  });

  it('says that nothing is known yet', () => {
    expect(toTree(buildTopology(inputWith([])))).toBe('No node is known yet\n');
  });
});
