/** Cursors of lists: where a page ended, as opaque text that is checked when it comes back. */
import type { z } from 'zod';
import { EventError } from '../../errors.ts';

export const writeCursor = (place: readonly unknown[]): string =>
  Buffer.from(JSON.stringify(place)).toString('base64url');

/** Throws EventError `cursor_invalid`. */
export function readCursor<Place>(cursor: string, shape: z.ZodType<Place>): Place {
  try {
    return shape.parse(JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8')));
  } catch (cause) {
    throw new EventError(
      'cursor_invalid',
      `The cursor ${JSON.stringify(cursor.slice(0, 80))} is none that a page ended with; begin again without one`,
      { cause },
    );
  }
}
