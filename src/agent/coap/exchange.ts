/**
 * One message exchange (RFC 7252 §4.2, §4.3, §5.2): a request, sent until it is acknowledged, and its response.
 *
 *   confirmable:      sending ── empty ACK ──► acknowledged ── response ──► done
 *                        │ └──── response (piggybacked, or overtaking the ACK) ──► done
 *                        └────── last try unanswered (timed_out), RST (reset), no buffers, cancelled ──► done
 *   non-confirmable:  sent once ── response ──► done
 *
 * With the default limits tries start at 0, 1,200 and 2,700 ms and the exchange gives up at 3,700 ms. The first try's
 * message id stays for all. The deadline of the whole request is its scope's, not the exchange's.
 */
import type { Clock } from '../../clock.ts';
import { CoapError } from '../../errors.ts';
import type { CoapClientLimits } from './coap-client-options.ts';
import type { CoapMessage } from './message.ts';

type ExchangeTimings = Pick<CoapClientLimits, 'ackTimeoutMs' | 'retryPausesMs' | 'noBufferPausesMs'>;

export interface ExchangeOptions {
  readonly clock: Clock;
  readonly timings: ExchangeTimings;
  /** Where answers must come from. */
  readonly endpoint: string;
  /** Names the request in sentences. */
  readonly what: string;
  readonly confirmable: boolean;
  readonly messageId: number;
  readonly token: Buffer;
  /** Sends the request's datagram once. */
  readonly transmit: (onSent: (error: Error | null) => void) => void;
  readonly onRetry: () => void;
  readonly onNoBufferRetry: () => void;
  /** Called exactly once. */
  readonly onDone: (result: ExchangeResult) => void;
}

export type ExchangeResult =
  { readonly ok: true; readonly response: CoapMessage } | { readonly ok: false; readonly failure: CoapError };

/** The stack is full for the moment; every other error of a send is final. */
const noBufferCodes = new Set(['ENOBUFS', 'EAGAIN', 'EWOULDBLOCK', 'ENOMEM']);

export class Exchange {
  readonly endpoint: string;
  readonly messageId: number;
  readonly token: Buffer;
  readonly #options: ExchangeOptions;
  #state: 'sending' | 'acknowledged' | 'done' = 'sending';
  #tries = 0;
  #noBufferRetries = 0;
  #cancelTimer: () => void = () => undefined;

  constructor(options: ExchangeOptions) {
    this.#options = options;
    this.endpoint = options.endpoint;
    this.messageId = options.messageId;
    this.token = options.token;
  }

  start(): void {
    this.#try();
  }

  /** An empty ACK: the node has the request and answers when it can. */
  acknowledge(): void {
    if (this.#state !== 'sending' || !this.#options.confirmable) return;
    this.#state = 'acknowledged';
    this.#cancelTimer();
  }

  complete(response: CoapMessage): void {
    this.#finish({ ok: true, response });
  }

  fail(failure: CoapError): void {
    this.#finish({ ok: false, failure });
  }

  reset(): void {
    this.fail(new CoapError('reset', `${this.#options.what}: the node rejected the request with a reset`));
  }

  #try(): void {
    if (this.#tries > 0) this.#options.onRetry();
    this.#tries += 1;
    this.#transmit();
  }

  #transmit(): void {
    if (this.#options.confirmable) {
      this.#setTimer(this.#options.timings.ackTimeoutMs, () => this.#unanswered());
    }
    this.#options.transmit((error) => {
      if (error !== null && this.#state === 'sending') this.#notSent(error);
    });
  }

  #unanswered(): void {
    const pauseMs = this.#options.timings.retryPausesMs[this.#tries - 1];
    if (pauseMs === undefined) {
      this.fail(
        new CoapError('timed_out', `${this.#options.what}: no acknowledgement after ${this.#tries} tries`),
      );
      return;
    }
    this.#setTimer(pauseMs, () => this.#try());
  }

  #notSent(error: NodeJS.ErrnoException): void {
    const { what, timings, onNoBufferRetry } = this.#options;
    const code = error.code ?? error.message;
    if (!noBufferCodes.has(code)) {
      this.fail(new CoapError('unreachable', `${what}: could not be sent (${code})`, { cause: error }));
      return;
    }
    const pauseMs = timings.noBufferPausesMs[this.#noBufferRetries];
    if (pauseMs === undefined) {
      this.fail(
        new CoapError('no_buffers', `${what}: the network stack had no buffers (${code})`, { cause: error }),
      );
      return;
    }
    this.#noBufferRetries += 1;
    // The same try again: nothing was on the radio.
    this.#setTimer(pauseMs, () => {
      onNoBufferRetry();
      this.#transmit();
    });
  }

  #setTimer(delayMs: number, callback: () => void): void {
    this.#cancelTimer();
    // What was waited for may have come while the datagram was handed over.
    if (this.#state === 'sending') this.#cancelTimer = this.#options.clock.after(delayMs, callback);
  }

  #finish(result: ExchangeResult): void {
    if (this.#state === 'done') return;
    this.#state = 'done';
    this.#cancelTimer();
    this.#options.onDone(result);
  }
}
