/** Finds out whether there is an OpenThread daemon behind `ot-ctl`, without using the radio. */
import { type Clock, systemClock } from '../../clock.ts';
import type { ReadResult } from '../mesh/mesh-reader.ts';
import { firstValue } from './cli-fields.ts';
import { toText } from './network-diagnostic.ts';
import { OtCtlSession } from './ot-ctl-session.ts';

export interface OtCtlProbe {
  /** As the daemon tells it: `OPENTHREAD/…; POSIX; Nov 20 2026`. */
  readonly version: string;
}

const probeTimeoutMs = 5_000;

export async function probeOtCtl(
  command: readonly string[],
  signal: AbortSignal,
  clock: Clock = systemClock,
): Promise<ReadResult<OtCtlProbe>> {
  const session = new OtCtlSession({ command, clock });
  const result = await session.run(
    { kind: 'local', words: 'version' },
    { timeoutMs: probeTimeoutMs, signal },
    (lines) => firstValue(lines, toText) !== null,
  );
  await session.close();
  if (!result.ok) return { ok: false, code: result.code, reason: result.reason };
  return { ok: true, value: { version: firstValue(result.lines, toText) ?? '' } };
}
