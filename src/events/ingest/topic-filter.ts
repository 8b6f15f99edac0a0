/** MQTT topic filters (MQTT 3.1.1, section 4.7): `+` stands for one level, `#` at the end for any number of them. */

/** What all topics of a filter begin with: of `sensors/+/x` it is `sensors/`. */
export function literalPrefix(filter: string): string {
  const wildcard = filter.search(/[+#]/);
  return wildcard < 0 ? filter : filter.slice(0, wildcard);
}

export function compileTopicFilter(filter: string): (topic: string) => boolean {
  const levels = filter.split('/');
  const open = levels.at(-1) === '#';
  const wanted = open ? levels.slice(0, -1) : levels;
  const prefix = literalPrefix(filter);
  return (topic) => {
    // Topics of the broker itself are not for filters that begin with a wildcard.
    if (prefix === '' && topic.startsWith('$')) return false;
    // `a/#` takes `a` as well.
    if (!topic.startsWith(open && prefix.endsWith('/') ? prefix.slice(0, -1) : prefix)) return false;
    let from = 0;
    for (const level of wanted) {
      if (from > topic.length) return false;
      const slash = topic.indexOf('/', from);
      const end = slash < 0 ? topic.length : slash;
      if (level !== '+' && !(end - from === level.length && topic.startsWith(level, from))) return false;
      from = end + 1;
    }
    return open || from > topic.length;
  };
}
