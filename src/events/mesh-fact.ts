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
  | { readonly kind: 'network_scan'; readonly partitions: number }
  | {
      readonly kind: 'node_scan';
      readonly answered: boolean;
      readonly batteryMillivolts: number | null;
    }
  | { readonly kind: 'link_scan'; readonly marginDb: number }
);

const subjectKinds: Readonly<Record<MeshFact['kind'], SubjectKind>> = {
  border_router_link: 'border_router',
  border_router_scan: 'border_router',
  network_scan: 'network',
  node_scan: 'node',
  link_scan: 'link',
};

export const subjectKindOf = (fact: MeshFact): SubjectKind => subjectKinds[fact.kind];
