/** What a scan says of a border router that was lost while some of its nodes were open. */
import type { BorderRouterId } from '../protocol/ids.ts';

export interface LossCounts {
  /** Nodes that were asked or waited to be. */
  readonly open: number;
  /** Of these, how many found another way. */
  readonly moved: number;
}

export function describeLoss(id: BorderRouterId, reason: string, counts: LossCounts): string {
  if (reason === 'replaced' && counts.moved === counts.open) {
    return `${id} reconnected while ${counts.open} of its nodes were open: they were asked again`;
  }
  const ended = counts.open - counts.moved;
  const fate =
    ended === 0
      ? 'all moved'
      : counts.moved === 0
        ? 'none could be moved'
        : `${counts.moved} moved, ${ended} ended`;
  return `${id} was lost (${reason}) while ${counts.open} of its nodes were open: ${fate}`;
}
