/**
 * An OpenThread border router's REST API as a `MeshReader`. Which dialect it speaks is found out once, and again when its
 * answers say that it is not the one it was: it may have been updated, replaced, or started again.
 *
 * There is no authentication in that API, and it would hand out the network's keys: `OtbrHttpClient` cannot ask for them.
 */
import type { Clock } from '../../clock.ts';
import type { DeviceDiagnostics } from '../mesh/device-diagnostics.ts';
import type {
  AskedDevice,
  BorderRouterState,
  DiagnosticTopic,
  ListedDevice,
  MeshReader,
  ReadContext,
  ReadFailureCode,
  ReadResult,
  Survey,
} from '../mesh/mesh-reader.ts';
import { EspDialect } from './esp-dialect.ts';
import { JsonApiDialect } from './json-api-dialect.ts';
import { LegacyDialect, otbrPace } from './legacy-dialect.ts';
import type { DialectReader, OtbrDialect } from './otbr-dialect.ts';
import { cancelled, failure, OtbrHttpClient, type OtbrHttpClientOptions } from './otbr-http-client.ts';
import { probe } from './otbr-probe.ts';
import { OtbrTasks } from './otbr-tasks.ts';
import { offReason, readState } from './read-state.ts';

/** After these the border router may be another than before. */
const mayHaveChanged: ReadonlySet<ReadFailureCode> = new Set(['off', 'too_old', 'unreachable', 'malformed']);

export class OtbrRestReader implements MeshReader {
  readonly kind = 'otbr-rest';
  readonly #http: OtbrHttpClient;
  readonly #clock: Clock;
  readonly #tasks: OtbrTasks;
  readonly #closing = new AbortController();
  #found: { readonly dialect: OtbrDialect; readonly reader: DialectReader } | null = null;

  /** Throws TypeError for what is no URL of HTTP. */
  constructor(options: OtbrHttpClientOptions) {
    this.#http = new OtbrHttpClient(options);
    this.#clock = options.clock;
    this.#tasks = new OtbrTasks(this.#http, options.clock);
  }

  get address(): string {
    return this.#http.address;
  }

  get dialect(): string | null {
    return this.#found?.dialect.name ?? null;
  }

  get asksDevices(): boolean {
    return this.#found?.reader.asksDevices ?? false;
  }

  state({ signal }: Pick<ReadContext, 'signal'>): Promise<ReadResult<BorderRouterState>> {
    return this.#bounded(signal, (ended) => this.#state(ended));
  }

  list({ signal }: Pick<ReadContext, 'signal'>): Promise<ReadResult<readonly ListedDevice[] | null>> {
    return this.#inNetwork(signal, (reader, state, ended) => reader.list(state, ended));
  }

  survey({ radio, signal }: ReadContext, expected: number): Promise<ReadResult<Survey>> {
    return this.#inNetwork(signal, (reader, state, ended) =>
      reader.survey(state, expected, { radio, signal: ended }),
    );
  }

  ask(
    device: AskedDevice,
    topics: ReadonlySet<DiagnosticTopic>,
    timeoutMs: number,
    { radio, signal }: ReadContext,
  ): Promise<ReadResult<DeviceDiagnostics>> {
    return this.#bounded(signal, async (ended) => {
      const reader = await this.#reader(ended);
      return reader.ok ? reader.value.ask(device, topics, timeoutMs, { radio, signal: ended }) : reader;
    });
  }

  close(): Promise<void> {
    this.#closing.abort();
    return Promise.resolve();
  }

  async #state(signal: AbortSignal): Promise<ReadResult<BorderRouterState>> {
    const answer = await this.#http.get('/node', signal);
    if (!answer.ok) return answer;
    if (answer.value.kind === 'json') return readState(answer.value.value, this.address);
    const { detail, status } = answer.value;
    return status === 404
      ? failure('too_old', `${this.address} has no /node: this is no border router, or one much too old`)
      : failure('rejected', `${this.address}/node answers ${status} ${detail}`.trim());
  }

  async #reader(signal: AbortSignal): Promise<ReadResult<DialectReader>> {
    if (this.#found !== null) return { ok: true, value: this.#found.reader };
    const dialect = await probe(this.#http, signal);
    if (!dialect.ok) return dialect;
    const reader = this.#readerOf(dialect.value);
    this.#found = { dialect: dialect.value, reader };
    return { ok: true, value: reader };
  }

  #readerOf({ fieldNames, name }: OtbrDialect): DialectReader {
    switch (name) {
      case 'json-api':
        return new JsonApiDialect({
          httpClient: this.#http,
          tasks: this.#tasks,
          clock: this.#clock,
          fieldNames,
        });
      case 'legacy':
        return new LegacyDialect(this.#http, this.#clock, otbrPace);
      case 'esp':
        return new EspDialect(this.#http, this.#clock);
    }
  }

  /** Reads where the border router is in a Thread network. */
  #inNetwork<Value>(
    signal: AbortSignal,
    read: (reader: DialectReader, state: BorderRouterState, ended: AbortSignal) => Promise<ReadResult<Value>>,
  ): Promise<ReadResult<Value>> {
    return this.#bounded(signal, async (ended) => {
      const state = await this.#state(ended);
      if (!state.ok) return state;
      const off = offReason(state.value, this.address);
      if (off !== null) return off;
      const reader = await this.#reader(ended);
      return reader.ok ? read(reader.value, state.value, ended) : reader;
    });
  }

  /** Ends with the caller's signal and with the reader, and forgets a dialect that no longer fits. */
  async #bounded<Value>(
    signal: AbortSignal,
    read: (ended: AbortSignal) => Promise<ReadResult<Value>>,
  ): Promise<ReadResult<Value>> {
    const ended = AbortSignal.any([signal, this.#closing.signal]);
    if (ended.aborted) return cancelled;
    const result = await read(ended);
    if (!result.ok && mayHaveChanged.has(result.code)) this.#found = null;
    return result;
  }
}
