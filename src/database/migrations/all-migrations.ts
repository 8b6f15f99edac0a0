/** Every migration under its lasting name, in order. Applied ones are never changed; a new one is added. */
import type { Migration } from 'kysely';
import { scansNodesTokens } from './0001-scans-nodes-tokens.ts';

export const migrations: Readonly<Record<string, Migration>> = {
  '0001-scans-nodes-tokens': scansNodesTokens,
};
