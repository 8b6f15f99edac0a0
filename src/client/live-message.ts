/** Takes the hub's frames apart: one message per line. */
import type { LiveServerMessage } from '../protocol/live.ts';

/** The messages of a frame, blank lines left out. Throws SyntaxError where a line is not JSON. */
export function readFrame(text: string): LiveServerMessage[] {
  const messages: LiveServerMessage[] = [];
  for (const line of text.split('\n'))
    if (line.trim() !== '') messages.push(JSON.parse(line) as LiveServerMessage);
  return messages;
}
