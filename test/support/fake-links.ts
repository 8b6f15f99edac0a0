/** Border routers as the scan sees them, without sockets: what they are sent is recorded, what they report is told. */
import type { LinkEvent, NodeAnswer, OnlineBorderRouter } from '../../src/links/border-router-links.ts';
import type { SendResult } from '../../src/outbox/frame-outbox.ts';
import type { ScanNodeCommand } from '../../src/protocol/border-router-messages.ts';
import { asBorderRouterId, type BorderRouterId, type RequestId } from '../../src/protocol/ids.ts';
import { parseIpv6Prefix } from '../../src/protocol/ipv6.ts';

export interface SentCommand {
  readonly borderRouterId: BorderRouterId;
  readonly command: ScanNodeCommand;
}

export class FakeLinks {
  readonly sent: SentCommand[] = [];
  readonly givenUp: { readonly requestId: RequestId; readonly why: string }[] = [];
  readonly #online = new Map<BorderRouterId, OnlineBorderRouter>();
  readonly #full = new Map<BorderRouterId, () => void>();
  readonly #waiting = new Map<BorderRouterId, Promise<void>>();
  readonly #listeners = new Set<(event: LinkEvent) => void>();

  /** Of border routers that read whole meshes, by id. */
  readonly readingMs = new Map<string, number>();

  meshReadingMs(id: BorderRouterId): number | null {
    return this.readingMs.get(id) ?? null;
  }

  connect(id: string, prefix: string | null, steady = true): BorderRouterId {
    const borderRouterId = asBorderRouterId(id);
    const networkPrefix = prefix === null ? null : parseIpv6Prefix(prefix);
    this.#online.set(borderRouterId, { id: borderRouterId, networkPrefix, steady });
    this.#tell({ type: 'online', borderRouterId });
    return borderRouterId;
  }

  /** Lost with everything that was sent to it and not answered through `answer`. */
  lose(
    id: BorderRouterId,
    requestIds: readonly RequestId[],
    reason: 'silent' | 'closed_by_peer' = 'closed_by_peer',
  ): void {
    this.#online.delete(id);
    this.empty(id);
    this.#tell({ type: 'lost', borderRouterId: id, reason, requestIds });
  }

  /** Gone, and nobody has been told yet. */
  vanish(id: BorderRouterId): void {
    this.#online.delete(id);
  }

  /** A new connection of the same border router: the old one's requests are lost, the id stays online. */
  replace(id: BorderRouterId, requestIds: readonly RequestId[]): void {
    this.#tell({ type: 'lost', borderRouterId: id, reason: 'replaced', requestIds });
    this.#tell({ type: 'online', borderRouterId: id });
  }

  answer(sent: SentCommand, answer: NodeAnswer): void {
    this.#tell({
      type: 'answer',
      borderRouterId: sent.borderRouterId,
      requestId: sent.command.requestId,
      answer,
    });
  }

  fill(id: BorderRouterId): void {
    if (this.#full.has(id)) return;
    this.#waiting.set(id, new Promise((resolve) => this.#full.set(id, resolve)));
  }

  empty(id: BorderRouterId): void {
    this.#full.get(id)?.();
    this.#full.delete(id);
    this.#waiting.delete(id);
  }

  online(): OnlineBorderRouter[] {
    return [...this.#online.values()];
  }

  sendScanNode(id: BorderRouterId, command: ScanNodeCommand): SendResult {
    if (!this.#online.has(id)) return 'closed';
    if (this.#full.has(id)) return 'full';
    this.sent.push({ borderRouterId: id, command });
    return 'queued';
  }

  whenWritable(id: BorderRouterId): Promise<void> {
    return this.#waiting.get(id) ?? Promise.resolve();
  }

  giveUp(_id: BorderRouterId, requestId: RequestId, why: 'silent' | 'cancelled'): void {
    this.givenUp.push({ requestId, why });
  }

  subscribe(listener: (event: LinkEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  #tell(event: LinkEvent): void {
    for (const listener of this.#listeners) listener(event);
  }
}
