/** The topology as a file of each format. The anonymised bundle is made from a scan, not a topology: see `bundle.ts`. */
import type { Topology, TopologyFormat } from '../../protocol/topology.ts';
import { toWire } from '../../protocol/wire.ts';
import { toCsv } from './csv.ts';
import { toDot } from './dot.ts';
import { toGraphml } from './graphml.ts';
import { toSvg } from './svg.ts';

export interface ExportedFile {
  /** With charset. */
  readonly contentType: string;
  /** Letters, digits, `.`, `_` and `-` only. */
  readonly fileName: string;
  readonly body: string;
}

export type TopologyFileFormat = Exclude<TopologyFormat, 'bundle'>;

const contentTypes: Record<TopologyFileFormat, string> = {
  json: 'application/json; charset=utf-8',
  graphml: 'application/graphml+xml; charset=utf-8',
  dot: 'text/vnd.graphviz; charset=utf-8',
  csv: 'text/csv; charset=utf-8; header=present',
  svg: 'image/svg+xml; charset=utf-8',
};

export function exportTopology(topology: Topology, format: TopologyFileFormat): ExportedFile {
  const scan = (topology.scanId ?? 'none').replaceAll(/[^A-Za-z0-9_-]/g, '').slice(0, 64);
  return {
    contentType: contentTypes[format],
    fileName: `topology-${scan === '' ? 'none' : scan}.${format}`,
    body: bodyOf(topology, format),
  };
}

function bodyOf(topology: Topology, format: TopologyFileFormat): string {
  switch (format) {
    case 'json':
      return `${JSON.stringify(toWire(topology), null, 2)}\n`;
    case 'graphml':
      return toGraphml(topology);
    case 'dot':
      return toDot(topology);
    case 'csv':
      return toCsv(topology);
    case 'svg':
      return toSvg(topology);
  }
}
