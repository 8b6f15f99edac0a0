/**
 * The topology as one self-contained picture: no script, no font, no link to anything outside; readable on light and dark
 * backgrounds. The same topology gives the same picture.
 */
import type { Topology, TopologyLink, TopologyNetwork, TopologyNode } from '../../protocol/topology.ts';
import { nodeLabel } from '../node-label.ts';
import { linkRssi } from './link-signal.ts';
import { layOutNetwork, type PlacedNode } from './network-layout.ts';
import { printable, shortened, xmlText } from './printable-text.ts';

const margin = 32;
const minPanelWidth = 860;
const panelHeader = 48;
const lineHeight = 17;
const legendHeight = 72;

const style = `
text{font-family:system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",sans-serif;fill:#212529}
.page{fill:#fff}.panel{fill:#f8f9fa;stroke:#dee2e6}
.title{font-size:20px;font-weight:600}.network{font-size:14px;font-weight:600}.note{font-size:12px;fill:#495057}
.alarm{fill:#c92a2a;font-weight:600}.good{fill:#2b8a3e}
.label{font-size:11px;font-weight:600}.place{font-size:9px;fill:#6c757d}.child-label{font-size:9px;fill:#343a40}
.label,.place,.child-label{paint-order:stroke;stroke:#f8f9fa;stroke-width:3px;stroke-linejoin:round}
.link{fill:none;stroke-width:2;stroke:#adb5bd}.strong{stroke:#40a35a}.fair{stroke:#e8950c}.weak{stroke:#e03131}
.parent_child{stroke-width:1.2}.router_router{opacity:.75}.stale{stroke-dasharray:7 5;stroke:#adb5bd}.inferred-link{stroke-dasharray:2 4}
.one-way{stroke-dasharray:12 4 2 4}
.leader{fill:#7048e8}.router{fill:#1c7ed6}.reed,.child{fill:#0ca678}.sleepy_child{fill:#96d5c0}.detached,.disabled,.unknown{fill:#adb5bd}
.node{stroke:#fff;stroke-width:2}.border{stroke:#212529;stroke-width:2.5}
.silent{fill:#fff;stroke:#e03131;stroke-width:2;stroke-dasharray:3 2}.inferred{fill:#fff;stroke:#868e96;stroke-width:2;stroke-dasharray:2 2}
.pending{fill:#fff;stroke:#adb5bd;stroke-width:2}.cross{stroke:#e03131;stroke-width:2}.silent-label{fill:#c92a2a}
@media (prefers-color-scheme:dark){
text{fill:#e9ecef}.page{fill:#141517}.panel{fill:#1a1b1e;stroke:#373a40}.note{fill:#adb5bd}.alarm{fill:#ff8787}.good{fill:#69db7c}
.place{fill:#909296}.child-label{fill:#ced4da}.label,.place,.child-label{stroke:#1a1b1e}.node{stroke:#1a1b1e}.border{stroke:#f1f3f5}
.silent,.inferred,.pending{fill:#1a1b1e}.silent{stroke:#ff6b6b}.cross{stroke:#ff6b6b}.silent-label{fill:#ff8787}.link{stroke:#5c5f66}.stale{stroke:#5c5f66}
.strong{stroke:#51cf66}.fair{stroke:#fcc419}.weak{stroke:#ff6b6b}}
`;

export function toSvg(topology: Topology): string {
  const nodesOf = Map.groupBy(topology.nodes, (node) => node.network);
  const networkOf = new Map(topology.nodes.map((node) => [node.id, node.network]));
  const linksOf = Map.groupBy(topology.links, (link) => networkOf.get(link.a) ?? '');
  const body: string[] = [];
  let width = minPanelWidth;
  let y = margin + 52;
  const layouts = topology.networks.map((network) => {
    const links = linksOf.get(network.key) ?? [];
    const layout = layOutNetwork(nodesOf.get(network.key) ?? [], links, minPanelWidth - 48);
    width = Math.max(width, layout.width + 48);
    return { network, links, layout };
  });
  for (const { network, links, layout } of layouts) {
    const title = networkTitle(network, width - 48);
    const top = panelHeader + title.length * lineHeight;
    const height = top + layout.height + 24;
    const shift = (width - layout.width) / 2;
    body.push(
      `<g transform="translate(${margin} ${fixed(y)})">`,
      `<rect class="panel" width="${fixed(width)}" height="${fixed(height)}" rx="10"/>`,
      ...title,
      `<g transform="translate(${fixed(shift)} ${top})">`,
      ...drawNetwork(layout.nodes, links),
      '</g></g>',
    );
    y += height + 20;
  }
  if (layouts.length === 0) {
    body.push(`<text class="note" x="${margin}" y="${fixed(y)}">No node is known yet.</text>`);
    y += 24;
  }
  const total = { width: width + 2 * margin, height: y + legendHeight };
  const title = topology.scanId === null ? 'Mesh topology' : `Mesh topology, scan ${topology.scanId}`;
  const statements = topology.networks.map((network) => `${network.key}: ${network.completeness.statement}`);
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${fixed(total.width)}" height="${fixed(total.height)}" viewBox="0 0 ${fixed(total.width)} ${fixed(total.height)}" role="img" aria-labelledby="title description">`,
    `<title id="title">${xmlText(title)}</title>`,
    `<desc id="description">${xmlText(statements.join('. '))}</desc>`,
    `<style>${style}</style>`,
    `<rect class="page" width="100%" height="100%"/>`,
    `<text class="title" x="${margin}" y="${margin + 18}">Mesh topology</text>`,
    `<text class="note" x="${margin}" y="${margin + 38}">${xmlText(subtitle(topology))}</text>`,
    ...body,
    legend(margin, y + 8),
    '</svg>',
    '',
  ].join('\n');
}

function subtitle(topology: Topology): string {
  const made = `${new Date(topology.madeAt).toISOString().slice(0, 16).replace('T', ' ')} UTC`;
  const scan = topology.scanId === null ? 'before the first scan' : `scan ${topology.scanId}`;
  return `${scan} · ${made}${topology.final ? '' : ' · still running'}`;
}

/** The network's name, then what is known of its completeness, in as many lines as that takes. */
function networkTitle(network: TopologyNetwork, width: number): string[] {
  const { complete, statement } = network.completeness;
  const routers = network.brIds.length === 0 ? '' : ` · ${network.brIds.join(', ')}`;
  const live = network.partitions.filter((partition) => !partition.stale).length;
  const notes = wrapped(
    network.split ? `Split into ${live} partitions; ${statement}` : statement,
    width / 6.8,
  );
  return [
    `<text class="network" x="24" y="28">${xmlText(shortened(network.key + routers, width / 8))}</text>`,
    ...notes.map(
      (line, index) =>
        `<text class="note ${complete && !network.split ? 'good' : 'alarm'}" x="24" y="${48 + index * lineHeight}">${xmlText(line)}</text>`,
    ),
  ];
}

/** Broken between words; a word that is too long for a line is cut. */
function wrapped(text: string, lineLength: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of printable(text).split(' ')) {
    if (line !== '' && line.length + 1 + word.length > lineLength) {
      lines.push(line);
      line = '';
    }
    line = line === '' ? shortened(word, lineLength) : `${line} ${word}`;
  }
  return [...lines, line];
}

function drawNetwork(placed: readonly PlacedNode[], links: readonly TopologyLink[]): string[] {
  const at = new Map(placed.map((item) => [item.node.id, item]));
  const lines = links
    .flatMap((link) => {
      const a = at.get(link.a);
      const b = at.get(link.b);
      return a === undefined || b === undefined ? [] : [{ link, a, b }];
    })
    // Weak links are drawn last, on top.
    .sort((one, other) => (other.link.linkMargin ?? 99) - (one.link.linkMargin ?? 99));
  return [
    ...lines.map(
      ({ link, a, b }) =>
        `<line class="${linkClass(link)}" x1="${fixed(a.x)}" y1="${fixed(a.y)}" x2="${fixed(b.x)}" y2="${fixed(b.y)}"><title>${xmlText(linkTitle(link, a.node, b.node))}</title></line>`,
    ),
    // Children first: the names of their parents stay readable.
    ...placed.filter((item) => item.angle !== null).map(drawNode),
    ...placed.filter((item) => item.angle === null).map(drawNode),
  ];
}

function linkClass(link: TopologyLink): string {
  const classes = ['link', link.kind];
  if (link.state === 'stale') classes.push('stale');
  else {
    const quality = linkQuality(link);
    if (quality !== null) classes.push(quality);
    if (link.state === 'inferred') classes.push('inferred-link');
    else if (link.oneWay) classes.push('one-way');
  }
  return classes.join(' ');
}

/** Thread's own steps: link quality 3 is above 20 dB, 2 above 10 dB. */
function linkQuality({ linkMargin, lqi }: TopologyLink): 'strong' | 'fair' | 'weak' | null {
  if (linkMargin !== null) return linkMargin >= 20 ? 'strong' : linkMargin >= 10 ? 'fair' : 'weak';
  if (lqi === null) return null;
  return lqi >= 3 ? 'strong' : lqi === 2 ? 'fair' : 'weak';
}

function linkTitle(link: TopologyLink, a: TopologyNode, b: TopologyNode): string {
  const { aHearsB, bHearsA } = linkRssi(link);
  return `${nodeLabel(a)} – ${nodeLabel(b)}: ${aHearsB ?? '?'} / ${bHearsA ?? '?'} dBm, margin ${link.linkMargin ?? '?'} dB, ${link.state}`;
}

function drawNode({ node, x, y, angle }: PlacedNode): string {
  const silent = node.state === 'silent' && node.outcome !== null;
  const classes = nodeClass(node);
  const size = node.role === 'leader' ? 13 : angle === null ? 11 : 5.5;
  const shape =
    node.kind === 'border_router'
      ? `<rect class="${classes}" x="${-size}" y="${-size}" width="${2 * size}" height="${2 * size}" rx="4"/>`
      : `<circle class="${classes}" r="${size}"/>`;
  const half = size * 0.45;
  const cross = silent
    ? `<path class="cross" d="M${-half} ${-half}L${half} ${half}M${half} ${-half}L${-half} ${half}"/>`
    : '';
  const tone = silent ? ' silent-label' : '';
  const label = xmlText(shortened(printable(nodeLabel(node)), 18));
  const labels =
    angle === null
      ? `<text class="label${tone}" text-anchor="middle" y="${size + 14}">${label}</text>` +
        (node.rloc16 === null || node.rloc16 === nodeLabel(node)
          ? ''
          : `<text class="place" text-anchor="middle" y="${size + 25}">${xmlText(node.rloc16)}</text>`)
      : childLabel(label, angle, tone);
  return `<g transform="translate(${fixed(x)} ${fixed(y)})"><title>${xmlText(nodeTitle(node))}</title>${shape}${cross}${labels}</g>`;
}

/** Along the line from the parent outwards, never upside down. */
function childLabel(label: string, angle: number, tone: string): string {
  const degrees = (angle * 180) / Math.PI;
  const flipped = Math.cos(angle) < -1e-9;
  const turn = flipped ? degrees + 180 : degrees;
  return `<text class="child-label${tone}" text-anchor="${flipped ? 'end' : 'start'}" dominant-baseline="central" transform="rotate(${fixed(turn)})" x="${flipped ? -10 : 10}">${label}</text>`;
}

function nodeClass(node: TopologyNode): string {
  if (node.state === 'inferred') return 'inferred';
  if (node.state === 'silent') return node.outcome === null && node.kind === 'node' ? 'pending' : 'silent';
  return `${node.role ?? 'unknown'} ${node.kind === 'border_router' ? 'border' : 'node'}`;
}

function nodeTitle(node: TopologyNode): string {
  const parts = [nodeLabel(node), node.role ?? 'role unknown', node.rloc16, node.extAddr];
  parts.push(node.outcome === null || node.outcome === 'answered' ? node.state : node.outcome);
  if (node.toldBy !== undefined) parts.push('told by its parent');
  const make = [node.device?.vendorName, node.device?.vendorModel].filter((part) => part != null);
  if (make.length > 0) parts.push(make.join(' '));
  if (node.batteryPercent !== undefined) parts.push(`battery ${node.batteryPercent} %`);
  if (node.stale) parts.push('place from an earlier scan');
  return parts.filter((part) => part !== null).join(' · ');
}

function legend(x: number, y: number): string {
  const nodes = [
    ['leader node', 'leader'],
    ['router node', 'router'],
    ['child node', 'end device'],
    ['sleepy_child node', 'sleepy end device'],
    ['silent', 'silent'],
    ['inferred', 'named by others only'],
    ['router border', 'border router'],
  ] as const;
  const links = [
    ['strong', '20 dB and more'],
    ['fair', '10 to 20 dB'],
    ['weak', 'below 10 dB'],
    ['inferred-link', 'not measured'],
    ['stale', 'earlier scan'],
    ['one-way', 'one way'],
  ] as const;
  const items: string[] = [];
  let left = 8;
  for (const [classes, text] of nodes) {
    const square = classes.endsWith('border');
    const shape = square
      ? `<rect class="${classes}" x="-6" y="-6" width="12" height="12" rx="3"/>`
      : `<circle class="${classes}" r="6"/>`;
    items.push(
      `<g transform="translate(${fixed(left)} 8)">${shape}<text class="note" x="12" y="4">${text}</text></g>`,
    );
    left += 34 + text.length * 6.6;
  }
  left = 0;
  for (const [classes, text] of links) {
    items.push(
      `<g transform="translate(${fixed(left)} 34)"><line class="link ${classes}" x2="24"/><text class="note" x="30" y="4">${text}</text></g>`,
    );
    left += 50 + text.length * 6.6;
  }
  return `<g transform="translate(${x} ${fixed(y)})">${items.join('')}</g>`;
}

/** One decimal: a picture of a tenth of a pixel, the same on every machine. */
function fixed(value: number): string {
  return String(Math.round(value * 10) / 10);
}
