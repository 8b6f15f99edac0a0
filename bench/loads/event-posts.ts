/**
 * The load of the `http-ingest` benchmark: clients that post one event after the other on a connection of their own, as
 * k6 runs its virtual users. Closed loop, like the original: a client sends its next event when the last was answered, so
 * that the pressure is the number of clients. Requests are written by hand: a client library would cost more than the hub.
 */
import { connect, type Socket } from 'node:net';
import { answerQuestions } from '../load-process.ts';

/** Changes the number of clients evenly from what it is to `clients`. Answers when the time is over. */
export interface EventPostsQuestion {
  readonly url: string;
  readonly clients: number;
  readonly durationMs: number;
  /** A pause of each client between two events. */
  readonly pauseMs: number;
  readonly form: 'json' | 'form';
}

/** Of this ramp. */
export interface EventPostsAnswer {
  /** Answered with 200. */
  readonly ok: number;
  /** Answered otherwise, or not at all. */
  readonly failed: number;
  /** The first failures, a sentence each. */
  readonly failures: readonly string[];
  /** From the first byte sent to the last one read, ms; one per answer. */
  readonly latenciesMs: readonly number[];
}

const tickMs = 20;
const maxFailures = 10;

const clients: Client[] = [];
let ok = 0;
let failed = 0;
let failures: string[] = [];
let latenciesMs: number[] = [];

class Client {
  readonly #socket: Socket;
  readonly #question: EventPostsQuestion;
  readonly #closed: Promise<void>;
  #received = '';
  #sentAtMs = 0;
  #waiting = false;
  #stopping = false;

  constructor(question: EventPostsQuestion) {
    this.#question = question;
    const { hostname, port } = new URL(question.url);
    this.#socket = connect({ host: hostname, port: Number(port), noDelay: true });
    this.#socket.setEncoding('latin1');
    this.#socket.once('connect', () => this.#send());
    this.#socket.on('data', (text: string) => this.#read(text));
    this.#socket.on('error', (error) => fail(`the connection failed: ${error.message}`));
    this.#closed = new Promise((resolve) => {
      this.#socket.once('close', () => {
        if (this.#waiting) fail('the connection was closed before its answer');
        this.#waiting = false;
        resolve();
      });
    });
  }

  /** Resolves once its last event is answered. */
  stop(): Promise<void> {
    this.#stopping = true;
    if (!this.#waiting) this.#socket.end();
    return this.#closed;
  }

  #send(): void {
    if (this.#stopping) {
      this.#socket.end();
      return;
    }
    const value = Math.random() * 30;
    const json = this.#question.form === 'json';
    const body = json ? `{"type":"temperature","value":${value}}` : `type=temperature&value=${value}`;
    const contentType = json ? 'application/json' : 'application/x-www-form-urlencoded';
    this.#waiting = true;
    this.#sentAtMs = performance.now();
    this.#socket.write(
      `POST /event HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: ${contentType}\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
    );
  }

  #read(text: string): void {
    this.#received += text;
    const headersEnd = this.#received.indexOf('\r\n\r\n');
    if (headersEnd < 0) return;
    const length = Number(/\r\ncontent-length: (\d+)/i.exec(this.#received)?.[1] ?? 0);
    if (this.#received.length < headersEnd + 4 + length) return;
    // Hundredths of a millisecond: hundreds of thousands of them go through a pipe as text.
    latenciesMs.push(Math.round((performance.now() - this.#sentAtMs) * 100) / 100);
    this.#waiting = false;
    if (this.#received.startsWith('HTTP/1.1 200 ')) ok += 1;
    else fail(this.#received.slice(0, 15) + this.#received.slice(headersEnd + 4, headersEnd + 300));
    this.#received = '';
    const { pauseMs } = this.#question;
    if (pauseMs > 0) setTimeout(() => this.#send(), pauseMs);
    else this.#send();
  }
}

function fail(what: string): void {
  failed += 1;
  if (failures.length < maxFailures) failures.push(what);
}

answerQuestions(async (question: EventPostsQuestion): Promise<EventPostsAnswer> => {
  const from = clients.length;
  const startedMs = performance.now();
  const stopping: Promise<void>[] = [];
  await new Promise<void>((resolve) => {
    const timer = setInterval(() => {
      const share = Math.min(1, (performance.now() - startedMs) / question.durationMs);
      const wanted = Math.round(from + (question.clients - from) * share);
      while (clients.length < wanted) clients.push(new Client(question));
      while (clients.length > wanted) stopping.push((clients.pop() as Client).stop());
      if (share < 1) return;
      clearInterval(timer);
      resolve();
    }, tickMs);
  });
  await Promise.all(stopping);
  const answer = { ok, failed, failures, latenciesMs };
  ok = 0;
  failed = 0;
  failures = [];
  latenciesMs = [];
  return answer;
});
