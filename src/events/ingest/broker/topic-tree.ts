/**
 * Subscriptions by topic filter (MQTT 3.1.1 §4.7): which of them a topic reaches. Matches are remembered by topic, since
 * sensors publish on the same few topics again and again; any change of the subscriptions forgets them.
 *
 * A filter that begins with a wildcard reaches no topic that begins with `$`. Empty levels count: `a//b` has three.
 */

interface Branch<Key, Value> {
  readonly children: Map<string, Branch<Key, Value>>;
  readonly values: Map<Key, Value>;
}

/** Topics whose matches are remembered; a topic is at most 64 KiB, and longer ones than this are looked up each time. */
const rememberedTopics = 16_384;
const rememberedTopicLength = 256;

const branch = <Key, Value>(): Branch<Key, Value> => ({ children: new Map(), values: new Map() });

export class TopicTree<Key, Value> {
  readonly #root = branch<Key, Value>();
  readonly #matches = new Map<string, readonly Value[]>();
  #size = 0;

  /** Subscriptions in all: pairs of filter and key. */
  get size(): number {
    return this.#size;
  }

  /** One value for each filter and key; a second one replaces the first. */
  set(filter: string, key: Key, value: Value): void {
    let at = this.#root;
    for (const level of filter.split('/')) {
      let child = at.children.get(level);
      if (child === undefined) at.children.set(level, (child = branch()));
      at = child;
    }
    if (!at.values.has(key)) this.#size += 1;
    at.values.set(key, value);
    this.#matches.clear();
  }

  delete(filter: string, key: Key): void {
    const levels = filter.split('/');
    const path = [this.#root];
    for (const level of levels) {
      const child = path.at(-1)?.children.get(level);
      if (child === undefined) return;
      path.push(child);
    }
    if (path.at(-1)?.values.delete(key) !== true) return;
    this.#size -= 1;
    this.#matches.clear();
    for (let depth = path.length - 1; depth > 0; depth -= 1) {
      const { children, values } = path[depth] ?? this.#root;
      if (children.size > 0 || values.size > 0) return;
      path[depth - 1]?.children.delete(levels[depth - 1] ?? '');
    }
  }

  /** Of all filters that fit, `#` before the levels that it stands for. */
  match(topic: string): readonly Value[] {
    if (this.#size === 0) return [];
    const known = this.#matches.get(topic);
    if (known !== undefined) return known;
    const found: Value[] = [];
    collect(this.#root, topic.split('/'), 0, topic.startsWith('$'), found);
    if (topic.length > rememberedTopicLength) return found;
    if (this.#matches.size >= rememberedTopics) this.#matches.clear();
    this.#matches.set(topic, found);
    return found;
  }
}

function collect<Key, Value>(
  at: Branch<Key, Value>,
  levels: readonly string[],
  depth: number,
  reserved: boolean,
  found: Value[],
): void {
  const wildcards = !(reserved && depth === 0);
  // `a/#` reaches `a` too.
  if (wildcards) for (const value of at.children.get('#')?.values.values() ?? []) found.push(value);
  const level = levels[depth];
  if (level === undefined) {
    for (const value of at.values.values()) found.push(value);
    return;
  }
  // A topic has no wildcards: `+` and `#` as its levels are nobody's.
  const literal = level === '+' || level === '#' ? undefined : at.children.get(level);
  if (literal !== undefined) collect(literal, levels, depth + 1, reserved, found);
  const any = wildcards ? at.children.get('+') : undefined;
  if (any !== undefined) collect(any, levels, depth + 1, reserved, found);
}

/** Whether a filter reaches a topic, where there is only one to ask. */
export function filterReaches(filter: string, topic: string): boolean {
  if (filter === topic) return true;
  const wanted = filter.split('/');
  const levels = topic.split('/');
  if (topic.startsWith('$') && (wanted[0] === '#' || wanted[0] === '+')) return false;
  for (const [index, want] of wanted.entries()) {
    if (want === '#') return true;
    if (index >= levels.length) return false;
    if (want !== '+' && want !== levels[index]) return false;
  }
  return wanted.length === levels.length;
}
