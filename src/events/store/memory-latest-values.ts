/**
 * Latest values in this process's memory, for the hub that has all shards. `load` fills it from the store at start; then
 * each committed batch keeps it up. A sensor costs about a kilobyte.
 */
import { z } from 'zod';
import type { Clock } from '../../clock.ts';
import type { SensorId } from '../../protocol/ids.ts';
import type { Reading } from '../../protocol/sensor-event.ts';
import { readCursor, writeCursor } from './cursor.ts';
import type { EventStore, LatestChange, Page, SensorChange, SensorView, StoreBatch } from './event-store.ts';
import type { LatestValues } from './latest-values.ts';

interface LatestReading {
  readonly value: Reading['value'];
  readonly unit: string | null;
  readonly ts: number;
  readonly receivedAt: number;
}

interface KnownSensor {
  name: string | null;
  firstSeenAt: number;
  lastSeenAt: number;
  events: number;
  qos0Events: number;
  missedSeqs: number;
  usualIntervalMs: number | null;
  /** Units by type, for readings without one: as described, or as they were when loaded. Null while there are none. */
  units: Map<string, string> | null;
  readonly readings: Map<string, LatestReading>;
}

const sensorsPerPage = 1_000;
const place = z.tuple([z.string()]);

export class MemoryLatestValues implements LatestValues {
  readonly #clock: Pick<Clock, 'nowMs'>;
  readonly #sensors = new Map<SensorId, KnownSensor>();
  /** In order; null after a sensor has come. */
  #ids: readonly SensorId[] | null = null;

  constructor({ clock }: { readonly clock: Pick<Clock, 'nowMs'> }) {
    this.#clock = clock;
  }

  /** Before the first batch. Rejects with StoreError. */
  async load(store: Pick<EventStore, 'sensors'>): Promise<void> {
    let cursor: string | null = null;
    do {
      const page: Page<SensorView> = await store.sensors({ limit: sensorsPerPage, cursor });
      for (const { id, readings, ...rest } of page.items)
        this.#sensors.set(id, {
          ...rest,
          units: new Map(readings.flatMap(({ type, unit }) => (unit === null ? [] : [[type, unit]]))),
          readings: new Map(readings.map(({ type, ...reading }) => [type, reading])),
        });
      cursor = page.nextCursor;
    } while (cursor !== null);
    this.#ids = null;
  }

  apply({ descriptions, latest, sensors }: Pick<StoreBatch, 'latest' | 'sensors' | 'descriptions'>): void {
    for (const change of latest) this.#applyLatest(change);
    for (const change of sensors) this.#applySensor(change);
    for (const { name, sensorId, units } of descriptions) {
      const sensor = this.#sensor(sensorId, this.#clock.nowMs());
      sensor.name = name ?? sensor.name;
      sensor.units ??= new Map();
      for (const [type, unit] of Object.entries(units)) sensor.units.set(type, unit);
    }
  }

  list({ cursor, limit }: { readonly limit: number; readonly cursor: string | null }): Page<SensorView> {
    const ids = (this.#ids ??= [...this.#sensors.keys()].sort());
    const start = cursor === null ? 0 : firstAfter(ids, readCursor(cursor, place)[0]);
    const page = ids.slice(start, start + limit);
    const last = page.at(-1);
    return {
      items: page.flatMap((id) => this.get(id) ?? []),
      nextCursor: start + limit < ids.length && last !== undefined ? writeCursor([last]) : null,
    };
  }

  get(id: SensorId): SensorView | null {
    const sensor = this.#sensors.get(id);
    if (sensor === undefined) return null;
    const { readings, units, ...rest } = sensor;
    const ordered = [...readings].sort(([one], [other]) => (one < other ? -1 : 1));
    return {
      id,
      ...rest,
      readings: ordered.map(([type, { unit, ...reading }]) => ({
        type,
        ...reading,
        unit: unit ?? units?.get(type) ?? null,
      })),
    };
  }

  lastReceivedAt(id: SensorId): number | null {
    const sensor = this.#sensors.get(id);
    return sensor === undefined || sensor.readings.size === 0 ? null : sensor.lastSeenAt;
  }

  #applyLatest({ onlyIfNewer, reading, receivedAt, sensorId, ts }: LatestChange): void {
    const { readings } = this.#sensor(sensorId, receivedAt);
    const known = readings.get(reading.type);
    if (onlyIfNewer && known !== undefined && known.ts > ts) return;
    readings.set(reading.type, { value: reading.value, unit: reading.unit, ts, receivedAt });
  }

  #applySensor(change: SensorChange): void {
    const sensor = this.#sensor(change.sensorId, change.lastReceivedAt);
    sensor.lastSeenAt = Math.max(sensor.lastSeenAt, change.lastReceivedAt);
    sensor.events += change.events;
    sensor.qos0Events += change.qos0Events;
    sensor.missedSeqs += change.missedSeqs;
    sensor.usualIntervalMs = change.usualIntervalMs ?? sensor.usualIntervalMs;
  }

  #sensor(id: SensorId, seenAt: number): KnownSensor {
    const known = this.#sensors.get(id);
    if (known !== undefined) return known;
    const sensor: KnownSensor = {
      name: null,
      firstSeenAt: seenAt,
      lastSeenAt: seenAt,
      events: 0,
      qos0Events: 0,
      missedSeqs: 0,
      usualIntervalMs: null,
      units: null,
      readings: new Map(),
    };
    this.#sensors.set(id, sensor);
    this.#ids = null;
    return sensor;
  }
}

/** Place of the first id after one, in ordered ids. */
function firstAfter(ids: readonly string[], id: string): number {
  let low = 0;
  let high = ids.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((ids[middle] ?? '') <= id) low = middle + 1;
    else high = middle;
  }
  return low;
}
