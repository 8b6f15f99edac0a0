/** Answers and failures in the words of the `MeshReader` port. */
import type { ReadFailure, ReadResult } from '../mesh/mesh-reader.ts';
import type { CommandFailure } from './ot-ctl-session.ts';

export const cancelled = failed('cancelled', 'nobody waits for the answer any more');
export const overBudget = failed('over_budget', 'the radio budget of this reading is spent');

export function told<Value>(value: Value): ReadResult<Value> {
  return { ok: true, value };
}

export function failed(code: ReadFailure['code'], reason: string): ReadFailure {
  return { ok: false, code, reason };
}

export function asFailure({ code, reason }: Pick<CommandFailure, 'code' | 'reason'>): ReadFailure {
  return failed(code, reason);
}
