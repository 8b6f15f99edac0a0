/**
 * The message layer of a virtual node's CoAP server (RFC 7252 §4): one UDP socket on ::1, duplicates, acknowledgements,
 * separate responses. What is answered, and how late, is decided by `virtual-node.ts`.
 *
 * A request is `fresh` until its reply is made; the reply is kept, so that a repeated request (same endpoint, same message
 * id) gets the same bytes again and is not worked on twice. While the reply is being made, repetitions are ignored.
 */
import { createSocket, type Socket } from 'node:dgram';
import { generate, type NamedOption, parse, type ParsedPacket } from 'coap-packet';
import type { Clock } from '../clock.ts';

export interface CoapServerRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE' | 'other';
  /** Segments joined by `/`, without a leading one. */
  readonly path: string;
  readonly payload: Uint8Array;
  /** Content-Format of the payload. */
  readonly contentFormat: number | null;
  readonly accept: number | null;
  readonly block1: BlockOption | null;
  readonly block2: BlockOption | null;
  /** Address and port it came from. */
  readonly client: string;
}

/** Block1 or Block2 (RFC 7959 §2.2). */
export interface BlockOption {
  readonly number: number;
  readonly more: boolean;
  /** 16, 32, … 1,024 */
  readonly bytes: number;
}

export type CoapServerReply =
  | { readonly kind: 'silence' }
  | { readonly kind: 'reset' }
  | {
      readonly kind: 'response';
      /** `2.05` */
      readonly code: string;
      readonly options: NamedOption[];
      readonly payload: Uint8Array;
      /** Before the response is sent. */
      readonly afterMs: number;
      /** Confirmable requests are acknowledged at once, with nothing in it; the response is a message of its own. */
      readonly separate: boolean;
    };

export interface CoapServerOptions {
  readonly clock: Clock;
  readonly answer: (request: CoapServerRequest) => CoapServerReply;
  /** First message id of the server's own messages, 0–65,535. */
  readonly firstMessageId: number;
}

/** RFC 7252 §4.8.2, EXCHANGE_LIFETIME. */
const exchangeLifetimeMs = 247_000;
/** Replies kept for repetitions; a node is asked by few. */
const rememberedExchanges = 16;
/** RFC 7252 §4.8: ACK_TIMEOUT doubles at each of MAX_RETRANSMIT tries. */
const ackTimeoutMs = 2_000;
const retransmissions = 4;
/** Larger than what leaves a real node, so that tests can have whole answers of any size. */
const maxDatagramBytes = 65_000;

interface Exchange {
  readonly endsAtMs: number;
  /** Null while the reply is being made. */
  reply: Buffer | null;
}

interface Sender {
  readonly address: string;
  readonly port: number;
}

export class CoapServer {
  readonly #options: CoapServerOptions;
  readonly #exchanges = new Map<string, Exchange>();
  /** Cancel functions of what is due later. */
  readonly #timers = new Set<() => void>();
  /** Confirmable responses that wait for an acknowledgement. */
  readonly #unacknowledged = new Map<string, () => void>();
  #socket: Socket | null = null;
  #nextMessageId: number;

  constructor(options: CoapServerOptions) {
    this.#options = options;
    this.#nextMessageId = options.firstMessageId;
  }

  /** Binds a free port of ::1 and resolves with it. */
  listen(): Promise<number> {
    const socket = createSocket('udp6');
    this.#socket = socket;
    socket.on('message', (datagram, sender) => this.#receive(datagram, sender));
    return new Promise((resolve, reject) => {
      socket.once('error', reject);
      socket.bind(0, '::1', () => {
        socket.off('error', reject);
        socket.on('error', () => undefined);
        resolve(socket.address().port);
      });
    });
  }

  close(): void {
    for (const cancel of [...this.#timers, ...this.#unacknowledged.values()]) cancel();
    this.#timers.clear();
    this.#unacknowledged.clear();
    this.#socket?.close();
    this.#socket = null;
  }

  #receive(datagram: Buffer, sender: Sender): void {
    let packet: ParsedPacket;
    try {
      packet = parse(datagram);
    } catch {
      return;
    }
    const key = `${sender.address}:${sender.port}:${packet.messageId}`;
    if (packet.ack || packet.reset) {
      this.#unacknowledged.get(key)?.();
      return;
    }
    if (packet.code === '0.00') {
      // A ping (RFC 7252 §4.3).
      if (packet.confirmable) this.#send(emptyMessage('reset', packet.messageId), sender);
      return;
    }
    if (!packet.code.startsWith('0.')) return;
    const known = this.#exchanges.get(key);
    if (known !== undefined && known.endsAtMs > this.#options.clock.monotonicMs()) {
      if (known.reply !== null) this.#send(known.reply, sender);
      return;
    }
    this.#work(packet, key, sender);
  }

  #work(packet: ParsedPacket, key: string, sender: Sender): void {
    const exchange: Exchange = {
      endsAtMs: this.#options.clock.monotonicMs() + exchangeLifetimeMs,
      reply: null,
    };
    this.#remember(key, exchange);
    const reply = this.#options.answer(requestOf(packet, `${sender.address}:${sender.port}`));
    const sendOnce = (message: Buffer): void => {
      exchange.reply = message;
      this.#send(message, sender);
    };
    switch (reply.kind) {
      case 'silence':
        // A node that is not there remembers nothing: once back, it answers a repetition.
        this.#exchanges.delete(key);
        return;
      case 'reset':
        sendOnce(emptyMessage('reset', packet.messageId));
        return;
      case 'response':
        break;
    }
    const { code, options, payload, separate, afterMs } = reply;
    const response = { code, options, payload: Buffer.from(payload), token: packet.token };
    if (packet.confirmable && !separate) {
      this.#later(afterMs, () =>
        sendOnce(generate({ ...response, ack: true, messageId: packet.messageId }, maxDatagramBytes)),
      );
      return;
    }
    if (packet.confirmable) sendOnce(emptyMessage('ack', packet.messageId));
    this.#later(afterMs, () => {
      const messageId = this.#takeMessageId();
      const { confirmable } = packet;
      const message = generate({ ...response, confirmable, messageId }, maxDatagramBytes);
      if (confirmable) this.#sendUntilAcknowledged(message, messageId, sender);
      else sendOnce(message);
    });
  }

  #sendUntilAcknowledged(message: Buffer, messageId: number, sender: Sender): void {
    const key = `${sender.address}:${sender.port}:${messageId}`;
    let cancelTimer: () => void = () => undefined;
    const trySend = (tries: number): void => {
      this.#send(message, sender);
      cancelTimer = this.#options.clock.after(ackTimeoutMs * 2 ** tries, () => {
        if (tries < retransmissions) trySend(tries + 1);
        else this.#unacknowledged.delete(key);
      });
    };
    this.#unacknowledged.set(key, () => {
      cancelTimer();
      this.#unacknowledged.delete(key);
    });
    trySend(0);
  }

  #remember(key: string, exchange: Exchange): void {
    this.#exchanges.delete(key);
    this.#exchanges.set(key, exchange);
    const [oldest] = this.#exchanges.keys();
    if (this.#exchanges.size > rememberedExchanges && oldest !== undefined) this.#exchanges.delete(oldest);
  }

  #later(delayMs: number, callback: () => void): void {
    if (delayMs <= 0) {
      callback();
      return;
    }
    const cancel = this.#options.clock.after(delayMs, () => {
      this.#timers.delete(cancel);
      callback();
    });
    this.#timers.add(cancel);
  }

  #send(message: Buffer, to: Sender): void {
    this.#socket?.send(message, to.port, to.address);
  }

  #takeMessageId(): number {
    const messageId = this.#nextMessageId;
    this.#nextMessageId = (messageId + 1) & 0xffff;
    return messageId;
  }
}

export function uintOption(name: NamedOption['name'], value: number): NamedOption {
  const bytes: number[] = [];
  for (let rest = value; rest > 0; rest = Math.floor(rest / 256)) bytes.unshift(rest & 0xff);
  return { name, value: Buffer.from(bytes) };
}

/** Layout of the value: block number · more, 1 bit · size exponent, 3 bits: 16 · 2^exponent bytes. */
export function blockOption(name: 'Block1' | 'Block2', block: BlockOption): NamedOption {
  const exponent = Math.log2(block.bytes) - 4;
  return uintOption(name, block.number * 16 + (block.more ? 8 : 0) + exponent);
}

const methodOf: ReadonlyMap<string, CoapServerRequest['method']> = new Map([
  ['0.01', 'GET'],
  ['0.02', 'POST'],
  ['0.03', 'PUT'],
  ['0.04', 'DELETE'],
]);

function requestOf(packet: ParsedPacket, client: string): CoapServerRequest {
  const values = (name: string): Buffer[] =>
    packet.options.filter((option) => option.name === name).map((option) => option.value);
  const uint = (name: string): number | null => {
    const [value] = values(name);
    if (value === undefined) return null;
    return value.reduce((sum, byte) => sum * 256 + byte, 0);
  };
  const block = (name: string): BlockOption | null => {
    const value = uint(name);
    if (value === null) return null;
    // Exponent 7 is reserved; it is read as the largest size.
    const exponent = Math.min(6, value & 7);
    return { number: value >> 4, more: (value & 8) !== 0, bytes: 16 << exponent };
  };
  return {
    method: methodOf.get(packet.code) ?? 'other',
    path: values('Uri-Path').join('/'),
    payload: packet.payload,
    contentFormat: uint('Content-Format'),
    accept: uint('Accept'),
    block1: block('Block1'),
    block2: block('Block2'),
    client,
  };
}

function emptyMessage(kind: 'ack' | 'reset', messageId: number): Buffer {
  return generate({ code: '0.00', [kind]: true, messageId });
}
