/** What an outbox reports of its work; metrics subscribe through it. Labels stop at the kind of connection. */
export type OutboxKind = 'border_router' | 'live';

export interface OutboxObserver {
  /** A batch of that many messages was handed to the socket. */
  flushed(kind: OutboxKind, messages: number): void;
  /** From the hand-over to the socket's confirmation. */
  confirmed(kind: OutboxKind, latencySeconds: number): void;
  dropped(kind: OutboxKind, messages: number): void;
  failed(kind: OutboxKind): void;
}

export const silentOutboxObserver: OutboxObserver = {
  flushed() {},
  confirmed() {},
  dropped() {},
  failed() {},
};
