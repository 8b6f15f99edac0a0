/**
 * What happened in the mesh, as the alert rules see it: small, durable, in the order it happened. They enter the stream
 * like events, on the critical lane, in the shard of their subject.
 */
import type { SubjectKind } from '../protocol/alert.ts';

export type MeshFact = { readonly subject: string; readonly happenedAt: number } & (
  | { readonly kind: 'border_router_link'; readonly online: boolean }
  /** One border router's part in one scan. Latency in ms over its answered nodes. */
  | {
      readonly kind: 'border_router_scan';
      readonly answered: number;
      readonly failed: number;
      readonly latencyP99Ms: number | null;
      /** The slowest answers, slowest first: what it takes to know the p99 of several scans together. */
      readonly slowestMs?: readonly number[];
    }
  | {
      readonly kind: 'network_scan';
      /** That answered; null where nothing of the network did, or where nobody asked what was another partition. */
      readonly partitions: number | null;
      /** Whether every router that anything names answered; null or absent where not all of it was asked. */
      readonly complete?: boolean | null;
      /** Expected, and silent. */
      readonly missingRouters?: number;
      /** Where border routers of this network disagree about it; a sentence each, the first few. */
      readonly datasetConflicts?: readonly string[];
    }
  | {
      readonly kind: 'node_scan';
      readonly answered: boolean;
      readonly batteryMillivolts: number | null;
      /** Absent where they were not read. */
      readonly counters?: CounterReading;
    }
  | {
      readonly kind: 'link_scan';
      /** The worse direction; null where neither is known. */
      readonly marginDb: number | null;
      /** What the first end hears of the second, and the second of the first. */
      readonly directionsDb?: readonly [number | null, number | null];
      /** The worse direction, 0–1. */
      readonly frameErrorRate?: number | null;
    }
);

/** A device's MLE counters at one moment, since it started; null where it does not tell. */
export interface CounterReading {
  /** Unix ms. Readings are rarer than scans: the same one may come several times. */
  readonly readAt: number;
  /** How long the device has counted, ms. */
  readonly trackedMs: number | null;
  readonly parentChanges: number | null;
  readonly partitionIdChanges: number | null;
  /** While it was detached. */
  readonly attachAttempts: number | null;
}

const subjectKinds: Readonly<Record<MeshFact['kind'], SubjectKind>> = {
  border_router_link: 'border_router',
  border_router_scan: 'border_router',
  network_scan: 'network',
  node_scan: 'node',
  link_scan: 'link',
};

export const subjectKindOf = (fact: MeshFact): SubjectKind => subjectKinds[fact.kind];
