/** What border routers that read a whole mesh at once report of their last reading, per border router. */
import { Gauge, type Registry } from 'prom-client';
import type { BorderRouter } from '../protocol/border-router.ts';

export interface CollectionMetrics {
  /** Forgets every series; what is shown afterwards stays. */
  reset(): void;
  show(borderRouter: string, collection: NonNullable<BorderRouter['collection']>): void;
}

export function addCollectionMetrics(registers: Registry[]): CollectionMetrics {
  const gauge = (name: string, help: string): Gauge<'border_router'> =>
    new Gauge({ name, help, labelNames: ['border_router'], registers });
  const requests = gauge(
    'threadhub_border_router_radio_requests',
    'Requests that its last reading of the mesh sent over the radio',
  );
  const budget = gauge(
    'threadhub_border_router_radio_budget',
    'Requests that one reading of the mesh may send over the radio',
  );
  const duration = gauge(
    'threadhub_border_router_collection_duration_seconds',
    'Duration of its last reading of the mesh',
  );
  const complete = gauge(
    'threadhub_border_router_collection_complete',
    '1 where its last reading of the mesh reached every router that any table names, else 0',
  );
  const set = (of: Gauge<'border_router'>, borderRouter: string, value: number | null): void => {
    if (value !== null) of.set({ border_router: borderRouter }, value);
  };
  return {
    reset() {
      for (const each of [requests, budget, duration, complete]) each.reset();
    },
    show(borderRouter, collection) {
      set(requests, borderRouter, collection.radioRequests);
      set(budget, borderRouter, collection.radioBudget);
      set(duration, borderRouter, collection.durationMs === null ? null : collection.durationMs / 1_000);
      set(complete, borderRouter, collection.complete ? 1 : 0);
    },
  };
}
