/**
 * The one mapping between TypeScript's camelCase and the wire's snake_case, for every object that
 * REST, Socket.IO and the live feed carry.
 *
 * - keys: `startedAt` ↔ `started_at`
 * - times: a property whose name ends in `At` is Unix milliseconds in TypeScript and ISO 8601 UTC on the wire
 * - opaque: `networkInfo`, `payload` and `raw` hold other people's JSON, `outcomes` has data for keys; the key is mapped, the content never
 *
 * The border-router protocol has its own codec, `border-router-codec.ts`: its quirks need one.
 */
const opaqueKeys = new Set(['networkInfo', 'outcomes', 'payload', 'raw']);

type CamelKey<K> = K extends `${infer Head}_${infer Tail}` ? `${Head}${Capitalize<CamelKey<Tail>>}` : K;
type CamelValue<K, V> = K extends `${string}_at`
  ? number | Extract<V, null | undefined>
  : K extends 'network_info' | 'outcomes' | 'payload' | 'raw'
    ? V
    : FromWire<V>;

/** The TypeScript side of a wire type. */
export type FromWire<T> = T extends string | number | boolean | null | undefined
  ? T
  : T extends readonly (infer Item)[]
    ? FromWire<Item>[]
    : T extends object
      ? { [K in keyof T as CamelKey<K>]: CamelValue<K, T[K]> }
      : T;

/** Maps a domain object to its wire form; a fresh object, the input is not touched. */
export function toWire(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(toWire);
  if (value === null || typeof value !== 'object') return value;
  // A map of a thousand nodes has a hundred thousand values; most are plain, and each key comes back thousands of times.
  const source = value as Record<string, unknown>;
  const mapped: Record<string, unknown> = {};
  for (const key of Object.keys(source)) {
    const entry = source[key];
    if (entry === undefined) continue;
    const { isOpaque, isTime, name } = wireKey(key);
    const wire =
      entry !== null && typeof entry === 'object'
        ? isOpaque
          ? entry
          : toWire(entry)
        : isTime && typeof entry === 'number'
          ? isoTime(entry)
          : entry;
    // Assigning to this one name would set the prototype instead.
    if (name === '__proto__')
      Object.defineProperty(mapped, name, {
        value: wire,
        enumerable: true,
        configurable: true,
        writable: true,
      });
    else mapped[name] = wire;
  }
  return mapped;
}

/**
 * The JSON text of `toWire(value)`, without the objects in between: what it takes to tell a browser of a large map is
 * mostly this. Only for plain data; a `toJSON` is looked for in opaque content alone.
 */
export function toWireJson(value: unknown): string {
  switch (typeof value) {
    case 'string':
      return quoted(value);
    case 'number':
      return Number.isFinite(value) ? String(value) : 'null';
    case 'boolean':
      return value ? 'true' : 'false';
    case 'object':
      if (value === null) return 'null';
      return Array.isArray(value) ? arrayJson(value) : objectJson(value as Record<string, unknown>);
    default:
      return 'null';
  }
}

function arrayJson(items: readonly unknown[]): string {
  if (items.length === 0) return '[]';
  let text = '[';
  for (let index = 0; index < items.length; index += 1) {
    if (index > 0) text += ',';
    text += inOnePiece(toWireJson(items[index]));
  }
  return `${text}]`;
}

/**
 * The engine keeps concatenated text as a tree of its parts until a character of it is asked for. That of a large map has
 * some hundred thousand parts, twenty times the size of the text, which the garbage collector would copy around; as one
 * piece for each item they are gone at once.
 */
function inOnePiece(json: string): string {
  // No JSON begins with it: what counts is that a character is asked for.
  return json.charCodeAt(0) === 0 ? '' : json;
}

function objectJson(source: Record<string, unknown>): string {
  let text = '';
  for (const key of Object.keys(source)) {
    const entry = source[key];
    if (entry === undefined) continue;
    const { firstJson, isOpaque, isTime, json } = wireKey(key);
    text += text === '' ? firstJson : json;
    if (isTime && typeof entry === 'number') text += `"${isoTime(entry)}"`;
    else text += isOpaque ? JSON.stringify(entry) : toWireJson(entry);
  }
  return text === '' ? '{}' : `${text}}`;
}

/** Anything but what JSON takes as it is: not quotes, backslashes, control characters, nor surrogates, which may be alone. */
const needsEscaping = /[^ !#-[\]-\ud7ff\ue000-\uffff]/;

function quoted(text: string): string {
  return needsEscaping.test(text) ? JSON.stringify(text) : `"${text}"`;
}

/** Maps a wire object to its domain form. The caller vouches for the shape (parse with the schema first at an edge). */
export function fromWire<T>(value: T): FromWire<T> {
  return mapFromWire(value) as FromWire<T>;
}

function mapFromWire(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(mapFromWire);
  if (value === null || typeof value !== 'object') return value;
  const mapped: Record<string, unknown> = {};
  for (const [name, entry] of Object.entries(value as Record<string, unknown>)) {
    const key = camelKey(name);
    mapped[key] = opaqueKeys.has(key)
      ? entry
      : isTimeKey(key) && typeof entry === 'string'
        ? Date.parse(entry)
        : mapFromWire(entry);
  }
  return mapped;
}

const isTimeKey = (key: string): boolean => key.endsWith('At');
const wireKeys = new Map<string, WireKey>();
const camelKeys = new Map<string, string>();

interface WireKey {
  readonly name: string;
  /** The name as JSON, with its colon and the comma before it. */
  readonly json: string;
  /** The same where it is the first of its object. */
  readonly firstJson: string;
  readonly isOpaque: boolean;
  readonly isTime: boolean;
}

function wireKey(key: string): WireKey {
  return remembered(wireKeys, key, () => {
    const name = key.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
    const json = `${JSON.stringify(name)}:`;
    return {
      name,
      json: `,${json}`,
      firstJson: `{${json}`,
      isOpaque: opaqueKeys.has(key),
      isTime: isTimeKey(key),
    };
  });
}

/** The last time written in each slot; a power of two, and more than the milliseconds of a scan of a thousand nodes. */
const timeSlots = 4_096;
const slotTimesMs = new Float64Array(timeSlots).fill(NaN);
const slotTexts: string[] = new Array<string>(timeSlots).fill('');

/** What a map says of one answer has the same time, and writing a time costs more than all the rest of a link. */
function isoTime(timeMs: number): string {
  const slot = timeMs & (timeSlots - 1);
  const known = slotTexts[slot];
  if (slotTimesMs[slot] === timeMs && known !== undefined) return known;
  const text = new Date(timeMs).toISOString();
  slotTimesMs[slot] = timeMs;
  slotTexts[slot] = text;
  return text;
}

function camelKey(key: string): string {
  return remembered(camelKeys, key, () =>
    key.replaceAll(/_([a-z])/g, (_, letter: string) => letter.toUpperCase()),
  );
}

/** Key names come from our own types, but a peer may send any: the memo is bounded. */
function remembered<Value>(memo: Map<string, Value>, key: string, make: () => Value): Value {
  const known = memo.get(key);
  if (known !== undefined) return known;
  const made = make();
  if (memo.size < 2_000) memo.set(key, made);
  return made;
}
