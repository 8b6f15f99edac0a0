/** Turns SQLite's result codes (https://www.sqlite.org/rescode.html) into sentences that say what to do. */
import { StoreError } from '../errors.ts';
import type { SqlFailure } from './sqlite-messages.ts';

const primary = {
  busy: 5,
  locked: 6,
  readOnly: 8,
  ioError: 10,
  corrupt: 11,
  full: 13,
  cantOpen: 14,
  notADatabase: 26,
  permission: 3,
  error: 1,
  tooBig: 18,
  constraint: 19,
  mismatch: 20,
  range: 25,
};
/** What the statement or its parameters are to blame for: it fails again, however well the disk is. */
const rejections: readonly number[] = [
  primary.error,
  primary.tooBig,
  primary.constraint,
  primary.mismatch,
  primary.range,
];
/** The shared-memory file of the write-ahead log could not grow: the disk is full. */
const ioErrorShmSize = 4_874;

const primaryCode = (failure: SqlFailure): number | null =>
  failure.resultCode === null ? null : failure.resultCode & 0xff;

/** The folder or a file in it may not be written by this user. */
export function isNotWritable(failure: SqlFailure): boolean {
  const code = primaryCode(failure);
  return code === primary.readOnly || code === primary.cantOpen || code === primary.permission;
}

export const isLocked = (failure: SqlFailure): boolean => {
  const code = primaryCode(failure);
  return code === primary.busy || code === primary.locked;
};

export function storeErrorOf(failure: SqlFailure, databasePath: string): StoreError {
  const cause = new Error(failure.message);
  const said = `SQLite says: ${failure.message}`;
  const code = primaryCode(failure);
  if (failure.unexpectedChanges === true)
    return new StoreError(
      'store_fenced',
      `A transaction on ${databasePath} was given up: another owner has moved on (${failure.message})`,
      { cause },
    );
  if (code === primary.full || failure.resultCode === ioErrorShmSize)
    return new StoreError(
      'store_full',
      `There is no room left to write ${databasePath}; free space on its disk. ${said}`,
      { cause },
    );
  if (isLocked(failure))
    return new StoreError(
      'store_locked',
      `Another program holds ${databasePath} locked; close it or wait. ${said}`,
      { cause },
    );
  if (code === primary.corrupt || code === primary.notADatabase)
    return new StoreError(
      'store_corrupt',
      `${databasePath} is damaged or not a SQLite file; restore a backup, or move it away to start empty. ${said}`,
      { cause },
    );
  if (code === primary.ioError)
    return new StoreError(
      'store_failed',
      `${databasePath} cannot be read or written; check its disk. ${said}`,
      { cause },
    );
  if (code !== null && rejections.includes(code))
    return new StoreError(
      'store_rejected',
      `${databasePath} does not take what was to be written or asked. ${said}`,
      { cause },
    );
  return new StoreError('store_failed', `A query on ${databasePath} failed. ${said}`, { cause });
}

export const storeClosed = (databasePath: string): StoreError =>
  new StoreError('store_closed', `${databasePath} is closed; the hub is stopping`);
