/**
 * Random numbers that a seed reproduces. The generator is sfc32 (Chris Doty-Humphrey's "small fast counting" generator,
 * 128 bits of state, public domain):
 *
 *   t = a + b + counter;  counter += 1
 *   a = b ^ (b >>> 9);  b = c + (c << 3);  c = rotateLeft(c, 21) + t
 *   output t
 *
 * Its state comes from the seed and a label, each character mixed with MurmurHash3's finaliser, and the first 12 outputs
 * are dropped. Each part of a simulation draws from a generator of its own label, so that one part drawing once more does
 * not change all the others. Not for secrets.
 */

export interface SeededRandom {
  /** 0 ≤ x < 1, 32 bits. */
  next(): number;
  /** A whole number, both ends included. */
  integer(min: number, max: number): number;
  between(min: number, max: number): number;
  chance(probability: number): boolean;
  /** Throws where there is nothing to pick from. */
  pick<Item>(items: readonly Item[]): Item;
  /** A shuffled copy. */
  shuffle<Item>(items: readonly Item[]): Item[];
  /** `digits` lower-case hex digits. */
  hex(digits: number): string;
  /** An independent generator: depends on this one's seed and labels, not on what was drawn. */
  fork(label: string): SeededRandom;
}

export function createRandom(seed: number, label = ''): SeededRandom {
  // Low and high half, so that seeds above 32 bits differ.
  let hash = mix(Math.trunc(seed) >>> 0) ^ mix(Math.trunc(seed / 2 ** 32) >>> 0);
  for (let index = 0; index < label.length; index += 1) {
    hash = mix((Math.imul(hash, 31) + label.charCodeAt(index)) >>> 0);
  }
  let a = mix(hash ^ 0x9e3779b9);
  let b = mix(a ^ hash);
  let c = mix(b + hash);
  let counter = 1;

  const nextWord = (): number => {
    const sum = (a + b + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (((c << 21) | (c >>> 11)) + sum) | 0;
    return sum >>> 0;
  };
  for (let dropped = 0; dropped < 12; dropped += 1) nextWord();

  const random: SeededRandom = {
    next: () => nextWord() / 2 ** 32,
    integer: (min, max) => min + Math.floor(random.next() * (max - min + 1)),
    between: (min, max) => min + random.next() * (max - min),
    chance: (probability) => random.next() < probability,
    pick(items) {
      const index = Math.floor(random.next() * items.length);
      if (index >= items.length) throw new RangeError('there is nothing to pick from');
      return items[index] as (typeof items)[number];
    },
    shuffle(items) {
      const shuffled = [...items];
      for (let last = shuffled.length - 1; last > 0; last -= 1) {
        const other = random.integer(0, last);
        [shuffled[last], shuffled[other]] = [
          shuffled[other] as (typeof items)[number],
          shuffled[last] as (typeof items)[number],
        ];
      }
      return shuffled;
    },
    hex(digits) {
      let text = '';
      while (text.length < digits) text += nextWord().toString(16).padStart(8, '0');
      return text.slice(0, digits);
    },
    fork: (part) => createRandom(seed, `${label}/${part}`),
  };
  return random;
}

/** A number in −1 … 1 that depends on nothing but its arguments: noise that can be asked for in any order. */
export function noise(seed: number, first: number, second = 0, third = 0): number {
  const word = mix(mix(mix(mix(seed >>> 0) + first) + second) + third);
  return word / 2 ** 31 - 1;
}

/** MurmurHash3's 32-bit finaliser. */
function mix(word: number): number {
  let mixed = (word + 0x9e3779b9) | 0;
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}
