/**
 * Turns what was read of a shard into what one transaction stores: events in stream order without duplicates, dead
 * letters, latest values, minutes, and what became known of the sensors. Pure: nothing is kept until the commit.
 *
 * Not in here: alert rules (`alerts/`), and what to do where a commit fails (`shard-worker.ts`).
 */
import type { SensorId } from '../../protocol/ids.ts';
import type { Lane, Reading, SensorEvent } from '../../protocol/sensor-event.ts';
import type { MeshFact } from '../mesh-fact.ts';
import { checkReadings, type TypeRule } from '../ingest/type-rules.ts';
import type {
  DeadLetterReason,
  DedupKey,
  LatestChange,
  MinuteDelta,
  NewDeadLetter,
  SensorChange,
} from '../store/event-store.ts';
import { foldLatest } from '../store/fold-latest.ts';
import type { SensorDescription, StreamRecord } from '../stream/durable-stream.ts';
import { followEvent, type SensorTrack, unknownSensor } from './sensor-track.ts';

export interface BatchInput {
  readonly lane: Lane;
  readonly records: readonly StreamRecord[];
  /** The key of each record, by place; null where it has none. */
  readonly keys: readonly (DedupKey | null)[];
  /** Those of the keys that are stored already. */
  readonly knownKeys: ReadonlySet<DedupKey>;
  readonly trackOf: (sensorId: SensorId) => SensorTrack | undefined;
  readonly typeRules: ReadonlyMap<string, TypeRule>;
  readonly newId: () => string;
  /** What keeps the only record from being stored as an event; null where nothing does. */
  readonly condemned: Condemned | null;
}

export interface Condemned {
  readonly reason: Extract<DeadLetterReason, 'store_rejected' | 'attempts_exhausted'>;
  readonly detail: string;
  /** The store does not take it as an event: its JSON goes along as bytes. */
  readonly asBytes: boolean;
}

export interface PreparedBatch {
  readonly events: readonly SensorEvent[];
  /** The same as `events`, as the alert rules take them. */
  readonly evaluated: readonly { readonly event: SensorEvent; readonly durableAt: number }[];
  readonly facts: readonly MeshFact[];
  readonly duplicates: number;
  readonly deadLetters: readonly NewDeadLetter[];
  readonly latest: readonly LatestChange[];
  readonly minutes: readonly MinuteDelta[];
  readonly sensors: readonly SensorChange[];
  readonly descriptions: readonly SensorDescription[];
  /** Of each sensor in `sensors`, in its order; known from the commit on. */
  readonly tracks: readonly SensorTrack[];
  /** Condemned records that carry nothing to keep: facts and descriptions. */
  readonly skipped: number;
}

const minuteMs = 60_000;

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] };

interface Series {
  readonly type: string;
  latest: LatestChange;
  /** The one used last is the last. */
  readonly minutes: Mutable<MinuteDelta>[];
}

interface SensorDraft {
  readonly sensorId: SensorId;
  track: SensorTrack;
  events: number;
  qos0Events: number;
  missedSeqs: number;
  readonly series: Series[];
}

/** The keys to ask the store about, by place. */
export const keysOf = (records: readonly StreamRecord[]): readonly (DedupKey | null)[] =>
  records.map(({ entry }) =>
    entry.kind === 'event' && entry.event.dedupKey !== null
      ? { sensorId: entry.event.sensorId, key: entry.event.dedupKey }
      : null,
  );

export function prepareBatch(input: BatchInput): PreparedBatch {
  const { condemned, keys, knownKeys, lane, newId, records, trackOf, typeRules } = input;
  const events: SensorEvent[] = [];
  const evaluated: { event: SensorEvent; durableAt: number }[] = [];
  const facts: MeshFact[] = [];
  const deadLetters: NewDeadLetter[] = [];
  const descriptions: SensorDescription[] = [];
  const drafts = new Map<SensorId, SensorDraft>();
  const storedKeys = new Set<string>();
  let duplicates = 0;
  let skipped = 0;

  for (let place = 0; place < records.length; place += 1) {
    const record = records[place];
    if (record === undefined) continue;
    const { durableAt, entry } = record;
    switch (entry.kind) {
      case 'event': {
        const { event } = entry;
        const key = keys[place] ?? null;
        const keyText = key === null ? null : `${key.sensorId}\u0000${key.key}`;
        if (key !== null && keyText !== null && (knownKeys.has(key) || storedKeys.has(keyText))) {
          duplicates += 1;
          break;
        }
        const problem = condemned ?? checkReadings(event, typeRules);
        if (problem !== null) {
          deadLetters.push(deadEvent(newId(), lane, event, problem, condemned?.asBytes === true));
          break;
        }
        if (keyText !== null) storedKeys.add(keyText);
        events.push(event);
        evaluated.push({ event, durableAt });
        noteEvent(draftOf(drafts, event.sensorId, trackOf), event);
        break;
      }
      case 'undecodable': {
        const { payload, reason, receivedAt, sensorId, topic } = entry.undecodable;
        deadLetters.push({
          id: newId(),
          reason: 'undecodable',
          detail: reason,
          sensorId,
          lane,
          topic,
          receivedAt,
          event: null,
          payload,
        });
        break;
      }
      case 'description':
        if (condemned === null) descriptions.push(entry.description);
        else skipped += 1;
        break;
      case 'fact':
        if (condemned === null) facts.push(entry.fact);
        else skipped += 1;
        break;
    }
  }

  const latest: LatestChange[] = [];
  const minutes: MinuteDelta[] = [];
  const sensors: SensorChange[] = [];
  const tracks: SensorTrack[] = [];
  for (const draft of drafts.values()) {
    for (const series of draft.series) {
      latest.push(series.latest);
      for (const minute of series.minutes) minutes.push(minute);
    }
    const { track } = draft;
    tracks.push(track);
    sensors.push({
      sensorId: draft.sensorId,
      lane,
      events: draft.events,
      qos0Events: draft.qos0Events,
      lastReceivedAt: track.lastReceivedAt ?? 0,
      lastSeq: track.lastSeq,
      bootId: track.bootId,
      missedSeqs: draft.missedSeqs,
      usualIntervalMs: track.usualIntervalMs,
    });
  }
  return {
    events,
    evaluated,
    facts,
    duplicates,
    deadLetters,
    latest,
    minutes,
    sensors,
    descriptions,
    tracks,
    skipped,
  };
}

function deadEvent(
  id: string,
  lane: Lane,
  event: SensorEvent,
  { detail, reason }: { readonly reason: DeadLetterReason; readonly detail: string },
  asBytes: boolean,
): NewDeadLetter {
  const { receivedAt, sensorId, topic } = event;
  const common = { id, reason, detail, lane, receivedAt };
  return asBytes
    ? { ...common, sensorId: null, topic: null, event: null, payload: Buffer.from(JSON.stringify(event)) }
    : { ...common, sensorId, topic, event, payload: null };
}

function draftOf(
  drafts: Map<SensorId, SensorDraft>,
  sensorId: SensorId,
  trackOf: BatchInput['trackOf'],
): SensorDraft {
  const known = drafts.get(sensorId);
  if (known !== undefined) return known;
  const draft = {
    sensorId,
    track: trackOf(sensorId) ?? unknownSensor,
    events: 0,
    qos0Events: 0,
    missedSeqs: 0,
    series: [],
  };
  drafts.set(sensorId, draft);
  return draft;
}

function noteEvent(draft: SensorDraft, event: SensorEvent): void {
  const { flags, readings } = event;
  const { missed, track } = followEvent(draft.track, event);
  draft.track = track.lastReceivedAt === null ? { ...track, lastReceivedAt: event.receivedAt } : track;
  draft.events += 1;
  if (event.qos === 0) draft.qos0Events += 1;
  draft.missedSeqs += missed;
  const drill = flags.includes('drill');
  // Nobody measured what a drill says.
  if (drill) return;
  const onlyIfNewer = flags.length > 0 && (flags.includes('late') || flags.includes('replayed'));
  for (const reading of readings) {
    const change: LatestChange = {
      sensorId: event.sensorId,
      reading,
      ts: event.ts,
      receivedAt: event.receivedAt,
      eventId: event.eventId,
      onlyIfNewer,
    };
    let series = draft.series.find(({ type }) => type === reading.type);
    if (series === undefined) {
      series = { type: reading.type, latest: change, minutes: [] };
      draft.series.push(series);
    } else {
      series.latest = foldLatest(series.latest, change);
    }
    addToMinute(series, event, reading);
  }
}

function addToMinute(series: Series, event: SensorEvent, { type, value }: Reading): void {
  if (typeof value === 'string') return;
  const number = typeof value === 'boolean' ? Number(value) : value;
  const minute = Math.floor(event.ts / minuteMs) * minuteMs;
  const known = series.minutes.findLast((candidate) => candidate.minute === minute);
  if (known === undefined) {
    series.minutes.push({
      sensorId: event.sensorId,
      type,
      minute,
      min: number,
      max: number,
      sum: number,
      count: 1,
    });
    return;
  }
  known.min = Math.min(known.min, number);
  known.max = Math.max(known.max, number);
  known.sum += number;
  known.count += 1;
}
