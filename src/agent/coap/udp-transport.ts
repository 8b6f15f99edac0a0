/**
 * Datagrams over a UDP socket of the system. The socket is opened by the first send and again after it failed; what it
 * costs is paid only by those who speak.
 */
import { createSocket, type Socket, type SocketType } from 'node:dgram';
import { isIP } from 'node:net';
import type { CoapEndpoint, DatagramTransport } from './transport.ts';

export interface UdpTransportOptions {
  readonly family?: 'udp6' | 'udp4';
  /** Local address and port; any where they are not given. */
  readonly address?: string;
  readonly port?: number;
  /** Where multicast leaves: `::%wpan0` for IPv6. The system's choice where it is not given. */
  readonly multicastInterface?: string;
}

type OnSent = (error: Error | null) => void;

export class UdpTransport implements DatagramTransport {
  readonly #family: SocketType;
  readonly #options: UdpTransportOptions;
  /** Sends that the system has not reported on: a socket that fails would forget them. */
  readonly #pending = new Set<OnSent>();
  #listener: (datagram: Uint8Array, from: CoapEndpoint) => void = () => undefined;
  #socket: Socket | null = null;
  #closed = false;

  constructor(options: UdpTransportOptions = {}) {
    this.#options = options;
    this.#family = options.family ?? 'udp6';
  }

  send(datagram: Uint8Array, endpoint: CoapEndpoint, onSent: OnSent): void {
    if (this.#closed) {
      onSent(new Error('the transport is closed'));
      return;
    }
    this.#pending.add(onSent);
    const settle = (error: Error | null): void => {
      if (this.#pending.delete(onSent)) onSent(error);
    };
    try {
      const socket = this.#socket ?? this.#open();
      // It may have failed at once; then this send has been reported on.
      if (this.#socket !== socket) return;
      const { multicastInterface } = this.#options;
      if (multicastInterface === undefined || !isMulticast(endpoint.address)) {
        socket.send(datagram, endpoint.port, endpoint.address, settle);
        return;
      }
      // Named again each time: a Thread interface that was taken down comes back with another index.
      whenListening(socket, () => {
        try {
          socket.setMulticastInterface(multicastInterface);
          socket.send(datagram, endpoint.port, endpoint.address, settle);
        } catch (error) {
          settle(asError(error));
        }
      });
    } catch (error) {
      settle(asError(error));
    }
  }

  onMessage(listener: (datagram: Uint8Array, from: CoapEndpoint) => void): void {
    this.#listener = listener;
  }

  close(): void {
    this.#closed = true;
    this.#drop(new Error('the transport is closed'));
  }

  #open(): Socket {
    const socket = createSocket({
      type: this.#family,
      // Addresses are numeric; a name would mean a DNS query per datagram.
      lookup: (host, _options, callback) => {
        const family = isIP(host);
        callback(family === 0 ? new Error(`${host} is not a numeric address`) : null, host, family);
      },
    });
    socket.on('message', (datagram, { address, port }) => this.#listener(datagram, { address, port }));
    socket.on('error', (error) => {
      if (this.#socket === socket) this.#drop(error);
    });
    this.#socket = socket;
    socket.bind(this.#options.port ?? 0, this.#options.address);
    return socket;
  }

  #drop(error: Error): void {
    const socket = this.#socket;
    this.#socket = null;
    try {
      socket?.close();
    } catch {
      // It failed before it was open.
    }
    const pending = [...this.#pending];
    this.#pending.clear();
    for (const onSent of pending) onSent(error);
  }
}

function isMulticast(address: string): boolean {
  return /^ff/i.test(address) || /^2(2[4-9]|3\d)\./.test(address);
}

function whenListening(socket: Socket, callback: () => void): void {
  try {
    socket.address();
    callback();
  } catch {
    socket.once('listening', callback);
  }
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
