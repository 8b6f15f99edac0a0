import type { StoreError } from '../errors.ts';
import type { Database } from './database.ts';

export interface OpenDatabaseOptions {
  /** Folder for the SQLite files; made where it does not exist. */
  readonly dataDir: string;
  /** The database thread has died: every call fails from now on. */
  readonly onCrash?: (error: StoreError) => void;
}

/** Throws `StartError` data_dir_not_writable or data_dir_in_use, `StoreError` store_corrupt or store_failed. */
export declare function openDatabase(options: OpenDatabaseOptions): Promise<Database>;
