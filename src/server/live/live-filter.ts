/** What a live client wants of the feed. Clients that want the same share everything that is made for them. */
import {
  type LiveMessage,
  liveMessageTopics,
  type LiveRequest,
  type LiveTopic,
} from '../../protocol/live.ts';

/** What is between the stars. */
interface SensorPattern {
  readonly pieces: readonly string[];
}

type Subscribe = Extract<LiveRequest, { type: 'subscribe' }>;

export class LiveFilter {
  /** The same for filters that let the same through. */
  readonly key: string;
  readonly #topics: ReadonlySet<LiveTopic>;
  /** Null: every sensor. */
  readonly #sensors: readonly SensorPattern[] | null;

  constructor({ sensors, topics }: Pick<Subscribe, 'sensors' | 'topics'>) {
    this.#topics = new Set(topics);
    const patterns = sensors === undefined || sensors.includes('*') ? null : [...new Set(sensors)].sort();
    this.#sensors = patterns?.map(patternOf) ?? null;
    this.key = JSON.stringify([[...this.#topics].sort(), this.#topics.has('events') ? patterns : null]);
  }

  /** The patterns of sensors are for events; messages of other topics pass whatever they are about. */
  lets(message: LiveMessage): boolean {
    if (!this.#topics.has(liveMessageTopics[message.type])) return false;
    if (message.type !== 'event' || this.#sensors === null) return true;
    return this.#sensors.some((pattern) => fits(pattern, message.sensor_id));
  }
}

/** `*` fits any part, also none; all else stands for itself. */
function patternOf(pattern: string): SensorPattern {
  return { pieces: pattern.split('*') };
}

/** Takes the first place where each piece fits: no pattern, however many stars it has, is tried twice. */
function fits({ pieces }: SensorPattern, sensorId: string): boolean {
  const [first = '', ...rest] = pieces;
  const last = rest.pop();
  if (last === undefined) return sensorId === first;
  if (!sensorId.startsWith(first)) return false;
  let at = first.length;
  for (const piece of rest) {
    const found = sensorId.indexOf(piece, at);
    if (found < 0) return false;
    at = found + piece.length;
  }
  return sensorId.length - last.length >= at && sensorId.endsWith(last);
}
