/** How payloads that are text are read: what clears a retained message is nothing, what is not UTF-8 is undecodable. */
import type { DecodedEvent } from '../event-intake.ts';
import { FieldProblem } from '../field-problem.ts';
import { type Decoded, ignored, oneEvent, undecodable } from './decoder.ts';
import { textOf } from './payload.ts';

export function decodeTextPayload(
  payload: Uint8Array,
  retain: boolean,
  decodeText: (text: string) => DecodedEvent | FieldProblem,
): Decoded {
  if (payload.length === 0 && retain) return ignored;
  const text = textOf(payload);
  if (text === null) return undecodable('the payload is not UTF-8');
  const decoded = decodeText(text);
  return decoded instanceof FieldProblem ? undecodable(decoded.toString()) : oneEvent(decoded);
}
