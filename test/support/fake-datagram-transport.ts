/** A transport that keeps what is sent and delivers what a test makes up. */
import type { CoapEndpoint, DatagramTransport } from '../../src/agent/coap/transport.ts';
import { type CoapMessage, decodeMessage, encodeMessage, noBytes } from '../../src/agent/coap/message.ts';

export interface SentDatagram {
  readonly datagram: Uint8Array;
  readonly endpoint: CoapEndpoint;
}

export class FakeDatagramTransport implements DatagramTransport {
  readonly sent: SentDatagram[] = [];
  closed = false;
  /** The next sends fail with these, in order. */
  readonly errors: Error[] = [];
  /** Called for each datagram that was sent. */
  onSent: (message: CoapMessage, endpoint: CoapEndpoint) => void = () => undefined;
  #listener: (datagram: Uint8Array, from: CoapEndpoint) => void = () => undefined;

  send(datagram: Uint8Array, endpoint: CoapEndpoint, onSent: (error: Error | null) => void): void {
    const error = this.errors.shift() ?? null;
    if (error === null) this.sent.push({ datagram, endpoint });
    onSent(error);
    const message = decodeMessage(datagram);
    if (error === null && message !== null) this.onSent(message, endpoint);
  }

  onMessage(listener: (datagram: Uint8Array, from: CoapEndpoint) => void): void {
    this.#listener = listener;
  }

  close(): void {
    this.closed = true;
  }

  deliver(datagram: Uint8Array, from: CoapEndpoint): void {
    this.#listener(datagram, from);
  }

  /** Delivers a message; what is left out is empty. */
  deliverMessage(message: Partial<CoapMessage> & Pick<CoapMessage, 'type'>, from: CoapEndpoint): void {
    this.deliver(
      encodeMessage({
        code: '2.05',
        messageId: 0,
        token: noBytes,
        options: [],
        payload: noBytes,
        ...message,
      }),
      from,
    );
  }

  /** What was sent, decoded. */
  get messages(): CoapMessage[] {
    return this.sent.map(({ datagram }) => {
      const message = decodeMessage(datagram);
      if (message === null) throw new Error('an unreadable datagram was sent');
      return message;
    });
  }
}
