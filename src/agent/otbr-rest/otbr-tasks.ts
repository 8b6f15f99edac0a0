/**
 * Tasks of a border router (`/api/actions`): posted, polled, their result found.
 *
 * It works at one task after another, and a task's timeout counts from the POST: behind somebody else's long task ours would
 * end without having been tried. So there is one of ours at a time, and one that ended without ever having been at
 * work is posted again once the others are through. A task that nobody waits for any more is left alone (to delete it would
 * delete others' as well), and until it has ended or its timeout is over no new one is posted.
 */
import type { Clock } from '../../clock.ts';
import { pause } from '../../pause.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../../protocol/json.ts';
import type { ReadResult } from '../mesh/mesh-reader.ts';
import { cancelled, failure, malformed, type OtbrHttpClient } from './otbr-http-client.ts';
import { integerField, objectField, rowsField, textField } from './wire-fields.ts';

export interface OtbrTask {
  readonly type: 'getNetworkDiagnosticTask' | 'updateDeviceCollectionTask';
  /** All but the timeout. */
  readonly attributes: Readonly<Record<string, JsonValue>>;
  /** How long a device's silence is waited for, once the task is at work. */
  readonly timeoutMs: number;
}

export interface TaskEnd {
  /** `stopped` where the timeout ended it. */
  readonly status: 'completed' | 'stopped' | 'failed' | 'given_up';
  /** Of what it brought; none where that is nothing, several where other devices answered too. */
  readonly resultIds: readonly string[];
  /** How long it was at work: a device that had hardly any time was not silent. */
  readonly activeForMs: number;
  /** From the POST. */
  readonly tookMs: number;
}

interface TaskState {
  readonly status: string;
  readonly resultIds: readonly string[];
}

interface Leftover {
  readonly id: string;
  /** On the monotonic clock; by then the border router has stopped it. */
  readonly endsMs: number;
}

/** A router answers in 25 to 115 ms: the first look comes soon, later ones seldom. */
const firstPollMs = 20;
const longestPollMs = 250;
/** Beyond the timeout for the border router's own clock, which counts whole seconds. */
const graceMs = 1_200;
/** For tasks of others. */
const longestQueueMs = 15_000;
/** Of its timeout; a task that had less was held up by others. */
const enoughShare = 0.5;
const maxActions = 1_000;
/** One is the rule. */
const maxResults = 8;
const longestTimeoutSeconds = 120;

export class OtbrTasks {
  readonly #http: OtbrHttpClient;
  readonly #clock: Clock;
  #leftover: Leftover | null = null;
  /** A POST got no answer: the task may be there all the same. */
  #isUnsure = false;

  constructor(httpClient: OtbrHttpClient, clock: Clock) {
    this.#http = httpClient;
    this.#clock = clock;
  }

  /**
   * Runs one task to its end. `isEnough` is asked between two looks; where it says true the task is left running
   * (`given_up`). A POST that is refused comes back as `rejected`.
   */
  async run(
    task: OtbrTask,
    signal: AbortSignal,
    isEnough: (signal: AbortSignal) => Promise<boolean> = () => Promise.resolve(false),
  ): Promise<ReadResult<TaskEnd>> {
    const free = await this.#untilFree(signal);
    if (!free.ok) return free;
    if (this.#isUnsure) await this.#untilOthersEnd(signal);
    this.#isUnsure = false;
    const first = await this.#once(task, task.timeoutMs, signal, isEnough);
    if (!first.ok || first.value.status === 'completed' || first.value.status === 'given_up') return first;
    const { activeForMs } = first.value;
    if (activeForMs >= task.timeoutMs * enoughShare) return first;
    const othersMs = await this.#untilOthersEnd(signal);
    // Nobody was ahead of it: that it was never tried has another reason, and would have it again.
    if (othersMs === null && activeForMs === 0) return first;
    return this.#once(task, task.timeoutMs + (othersMs ?? 0), signal, isEnough);
  }

  /** Waits, within bounds, for tasks of others that are under way. */
  async settle(signal: AbortSignal): Promise<void> {
    await this.#untilOthersEnd(signal);
  }

  async #once(
    { attributes, type }: OtbrTask,
    timeoutMs: number,
    signal: AbortSignal,
    isEnough: (signal: AbortSignal) => Promise<boolean>,
  ): Promise<ReadResult<TaskEnd>> {
    const timeout = Math.min(longestTimeoutSeconds, Math.max(1, Math.ceil(timeoutMs / 1_000)));
    const postedMs = this.#clock.monotonicMs();
    const answer = await this.#http.postTask(type, { ...attributes, timeout }, signal);
    if (!answer.ok) {
      this.#isUnsure = true;
      return answer;
    }
    if (answer.value.kind === 'refused') {
      const { detail, status } = answer.value;
      if (status === 404) return failure('too_old', `${this.#http.address} has no /api/actions any more`);
      return failure('rejected', `${this.#http.address} refuses a ${type} with ${status} ${detail}`.trim());
    }
    const id = postedId(answer.value.value);
    if (id === null)
      return malformed(`${this.#http.address}/api/actions does not tell what became of a task`);
    const leftover = { id, endsMs: postedMs + timeout * 1_000 + graceMs };
    // Until its end is seen.
    this.#leftover = leftover;
    let delayMs = firstPollMs;
    let activeMs: number | null = null;
    for (;;) {
      if (!(await pause(this.#clock, delayMs, signal))) return cancelled;
      delayMs = Math.min(longestPollMs, delayMs * 2);
      const state = await this.#look(id, signal);
      if (!state.ok) return state;
      const nowMs = this.#clock.monotonicMs();
      const tookMs = nowMs - postedMs;
      const activeForMs = activeMs === null ? 0 : nowMs - activeMs;
      const { resultIds, status } = state.value;
      if (status === 'completed' || status === 'stopped' || status === 'failed') {
        this.#leftover = null;
        return { ok: true, value: { status, resultIds, activeForMs, tookMs } };
      }
      if (status === 'active') activeMs ??= nowMs;
      const isOver = nowMs > leftover.endsMs || activeForMs > timeoutMs + graceMs;
      if (isOver || (await isEnough(signal)))
        return { ok: true, value: { status: 'given_up', resultIds: [], activeForMs, tookMs } };
      if (signal.aborted) return cancelled;
    }
  }

  async #look(id: string, signal: AbortSignal): Promise<ReadResult<TaskState>> {
    const answer = await this.#http.get(`/api/actions/${id}`, signal);
    if (!answer.ok) return answer;
    // Gone: somebody deleted it, or the border router was started again.
    if (answer.value.kind === 'refused')
      return answer.value.status === 404
        ? { ok: true, value: { status: 'failed', resultIds: [] } }
        : failure('rejected', `${this.#http.address}/api/actions/… answers ${answer.value.status}`);
    const item = isJsonObject(answer.value.value) ? objectField(answer.value.value, 'data') : null;
    const state = item === null ? null : readTask(item);
    return state === null
      ? malformed(`${this.#http.address}/api/actions/… tells no status`)
      : { ok: true, value: state };
  }

  async #untilFree(signal: AbortSignal): Promise<ReadResult<null>> {
    let delayMs = firstPollMs;
    while (this.#leftover !== null) {
      const { endsMs, id } = this.#leftover;
      if (this.#clock.monotonicMs() >= endsMs) this.#leftover = null;
      else {
        const state = await this.#look(id, signal);
        if (!state.ok && state.code !== 'rejected') return state;
        if (state.ok && isEnded(state.value.status)) this.#leftover = null;
        else if (!(await pause(this.#clock, delayMs, signal))) return cancelled;
        delayMs = Math.min(longestPollMs, delayMs * 2);
      }
    }
    return { ok: true, value: null };
  }

  /** Milliseconds that tasks of others may take yet when waiting for them has become long; null where there were none. */
  async #untilOthersEnd(signal: AbortSignal): Promise<number | null> {
    const startMs = this.#clock.monotonicMs();
    let sawOthers = false;
    for (;;) {
      const answer = await this.#http.get('/api/actions', signal);
      if (!answer.ok || answer.value.kind === 'refused') return sawOthers ? 0 : null;
      const restMs = longestRest(answer.value.value);
      if (restMs === null) return sawOthers ? 0 : null;
      sawOthers = true;
      if (this.#clock.monotonicMs() - startMs > longestQueueMs) return restMs;
      if (!(await pause(this.#clock, longestPollMs, signal))) return null;
    }
  }
}

const isEnded = (status: string): boolean => status !== 'pending' && status !== 'active';

/** The task that was posted; the list holds no other. */
function postedId(value: JsonValue): string | null {
  const [item] = (isJsonObject(value) ? rowsField(value, 1, 'data') : null) ?? [];
  return item === undefined ? null : (idsOf(item)[0] ?? null);
}

function readTask(item: JsonObject): TaskState | null {
  const attributes = objectField(item, 'attributes');
  const status = attributes === null ? null : textField(attributes, 32, 'status');
  if (status === null) return null;
  const result = objectField(objectField(objectField(item, 'relationships') ?? {}, 'result') ?? {}, 'data');
  return { status, resultIds: result === null ? [] : idsOf(result) };
}

/** They go into paths: letters, digits and dashes only. Several stand in one text, with commas between. */
function idsOf(item: JsonObject): string[] {
  const id = textField(item, 512, 'id') ?? '';
  return id
    .split(',')
    .slice(0, maxResults)
    .filter((part) => /^[A-Za-z0-9-]{1,64}$/.test(part));
}

/** Milliseconds that the longest task under way may yet take; null where none is. */
function longestRest(value: JsonValue): number | null {
  const tasks = (isJsonObject(value) ? rowsField(value, maxActions, 'data') : null) ?? [];
  const rests = tasks.flatMap((task) => {
    const state = readTask(task);
    if (state === null || isEnded(state.status)) return [];
    const seconds = integerField(objectField(task, 'attributes') ?? {}, [0, 86_400], 'timeout');
    return (seconds ?? 1) * 1_000;
  });
  return rests.length === 0 ? null : Math.max(...rests);
}
