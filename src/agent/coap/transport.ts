/**
 * Datagrams to and from CoAP endpoints: the port under the CoAP client. `UdpTransport` is the real one; tests and a
 * simulator may bring their own. It knows nothing of CoAP.
 */

/** Where a datagram goes to or came from. `address` is numeric: names are never looked up. */
export interface CoapEndpoint {
  readonly address: string;
  readonly port: number;
}

export interface DatagramTransport {
  /**
   * Sends one datagram. `onSent` is called exactly once, later or at once: null when the stack took it, else the system
   * error, whose `code` (`ENOBUFS`, `EHOSTUNREACH`, …) the caller reads.
   */
  send(datagram: Uint8Array, endpoint: CoapEndpoint, onSent: (error: Error | null) => void): void;
  /** Sets the one listener. A datagram belongs to the listener; the transport does not touch it again. */
  onMessage(listener: (datagram: Uint8Array, from: CoapEndpoint) => void): void;
  /** Frees the socket. Later sends report an error. Safe to call twice. */
  close(): void;
}
