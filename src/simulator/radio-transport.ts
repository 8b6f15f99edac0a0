/**
 * The air between one border router and the nodes of its mesh, as a datagram transport: mesh addresses outside, loopback
 * ports inside. Packets get lost both ways, and arrive late by a whole round trip on their way back. The agent's CoAP
 * client on top of it is the real one, and so is the UDP below.
 */
import type { CoapEndpoint, DatagramTransport } from '../agent/coap/transport.ts';
import type { Clock } from '../clock.ts';

/** A node as the radio knows it. */
export interface RadioPeer {
  /** Canonical mesh address. */
  readonly ipv6: string;
  /** UDP port on ::1. */
  readonly port: number;
  /** Hears multicasts: its receiver is never off. */
  readonly listensWhenIdle: boolean;
  /** Draws for the next packet in either direction. */
  readonly isLost: () => boolean;
  readonly roundTripMs: () => number;
}

export interface RadioTransportOptions {
  /** Datagrams on the loopback interface. */
  readonly under: DatagramTransport;
  readonly clock: Clock;
  readonly peers: readonly RadioPeer[];
  /** Whether packets travel between this border router and that node now. */
  readonly reaches: (peer: RadioPeer) => boolean;
}

const coapPort = 5683;
const loopback = '::1';

export class RadioTransport implements DatagramTransport {
  readonly #options: RadioTransportOptions;
  readonly #byAddress: ReadonlyMap<string, RadioPeer>;
  readonly #byPort: ReadonlyMap<number, RadioPeer>;
  /** Cancel functions of what is in the air. */
  readonly #inTheAir = new Set<() => void>();
  #listener: (datagram: Uint8Array, from: CoapEndpoint) => void = () => undefined;

  constructor(options: RadioTransportOptions) {
    this.#options = options;
    this.#byAddress = new Map(options.peers.map((peer) => [peer.ipv6, peer]));
    this.#byPort = new Map(options.peers.map((peer) => [peer.port, peer]));
    options.under.onMessage((datagram, from) => this.#receive(datagram, from));
  }

  /** To `ff03::1` and other groups: all that listen. A packet to nobody is sent all the same, and lost. */
  send(datagram: Uint8Array, endpoint: CoapEndpoint, onSent: (error: Error | null) => void): void {
    const { under, peers, reaches } = this.#options;
    const peer = this.#byAddress.get(endpoint.address);
    const receivers = endpoint.address.startsWith('ff')
      ? peers.filter((candidate) => candidate.listensWhenIdle)
      : peer === undefined
        ? []
        : [peer];
    for (const { port } of receivers.filter((receiver) => reaches(receiver) && !receiver.isLost())) {
      under.send(datagram, { address: loopback, port }, () => undefined);
    }
    queueMicrotask(() => onSent(null));
  }

  onMessage(listener: (datagram: Uint8Array, from: CoapEndpoint) => void): void {
    this.#listener = listener;
  }

  close(): void {
    for (const cancel of this.#inTheAir) cancel();
    this.#inTheAir.clear();
    this.#options.under.close();
  }

  #receive(datagram: Uint8Array, from: CoapEndpoint): void {
    const peer = this.#byPort.get(from.port);
    if (peer === undefined || !this.#options.reaches(peer) || peer.isLost()) return;
    const delayMs = peer.roundTripMs();
    const deliver = (): void => this.#listener(datagram, { address: peer.ipv6, port: coapPort });
    if (delayMs <= 0) {
      deliver();
      return;
    }
    const cancel = this.#options.clock.after(delayMs, () => {
      this.#inTheAir.delete(cancel);
      deliver();
    });
    this.#inTheAir.add(cancel);
  }
}
