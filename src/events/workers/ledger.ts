/**
 * The ledger as people read it: what became of every event that was made durable, what was shed on purpose, and which
 * sensors' numbers show that something never arrived. The counts are kept by the stream (received) and the store (stored,
 * duplicate, dead), each in the transaction of what it counts; here they are only put side by side.
 */
import type { FactSource } from '../../facts.ts';
import { type Lane, lanes } from '../../protocol/sensor-event.ts';
import type { EventStore, Page, SensorView } from '../store/event-store.ts';
import type { LatestValues } from '../store/latest-values.ts';
import { type DurableStream, laneOfShard, type ShardDepth } from '../stream/durable-stream.ts';

export interface LedgerOptions {
  readonly stream: Pick<DurableStream, 'depths'>;
  readonly store: Pick<EventStore, 'ledger'>;
  readonly latestValues: Pick<LatestValues, 'list'>;
  readonly facts: FactSource;
}

export interface LaneBalance {
  readonly lane: Lane;
  readonly received: number;
  readonly stored: number;
  readonly duplicate: number;
  readonly dead: number;
  readonly inStream: number;
  /** received = stored + duplicate + dead + in stream, as far as the stream really holds that many. */
  readonly balanced: boolean;
}

export interface LedgerView {
  readonly lanes: readonly LaneBalance[];
  /** Since the hub started. */
  readonly dropped: readonly { readonly reason: string; readonly events: number }[];
  /** The most first. */
  readonly gaps: readonly { readonly sensorId: string; readonly missed: number }[];
}

const sensorsPerPage = 1_000;
const maxGaps = 100;

export class Ledger {
  readonly #options: LedgerOptions;
  readonly #dropped = new Map<string, number>();
  readonly #unsubscribe: () => void;

  constructor(options: LedgerOptions) {
    this.#options = options;
    this.#unsubscribe = options.facts.on('events:dropped', ({ events, reason }) => {
      this.#dropped.set(reason, (this.#dropped.get(reason) ?? 0) + events);
    });
  }

  /** Rejects with StoreError. */
  async view(): Promise<LedgerView> {
    const { store, stream } = this.#options;
    // Events arrive meanwhile: what was appended before must be accounted for, and no more than was appended after.
    const before = stream.depths();
    const settled = await store.ledger();
    const after = stream.depths();
    return {
      lanes: lanes.map((lane) => {
        const { dead = 0, duplicate = 0, stored = 0 } = settled.find((counts) => counts.lane === lane) ?? {};
        const earlier = sumOf(before, lane);
        const { appended: received } = sumOf(after, lane);
        const done = stored + duplicate + dead;
        return {
          lane,
          received,
          stored,
          duplicate,
          dead,
          inStream: Math.max(0, received - done),
          balanced: received >= done && earlier.appended - done <= earlier.entries,
        };
      }),
      dropped: [...this.#dropped].map(([reason, events]) => ({ reason, events })),
      gaps: this.#gaps(),
    };
  }

  close(): void {
    this.#unsubscribe();
  }

  #gaps(): LedgerView['gaps'] {
    const gaps: { sensorId: string; missed: number }[] = [];
    let cursor: string | null = null;
    do {
      const page: Page<SensorView> = this.#options.latestValues.list({ limit: sensorsPerPage, cursor });
      for (const { id, missedSeqs } of page.items)
        if (missedSeqs > 0) gaps.push({ sensorId: id, missed: missedSeqs });
      cursor = page.nextCursor;
    } while (cursor !== null);
    return gaps.sort((a, b) => b.missed - a.missed).slice(0, maxGaps);
  }
}

function sumOf(depths: readonly ShardDepth[], lane: Lane): { appended: number; entries: number } {
  const sum = { appended: 0, entries: 0 };
  for (const { appended, entries, shard } of depths) {
    if (laneOfShard(shard) !== lane) continue;
    sum.appended += appended;
    sum.entries += entries;
  }
  return sum;
}
