/** The tracks of a shard's sensors, as of its last commit. Bounded: the store knows those that are forgotten here. */
import type { SensorId } from '../../protocol/ids.ts';
import type { SensorProgress } from '../store/event-store.ts';
import type { StreamRecord } from '../stream/durable-stream.ts';
import type { PreparedBatch } from './prepare-batch.ts';
import { type SensorTrack, trackOf, unknownSensor } from './sensor-track.ts';

const limit = 50_000;

export class SensorTracks {
  readonly #tracks = new Map<SensorId, SensorTrack>();

  get(sensorId: SensorId): SensorTrack | undefined {
    return this.#tracks.get(sensorId);
  }

  clear(): void {
    this.#tracks.clear();
  }

  /** The sensors of these records that the store must be asked about. */
  unknownOf(records: readonly StreamRecord[]): readonly SensorId[] {
    const unknown = new Set<SensorId>();
    for (const { entry } of records)
      if (entry.kind === 'event' && !this.#tracks.has(entry.event.sensorId))
        unknown.add(entry.event.sensorId);
    return [...unknown];
  }

  /** What the store said of those that it was asked about. */
  learn(sensors: readonly SensorId[], progress: ReadonlyMap<SensorId, SensorProgress>): void {
    for (const sensorId of sensors) {
      const known = progress.get(sensorId);
      this.#tracks.set(sensorId, known === undefined ? unknownSensor : trackOf(known));
    }
  }

  /** The batch is committed. Only now may any be forgotten: a batch is made of what is known of all its sensors. */
  adopt({ sensors, tracks }: Pick<PreparedBatch, 'sensors' | 'tracks'>): void {
    sensors.forEach(({ sensorId }, place) => {
      const track = tracks[place];
      if (track !== undefined) this.#tracks.set(sensorId, track);
    });
    for (const sensorId of this.#tracks.keys()) {
      if (this.#tracks.size <= limit) break;
      this.#tracks.delete(sensorId);
    }
  }
}
