/**
 * A place in a YAML text, for readers that name file, line and column of whatever is wrong. Reading goes on after a problem,
 * so that all of them are told at once.
 */
import {
  type Document,
  isAlias,
  isMap,
  isNode,
  isScalar,
  isSeq,
  LineCounter,
  parseDocument,
  type Pair,
} from 'yaml';
import { parseDurationMs } from '../../config.ts';
import { shownValue } from '../../config-file.ts';
import { nearestWord } from '../../nearest-word.ts';

interface Source {
  readonly document: Document;
  readonly lines: LineCounter;
  readonly shownPath: string;
  readonly problems: string[];
}

export interface OpenedYaml {
  /** Null where the text is empty or is no YAML. */
  readonly root: YamlPlace | null;
  /** Grows while places of it are read. */
  readonly problems: readonly string[];
}

export function openYaml(path: string, text: string): OpenedYaml {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const shownPath = path.replace(/^\.\//, '');
  const problems: string[] = [];
  for (const error of document.errors) {
    const { col, line } = lines.linePos(error.pos[0]);
    problems.push(`${shownPath}:${line}:${col}: ${error.message.split('\n')[0]?.replace(/:$/, '') ?? ''}`);
  }
  if (problems.length > 0 || document.contents === null) return { root: null, problems };
  const source = { document, lines, shownPath, problems };
  return { root: new YamlPlace(source, document.contents, null, ''), problems };
}

export class YamlPlace {
  readonly #source: Source;
  readonly #node: unknown;
  /** Where the node is empty its key tells the line. */
  readonly #key: unknown;
  /** How sentences name it: `for`. */
  readonly name: string;

  constructor(source: Source, node: unknown, key: unknown, name: string) {
    this.#source = source;
    this.#node = isAlias(node) ? (node.resolve(source.document) ?? null) : node;
    this.#key = key;
    this.name = name;
  }

  /** Says what is wrong here; null, so that a reader can return it. */
  problem(sentence: string): null {
    this.#report(this.#node, sentence);
    return null;
  }

  /** `above is "much"; write a number`. */
  expected(valid: string): null {
    return this.problem(`${this.name} is ${this.#shown()}; write ${valid}`);
  }

  get isMap(): boolean {
    return isMap(this.#node);
  }

  get isEmpty(): boolean {
    return this.#node === null || (isScalar(this.#node) && this.#node.value === null);
  }

  /** The parts of a map by name; a name that is not known is a problem. Null where it is no map. */
  parts(known: readonly string[], what: string): ReadonlyMap<string, YamlPlace> | null {
    const all = this.entries(`a map with ${known.join(', ')}`);
    if (all === null) return null;
    const parts = new Map<string, YamlPlace>();
    for (const [name, place] of all) {
      if (known.includes(name)) {
        parts.set(name, place);
        continue;
      }
      const suggestion = nearestWord(name, known);
      const hint = suggestion === null ? '' : `, did you mean ${suggestion}?`;
      this.#report(place.#key, `${name} is no key of ${what}${hint} (valid here: ${known.join(', ')})`);
    }
    return parts;
  }

  /** The entries of a map, whatever their names. Null where it is no map. */
  entries(valid: string): readonly (readonly [string, YamlPlace])[] | null {
    if (!isMap(this.#node)) return this.expected(valid);
    return this.#node.items.map((pair: Pair) => {
      const name = isScalar(pair.key) ? String(pair.key.value) : String(pair.key);
      return [name, new YamlPlace(this.#source, pair.value, pair.key, name)] as const;
    });
  }

  /** The items of a list; null where it is none. */
  items(valid: string): readonly YamlPlace[] | null {
    if (!isSeq(this.#node)) return this.expected(valid);
    return this.#node.items.map((item) => new YamlPlace(this.#source, item, null, this.name));
  }

  /** What one of its parts is wrong about, by the path of keys and places in lists; the nearest part that exists. */
  problemAt(path: readonly PropertyKey[], sentence: string): void {
    let node = this.#node;
    let nearest: unknown = node;
    for (const step of path) {
      const pair: Pair | undefined = isMap(node)
        ? node.items.find(({ key }) => isScalar(key) && String(key.value) === String(step))
        : undefined;
      node = pair?.value ?? (isSeq(node) ? node.items[Number(step)] : undefined);
      if (node === undefined) break;
      nearest = pair?.key ?? node;
    }
    this.#report(nearest, sentence);
  }

  /** As plain values. Throws where aliases would make it grow without bound. */
  plain(): unknown {
    return isNode(this.#node) ? (this.#node.toJS(this.#source.document) as unknown) : null;
  }

  scalar(): string | number | boolean | null {
    const value: unknown = isScalar(this.#node) ? this.#node.value : null;
    return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'
      ? value
      : null;
  }

  text(valid: string, maxLength = 128): string | null {
    const value = this.scalar();
    const text = typeof value === 'number' ? String(value) : value;
    if (typeof text !== 'string' || text.trim() === '' || text.length > maxLength)
      return this.expected(valid);
    return text.trim();
  }

  number(valid = 'a number', min = -Infinity, max = Infinity): number | null {
    const value = this.scalar();
    if (typeof value !== 'number' || !Number.isFinite(value) || value < min || value > max)
      return this.expected(valid);
    return value;
  }

  whole(valid: string, min: number, max: number): number | null {
    const value = this.scalar();
    if (typeof value !== 'number' || !Number.isInteger(value) || value < min || value > max)
      return this.expected(valid);
    return value;
  }

  /** At least 1 ms and at most a year. */
  durationMs(valid = 'a duration such as 30s, 5min or 2h'): number | null {
    const value = this.scalar();
    const durationMs = typeof value === 'string' ? parseDurationMs(value) : null;
    if (durationMs === null || durationMs < 1 || durationMs > 365 * 86_400_000) return this.expected(valid);
    // `90` is more likely 90 seconds than 90 milliseconds: no unit is no duration here.
    return typeof value === 'string' && /[a-z]/.test(value) ? durationMs : this.expected(valid);
  }

  /** `50%` or 0.5. */
  fraction(): number | null {
    const valid = 'a percentage such as 50%';
    const value = this.scalar();
    const match = typeof value === 'string' ? /^\s*(\d+(?:\.\d+)?)\s*%\s*$/.exec(value) : null;
    const fraction = match === null ? value : Number(match[1]) / 100;
    if (typeof fraction !== 'number' || !(fraction >= 0 && fraction <= 1)) return this.expected(valid);
    return fraction;
  }

  word<const Words extends readonly string[]>(words: Words): Words[number] | null {
    const value = this.scalar();
    if (typeof value === 'string' && words.includes(value)) return value;
    const suggestion = typeof value === 'string' ? nearestWord(value, words) : null;
    const hint = suggestion === null ? '' : `, did you mean ${suggestion}?`;
    return this.problem(`${this.name} is ${this.#shown()}; write one of ${words.join(', ')}${hint}`);
  }

  /** A list of texts, or one text alone. */
  texts(valid: string): readonly string[] | null {
    if (!isSeq(this.#node)) {
      const text = this.text(valid);
      return text === null ? null : [text];
    }
    const texts = (this.items(valid) ?? []).map((item) => item.text(valid));
    return texts.includes(null) ? null : texts.filter((text) => text !== null);
  }

  #shown(): string {
    if (isMap(this.#node)) return 'a map';
    if (isSeq(this.#node)) return 'a list';
    return this.isEmpty ? 'empty' : shownValue(this.scalar());
  }

  #report(node: unknown, sentence: string): void {
    const { lines, problems, shownPath } = this.#source;
    const offset = offsetOf(node) ?? offsetOf(this.#key) ?? 0;
    const { col, line } = lines.linePos(offset);
    problems.push(`${shownPath}:${line}:${col}: ${sentence}`);
  }
}

function offsetOf(node: unknown): number | null {
  return typeof node === 'object' && node !== null && 'range' in node && Array.isArray(node.range)
    ? Number(node.range[0])
    : null;
}
