/**
 * One reading of a whole mesh through its border router, one request at a time, within a radio budget and a time limit:
 *
 *   its state ► its list ► tables of every router ► addresses of full end devices ► the silent once more ► a search for
 *   routers that cannot be asked ► listed devices in no table ► told (`core` ends) ► now and then a search; slow topics of a few
 *
 * What somebody waits for comes first. Route64 and the neighbour tables tell which routers there must be, so that the
 * reading can say whether it was complete. Nothing is trusted from one poll alone: a router is silent after two. Sleepy
 * devices are never asked. Whatever fails, what was read before stays good.
 */
import type { Clock } from '../../clock.ts';
import type { Ipv6Address } from '../../protocol/ipv6.ts';
import { CountedRadio } from './counted-radio.ts';
import { type DeviceDiagnostics, nothingTold } from './device-diagnostics.ts';
import { DeviceTries } from './device-tries.ts';
import { Followers } from './followers.ts';
import type { MeshMemory } from './mesh-memory.ts';
import { type ExpectedRouter, type MeshDevice, type MeshPicture, pictureOf } from './mesh-picture.ts';
import type {
  AskedDevice,
  BorderRouterState,
  DiagnosticTopic,
  ListedDevice,
  MeshReader,
  ReadFailureCode,
  ReadResult,
  Survey,
} from './mesh-reader.ts';
import { readSlowly } from './read-slowly.ts';
import type { ReaderLane } from './reader-lane.ts';
import { isOwnWord, ToldWords } from './told-words.ts';
import {
  type AskingFacts,
  doubtfulRouters,
  endDevicesToAsk,
  lacksRouters,
  routersToAsk,
  strays,
  unaskableRouters,
  unreadRouters,
} from './whom-to-ask.ts';

export interface MeshCollectionOptions {
  readonly reader: MeshReader;
  readonly lane: ReaderLane;
  readonly clock: Clock;
  readonly memory: MeshMemory;
  /** Requests on the radio. */
  readonly radioBudget: number;
  readonly timeLimitMs: number;
  /** Addresses that somebody waits for, now. */
  readonly waiting: () => Iterable<Ipv6Address>;
  /** After each step that told something. */
  readonly onProgress: () => void;
  /** Another border router's reading of the same mesh, to be taken instead; null: read it, for others as well. */
  readonly elsewhere?: (state: BorderRouterState) => MeshCollection | null;
}

/** Why a reading ended before it had everything. */
export interface CollectionProblem {
  readonly code: ReadFailureCode | 'out_of_time';
  /** A sentence. */
  readonly reason: string;
}

/** A reading as those see it who wait for it. */
export interface MeshReading {
  /** What is known so far; null before the border router told its state. */
  readonly picture: MeshPicture | null;
  readonly problem: CollectionProblem | null;
  readonly radio: Pick<CountedRadio, 'spent' | 'limit'>;
  /** Monotonic. */
  readonly startedMs: number;
  /** When all but the slow topics was told, monotonic; null before. */
  readonly endedMs: number | null;
  /** Whether others can take it: its own border router did not fail. */
  readonly isOfUse: boolean;
  /** Whether what is known of a device now will stand, so that who waits for it can be answered. */
  isSettled(device: MeshDevice): boolean;
  /** Why the border router has no way to ask that device; null where it has, or nobody tried. */
  whyNotAsked(device: Pick<ExpectedRouter, 'extAddress'>): string | null;
}

type Step =
  | { readonly kind: 'list' }
  | { readonly kind: 'survey' }
  | {
      readonly kind: 'ask';
      readonly device: AskedDevice;
      readonly topics: ReadonlySet<DiagnosticTopic>;
      readonly timeoutMs: number;
    };

const routerTopics: ReadonlySet<DiagnosticTopic> = new Set(['place', 'tables']);
const placeTopics: ReadonlySet<DiagnosticTopic> = new Set(['place']);

const firstTimeoutMs = 3_000;
const secondTimeoutMs = 2_000;
/** A first survey and one more; a dialect that tells the mesh only in surveys, and loses answers, one beyond. */
const maxSurveys = 2;
const maxSurveysAlone = 3;
/** With the border router itself: a list that is shorter tells nothing of the mesh. */
const fewestListed = 2;
/** A child that its parent heard so lately is there; another one's older row may still have to be waited for. */
const surelyThereMs = 10_000;
/** A query and a get. */
const requestsOfRouter = 2;
/** Routers that are only listed, and most likely gone: so many are asked before the mesh is searched. */
const fewDoubtful = 2;
/** Answers in a row that cannot be used: then it is the border router. */
const maxUnusableInARow = 3;

/** These end the reading; the others are about one device. */
const fatal: ReadonlySet<ReadFailureCode> = new Set(['off', 'too_old', 'unreachable']);

export class MeshCollection implements MeshReading {
  readonly radio: CountedRadio;
  readonly startedMs: number;
  readonly #options: MeshCollectionOptions;
  readonly #abort = new AbortController();
  readonly #words = new ToldWords();
  readonly #tries: DeviceTries;
  #state: BorderRouterState | null = null;
  #picture: MeshPicture | null = null;
  #problem: CollectionProblem | null = null;
  /** Null before it was asked for; false where only surveys tell. */
  #hasList: boolean | null = null;
  #surveys = 0;
  /** What the last one took. */
  #surveyMs = 0;
  #unusableInARow = 0;
  #routersAsked = false;
  #endedMs: number | null = null;
  /** Others take what it finds, and those that they wait for are read first. */
  readonly followers = new Followers();
  #followed: MeshCollection | null = null;

  constructor(options: MeshCollectionOptions) {
    this.#options = options;
    this.radio = new CountedRadio(options.radioBudget);
    this.#tries = new DeviceTries(options.memory);
    this.startedMs = options.clock.monotonicMs();
    options.memory.beginReading(this.startedMs);
  }

  get picture(): MeshPicture | null {
    return this.#picture;
  }

  get problem(): CollectionProblem | null {
    return this.#problem;
  }

  get endedMs(): number | null {
    return this.#endedMs;
  }

  get isOfUse(): boolean {
    const code = this.#problem?.code;
    return code === undefined || code === 'out_of_time' || code === 'over_budget';
  }

  isSettled(device: MeshDevice): boolean {
    if (this.#endedMs !== null) return true;
    if (this.#followed !== null) return this.#followed.isSettled(device);
    if (!device.wasRead) return false;
    if (device.parent === null || this.#routersAsked) return true;
    return device.heardAtMs !== null && this.#options.clock.monotonicMs() - device.heardAtMs <= surelyThereMs;
  }

  whyNotAsked({ extAddress }: Pick<ExpectedRouter, 'extAddress'>): string | null {
    if (this.#followed !== null) return this.#followed.whyNotAsked({ extAddress });
    if (extAddress !== null) return this.#tries.whyUnlisted(extAddress);
    // A survey that is all there is has asked everybody.
    return this.#options.reader.asksDevices ? 'nobody tells its address' : null;
  }

  /** Ends it early; settles soon. */
  abort(): void {
    this.#abort.abort();
  }

  /** All that people wait for. Never rejects. */
  async readCore(): Promise<void> {
    const { clock, timeLimitMs } = this.#options;
    const cancelLimit = clock.after(timeLimitMs, () => {
      this.#problem ??= {
        code: 'out_of_time',
        reason: `the reading was ended after ${timeLimitMs / 1_000} s, its time limit`,
      };
      this.#abort.abort();
    });
    try {
      await this.#readState();
      if (await this.#takesAnother()) return;
      for (let step = this.#next(); step !== null; step = this.#next()) await this.#take(step);
    } catch (error) {
      // Whoever waits is answered even for a bug of ours.
      const message = error instanceof Error ? error.message : String(error);
      this.#problem ??= { code: 'malformed', reason: `the reading failed: ${message.slice(0, 200)}` };
    } finally {
      cancelLimit();
      this.#end();
    }
  }

  #end(): void {
    const { clock, memory } = this.#options;
    if (this.#abort.signal.aborted)
      this.#problem ??= { code: 'cancelled', reason: 'the reading was broken off' };
    if (this.radio.refused > 0) this.#problem ??= this.#withNeed({ code: 'over_budget', reason: '' });
    this.#endedMs = clock.monotonicMs();
    this.#tries.remember(this.#endedMs);
    if (!this.#options.reader.asksDevices && this.#picture !== null)
      memory.notFound(unreadRouters(this.#picture));
    if (this.#picture !== null) memory.learn(this.#picture, this.#endedMs, this.#problem !== null);
    // What this reading confirmed gives names to devices that were known by their places only.
    if (this.#followed === null) this.#draw();
    this.followers.end();
  }

  /** What changes slowly, of those read longest ago, until somebody waits: with budget and time that are left. */
  async readSlowly(signal: AbortSignal): Promise<void> {
    if (this.#followed !== null) return;
    const { clock, memory, reader, timeLimitMs } = this.#options;
    const picture = this.#picture;
    if (picture === null) return;
    const stop = (): void => this.#abort.abort();
    const cancelLimit = clock.after(this.startedMs + timeLimitMs - clock.monotonicMs(), stop);
    signal.addEventListener('abort', stop, { once: true });
    try {
      await readSlowly({
        clock,
        memory,
        radio: this.radio,
        facts: () => this.#asking(picture),
        maySearch: this.#hasList === true && this.#surveys === 0,
        asksDevices: reader.asksDevices,
        search: () => this.#search(),
        ask: (device, topics) => this.#ask(device, topics, firstTimeoutMs),
        onTold: () => this.#draw(),
        signal: this.#abort.signal,
      });
    } finally {
      cancelLimit();
      signal.removeEventListener('abort', stop);
    }
  }

  // --------------------------------------------------------------------------------------------------------- steps

  async #readState(): Promise<void> {
    const { signal } = this.#abort;
    const result = await this.#options.lane.run(signal, () => this.#options.reader.state({ signal }));
    if (!result.ok) {
      if (result.code !== 'cancelled' || !signal.aborted) this.#problem ??= problemOf(result);
      return;
    }
    const state = result.value;
    this.#state = state;
    if (state.role === 'detached' || state.role === 'disabled') {
      this.#problem = {
        code: 'off',
        reason: `the border router is in no Thread network: it is ${state.role}`,
      };
      return;
    }
    this.#options.memory.enter(`${state.extPanId ?? ''} ${state.partitionId ?? ''}`);
    const leader =
      state.partitionId === null || state.leaderRouterId === null
        ? null
        : { partitionId: state.partitionId, leaderRouterId: state.leaderRouterId };
    this.#learn({
      ...nothingTold,
      extAddress: state.extAddress,
      rloc16: state.rloc16,
      leader,
      isBorderRouter: true,
      ipv6Addresses: state.ipv6Addresses.length === 0 ? null : state.ipv6Addresses,
    });
    this.#draw();
  }

  /** Whether another border router's reading of this mesh told all. Should that one fail, this one reads on. */
  async #takesAnother(): Promise<boolean> {
    const { elsewhere } = this.#options;
    const state = this.#state;
    while (state !== null && this.#problem === null && !this.#abort.signal.aborted) {
      const other = elsewhere?.(state) ?? null;
      if (other === null) return false;
      if (await this.#follow(other, state)) return true;
    }
    return false;
  }

  async #follow(other: MeshCollection, state: BorderRouterState): Promise<boolean> {
    const { onProgress, waiting } = this.#options;
    const take = (): void => {
      if (other.picture === null) return;
      this.#picture = { ...other.picture, state };
      onProgress();
    };
    this.#followed = other;
    const stopFollowing = other.followers.add({ waiting, onProgress: take });
    take();
    await other.followers.ended(this.#abort.signal);
    stopFollowing();
    if (!this.#abort.signal.aborted && !other.isOfUse) {
      this.#followed = null;
      this.#draw();
      return false;
    }
    take();
    this.#problem ??= other.problem;
    return true;
  }

  #progressed(): void {
    this.#options.onProgress();
    this.followers.progressed();
  }

  #next(): Step | null {
    const picture = this.#picture;
    if (this.#problem !== null || this.#abort.signal.aborted || picture === null) return null;
    const facts = this.#asking(picture);
    if (this.#hasList === null) return { kind: 'list' };
    if (this.#surveys === 0 && (!this.#hasList || this.#words.listed.size < fewestListed))
      return { kind: 'survey' };
    if (!this.#options.reader.asksDevices) {
      this.#allRoutersAsked();
      return this.#maySurveyAgain(picture) ? { kind: 'survey' } : null;
    }
    const { likely, unlikely } = routersToAsk(facts);
    const doubtful = doubtfulRouters(facts);
    const nobodyIsNamed = picture.expectedRouters.size === 0;
    const step =
      this.#firstOf(likely, 0, routerTopics) ??
      (nobodyIsNamed ? this.#firstOf(doubtful, 0, routerTopics) : null);
    if (step !== null) return step;
    this.#allRoutersAsked();
    const routers = [...likely, ...unlikely];
    const ends = endDevicesToAsk(facts);
    return (
      this.#firstOf(ends, 0, placeTopics) ??
      this.#firstOf(unlikely, 0, routerTopics) ??
      // One of them may be the router that is named by its place only.
      this.#firstOf(doubtful.slice(0, fewDoubtful), 0, routerTopics) ??
      this.#firstOf(routers, 1, routerTopics) ??
      (this.#surveys < maxSurveys && this.#maySearch(facts) ? { kind: 'survey' } : null) ??
      this.#firstOf(doubtful, 0, routerTopics) ??
      this.#firstOf(strays(facts), 0, placeTopics) ??
      this.#firstOf(doubtful, 1, routerTopics) ??
      this.#firstOf(ends, 1, placeTopics) ??
      this.#firstOf(strays(facts), 1, placeTopics)
    );
  }

  /** Who waits for a child can be answered: no other table can name it any more. */
  #allRoutersAsked(): void {
    if (this.#routersAsked) return;
    this.#routersAsked = true;
    this.#progressed();
  }

  /** Where only surveys tell: not for long for a router that was missing before, and not beyond the time limit. */
  #maySurveyAgain(picture: MeshPicture): boolean {
    const { clock, memory, timeLimitMs } = this.#options;
    const leftMs = this.startedMs + timeLimitMs - clock.monotonicMs();
    const most = memory.areNotFound(unreadRouters(picture)) ? maxSurveys : maxSurveysAlone;
    return this.#surveys < most && lacksRouters(picture) && leftMs > this.#surveyMs;
  }

  #maySearch(facts: AskingFacts): boolean {
    const unaskable = unaskableRouters(facts, this.#hasList === true);
    if (this.#surveys === 0) return this.#options.memory.maySearchFor(unaskable);
    this.#options.memory.notFound(unaskable);
    return unaskable.length > 0 && this.#hasList !== true;
  }

  #firstOf(
    devices: readonly AskedDevice[],
    tries: number,
    topics: ReadonlySet<DiagnosticTopic>,
  ): Step | null {
    const device = this.#tries.firstOf(devices, tries);
    if (device === null) return null;
    return { kind: 'ask', device, topics, timeoutMs: tries === 0 ? firstTimeoutMs : secondTimeoutMs };
  }

  async #take(step: Step): Promise<void> {
    const { clock, memory } = this.#options;
    if (step.kind === 'list') return this.#list();
    if (step.kind === 'survey') return this.#survey();
    const { device, topics, timeoutMs } = step;
    this.#tries.begin(device.extAddress);
    const result = await this.#ask(device, topics, timeoutMs);
    if (topics === placeTopics) memory.placeAsked(device.extAddress, clock.monotonicMs());
    if (result.ok && isOwnWord(result.value, device)) {
      this.#unusableInARow = 0;
      const { extAddress } = device;
      this.#tries.answered(extAddress);
      this.#learn({ ...result.value, extAddress, rloc16: result.value.rloc16 ?? device.rloc16 }, true);
      this.#draw();
    } else if (result.ok) {
      this.#unusable({ code: 'malformed', reason: `${device.extAddress} answered as another device` });
    } else {
      this.#failed(problemOf(result), device);
    }
  }

  async #list(): Promise<void> {
    const { clock, lane, memory, reader } = this.#options;
    const { signal } = this.#abort;
    this.#hasList = false;
    const result = await lane.run(signal, () => reader.list({ signal }));
    if (!result.ok) {
      if (!signal.aborted) this.#problem ??= problemOf(result);
      return;
    }
    this.#hasList = result.value !== null;
    this.#lists(result.value ?? []);
    // Somebody had it searched before us.
    if (this.#words.listed.size >= fewestListed && memory.unsearchedForMs === Infinity)
      memory.searched(clock.monotonicMs());
    this.#draw();
  }

  #lists(devices: readonly ListedDevice[]): void {
    this.#tries.nowListed(this.#words.list(devices));
  }

  async #survey(): Promise<void> {
    const { clock, memory, reader } = this.#options;
    const { signal } = this.#abort;
    this.#surveys += 1;
    const startedMs = clock.monotonicMs();
    const result = await this.#search();
    this.#surveyMs = clock.monotonicMs() - startedMs;
    if (!result.ok) {
      // Silence to a multicast is no answer: devices known from before can be asked all the same.
      if (result.code === 'silent' && this.#surveys < maxSurveysAlone) return;
      if (!signal.aborted) this.#problem ??= this.#withNeed(problemOf(result));
      return;
    }
    memory.searched(clock.monotonicMs());
    this.#lists(result.value.devices);
    for (const diagnostics of result.value.diagnostics) this.#learn(diagnostics, !reader.asksDevices);
    this.#draw();
  }

  #search(): Promise<ReadResult<Survey>> {
    const { lane, memory, reader } = this.#options;
    const context = { radio: this.radio, signal: this.#abort.signal };
    return lane.run(context.signal, () => reader.survey(context, memory.size));
  }

  #ask(
    device: AskedDevice,
    topics: ReadonlySet<DiagnosticTopic>,
    timeoutMs: number,
  ): Promise<ReadResult<DeviceDiagnostics>> {
    const { lane, reader } = this.#options;
    const context = { radio: this.radio, signal: this.#abort.signal };
    return lane.run(context.signal, () => reader.ask(device, topics, timeoutMs, context));
  }

  #failed(problem: CollectionProblem, { extAddress, kind }: AskedDevice): void {
    this.#tries.failed(extAddress, problem.code === 'unlisted' ? problem.reason : null);
    if (problem.code === 'silent' || problem.code === 'unlisted') {
      this.#unusableInARow = 0;
    } else if (fatal.has(problem.code as ReadFailureCode)) {
      this.#problem ??= problem;
    } else if (problem.code === 'over_budget') {
      this.#problem ??= this.#withNeed(problem, kind);
    } else if (!this.#abort.signal.aborted) {
      this.#unusable(problem);
    }
  }

  #unusable(problem: CollectionProblem): void {
    this.#unusableInARow += 1;
    if (this.#unusableInARow >= maxUnusableInARow) this.#problem ??= problem;
  }

  /** Says how many more requests the rest would have taken. */
  #withNeed(problem: CollectionProblem, refusedKind?: AskedDevice['kind']): CollectionProblem {
    if (problem.code !== 'over_budget') return problem;
    const picture = this.#picture;
    const facts = picture === null ? null : this.#asking(picture);
    const { likely, unlikely } = facts === null ? { likely: [], unlikely: [] } : routersToAsk(facts);
    const routers = this.#tries.unasked(likely) + this.#tries.unasked(unlikely);
    const ends = facts === null ? 0 : this.#tries.unasked(endDevicesToAsk(facts));
    const refused = Math.max(this.radio.refused, refusedKind === undefined ? 0 : 1);
    const more = Math.max(1, refused - this.radio.left) + routers * requestsOfRouter + ends;
    return {
      code: 'over_budget',
      reason: `the radio budget of ${this.radio.limit} requests was spent; about ${more} more were needed`,
    };
  }

  // ------------------------------------------------------------------------------------------------- whom to ask

  #asking(picture: MeshPicture): AskingFacts {
    const { clock, memory, waiting } = this.#options;
    return {
      picture,
      listed: this.#words.listed,
      memory,
      waiting: [...waiting(), ...this.followers.waiting()],
      asked: this.#tries.asked,
      nowMs: clock.monotonicMs(),
    };
  }

  // ----------------------------------------------------------------------------------------------- what was told

  #learn(diagnostics: DeviceDiagnostics, wasRead = false): void {
    this.#words.hear(diagnostics, wasRead, this.#options.clock.monotonicMs());
  }

  #draw(): void {
    if (this.#state === null) return;
    this.#picture = pictureOf({
      state: this.#state,
      listed: this.#words.listed,
      told: this.#words.told(),
      remembered: this.#options.memory,
    });
    this.#progressed();
  }
}

const problemOf = ({ code, reason }: CollectionProblem): CollectionProblem => ({
  code,
  reason: reason.slice(0, 300),
});
