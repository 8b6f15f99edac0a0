/** Patterns of names as rules and silences write them: `*` fits any part, everything else is literal. */

export type NameTest = (name: string) => boolean;

/** Upper and lower case differ, as in the names themselves. */
export function nameTest(pattern: string): NameTest {
  if (pattern === '*') return () => true;
  if (!pattern.includes('*')) return (name) => name === pattern;
  const parts = pattern.split('*');
  const first = parts[0] ?? '';
  const last = parts.at(-1) ?? '';
  const middle = parts.slice(1, -1).filter((part) => part !== '');
  return (name) => {
    if (name.length < first.length + last.length) return false;
    if (!name.startsWith(first) || !name.endsWith(last)) return false;
    const end = name.length - last.length;
    let from = first.length;
    for (const part of middle) {
      const at = name.indexOf(part, from);
      if (at < 0 || at + part.length > end) return false;
      from = at + part.length;
    }
    return true;
  };
}

/** A link is `a|b`; a pattern may name one end of it, or both in either order. */
export function linkTest(pattern: string): NameTest {
  const fits = nameTest(pattern);
  const namesBoth = pattern.includes('|');
  return (link) => {
    if (fits(link)) return true;
    const bar = link.indexOf('|');
    if (bar < 0) return false;
    const [a, b] = [link.slice(0, bar), link.slice(bar + 1)];
    return namesBoth ? fits(`${b}|${a}`) : fits(a) || fits(b);
  };
}
