/**
 * The frame around what the OpenThread CLI prints for one command:
 *
 *   > leaderdata                  the prompt and an echo, which not every transport shows
 *   Partition ID: 573303309       any number of lines
 *   Done                          or `Error 28: ResponseTimeout`
 *
 * Output without its last line was cut: somebody else's session took over, or the daemon went away.
 */

export type CliOutput =
  | { readonly end: 'done'; readonly lines: readonly string[] }
  | {
      readonly end: 'error';
      /** `otError`; null where it has none. */
      readonly number: number | null;
      readonly text: string;
      /** What came before it: part of an answer where others stayed silent. */
      readonly lines: readonly string[];
    }
  | { readonly end: 'cut'; readonly lines: readonly string[] };

/** A whole building's tables are a few thousand lines. */
const maxLines = 32_768;

/** `command`: as it was sent, to know its echo. */
export function parseCliOutput(text: string, command: string): CliOutput {
  const lines: string[] = [];
  for (const raw of text.split('\n', maxLines)) {
    const line = raw.replace(/\r$/, '').replace(/^(?:> ?)+/, '');
    if (line.trim() === '' || (lines.length === 0 && line.trim() === command)) continue;
    const trimmed = line.trimEnd();
    if (trimmed === 'Done') return { end: 'done', lines };
    const error = /^Error(?: (\d{1,5}))?:\s*(.*)$/.exec(trimmed);
    if (error !== null)
      return {
        end: 'error',
        number: error[1] === undefined ? null : Number(error[1]),
        text: error[2] ?? '',
        lines,
      };
    lines.push(line);
  }
  return { end: 'cut', lines };
}
