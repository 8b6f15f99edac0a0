/**
 * The rules and channels in force, from the configuration file, which is watched. A file that has become wrong changes
 * nothing: the rules of before stay, and its problems are shown until it is right.
 *
 * The folder is watched, not the file: editors write a new file and rename it over the old one.
 */
import { type FSWatcher, watch } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { basename, dirname, resolve } from 'node:path';
import type { Clock } from '../../clock.ts';
import { ConfigError } from '../../errors.ts';
import type { FactEmitter } from '../../facts.ts';
import type { ChannelConfig } from '../notifications/channel-config.ts';
import { defaultAlertRules } from './alert-rule.ts';
import { readAlertRules } from './read-alert-rules.ts';
import { RuleBook } from './rule-book.ts';

export interface AlertRulesFileOptions {
  /** The configuration file that was read; null where there is none. */
  readonly path: string | null;
  /** Rules and channels that do not come from the file: of the environment, or of a hub without one. */
  readonly given: { readonly alerts: unknown; readonly channels: unknown };
  readonly criticalTypes: readonly string[];
  readonly facts: FactEmitter;
  readonly clock: Pick<Clock, 'after'>;
}

/** Editors write in steps; the last one counts. */
const settleMs = 100;
/** Where the folder cannot be watched: how often to look. */
const pollMs = 5_000;
const maxFileBytes = 4 * 1_024 * 1_024;

interface Loaded {
  readonly book: RuleBook;
  readonly channels: ReadonlyMap<string, ChannelConfig>;
  /** The rules are the built-in ones. */
  readonly isDefault: boolean;
}

export class AlertRulesFile {
  readonly #options: AlertRulesFileOptions;
  readonly #path: string | null;
  readonly #listeners = new Set<() => void>();
  #loaded: Loaded;
  #problems: readonly string[] = [];
  #text: string | null = null;
  #watcher: FSWatcher | null = null;
  #cancel: (() => void) | null = null;
  #reading: Promise<void> = Promise.resolve();
  #closed = false;

  constructor(options: AlertRulesFileOptions) {
    this.#options = options;
    this.#path = options.path === null ? null : resolve(options.path);
    const rules = defaultAlertRules(options.criticalTypes);
    this.#loaded = { book: new RuleBook(rules, []), channels: new Map(), isDefault: true };
  }

  /** Loads the rules once, then watches their file. Throws ConfigError with every problem. */
  async start(): Promise<void> {
    const path = this.#options.path;
    if (this.#path === null || path === null) {
      this.#take(this.#read('configuration', jsonOf(this.#options.given)), null);
      return;
    }
    // Watched first: a change while it is being read is not missed.
    this.#watch(this.#path);
    let text: string;
    try {
      text = await readLimited(this.#path);
    } catch (error) {
      const said = error instanceof Error ? error.message : String(error);
      throw new ConfigError(
        'config_unreadable',
        `${path} cannot be read: ${said}`,
        [`${path}: ${said}`],
        error,
      );
    }
    this.#take(this.#read(path, text), text);
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#cancel?.();
    this.#cancel = null;
    this.#watcher?.close();
    this.#watcher = null;
    await this.#reading;
  }

  /** The rules in force; another book after each load that changed them. */
  get book(): RuleBook {
    return this.#loaded.book;
  }

  get channels(): ReadonlyMap<string, ChannelConfig> {
    return this.#loaded.channels;
  }

  /** Of the file as it is now; empty where what is in force is what it says. */
  get problems(): readonly string[] {
    return this.#problems;
  }

  /** The file that the rules are in; null where they are the built-in ones. */
  get source(): string | null {
    return this.#loaded.isDefault ? null : this.#options.path;
  }

  /** Called after rules or channels have changed. Returns the function that unsubscribes. */
  onChanged(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  #watch(path: string): void {
    if (this.#closed) return;
    try {
      const watcher = watch(dirname(path), (_event, name) => {
        if (name === null || name === basename(path)) this.#loadAfter(path, settleMs);
      });
      watcher.on('error', () => {
        watcher.close();
        this.#watcher = null;
        this.#loadAfter(path, pollMs);
      });
      this.#watcher = watcher;
    } catch {
      this.#watcher = null;
      this.#loadAfter(path, pollMs);
    }
  }

  #loadAfter(path: string, delayMs: number): void {
    if (this.#closed) return;
    this.#cancel?.();
    this.#cancel = this.#options.clock.after(delayMs, () => {
      this.#cancel = null;
      if (this.#watcher === null) this.#watch(path);
      // One reading after the other: an older one must not overtake a newer one.
      this.#reading = this.#reading.then(() => this.#reload(path));
    });
  }

  async #reload(path: string): Promise<void> {
    const shownPath = this.#options.path ?? path;
    let text: string;
    try {
      text = await readLimited(path);
    } catch (error) {
      const said = error instanceof Error ? error.message : String(error);
      this.#keepOld([`${shownPath} cannot be read: ${said}; the rules of before stay in force`]);
      return;
    }
    if (this.#closed || (text === this.#text && this.#problems.length === 0)) return;
    try {
      this.#take(this.#read(shownPath, text), text);
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      this.#keepOld(error.problems);
    }
  }

  #read(path: string, text: string): Loaded {
    const { channels, problems, rules } = readAlertRules(path, text);
    if (problems.length > 0) {
      const count = problems.length === 1 ? 'one problem' : `${problems.length} problems`;
      throw new ConfigError('config_invalid', `The alert rules and channels have ${count}.`, problems);
    }
    const inForce = rules ?? defaultAlertRules(this.#options.criticalTypes);
    return { book: new RuleBook(inForce, [...channels.keys()]), channels, isDefault: rules === null };
  }

  #take(loaded: Loaded, text: string | null): void {
    this.#loaded = loaded;
    this.#text = text;
    this.#problems = [];
    this.#report();
    for (const listener of this.#listeners) listener();
  }

  #keepOld(problems: readonly string[]): void {
    if (problems.join('\n') === this.#problems.join('\n')) return;
    this.#problems = problems;
    this.#report();
  }

  #report(): void {
    const { facts, path } = this.#options;
    facts.emit('alert_rules:loaded', {
      path,
      rules: this.#loaded.book.rules.length,
      problems: this.#problems,
    });
  }
}

/** JSON is YAML, so that what is given otherwise is read by the same rules. */
const jsonOf = ({ alerts, channels }: AlertRulesFileOptions['given']): string =>
  JSON.stringify({ alerts: alerts ?? null, channels: channels ?? null });

async function readLimited(path: string): Promise<string> {
  const { size } = await stat(path);
  if (size > maxFileBytes) throw new Error(`it has ${size} bytes, at most ${maxFileBytes} are read`);
  return readFile(path, 'utf8');
}
