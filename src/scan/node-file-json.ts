/**
 * Reads a JSON object (RFC 8259) and remembers where each of its members stands. `JSON.parse` tells neither the line of
 * a value nor that a name was given twice, and a person who edits a file needs both.
 */
export interface JsonMember {
  readonly name: string;
  readonly value: unknown;
  /** From 1. */
  readonly line: number;
}

export type JsonObjectText =
  | { readonly ok: true; readonly members: readonly JsonMember[] }
  | { readonly ok: false; readonly line: number; readonly column: number; readonly reason: string };

/** A node list is two deep; more than this is not one, and must not exhaust the stack. */
const maxDepth = 32;

export function readJsonObject(text: string): JsonObjectText {
  const reader = new JsonReader(text);
  try {
    return { ok: true, members: reader.readAll() };
  } catch (error) {
    if (!(error instanceof JsonProblem)) throw error;
    return { ok: false, ...placeOf(text, error.at), reason: error.message };
  }
}

class JsonProblem extends Error {
  readonly at: number;
  constructor(at: number, message: string) {
    super(message);
    this.at = at;
  }
}

class JsonReader {
  readonly #text: string;
  #at = 0;
  #line = 1;
  #lineCountedTo = 0;

  constructor(text: string) {
    this.#text = text;
  }

  readAll(): JsonMember[] {
    this.#skipSpace();
    if (this.#at === this.#text.length) throw new JsonProblem(0, 'the file is empty');
    if (this.#text[this.#at] !== '{') throw new JsonProblem(this.#at, 'a "{" is expected');
    const members = this.#members(1);
    this.#skipSpace();
    if (this.#at < this.#text.length) throw new JsonProblem(this.#at, 'nothing may follow the last "}"');
    return members;
  }

  #value(depth: number): unknown {
    if (depth > maxDepth) throw new JsonProblem(this.#at, `values are nested more than ${maxDepth} deep`);
    switch (this.#text[this.#at]) {
      case '{':
        return Object.fromEntries(this.#members(depth).map(({ name, value }) => [name, value]));
      case '[':
        return this.#list(depth);
      case '"':
        return this.#string();
      default:
        return this.#plain();
    }
  }

  #members(depth: number): JsonMember[] {
    const members: JsonMember[] = [];
    this.#at += 1;
    this.#skipSpace();
    if (this.#take('}')) return members;
    for (;;) {
      this.#skipSpace();
      if (this.#text[this.#at] !== '"') throw this.#expected('a name in double quotes');
      const line = this.#currentLine();
      const name = this.#string();
      this.#skipSpace();
      if (!this.#take(':')) throw this.#expected('":"');
      this.#skipSpace();
      members.push({ name, value: this.#value(depth + 1), line });
      this.#skipSpace();
      if (this.#take('}')) return members;
      if (!this.#take(',')) throw this.#expected('"," or "}"');
    }
  }

  #list(depth: number): unknown[] {
    const items: unknown[] = [];
    this.#at += 1;
    this.#skipSpace();
    if (this.#take(']')) return items;
    for (;;) {
      this.#skipSpace();
      items.push(this.#value(depth + 1));
      this.#skipSpace();
      if (this.#take(']')) return items;
      if (!this.#take(',')) throw this.#expected('"," or "]"');
    }
  }

  #string(): string {
    const start = this.#at;
    for (let at = start + 1; at < this.#text.length; at += 1) {
      const character = this.#text[at];
      if (character === '\\') at += 1;
      else if (character === '\n') break;
      else if (character === '"') {
        this.#at = at + 1;
        return this.#parsed(start) as string;
      }
    }
    throw new JsonProblem(start, 'a closing quote is missing on this line');
  }

  /** A number, `true`, `false` or `null`. */
  #plain(): unknown {
    const start = this.#at;
    const end = /[\s,:\]}"[{]|$/g;
    end.lastIndex = start;
    this.#at = end.exec(this.#text)?.index ?? this.#text.length;
    if (this.#at === start) throw this.#expected('a value');
    return this.#parsed(start);
  }

  #parsed(start: number): unknown {
    const token = this.#text.slice(start, this.#at);
    try {
      return JSON.parse(token);
    } catch {
      const shown = token.length <= 40 ? token : `${token.slice(0, 39)}…`;
      throw new JsonProblem(start, `${shown} is not a JSON value`);
    }
  }

  #expected(what: string): JsonProblem {
    return this.#at >= this.#text.length
      ? new JsonProblem(this.#at, `${what} is expected; the text ends here`)
      : new JsonProblem(this.#at, `${what} is expected`);
  }

  #take(character: string): boolean {
    if (this.#text[this.#at] !== character) return false;
    this.#at += 1;
    return true;
  }

  #skipSpace(): void {
    for (; this.#at < this.#text.length; this.#at += 1) {
      const character = this.#text[this.#at];
      if (character !== ' ' && character !== '\n' && character !== '\t' && character !== '\r') return;
    }
  }

  #currentLine(): number {
    for (; this.#lineCountedTo < this.#at; this.#lineCountedTo += 1)
      if (this.#text[this.#lineCountedTo] === '\n') this.#line += 1;
    return this.#line;
  }
}

function placeOf(text: string, at: number): { line: number; column: number } {
  const before = text.slice(0, at).split('\n');
  return { line: before.length, column: (before.at(-1) ?? '').length + 1 };
}
