/**
 * What a reading does when nobody waits any more: now and then it has the mesh searched, and it asks a few devices for what
 * changes slowly, those first that were read longest ago. It takes what is left of the reading's budget and time, and
 * changes nothing of what the reading came to.
 */
import type { Clock } from '../../clock.ts';
import type { CountedRadio } from './counted-radio.ts';
import type { DeviceDiagnostics } from './device-diagnostics.ts';
import type { MeshMemory } from './mesh-memory.ts';
import type { AskedDevice, DiagnosticTopic, ReadFailureCode, ReadResult, Survey } from './mesh-reader.ts';
import { isOwnWord } from './told-words.ts';
import { type AskingFacts, lacksListed, slowestKnown } from './whom-to-ask.ts';

export interface SlowReading {
  readonly clock: Clock;
  readonly memory: MeshMemory;
  readonly radio: CountedRadio;
  readonly facts: () => AskingFacts;
  /** The border router lists its mesh, and this reading has not had it searched. */
  readonly maySearch: boolean;
  readonly asksDevices: boolean;
  readonly search: () => Promise<ReadResult<Survey>>;
  readonly ask: (
    device: AskedDevice,
    topics: ReadonlySet<DiagnosticTopic>,
  ) => Promise<ReadResult<DeviceDiagnostics>>;
  /** After each device that told or stayed silent. */
  readonly onTold: () => void;
  /** Somebody waits again, or the time is over. */
  readonly signal: AbortSignal;
}

/** The mesh is searched so often though nothing is missing, and so soon where a device lacks an address. */
const searchEveryMs = 60 * 60_000;
const searchForAddressesMs = 10 * 60_000;
/** A query and a get. */
const requestsOfOne = 2;

/** After these no other device is asked. */
const ending: ReadonlySet<ReadFailureCode> = new Set([
  'off',
  'too_old',
  'unreachable',
  'cancelled',
  'over_budget',
]);

export async function readSlowly(reading: SlowReading): Promise<void> {
  const { asksDevices, clock, facts, memory, radio, signal } = reading;
  // What it finds the next reading lists.
  if (isTimeToSearch(reading) && (await reading.search()).ok) memory.searched(clock.monotonicMs());
  for (const device of asksDevices ? slowestKnown(facts()) : []) {
    if (signal.aborted || radio.left < requestsOfOne) return;
    const topics = new Set<DiagnosticTopic>(['counters']);
    if (memory.needsIdentity(device.extAddress, clock.monotonicMs())) topics.add('identity');
    const result = await reading.ask(device, topics);
    if (!result.ok && ending.has(result.code)) return;
    const isItsOwn = result.ok && isOwnWord(result.value, device);
    memory.slowTold(device.extAddress, isItsOwn ? result.value : null, clock.monotonicMs());
    reading.onTold();
  }
}

/** A search keeps the border router busy: it is made when nobody waits. */
function isTimeToSearch({ facts, maySearch, memory }: SlowReading): boolean {
  if (!maySearch) return false;
  const { unsearchedForMs } = memory;
  return (
    unsearchedForMs >= searchEveryMs || (unsearchedForMs >= searchForAddressesMs && lacksListed(facts()))
  );
}
