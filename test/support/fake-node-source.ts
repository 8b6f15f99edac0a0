/** A node source whose answers the test gives, one by one. */
import type {
  DiscoverAnswer,
  NodeSource,
  NodeSourceCounters,
  ScanNodeAnswer,
  ScanNodeRequest,
  SendCoapAnswer,
  SendCoapRequest,
  SourceNews,
  SourcePacing,
} from '../../src/agent/node-source.ts';

interface Asked<Request, Answer> {
  readonly request: Request;
  readonly signal: AbortSignal;
  readonly answer: (answer: Answer) => void;
  readonly fail: (error: Error) => void;
}

export class FakeNodeSource implements NodeSource {
  readonly kind = 'coap';
  readonly pacing: SourcePacing;
  readonly scans: Asked<ScanNodeRequest, ScanNodeAnswer>[] = [];
  readonly coaps: Asked<SendCoapRequest, SendCoapAnswer>[] = [];
  readonly discoveries: Asked<null, DiscoverAnswer>[] = [];

  readonly #listeners = new Set<(news: SourceNews) => void>();

  constructor(pacing: SourcePacing = 'per_command') {
    this.pacing = pacing;
  }

  scanNode(request: ScanNodeRequest, signal: AbortSignal): Promise<ScanNodeAnswer> {
    return ask(this.scans, request, signal);
  }

  sendCoap(request: SendCoapRequest, signal: AbortSignal): Promise<SendCoapAnswer> {
    return ask(this.coaps, request, signal);
  }

  discover(signal: AbortSignal): Promise<DiscoverAnswer> {
    return ask(this.discoveries, null, signal);
  }

  counters(): NodeSourceCounters {
    return { coapInFlight: 0, coapRetriesTotal: 7 };
  }

  onNews(listener: (news: SourceNews) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  tell(news: SourceNews): void {
    for (const listener of this.#listeners) listener(news);
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  /** Of what it tells unasked. */
  get listeners(): number {
    return this.#listeners.size;
  }

  /** Scans that nobody has cancelled. */
  get openScans(): Asked<ScanNodeRequest, ScanNodeAnswer>[] {
    return this.scans.filter(({ signal }) => !signal.aborted);
  }
}

function ask<Request, Answer>(
  asked: Asked<Request, Answer>[],
  request: Request,
  signal: AbortSignal,
): Promise<Answer> {
  return new Promise((resolve, reject) => asked.push({ request, signal, answer: resolve, fail: reject }));
}
