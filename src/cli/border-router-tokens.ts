/** `--token`, where a command may run several border routers: one token, or `ID=TOKEN` for each. */
import { CommandError } from '../errors.ts';

/** Throws CommandError `option_invalid` where one token would have to do for several. */
export function readTokens(
  texts: readonly string[],
  borderRouters: number,
): (borderRouterId: string) => string | undefined {
  const tokens = new Map<string, string>();
  let single: string | undefined;
  for (const text of texts) {
    const [, id, token] = /^([A-Za-z0-9._-]{1,64})=(.+)$/.exec(text) ?? [];
    if (id !== undefined && token !== undefined) tokens.set(id, token);
    else single = text;
  }
  if (single !== undefined && borderRouters > 1) {
    throw new CommandError(
      'option_invalid',
      'A token belongs to one border router; with several, write --token BR-001=TOKEN for each.',
    );
  }
  return (id) => tokens.get(id) ?? single;
}
