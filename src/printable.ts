/** Makes text that others wrote (node names, error messages) safe to show on a terminal and in a line of a log. */

/** Control characters would drive the terminal: they come out as `\u001b`. Line feeds and tabs stay. */
export function printable(text: string): string {
  // eslint-disable-next-line no-control-regex -- finding control characters is the point
  return text.replaceAll(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g, (character) => {
    return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
  });
}

/** Without control characters, for names that are kept as well as shown. */
export function withoutControls(text: string): string {
  // eslint-disable-next-line no-control-regex -- finding control characters is the point
  return text.replaceAll(/[\u0000-\u001f\u007f-\u009f]/g, '');
}

/** A name that a device gives itself, trimmed and cut to `longest` characters; null where nothing is left. */
export function printableName(text: string, longest: number): string | null {
  const plain = withoutControls(text).trim();
  return plain === '' ? null : plain.slice(0, longest).toWellFormed();
}
