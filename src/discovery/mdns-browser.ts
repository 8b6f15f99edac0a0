/**
 * Asks the local network by multicast DNS (RFC 6762) who offers a service, and listens for about two seconds. Nothing is sent
 * before, and nothing stays open after.
 */
import { networkInterfaces } from 'node:os';
import multicastDns from 'multicast-dns';
import type { Clock } from '../clock.ts';
import { type DnsRecord, type ServiceInstance, ServiceRecords } from './service-records.ts';

export interface BrowseOptions {
  readonly service: string;
  /** A name (`eth0`) or an IPv4 address of this machine; null: every one but loopback. */
  readonly interface: string | null;
  readonly clock: Clock;
  /** Ends it early, with what was found. */
  readonly signal?: AbortSignal;
  /** 5353; another for tests. */
  readonly port?: number;
  readonly durationMs?: number;
}

export interface Browsed {
  readonly instances: readonly ServiceInstance[];
  /** Where only one interface was asked: link-local addresses belong to it. */
  readonly interfaceName: string | null;
  readonly onLoopback: boolean;
}

export type BrowseResult =
  { readonly ok: true; readonly browsed: Browsed } | { readonly ok: false; readonly reason: string };

interface OwnInterface {
  readonly name: string;
  readonly address: string;
  readonly internal: boolean;
}

/** Responders wait up to 120 ms, and repeat nothing. */
const defaultDurationMs = 2_000;
/** Packets get lost: asked again, for what is missing then. */
const questionTimesMs = [0, 400, 1_000];
/** In one browse; a flood beyond it is not read. */
const maxPackets = 2_000;
/** A machine with more has containers on most of them. */
const maxInterfaces = 8;

export async function browse(options: BrowseOptions): Promise<BrowseResult> {
  const interfaces = ownInterfaces(options.interface);
  if (interfaces.length === 0)
    return {
      ok: false,
      reason:
        options.interface === null
          ? 'this machine has no network interface with an IPv4 address'
          : `this machine has no network interface ${JSON.stringify(options.interface)} with an IPv4 address; set discovery.interface to one that it has`,
    };
  const records = new ServiceRecords(options.service);
  const reasons = await Promise.all(interfaces.map(({ address }) => listen(address, records, options)));
  const [first] = reasons;
  if (first !== undefined && reasons.every((reason) => reason !== null))
    return { ok: false, reason: first ?? 'multicast DNS failed' };
  const [only] = interfaces;
  return {
    ok: true,
    browsed: {
      instances: records.instances(),
      interfaceName: interfaces.length === 1 && only !== undefined ? only.name : null,
      onLoopback: interfaces.every(({ internal }) => internal),
    },
  };
}

/** Resolves to why it failed, or null. */
function listen(
  address: string,
  records: ServiceRecords,
  { clock, durationMs = defaultDurationMs, port = 5353, service, signal }: BrowseOptions,
): Promise<string | null> {
  if (signal?.aborted === true) return Promise.resolve(null);
  return new Promise((resolve) => {
    // Bound to every address: a socket bound to one would not get multicasts. It sends on this interface only.
    const mdns = multicastDns({ port, interface: address, bind: '0.0.0.0', loopback: true });
    let packets = 0;
    let settled = false;
    const cancels: (() => void)[] = [];
    const settle = (reason: string | null): void => {
      if (settled) return;
      settled = true;
      for (const cancel of cancels) cancel();
      signal?.removeEventListener('abort', end);
      try {
        mdns.destroy(() => resolve(reason));
      } catch {
        // A socket that was never bound.
        resolve(reason);
      }
    };
    const end = (): void => settle(null);
    const ask = (): void => {
      const missing = records.missing().slice(0, 32);
      mdns.query([{ name: service, type: 'PTR' }, ...missing], (error) => {
        if (error !== null) settle(`multicast DNS on ${address} failed: ${error.message}`);
      });
    };
    mdns.on('error', (error) => settle(`multicast DNS on ${address} failed: ${error.message}`));
    mdns.on('response', ({ additionals, answers }) => {
      packets += 1;
      if (packets <= maxPackets && !settled)
        records.add([...answers, ...additionals] as readonly DnsRecord[]);
    });
    signal?.addEventListener('abort', end, { once: true });
    mdns.once('ready', () => {
      if (settled) return;
      for (const atMs of questionTimesMs) cancels.push(clock.after(Math.min(atMs, durationMs), ask));
      cancels.push(clock.after(durationMs, end));
    });
  });
}

function ownInterfaces(wanted: string | null): OwnInterface[] {
  const all = Object.entries(networkInterfaces()).flatMap(([name, addresses = []]) => {
    const found = addresses.find(
      ({ address, family }) =>
        family === 'IPv4' && (wanted === null || wanted === name || wanted === address),
    );
    return found === undefined ? [] : [{ name, address: found.address, internal: found.internal }];
  });
  return all.filter(({ internal }) => wanted !== null || !internal).slice(0, maxInterfaces);
}
