/** What is wrong with one part of an event, as a value: on the way in from a sensor this is ordinary. */
export class FieldProblem {
  /** As its source wrote it: `readings.temperature`; empty for the whole. */
  readonly field: string;
  /** Completes "field: …". */
  readonly message: string;

  constructor(field: string, message: string) {
    this.field = field;
    this.message = message;
  }

  toString(): string {
    return this.field === '' ? this.message : `${this.field}: ${this.message}`;
  }
}

/** A value as an error shows it: its beginning. */
export function shown(value: unknown): string {
  // Of something large only what is shown is written.
  if (typeof value === 'object' && value !== null) return Array.isArray(value) ? 'a list' : 'an object';
  const text = typeof value === 'string' ? JSON.stringify(value.slice(0, 80)) : String(value);
  return text.length > 80 ? `${text.slice(0, 77)}…` : text;
}
