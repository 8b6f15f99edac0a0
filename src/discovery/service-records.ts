/**
 * DNS-SD records (RFC 6763) of one service, gathered from packets in any order: which instances there are (PTR), where each
 * is (SRV, then A and AAAA of its host) and what it says of itself (TXT). Anybody on the network can send such packets: counts
 * and sizes are bounded, and what is malformed is left out.
 */
import { isIPv4 } from 'node:net';
import { parseIpv6 } from '../protocol/ipv6.ts';
import { withoutControls } from '../printable.ts';

/** A record as a DNS library decodes it; nothing of it is trusted. */
export interface DnsRecord {
  readonly type: string;
  readonly name: string;
  readonly ttl?: number | undefined;
  readonly data?: unknown;
}

export interface ServiceInstance {
  /** For people: `OtLab OtLabBR #9FCC`. */
  readonly name: string;
  /** `ot52a10c4208649fcc.local`; null where nobody told. */
  readonly host: string | null;
  readonly port: number | null;
  /** `key=value` each, as bytes. */
  readonly txt: readonly Uint8Array[];
  /** IPv4 and IPv6, as they came. */
  readonly addresses: readonly string[];
}

interface OpenInstance {
  readonly fullName: string;
  host: string | null;
  port: number | null;
  txt: readonly Uint8Array[];
}

const maxInstances = 64;
const maxHosts = 128;
const maxAddressesOfHost = 16;
const maxRecordsOfPacket = 256;
const maxTxtEntries = 64;
/** RFC 1035 §2.3.4. */
const maxNameLength = 255;
const maxTxtEntryBytes = 255;

export class ServiceRecords {
  readonly #service: string;
  readonly #instances = new Map<string, OpenInstance>();
  readonly #addresses = new Map<string, Set<string>>();

  /** `_meshcop._udp.local`. */
  constructor(service: string) {
    this.#service = service.toLowerCase();
  }

  add(records: readonly DnsRecord[]): void {
    for (const record of records.slice(0, maxRecordsOfPacket)) {
      if (typeof record.name !== 'string' || record.name.length > maxNameLength) continue;
      const name = record.name.toLowerCase();
      switch (record.type) {
        case 'PTR':
          if (name === this.#service) this.#addInstance(record);
          break;
        case 'SRV':
          this.#addPlace(name, record);
          break;
        case 'TXT':
          this.#addText(name, record);
          break;
        case 'A':
        case 'AAAA':
          this.#addAddress(name, record);
          break;
        default:
      }
    }
  }

  /** Questions whose answers are missing still. */
  missing(): { readonly type: 'SRV' | 'TXT' | 'A' | 'AAAA'; readonly name: string }[] {
    const questions: { type: 'SRV' | 'TXT' | 'A' | 'AAAA'; name: string }[] = [];
    for (const { fullName, host, txt } of this.#instances.values()) {
      if (host === null) questions.push({ type: 'SRV', name: fullName });
      if (txt.length === 0) questions.push({ type: 'TXT', name: fullName });
      if (host !== null && !this.#addresses.has(host.toLowerCase()))
        questions.push({ type: 'AAAA', name: host }, { type: 'A', name: host });
    }
    return questions;
  }

  instances(): ServiceInstance[] {
    return [...this.#instances.values()].map(({ fullName, host, port, txt }) => ({
      name: instanceName(fullName, this.#service),
      host,
      port,
      txt,
      addresses: host === null ? [] : [...(this.#addresses.get(host.toLowerCase()) ?? [])],
    }));
  }

  #addInstance({ data, ttl }: DnsRecord): void {
    if (typeof data !== 'string') return;
    // With TTL 0 it says goodbye (RFC 6762 §10.1).
    if (ttl === 0) this.#instances.delete(data.toLowerCase());
    else this.#instance(data);
  }

  #addPlace(name: string, record: DnsRecord): void {
    const { port, target } = (record.data ?? {}) as { readonly port?: unknown; readonly target?: unknown };
    if (typeof target !== 'string' || target.length > maxNameLength || target === '.') return;
    const instance = this.#isInstance(name) ? this.#instance(record.name) : null;
    if (instance === null) return;
    instance.host = target;
    instance.port = typeof port === 'number' && port > 0 && port <= 0xffff ? port : null;
  }

  #addText(name: string, record: DnsRecord): void {
    const instance = this.#isInstance(name) ? this.#instance(record.name) : null;
    if (instance === null) return;
    const entries: unknown[] = Array.isArray(record.data) ? record.data : [record.data];
    instance.txt = entries
      .slice(0, maxTxtEntries)
      .map((entry) => (typeof entry === 'string' ? Buffer.from(entry) : entry))
      .filter((entry) => entry instanceof Uint8Array)
      .filter(({ length }) => length > 0 && length <= maxTxtEntryBytes);
  }

  #addAddress(name: string, { data, type }: DnsRecord): void {
    if (typeof data !== 'string' || data.length > 64) return;
    const address = type === 'A' ? (isIPv4(data) ? data : null) : parseIpv6(data);
    if (address === null) return;
    let addresses = this.#addresses.get(name);
    if (addresses === undefined) {
      if (this.#addresses.size >= maxHosts) return;
      addresses = new Set();
      this.#addresses.set(name, addresses);
    }
    if (addresses.size < maxAddressesOfHost) addresses.add(address);
  }

  #isInstance(name: string): boolean {
    return name.endsWith(`.${this.#service}`);
  }

  #instance(fullName: string): OpenInstance | null {
    const key = fullName.toLowerCase();
    const known = this.#instances.get(key);
    if (known !== undefined) return known;
    if (fullName.length > maxNameLength || !this.#isInstance(key) || this.#instances.size >= maxInstances)
      return null;
    const instance: OpenInstance = { fullName, host: null, port: null, txt: [] };
    this.#instances.set(key, instance);
    return instance;
  }
}

/**
 * The first label, as people named it. Some tools hand names on with the escapes of RFC 6763 §4.3: `\.`, `\\`, and `\032` for a
 * byte of UTF-8.
 */
export function instanceName(fullName: string, service: string): string {
  const label = fullName.toLowerCase().endsWith(`.${service}`)
    ? fullName.slice(0, -service.length - 1)
    : fullName;
  const bytes: number[] = [];
  for (const [part, decimal, character] of label.matchAll(/\\(\d{3})|\\(.)|[^\\]+|\\/gsu)) {
    if (decimal !== undefined && Number(decimal) <= 255) bytes.push(Number(decimal));
    else bytes.push(...Buffer.from(character ?? part));
  }
  const text = Buffer.from(bytes).toString('utf8');
  return withoutControls(text).slice(0, 64).toWellFormed();
}
