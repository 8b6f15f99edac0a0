/**
 * Names come from people and from radio: they may hold anything. Every format escapes its own syntax; this takes out what
 * no format can carry and no reader can see.
 */

/** Controls, lone surrogates, line separators, bidirectional overrides, byte order marks, non-characters. */
const unprintable = /[\p{Cc}\p{Cs}\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff\ufffe\uffff]/gu;

/** The text on one line, with U+FFFD for what cannot be shown. */
export function printable(text: string): string {
  return text.replaceAll(unprintable, '\ufffd');
}

/** Cut to so many characters, with an ellipsis. */
export function shortened(text: string, maxLength: number): string {
  const characters = Array.from(text);
  return characters.length <= maxLength ? text : `${characters.slice(0, maxLength - 1).join('')}…`;
}

const xmlEntities: Record<string, string> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&apos;',
};

/** For XML text and attributes. */
export function xmlText(text: string): string {
  return printable(text).replaceAll(/[&<>"']/g, (character) => xmlEntities[character] ?? character);
}
