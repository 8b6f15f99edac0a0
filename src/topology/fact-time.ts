/**
 * When the facts of an answer were read in the mesh. A border router may answer from a reading that it made earlier, so
 * the time of an answer is not the time of its facts.
 */
import type { TopologyObservation } from './topology-input.ts';

/**
 * Thread gives a partition up after 120 s without a sign of its leader (NETWORK_ID_TIMEOUT): what a device said of its
 * partition before that may be over, ms.
 */
const partitionFactsLastMs = 120_000;

type Answer = Pick<TopologyObservation, 'decidedAt' | 'networkInfo'>;

/** Unix ms; null while undecided. */
export function factsAt({ decidedAt, networkInfo }: Answer): number | null {
  return decidedAt === null ? null : decidedAt - (networkInfo?.measuredAgoMs ?? 0);
}

/** An answer of this scan whose facts are young enough to prove that its partition is there. */
export function provesPartition({ earlier, networkInfo, outcome }: TopologyObservation): boolean {
  return (
    outcome === 'answered' &&
    earlier !== true &&
    networkInfo !== null &&
    (networkInfo.measuredAgoMs ?? 0) <= partitionFactsLastMs
  );
}
