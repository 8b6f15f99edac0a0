/**
 * How long a scan would take if the hub, the border routers and the network between them took no time at all: a
 * discrete-event calculation of the limits and of the nodes' round trips, nothing else. What a measured scan takes beyond
 * it is what Threadhub costs. It shares no code with what it judges.
 *
 *   hub            a queue per border router, served in turn; so many in flight per border router and in all
 *   border router  first come, first served; so many on the radio; a token for each, from a bucket
 *   node           its round trips one after the other, or silence until the last CoAP try is over
 */

export interface IdealNode {
  readonly name: string;
  readonly borderRouter: string;
  /** One after the other: an answer in blocks takes several. Null: it never answers. */
  readonly roundTripsMs: readonly number[] | null;
}

export interface IdealLimits {
  /** Nodes in flight per border router and in all. */
  readonly perBorderRouter: number;
  readonly total: number;
  /** From dispatch to `timed_out`. */
  readonly nodeTimeoutMs: number;
  /** From the start of the scan to the end of every node still open. */
  readonly scanTimeoutMs: number;
  /** CoAP requests on the radio per border router. */
  readonly onTheRadio: number;
  readonly tokensPerSecond: number;
  /** Tokens in a full bucket; every bucket is full at the start. */
  readonly burst: number;
  /** After this the border router gives up a node that is silent. */
  readonly silenceMs: number;
}

export interface IdealOutcome {
  readonly outcome: 'answered' | 'timed_out';
  /** From the start of the scan. */
  readonly decidedMs: number;
}

export interface IdealScan {
  readonly durationMs: number;
  /** By node name. */
  readonly nodes: ReadonlyMap<string, IdealOutcome>;
}

interface Job {
  readonly node: IdealNode;
  readonly lane: Lane;
  state: 'queued' | 'waiting' | 'on_the_radio' | 'decided';
}

/** One border router, with the hub's queue for it. */
interface Lane {
  readonly hubQueue: Job[];
  inFlight: number;
  readonly waiting: Job[];
  onTheRadio: number;
  tokens: number;
  tokensAtMs: number;
  awaitsToken: boolean;
}

/** Sums of tenths: less than this is no missing token. */
const nearlyOne = 1 - 1e-9;

/** The nodes are asked in the order given. */
export function idealScan(nodes: readonly IdealNode[], limits: IdealLimits): IdealScan {
  const events = new EventQueue();
  const decided = new Map<string, IdealOutcome>();
  const lanes = new Map<string, Lane>();
  const jobs: Job[] = [];
  let inFlight = 0;

  for (const node of nodes) {
    let lane = lanes.get(node.borderRouter);
    if (lane === undefined) {
      lane = {
        hubQueue: [],
        inFlight: 0,
        waiting: [],
        onTheRadio: 0,
        tokens: limits.burst,
        tokensAtMs: 0,
        awaitsToken: false,
      };
      lanes.set(node.borderRouter, lane);
    }
    const job: Job = { node, lane, state: 'queued' };
    lane.hubQueue.push(job);
    jobs.push(job);
  }

  const dispatchAll = (): void => {
    while (inFlight < limits.total) {
      const found = [...lanes].find(
        ([, lane]) => lane.hubQueue.length > 0 && lane.inFlight < limits.perBorderRouter,
      );
      if (found === undefined) return;
      const [id, lane] = found;
      // In turn: the one served goes to the end.
      lanes.delete(id);
      lanes.set(id, lane);
      const job = lane.hubQueue.shift();
      if (job !== undefined) dispatch(job);
    }
  };

  const dispatch = (job: Job): void => {
    job.state = 'waiting';
    job.lane.inFlight += 1;
    inFlight += 1;
    job.lane.waiting.push(job);
    events.after(limits.nodeTimeoutMs, () => decide(job, 'timed_out'));
    askWaiting(job.lane);
  };

  const askWaiting = (lane: Lane): void => {
    for (let job = lane.waiting[0]; job !== undefined; job = lane.waiting[0]) {
      if (lane.onTheRadio >= limits.onTheRadio) return;
      if (!takeToken(lane)) return;
      lane.waiting.shift();
      ask(job);
    }
  };

  const takeToken = (lane: Lane): boolean => {
    const perMs = limits.tokensPerSecond / 1_000;
    lane.tokens = Math.min(limits.burst, lane.tokens + (events.nowMs - lane.tokensAtMs) * perMs);
    lane.tokensAtMs = events.nowMs;
    if (lane.tokens >= nearlyOne) {
      lane.tokens = Math.max(0, lane.tokens - 1);
      return true;
    }
    if (!lane.awaitsToken) {
      lane.awaitsToken = true;
      events.after((1 - lane.tokens) / perMs, () => {
        lane.awaitsToken = false;
        askWaiting(lane);
      });
    }
    return false;
  };

  const ask = (job: Job): void => {
    job.state = 'on_the_radio';
    job.lane.onTheRadio += 1;
    const { roundTripsMs } = job.node;
    if (roundTripsMs === null) {
      events.after(limits.silenceMs, () => decide(job, 'timed_out'));
      return;
    }
    const totalMs = roundTripsMs.reduce((sum, roundTripMs) => sum + roundTripMs, 0);
    events.after(totalMs, () => decide(job, 'answered'));
  };

  const decide = (job: Job, outcome: IdealOutcome['outcome']): void => {
    const { lane, node, state } = job;
    if (state === 'decided') return;
    job.state = 'decided';
    decided.set(node.name, { outcome, decidedMs: events.nowMs });
    if (state === 'queued') return;
    if (state === 'on_the_radio') lane.onTheRadio -= 1;
    else lane.waiting.splice(lane.waiting.indexOf(job), 1);
    lane.inFlight -= 1;
    inFlight -= 1;
    askWaiting(lane);
    dispatchAll();
  };

  events.after(limits.scanTimeoutMs, () => {
    for (const { hubQueue } of lanes.values()) hubQueue.length = 0;
    for (const job of jobs) decide(job, 'timed_out');
  });
  dispatchAll();
  while (decided.size < nodes.length && events.runNext());
  return {
    durationMs: Math.max(0, ...[...decided.values()].map(({ decidedMs }) => decidedMs)),
    nodes: decided,
  };
}

/** What is due, in order of time, and of making where times are equal. */
class EventQueue {
  #nowMs = 0;
  readonly #due: { readonly atMs: number; readonly run: () => void }[] = [];

  get nowMs(): number {
    return this.#nowMs;
  }

  after(delayMs: number, run: () => void): void {
    const atMs = this.#nowMs + delayMs;
    let low = 0;
    let high = this.#due.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#due[middle]?.atMs ?? Infinity) <= atMs) low = middle + 1;
      else high = middle;
    }
    this.#due.splice(low, 0, { atMs, run });
  }

  /** False where nothing is due any more. */
  runNext(): boolean {
    const next = this.#due.shift();
    if (next === undefined) return false;
    this.#nowMs = next.atMs;
    next.run();
    return true;
  }
}
