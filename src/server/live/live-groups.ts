/**
 * Sorts what is appended to the feed to the groups of clients that want it. Which groups want the events of a sensor is
 * found out once per sensor, not once per event.
 */
import type { LiveEntry } from '../../events/live/live-feed.ts';
import { BroadcastGroup, type BroadcastGroupOptions } from '../../outbox/broadcast-group.ts';
import type { LiveOutbox } from '../../outbox/live-outbox.ts';
import type { OutboxMessage } from '../../outbox/outbox-message.ts';
import type { LiveMessage } from '../../protocol/live.ts';
import { FeedMessage } from './feed-message.ts';
import type { LiveFilter } from './live-filter.ts';

interface Group {
  readonly filter: LiveFilter;
  readonly broadcast: BroadcastGroup;
}

/** Routes kept; with more sensors than these, some are found out again. */
const rememberedRoutes = 50_000;

export class LiveGroups {
  readonly #options: BroadcastGroupOptions;
  readonly #groups = new Map<string, Group>();
  /** By sensor for events, by type for all else. */
  readonly #routes = new Map<string, readonly Group[]>();

  constructor(options: BroadcastGroupOptions) {
    this.#options = options;
  }

  /** From now on the outbox gets what the filter lets through. Returns the function that ends that. */
  join(filter: LiveFilter, outbox: LiveOutbox): () => void {
    let group = this.#groups.get(filter.key);
    if (group === undefined) {
      group = { filter, broadcast: new BroadcastGroup(this.#options) };
      this.#groups.set(filter.key, group);
      this.#routes.clear();
    }
    const { broadcast } = group;
    broadcast.add(outbox);
    return () => {
      broadcast.remove(outbox);
      if (broadcast.size > 0 || this.#groups.get(filter.key)?.broadcast !== broadcast) return;
      this.#groups.delete(filter.key);
      this.#routes.clear();
    };
  }

  publish(entries: readonly LiveEntry[], nowMs: number): void {
    if (this.#groups.size === 0) return;
    const batches = new Map<Group, OutboxMessage[]>();
    for (const entry of entries) {
      const groups = this.#groupsFor(entry.message);
      if (groups.length === 0) continue;
      const message = new FeedMessage(entry);
      for (const group of groups) {
        const batch = batches.get(group);
        if (batch === undefined) batches.set(group, [message]);
        else batch.push(message);
      }
    }
    for (const [{ broadcast }, messages] of batches) broadcast.publish(messages, nowMs);
  }

  /** Sends what is being gathered, now. */
  deliver(): void {
    for (const { broadcast } of this.#groups.values()) broadcast.deliver();
  }

  #groupsFor(message: LiveMessage): readonly Group[] {
    const route = message.type === 'event' ? `event\n${message.sensor_id}` : message.type;
    const known = this.#routes.get(route);
    if (known !== undefined) return known;
    const groups = [...this.#groups.values()].filter(({ filter }) => filter.lets(message));
    if (this.#routes.size >= rememberedRoutes) this.#routes.clear();
    this.#routes.set(route, groups);
    return groups;
  }
}
