/** Several stock border routers, each in a Thread network of its own, for a demo or a load on their agents. */
import { type Clock, systemClock } from '../../clock.ts';
import { createOtbrNetwork, type OtbrNetwork } from './otbr-network.ts';
import type { OtbrDialect } from './otbr-dialects.ts';
import type { OtbrFault } from './otbr-fault.ts';

export interface OtbrSimulationOptions {
  readonly borderRouters: number;
  /** In each network, besides the border router. */
  readonly nodes: number;
  /** In each network, the border router included; absent: as many as the nodes need. */
  readonly routers?: number;
  readonly dialect: OtbrDialect;
  readonly faults: readonly OtbrFault[];
  readonly seed: number;
  /** The first one's REST API, the others follow; absent: any that are free. */
  readonly firstPort?: number;
  readonly clock?: Clock;
}

export interface OtbrSimulation {
  readonly networks: readonly OtbrNetwork[];
  /** Opens the REST APIs. Rejects where a port is taken. */
  start(): Promise<void>;
  /** A second call does nothing. */
  stop(): Promise<void>;
}

/** Opens nothing before `start()`. Throws `SimulationError` `options_invalid`. */
export function createOtbrSimulation(options: OtbrSimulationOptions): OtbrSimulation {
  const { borderRouters, nodes, routers, dialect, faults, seed, firstPort } = options;
  const clock = options.clock ?? systemClock;
  const networks = Array.from({ length: borderRouters }, (_, index) =>
    createOtbrNetwork({
      index,
      id: `OTBR-${String(index + 1).padStart(3, '0')}`,
      nodes,
      dialect,
      faults,
      seed,
      clock,
      ...(routers === undefined ? {} : { routers }),
      ...(firstPort === undefined ? {} : { port: firstPort + index }),
    }),
  );
  return {
    networks,
    start: async () => {
      for (const { otbr } of networks) await otbr.open();
    },
    stop: async () => {
      await Promise.all(networks.map(({ otbr }) => otbr.close()));
    },
  };
}
