/**
 * What a simulation is told, and what it becomes with its defaults. Shapes only: `simulation.ts` builds it.
 */
import type { AgentFact, AgentLimits } from '../agent/agent-options.ts';
import type { Clock } from '../clock.ts';
import { SimulationError } from '../errors.ts';
import type { FrameEncoding } from '../protocol/border-router-messages.ts';

/** A border router that dies at `atMs` after `start()`, and comes back where `rebootAfterMs` says so. */
interface PlannedCrash {
  readonly borderRouterIndex: number;
  readonly atMs: number;
  /** Milliseconds from the crash to the new connection; absent: it stays dead. */
  readonly rebootAfterMs?: number;
}

/** A network that falls apart into two partitions at `atMs` after `start()`. */
interface PlannedSplit {
  /** 0 unless told. */
  readonly networkIndex?: number;
  readonly atMs: number;
  /** Milliseconds from the split until it is one partition again; absent: it stays split. */
  readonly healAfterMs?: number;
}

export interface SimulationOptions {
  /** `ws://127.0.0.1:5001` or `http://127.0.0.1:5001`: border routers connect there, nodes are registered there. */
  readonly hubUrl: string;
  readonly borderRouters: number;
  /** A network has as many nodes as its border routers times this. */
  readonly nodesPerBorderRouter: number;
  /** Border routers that share a network and its prefix; 2, so that failover can be seen. */
  readonly borderRoutersPerNetwork?: number;
  /** The same seed and options give the same mesh and the same answers; 1. */
  readonly seed?: number;
  /** Round trip between a border router and a node, uniform between the two; [40, 250]. */
  readonly rttMs?: readonly [number, number];
  /** Share of packets lost in each direction, 0–1; 0. */
  readonly loss?: number;
  /** Nodes that never answer, though their neighbours still name them; 0. */
  readonly dead?: number;
  /** Nodes that take 1.2 to 3 s more for every answer; 0. */
  readonly slow?: number;
  /** Nodes that answer nonsense: broken JSON, nothing, 4.04, a reset, a body without end, the wrong fields; 0. */
  readonly malformed?: number;
  /** Nodes that acknowledge at once and answer `lateAfterMs` later; 0. */
  readonly late?: number;
  /** 6,000: after the hub's deadline for one node, before the end of a scan. */
  readonly lateAfterMs?: number;
  /** A sleepy child hears its parent only when it polls: up to this much is added to each of its answers; 400. */
  readonly sleepyPollMs?: number;
  /** RSSI varies by as much in either direction from one answer to the next, dB; 3. */
  readonly fadeDb?: number;
  /** Every so often one child of each network moves to another parent; 0: never. */
  readonly driftEveryMs?: number;
  readonly crash?: readonly PlannedCrash[];
  readonly partitionSplit?: PlannedSplit;
  /**
   * In a split network, whether a border router still reaches the other half over the backbone, through the border router
   * there; true. False: requests into the other half stay without an answer.
   */
  readonly backbone?: boolean;
  /** Of the nodes' answers and of the links to the hub; `json`. */
  readonly encoding?: FrameEncoding;
  /** Largest answer that a node sends in one datagram, bytes; larger ones go block-wise. 1,024, as RFC 7252 §4.6 advises. */
  readonly wholeAnswerBytes?: number;
  /** Block size that nodes offer: 16, 32, … 1,024. A client may ask for less. 1,024. */
  readonly blockBytes?: number;
  /** Border routers are named by this and three digits or more: `BR-` gives `BR-001`. */
  readonly idPrefix?: string;
  /** The token that a border router connects with. */
  readonly tokenOf?: (borderRouterId: string) => string | undefined;
  /** Whether `start()` registers the nodes with the hub (`POST /api/nodes/import`); true. */
  readonly register?: boolean;
  /** Bearer token for that request. */
  readonly apiToken?: string;
  /** Limits of every border router's agent that differ from the firmware's. */
  readonly agentLimits?: Partial<AgentLimits>;
  /** What happens to the border routers. */
  readonly onFact?: (borderRouterId: string, fact: AgentFact) => void;
  readonly clock?: Clock;
}

export interface SimulationSettings extends Required<
  Omit<SimulationOptions, 'partitionSplit' | 'apiToken' | 'clock' | 'hubUrl'>
> {
  readonly partitionSplit: PlannedSplit | null;
  readonly apiToken: string | null;
  /** `ws://host:port`, without a path. */
  readonly webSocketUrl: string;
  /** `http://host:port`, without a path. */
  readonly httpUrl: string;
}

/** Fills in the defaults. Throws `SimulationError` `options_invalid` that names the option and the value seen. */
export function settingsOf(options: SimulationOptions): SimulationSettings {
  const settings: SimulationSettings = {
    ...hubUrls(options.hubUrl),
    borderRouters: options.borderRouters,
    nodesPerBorderRouter: options.nodesPerBorderRouter,
    borderRoutersPerNetwork: options.borderRoutersPerNetwork ?? 2,
    seed: options.seed ?? 1,
    rttMs: options.rttMs ?? [40, 250],
    loss: options.loss ?? 0,
    dead: options.dead ?? 0,
    slow: options.slow ?? 0,
    malformed: options.malformed ?? 0,
    late: options.late ?? 0,
    lateAfterMs: options.lateAfterMs ?? 6_000,
    sleepyPollMs: options.sleepyPollMs ?? 400,
    fadeDb: options.fadeDb ?? 3,
    driftEveryMs: options.driftEveryMs ?? 0,
    crash: options.crash ?? [],
    partitionSplit: options.partitionSplit ?? null,
    backbone: options.backbone ?? true,
    encoding: options.encoding ?? 'json',
    wholeAnswerBytes: options.wholeAnswerBytes ?? 1_024,
    blockBytes: options.blockBytes ?? 1_024,
    idPrefix: options.idPrefix ?? 'BR-',
    tokenOf: options.tokenOf ?? (() => undefined),
    register: options.register ?? true,
    apiToken: options.apiToken ?? null,
    agentLimits: options.agentLimits ?? {},
    onFact: options.onFact ?? (() => undefined),
  };
  const { borderRouters, nodesPerBorderRouter, borderRoutersPerNetwork, rttMs } = settings;
  const networks = Math.ceil(borderRouters / borderRoutersPerNetwork);
  const wholeNumber = (value: number, atLeast: number, atMost: number): boolean =>
    Number.isInteger(value) && value >= atLeast && value <= atMost;
  check(
    'border_routers',
    borderRouters,
    'a whole number from 1 to 10,000',
    wholeNumber(borderRouters, 1, 1e4),
  );
  check(
    'nodes',
    nodesPerBorderRouter,
    'a whole number from 0 to 2,000',
    wholeNumber(nodesPerBorderRouter, 0, 2_000),
  );
  // A Thread network has 32 active routers, and every border router is one of them.
  check(
    'border_routers_per_network',
    borderRoutersPerNetwork,
    'a whole number from 1 to 16',
    wholeNumber(borderRoutersPerNetwork, 1, 16),
  );
  check('seed', settings.seed, 'a whole number', Number.isSafeInteger(settings.seed));
  check('rtt', rttMs.join('..'), 'two times in ms, the lesser first', rttMs[0] >= 0 && rttMs[0] <= rttMs[1]);
  check('loss', settings.loss, 'a share from 0 to 1', settings.loss >= 0 && settings.loss <= 1);
  check(
    'block_bytes',
    settings.blockBytes,
    'a power of two from 16 to 1,024',
    wholeNumber(Math.log2(settings.blockBytes), 4, 10),
  );
  const nodes = borderRouters * nodesPerBorderRouter;
  const faulty = settings.dead + settings.slow + settings.malformed + settings.late;
  for (const name of ['dead', 'slow', 'malformed', 'late'] as const) {
    check(
      name,
      settings[name],
      `a number of nodes from 0 to ${nodes}`,
      wholeNumber(settings[name], 0, nodes),
    );
  }
  check('dead, slow, malformed and late together', faulty, `at most the ${nodes} nodes`, faulty <= nodes);
  for (const { borderRouterIndex } of settings.crash) {
    check(
      'crash',
      borderRouterIndex,
      `a border router from 0 to ${borderRouters - 1}`,
      wholeNumber(borderRouterIndex, 0, borderRouters - 1),
    );
  }
  if (settings.partitionSplit !== null) {
    const index = settings.partitionSplit.networkIndex ?? 0;
    check(
      'partition_split',
      index,
      `a network from 0 to ${networks - 1}`,
      wholeNumber(index, 0, networks - 1),
    );
  }
  return settings;
}

function check(option: string, value: unknown, wanted: string, holds: boolean): void {
  if (!holds)
    throw new SimulationError('options_invalid', `${option} is ${String(value)}; it must be ${wanted}`);
}

function hubUrls(hubUrl: string): { webSocketUrl: string; httpUrl: string } {
  const url = URL.parse(hubUrl);
  if (url === null || !['ws:', 'wss:', 'http:', 'https:'].includes(url.protocol)) {
    throw new SimulationError(
      'options_invalid',
      `hub is ${JSON.stringify(hubUrl)}; it must be a URL such as ws://127.0.0.1:5001`,
    );
  }
  const secure = url.protocol === 'wss:' || url.protocol === 'https:' ? 's' : '';
  return { webSocketUrl: `ws${secure}://${url.host}`, httpUrl: `http${secure}://${url.host}` };
}
