/**
 * The requests of one link that a border router may still answer, and whose answer an anonymous failure is.
 *
 * A request is `in_flight` from its dispatch until it is answered or given up, then `given_up` for 100 s: CoAP's own
 * default gives up after 93 s (RFC 7252 §4.8.2, MAX_TRANSMIT_WAIT), and firmware that lets it do so reports that late.
 */
import type { Clock } from '../clock.ts';
import type { RequestId } from '../protocol/ids.ts';

/** MAX_TRANSMIT_WAIT (93 s) and a margin for the way. */
export const answerableMs = 100_000;

/** Far beyond what is given up in 100 s by scans; a caller that triggers and cancels in a loop must not fill the memory. */
const maxGivenUp = 1_024;

/** What the answer of a request belongs to. */
export interface Request {
  readonly requestId: RequestId;
  readonly kind: 'scan_node' | 'send_coap';
  readonly nodeName: string | null;
  readonly targetIpv6: string | null;
  /** Monotonic. */
  readonly sentMs: number;
}

export class UnansweredRequests {
  readonly #clock: Clock;
  readonly #inFlight = new Map<RequestId, Request>();
  /** In the order in which they were given up. */
  readonly #givenUp = new Map<RequestId, { readonly request: Request; readonly untilMs: number }>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get inFlight(): number {
    return this.#inFlight.size;
  }

  requestsInFlight(): Request[] {
    return [...this.#inFlight.values()];
  }

  /** Requests are sent in order, so the first is the oldest. */
  oldestInFlight(): Request | null {
    for (const request of this.#inFlight.values()) return request;
    return null;
  }

  add(request: Request): void {
    this.#inFlight.set(request.requestId, request);
  }

  /** Nobody waits any more, but the border router may yet answer. False where it was not in flight. */
  giveUp(requestId: RequestId): boolean {
    const request = this.#inFlight.get(requestId);
    if (request === undefined) return false;
    this.#inFlight.delete(requestId);
    this.#forgetOld();
    this.#givenUp.set(requestId, { request, untilMs: this.#clock.monotonicMs() + answerableMs });
    return true;
  }

  /** Takes the request that an answer names; null where this link knows none. */
  take(requestId: RequestId): Request | null {
    const request = this.#inFlight.get(requestId) ?? this.#givenUp.get(requestId)?.request ?? null;
    this.#inFlight.delete(requestId);
    this.#givenUp.delete(requestId);
    return request;
  }

  /**
   * Takes the request that an answer without a request id belongs to: the only one with the target or name that it
   * gives; where it gives none, the only one at all. Null where that is ambiguous.
   */
  takeAnonymous(answer: {
    readonly targetIpv6: string | null;
    readonly nodeName: string | null;
  }): Request | null {
    this.#forgetOld();
    const named = answer.targetIpv6 !== null || answer.nodeName !== null;
    let found: Request | null = null;
    for (const request of this.#all()) {
      if (request.kind !== 'scan_node') continue;
      if (answer.targetIpv6 !== null && request.targetIpv6 !== answer.targetIpv6) continue;
      if (answer.nodeName !== null && request.nodeName !== answer.nodeName) continue;
      if (found !== null) return null;
      found = request;
    }
    if (found === null && named) return null;
    return found === null ? null : this.take(found.requestId);
  }

  *#all(): Iterable<Request> {
    yield* this.#inFlight.values();
    for (const { request } of this.#givenUp.values()) yield request;
  }

  #forgetOld(): void {
    const nowMs = this.#clock.monotonicMs();
    for (const [requestId, { untilMs }] of this.#givenUp) {
      if (untilMs > nowMs && this.#givenUp.size < maxGivenUp) return;
      this.#givenUp.delete(requestId);
    }
  }
}
