/**
 * Stands in for `ot-ctl`: replays what a real border router printed, and writes down what it was asked. Scripted commands
 * misbehave instead, call by call. The program itself is `fake-ot-ctl-program.mjs`.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** What one call does instead of replaying. */
export type FakeBehaviour =
  | { readonly print: string }
  /** The session is taken: it ends in the middle, with success. */
  | { readonly cut: true }
  /** As the last one, before anything was printed. */
  | { readonly complain: string; readonly exitCode: number }
  /** Nothing, until it is killed. */
  | { readonly hang: true }
  /** More than anybody should read. */
  | { readonly flood: true }
  | { readonly replay: true };

export interface FakeOtCtlOptions {
  /** One line for each call. */
  readonly log: string;
  /** By the beginning of the command: what its first, second … call does. Later ones replay. */
  readonly script?: readonly (readonly [command: string, behaviours: readonly FakeBehaviour[]])[];
}

const fixtures = join(import.meta.dirname, '../fixtures/otbr');

/** The command that a reader is given. */
export function fakeOtCtl(options: FakeOtCtlOptions): string[] {
  return [process.execPath, join(import.meta.dirname, 'fake-ot-ctl-program.mjs'), JSON.stringify(options)];
}

/** The commands that it was sent so far. */
export function commandsSent(log: string): string[] {
  return existsSync(log) ? readFileSync(log, 'utf8').split('\n').slice(0, -1) : [];
}

export function recordedCli(name: string): string {
  return readFileSync(join(fixtures, 'cli', `${name}.txt`), 'utf8');
}
