/**
 * An anonymised scan as one JSON document, to hand to somebody else: it imports again as a scan that gives the same
 * topology under other names.
 *
 * Replaced, the same thing by the same thing everywhere: node names, IPv6 addresses (network and interface parts apart,
 * so that prefixes stay prefixes; RLOC and link-local forms stay what they are), extended addresses, EUI-64s, host names,
 * extended PAN ids, border router ids, the scan's id. Kept: roles, RLOC16s, partition ids, radio measurements, counters,
 * vendors, models, versions, outcomes, times. Left out: network names, error texts, notes, and every field of an answer that this program does not know.
 *
 * Pseudonyms are HMACs under a salt that is used once and thrown away: with the same salt they would be the same, and
 * without it nobody can try out names.
 */
import { createHmac } from 'node:crypto';
import { z } from 'zod';
import { BundleError } from '../errors.ts';
import { parseIpv6 } from '../protocol/ipv6.ts';
import type { JsonObject } from '../protocol/json.ts';
import {
  type ChildInfo,
  type DeviceInfo,
  type LinkMeasurement,
  type NetworkInfo,
  parseNetworkInfo,
  roles,
} from '../protocol/network-info.ts';
import { type Scan, type ScanNode, scanSchema } from '../protocol/scan.ts';
import { fromWire, toWire } from '../protocol/wire.ts';
import type { TopologyBorderRouter } from './topology-input.ts';

export const bundleFormat = 'threadhub-scan-bundle';
export const bundleVersion = 1;

const bundleSchema = z.object({
  format: z.literal(bundleFormat),
  version: z.literal(bundleVersion),
  scan: scanSchema.extend({ nodes: scanSchema.shape.nodes.max(100_000) }),
  border_routers: z
    .array(
      z.object({
        id: z.string().regex(/^[A-Za-z0-9._-]{1,64}$/),
        online: z.boolean(),
        network_key: z.string().max(128),
        network_prefix: z.string().max(64).nullable(),
        ext_address: z.string().max(32).nullable(),
        rloc16: z.string().max(8).nullable(),
        role: z.enum(roles).nullable(),
        partition_id: z.number().nullable(),
      }),
    )
    .max(10_000),
});

type BundleWire = z.infer<typeof bundleSchema>;

/** What a bundle holds. `networkKeyOf` of an imported node is its /64 prefix, see `importedNetworkKey`. */
export interface ScanBundle {
  readonly scan: Scan;
  readonly borderRouters: readonly TopologyBorderRouter[];
}

export interface BundleOptions {
  /** Random, fresh for each bundle. */
  readonly salt: Uint8Array;
  /** The border routers at the time of the scan. */
  readonly borderRouters?: readonly TopologyBorderRouter[];
}

/** JSON text. */
export function toBundle(scan: Scan, options: BundleOptions): string {
  const pseudonyms = new Pseudonyms(options.salt);
  const nodes = scan.nodes.map((node) => anonymousNode(node, pseudonyms));
  const anonymous: Scan = {
    ...scan,
    id: pseudonyms.uuid(scan.id),
    nodes,
    borderRouters: scan.borderRouters.map((id) => pseudonyms.borderRouterId(id)),
    slowest: scan.slowest.map((item) => ({ ...item, name: pseudonyms.nodeName(item.name) })),
    notes: [],
  };
  const borderRouters = (options.borderRouters ?? []).map((item): TopologyBorderRouter => {
    const prefix = item.networkPrefix === null ? null : pseudonyms.prefix(item.networkPrefix);
    return {
      id: pseudonyms.borderRouterId(item.id),
      online: item.online,
      networkKey: pseudonyms.networkKey(item.networkKey),
      networkPrefix: prefix,
      extAddress: item.extAddress === null ? null : pseudonyms.extAddress(item.extAddress),
      rloc16: item.rloc16,
      role: item.role,
      partitionId: item.partitionId,
    };
  });
  return `${JSON.stringify({
    format: bundleFormat,
    version: bundleVersion,
    scan: toWire(anonymous),
    border_routers: toWire(borderRouters),
  })}\n`;
}

/** Reads a bundle, as text or already as an object. Throws `BundleError`. */
export function readBundle(json: unknown): ScanBundle {
  const value = typeof json === 'string' ? parseJson(json) : json;
  const header = z.object({ format: z.literal(bundleFormat), version: z.unknown() }).safeParse(value);
  if (!header.success)
    throw new BundleError('bundle_invalid', `This is no scan bundle: "format" is not "${bundleFormat}"`);
  if (header.data.version !== bundleVersion)
    throw new BundleError(
      'bundle_unsupported',
      `The bundle has version ${String(header.data.version)}; this program reads version ${bundleVersion}`,
    );
  const parsed = bundleSchema.safeParse(value);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw new BundleError(
      'bundle_invalid',
      `The bundle cannot be read: ${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'invalid'}`,
    );
  }
  return fromBundleWire(parsed.data);
}

/** The scan of a bundle, finished, with trigger `import`. Throws `BundleError`. */
export function parseBundle(json: unknown): Scan {
  return readBundle(json).scan;
}

/** The network that an imported node is counted with: its /64 prefix, as the bundle's border routers call it too. */
export function importedNetworkKey(node: Pick<ScanNode, 'ipv6'>): string {
  const groups = ipv6Groups(node.ipv6);
  return groups === null ? 'unknown' : prefixText(groups.slice(0, 4));
}

function fromBundleWire(bundle: BundleWire): ScanBundle {
  const scan = fromWire(bundle.scan);
  return {
    scan: {
      ...scan,
      trigger: 'import',
      state: scan.state === 'running' ? 'cancelled' : scan.state,
      finishedAt: scan.finishedAt ?? scan.startedAt,
      undecided: 0,
      nodes: scan.nodes.map((node) => ({ ...node, outcome: node.outcome ?? 'cancelled' })),
    },
    borderRouters: fromWire(bundle.border_routers),
  };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new BundleError('bundle_invalid', 'The bundle is not JSON', { cause });
  }
}

// --------------------------------------------------------------------------------------------------------- anonymising

function anonymousNode(node: ScanNode, pseudonyms: Pseudonyms): ScanNode {
  const parsed = node.outcome === 'answered' ? parseNetworkInfo(node.networkInfo) : null;
  return {
    name: pseudonyms.nodeName(node.name),
    ipv6: pseudonyms.ipv6(node.ipv6),
    extAddr: node.extAddr === null ? null : pseudonyms.extAddress(node.extAddr),
    brId: node.brId === null ? null : pseudonyms.borderRouterId(node.brId),
    outcome: node.outcome,
    late: node.late,
    attempts: node.attempts,
    durationMs: node.durationMs,
    decidedAt: node.decidedAt,
    error: null,
    networkInfo: parsed?.ok === true ? anonymousAnswer(parsed.networkInfo, pseudonyms) : null,
  };
}

/** Written anew from what was understood, so that nothing unknown passes. */
function anonymousAnswer(info: NetworkInfo, pseudonyms: Pseudonyms): JsonObject {
  const address = (extAddress: string | null): JsonObject =>
    extAddress === null ? {} : { ext_addr: pseudonyms.extAddress(extAddress) };
  const { parent } = info;
  return {
    role: info.role,
    rloc16: info.rloc16,
    ...address(info.extAddress),
    ...present({ partition_id: info.partitionId }),
    ...(info.extPanId === null ? {} : { ext_pan_id: pseudonyms.extPanId(info.extPanId) }),
    ...(info.toldBy === null ? {} : { told_by: pseudonyms.extAddress(info.toldBy) }),
    ...present({
      measured_ago_ms: info.measuredAgoMs,
      counters_ago_ms: info.countersAgoMs,
      leader_router_id: info.leaderRouterId,
      mode: info.mode,
      border_router: info.borderRouter,
    }),
    ...addressesOf(info.ipv6Addresses, pseudonyms),
    ...(info.device === null ? {} : { device: anonymousDevice(info.device, pseudonyms) }),
    ...(parent === null
      ? {}
      : {
          parent: {
            ...present({ rloc16: parent.rloc16 }),
            ...address(parent.extAddress),
            ...measured(parent),
          },
        }),
    children: info.children.map((child) => ({
      rloc16: child.rloc16,
      ...address(child.extAddress),
      ...present({
        mode: modeOf(child),
        age: child.ageSeconds,
        link_age: child.linkAgeSeconds,
        timeout: child.timeoutSeconds,
        queued_messages: child.queuedMessages,
        thread_version: child.threadVersion,
      }),
      ...addressesOf(child.ipv6Addresses, pseudonyms),
      ...measured(child),
    })),
    neighbors: info.neighbors.map((neighbor) => ({
      rloc16: neighbor.rloc16,
      ...address(neighbor.extAddress),
      ...present({ age: neighbor.ageSeconds, link_age: neighbor.linkAgeSeconds }),
      ...measured(neighbor),
    })),
    routes: info.routes.map((route) =>
      present({
        router_id: route.routerId,
        next_hop: route.nextHop,
        cost: route.cost,
        lq_in: route.linkQualityIn,
        lq_out: route.linkQualityOut,
      }),
    ),
    counters: Object.fromEntries(Object.entries(info.counters).filter(([key]) => isPlainCounterName(key))),
    ...(info.batteryMillivolts === null && info.batteryPercent === null
      ? {}
      : { battery: present({ voltage_mv: info.batteryMillivolts, percent: info.batteryPercent }) }),
  };
}

function measured(value: LinkMeasurement): JsonObject {
  return present({
    rssi: value.rssi,
    last_rssi: value.lastRssi,
    lqi: value.lqi,
    link_margin: value.linkMargin,
    frame_error_rate: value.frameErrorRate,
    message_error_rate: value.messageErrorRate,
  });
}

/** Make and versions stay: they tell why a mesh behaves as it does, and of whom nothing. */
function anonymousDevice(device: DeviceInfo, pseudonyms: Pseudonyms): JsonObject {
  const { eui64, hostname, softwareVersion, stackVersion, threadVersion, vendorModel, vendorName } = device;
  return present({
    hostname: hostname === null ? null : pseudonyms.hostname(hostname),
    vendor_name: vendorName,
    vendor_model: vendorModel,
    software_version: softwareVersion,
    stack_version: stackVersion,
    thread_version: threadVersion,
    eui64: eui64 === null ? null : pseudonyms.eui64(eui64),
  });
}

function addressesOf(addresses: readonly string[], pseudonyms: Pseudonyms): JsonObject {
  return addresses.length === 0
    ? {}
    : { ipv6_addresses: addresses.map((address) => pseudonyms.ipv6(address)) };
}

function modeOf({ mode }: ChildInfo): string | null {
  return mode !== null && /^[rdns-]{0,4}$/.test(mode) ? mode : null;
}

/** Words only: a firmware could use an address as a name. */
function isPlainCounterName(name: string): boolean {
  return /^[a-z_]{1,40}$/i.test(name) && !/^[0-9a-f_]{12,}$/i.test(name);
}

function present(values: Record<string, string | number | boolean | null>): JsonObject {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== null));
}

class Pseudonyms {
  readonly #salt: Uint8Array;

  constructor(salt: Uint8Array) {
    this.#salt = salt;
  }

  nodeName(name: string): string {
    return `node-${this.#hex('name', name, 12)}`;
  }

  borderRouterId(id: string): string {
    return `BR-${this.#hex('border_router', id, 12)}`;
  }

  extAddress(extAddress: string): string {
    return this.#hex('ext_addr', extAddress.toLowerCase().replaceAll(/[:-]/g, ''), 16);
  }

  eui64(eui64: string): string {
    return this.#hex('eui64', eui64.toLowerCase(), 16);
  }

  hostname(hostname: string): string {
    return `host-${this.#hex('hostname', hostname.toLowerCase(), 12)}`;
  }

  extPanId(extPanId: string): string {
    return this.#hex('ext_pan_id', extPanId.toLowerCase(), 16);
  }

  uuid(id: string): string {
    const hex = this.#hex('scan', id, 32);
    return [
      hex.slice(0, 8),
      hex.slice(8, 12),
      `8${hex.slice(13, 16)}`,
      `8${hex.slice(17, 20)}`,
      hex.slice(20),
    ].join('-');
  }

  ipv6(address: string): string {
    const groups = ipv6Groups(address);
    if (groups === null) return this.ipv6(`fd00::${this.#hex('address', address, 4)}`);
    return canonical([...this.#networkPart(groups.slice(0, 4)), ...this.#interfacePart(groups.slice(4))]);
  }

  /** A prefix of 64 bits; a longer or shorter one is cut or filled to that. */
  prefix(prefix: string): string {
    const groups = ipv6Groups(prefix.split('/')[0] ?? '');
    return groups === null ? this.networkKey(prefix) : prefixText(this.#networkPart(groups.slice(0, 4)));
  }

  /** Keys are prefixes, extended PAN ids, or whatever the caller uses. */
  networkKey(key: string): string {
    if (/^[0-9a-f]{16}$/i.test(key)) return this.extPanId(key);
    if (ipv6Groups(key.split('/')[0] ?? '') !== null) return this.prefix(key);
    return `network-${this.#hex('network', key, 12)}`;
  }

  #networkPart(groups: readonly string[]): string[] {
    if (groups[0] === 'fe80') return [...groups];
    const hex = this.#hex('prefix', groups.join(':'), 14);
    return [`fd${hex.slice(0, 2)}`, hex.slice(2, 6), hex.slice(6, 10), hex.slice(10, 14)];
  }

  /** The interface part of an RLOC, `0:ff:fe00:RLOC16`, tells the RLOC16, which stays readable anyway. */
  #interfacePart(groups: readonly string[]): string[] {
    if (groups.slice(0, 3).join(':') === '0000:00ff:fe00') return [...groups];
    return this.#hex('interface', groups.join(':'), 16).match(/.{4}/g) ?? [];
  }

  #hex(kind: string, value: string, digits: number): string {
    return createHmac('sha256', this.#salt).update(`${kind}\n${value}`).digest('hex').slice(0, digits);
  }
}

/** Eight groups of four digits; null where the text is no address. */
function ipv6Groups(address: string): string[] | null {
  const compressed = parseIpv6(address);
  if (compressed === null || compressed.includes('.')) return null;
  const [head = '', tail] = compressed.split('::');
  const first = head === '' ? [] : head.split(':');
  const last = tail === undefined || tail === '' ? [] : tail.split(':');
  const zeros = new Array<string>(8 - first.length - last.length).fill('0');
  return [...first, ...zeros, ...last].map((group) => group.padStart(4, '0'));
}

function canonical(groups: readonly string[]): string {
  return parseIpv6(groups.join(':')) ?? groups.join(':');
}

function prefixText(groups: readonly string[]): string {
  return `${canonical([...groups, '0', '0', '0', '0'])}/64`;
}
