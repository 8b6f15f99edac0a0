/**
 * Port: the newest reading of every sensor and type, and what is known of each sensor, for whoever looks now. Behind the
 * store by nothing: it is told of each batch as soon as that is committed.
 */
import type { SensorId } from '../../protocol/ids.ts';
import type { Page, SensorView, StoreBatch } from './event-store.ts';

export interface LatestValues {
  /** A batch has been committed. */
  apply(batch: Pick<StoreBatch, 'latest' | 'sensors' | 'descriptions'>): void;
  /** By id. Throws EventError `cursor_invalid`. */
  list(query: { readonly limit: number; readonly cursor: string | null }): Page<SensorView>;
  get(id: SensorId): SensorView | null;
  /** Of either lane, Unix ms; null where nothing was ever stored. */
  lastReceivedAt(id: SensorId): number | null;
}
