/**
 * Prometheus metrics of one hub, on their own registry. They only listen: to facts as they happen, and to views when
 * they are scraped.
 */
import type { Connection } from '../protocol/border-router.ts';

export interface Metrics {
  readonly contentType: string;
  /** The exposition text. */
  render(): Promise<string>;
  /** Adds connections to count at each scrape. */
  watchConnections(view: () => readonly Connection[]): void;
}
