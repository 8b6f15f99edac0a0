/** Readings of other border routers of the same mesh that take what one reading finds, as it finds it, until its end. */
import type { Ipv6Address } from '../../protocol/ipv6.ts';

export interface Follower {
  /** Addresses that somebody waits for there, now. */
  readonly waiting: () => Iterable<Ipv6Address>;
  readonly onProgress: () => void;
}

export class Followers {
  readonly #followers = new Set<Follower>();
  readonly #ended = Promise.withResolvers<null>();

  /** Returns how it leaves. */
  add(follower: Follower): () => void {
    this.#followers.add(follower);
    return () => this.#followers.delete(follower);
  }

  waiting(): Ipv6Address[] {
    return [...this.#followers].flatMap((follower) => [...follower.waiting()]);
  }

  progressed(): void {
    for (const { onProgress } of [...this.#followers]) onProgress();
  }

  end(): void {
    this.#ended.resolve(null);
  }

  /** Resolves at the end, or when the signal aborts. */
  ended(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const leave = (): void => {
        signal.removeEventListener('abort', leave);
        resolve();
      };
      signal.addEventListener('abort', leave, { once: true });
      void this.#ended.promise.then(leave);
      if (signal.aborted) leave();
    });
  }
}
