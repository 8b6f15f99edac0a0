/** The hub's ledger, over all lanes. */
import type { HubProcess } from './hub-process.ts';

export interface LedgerSums {
  readonly received: number;
  readonly stored: number;
  readonly duplicate: number;
  readonly dead: number;
  readonly inStream: number;
  readonly balanced: boolean;
}

interface LaneCounts extends Omit<LedgerSums, 'inStream'> {
  readonly in_stream: number;
}

export async function readLedger(hub: Pick<HubProcess, 'get'>): Promise<LedgerSums> {
  const { lanes } = await hub.get<{ lanes: readonly LaneCounts[] }>('/api/ledger');
  const sum = (pick: (lane: LaneCounts) => number): number =>
    lanes.reduce((total, lane) => total + pick(lane), 0);
  return {
    received: sum(({ received }) => received),
    stored: sum(({ stored }) => stored),
    duplicate: sum(({ duplicate }) => duplicate),
    dead: sum(({ dead }) => dead),
    inStream: sum((lane) => lane.in_stream),
    balanced: lanes.every(({ balanced }) => balanced),
  };
}

/** As it is when nothing waits any more, or `withinMs` later. */
export async function settledLedger(hub: Pick<HubProcess, 'get'>, withinMs: number): Promise<LedgerSums> {
  const giveUpAtMs = performance.now() + withinMs;
  for (;;) {
    const ledger = await readLedger(hub);
    if (ledger.inStream === 0 || performance.now() > giveUpAtMs) return ledger;
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
}
