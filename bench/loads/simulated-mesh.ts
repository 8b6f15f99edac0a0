/**
 * The load of the `scan` benchmark: simulated meshes of real agents and real CoAP servers. A node's round trip is a time
 * that the benchmark chooses, applied by the node itself; the radio adds nothing, so that the ideal can be calculated from
 * the same times.
 */
import { createSimulation, type Simulation } from '../../src/simulator/simulation.ts';
import { answerQuestions } from '../load-process.ts';

export type MeshQuestion =
  | {
      readonly kind: 'connect';
      readonly hubUrl: string;
      readonly borderRouters: number;
      readonly nodesPerBorderRouter: number;
      readonly seed: number;
    }
  /** Round trips by node name, ms; null: it is dead. */
  | { readonly kind: 'set'; readonly roundTripsMs: Readonly<Record<string, number | null>> };

export interface MeshNode {
  readonly name: string;
  readonly borderRouter: string;
  readonly extAddress: string;
  readonly role: string;
  readonly rloc16: string;
  /** Extended address; null for routers. */
  readonly parent: string | null;
}

let simulation: Simulation | null = null;

answerQuestions(async (question: MeshQuestion): Promise<readonly MeshNode[]> => {
  switch (question.kind) {
    case 'connect': {
      const { borderRouters, hubUrl, nodesPerBorderRouter, seed } = question;
      simulation = await createSimulation({
        hubUrl,
        borderRouters,
        nodesPerBorderRouter,
        // One network each, so that every node has one way only.
        borderRoutersPerNetwork: 1,
        seed,
        rttMs: [0, 0],
        sleepyPollMs: 0,
        fadeDb: 0,
      });
      await simulation.start();
      return nodesOf(simulation);
    }
    case 'set': {
      if (simulation === null) throw new Error('there is no simulation yet');
      for (const [name, roundTripMs] of Object.entries(question.roundTripsMs)) {
        simulation.setFault(
          name,
          roundTripMs === null ? { kind: 'dead' } : { kind: 'slow', byMs: roundTripMs },
        );
      }
      return nodesOf(simulation);
    }
  }
});

function nodesOf(mesh: Simulation): MeshNode[] {
  const borderRouterOf = new Map(mesh.borderRouters.map(({ id, networkIndex }) => [networkIndex, id]));
  return mesh.groundTruth().networks.flatMap(({ devices, index }) =>
    devices
      .filter(({ kind }) => kind === 'node')
      .map(({ extAddress, name, parent, rloc16, role }) => ({
        name,
        borderRouter: borderRouterOf.get(index) ?? '',
        extAddress,
        role,
        rloc16,
        parent,
      })),
  );
}
