/**
 * What one client is subscribed to. A client that comes back with a position is first sent what it missed, out of the
 * feed and at its own pace, so that nothing of it is dropped; then it joins those that are up to date.
 *
 * States:
 *   catching up   reads the feed after `position` in pieces, one when the outbox has taken the one before
 *   live          is a member of a group
 *   ended         gets nothing more
 */
import type { LiveFeed } from '../../events/live/live-feed.ts';
import type { LiveOutbox } from '../../outbox/live-outbox.ts';
import type { GapMessage } from '../../protocol/live.ts';
import { answerMessage } from './answer-message.ts';
import { FeedMessage } from './feed-message.ts';
import type { LiveFilter } from './live-filter.ts';
import type { LiveGroups } from './live-groups.ts';

export interface LiveSubscriptionOptions {
  readonly feed: Pick<LiveFeed, 'since' | 'head'>;
  readonly groups: LiveGroups;
  readonly outbox: LiveOutbox;
  readonly filter: LiveFilter;
  /** Calls back at the end of this turn of the event loop. */
  readonly defer: (callback: () => void) => void;
}

/** Entries looked at in one turn: what a filter leaves out costs time as well. */
const entriesPerTurn = 256;

export class LiveSubscription {
  readonly #options: LiveSubscriptionOptions;
  #leave: (() => void) | null = null;
  #ended = false;

  constructor(options: LiveSubscriptionOptions) {
    this.#options = options;
  }

  /** `position`: the last that the client has; null: it wants what comes from now on. */
  start(position: string | null): void {
    if (position === null) this.#join();
    else this.#catchUp(position);
  }

  end(): void {
    this.#ended = true;
    this.#leave?.();
    this.#leave = null;
  }

  #catchUp(position: string): void {
    const { defer, feed, filter, outbox } = this.#options;
    if (this.#ended || !outbox.open) return;
    const entries = feed.since(position, entriesPerTurn);
    if (entries === null) {
      this.#tellLost(position);
      this.#join();
      return;
    }
    const last = entries.at(-1);
    if (last === undefined) {
      this.#join();
      return;
    }
    outbox.sendAll(
      entries.filter(({ message }) => filter.lets(message)).map((entry) => new FeedMessage(entry)),
    );
    defer(() => void outbox.whenWritable().then(() => this.#catchUp(last.position)));
  }

  /** Too long ago, or of another hub: nobody knows how many were missed. */
  #tellLost(position: string): void {
    const { feed, outbox } = this.#options;
    const gap: GapMessage = {
      type: 'gap',
      from: position,
      to: feed.head,
      dropped: null,
      reason: 'position_unknown',
    };
    outbox.send(answerMessage(gap, feed.head));
  }

  #join(): void {
    const { filter, groups, outbox } = this.#options;
    if (!this.#ended && outbox.open) this.#leave = groups.join(filter, outbox);
  }
}
