/** Imports point one way. Each folder may see itself, the folders named here, and the few files at the top of `src/`. */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';

const root = resolve(import.meta.dirname, '..');
const src = join(root, 'src');

const allowed: Readonly<Record<string, readonly string[]>> = {
  protocol: [],
  topology: ['protocol'],
  outbox: ['protocol'],
  database: [],
  links: ['protocol', 'outbox', 'database'],
  scan: ['protocol', 'topology', 'links', 'outbox', 'database'],
  events: ['protocol', 'topology', 'database'],
  client: ['protocol'],
  discovery: ['protocol'],
  observability: ['protocol', 'outbox'],
  server: ['protocol', 'topology', 'scan', 'events', 'links', 'outbox', 'discovery', 'observability'],
  agent: ['protocol'],
  simulator: ['protocol', 'topology', 'agent'],
  cli: ['protocol', 'topology', 'client', 'agent', 'simulator', 'observability'],
};
/**
 * The files at the top of `src/` that put the rest together. Every other file there is vocabulary that all folders
 * share; it sees its like and `protocol`.
 */
const roots = ['event-pipeline.ts', 'hub.ts', 'main.ts', 'stores.ts'];
/** The commands that start a hub load its composition root. */
const mayLoadTheHub = 'cli/programs.ts';

interface Import {
  readonly from: string;
  readonly to: string;
}

function sourceFiles(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
    .map((entry) => join(entry.parentPath, entry.name));
}

function importsOf(file: string): Import[] {
  const text = readFileSync(file, 'utf8');
  return [...text.matchAll(/(?:from|import)\s*\(?\s*'(\.[^']+)'/g)].map((match) => ({
    from: relative(src, file),
    to: relative(src, resolve(dirname(file), match[1] ?? '')),
  }));
}

const folderOf = (path: string): string => (path.includes('/') ? (path.split('/')[0] ?? '') : '');

describe('the layout of src/', () => {
  const files = sourceFiles(src);
  const production = files.filter((file) => !/\.(test|contract)\.ts$/.test(file));

  it('has no folder without a place in the order', () => {
    expect(
      [...new Set(production.map((file) => folderOf(relative(src, file))))]
        .filter((folder) => folder !== '')
        .sort(),
    ).toEqual(Object.keys(allowed).sort());
  });

  it('imports one way only', () => {
    const wrong = production.flatMap(importsOf).filter(({ from, to }) => {
      const fromFolder = folderOf(from);
      const toFolder = folderOf(to);
      if (to === '../package.json' || roots.includes(from)) return false;
      if (roots.includes(to)) return !(from === mayLoadTheHub && to === 'hub.ts');
      if (toFolder === '') return false;
      if (fromFolder === '') return toFolder !== 'protocol';
      return toFolder !== fromFolder && !allowed[fromFolder]?.includes(toFolder);
    });
    expect(wrong).toEqual([]);
  });

  it('keeps test support out of what ships', () => {
    expect(production.flatMap(importsOf).filter(({ to }) => to.startsWith('../test'))).toEqual([]);
  });

  it('lets the pages see nothing but protocol, topology and the client', () => {
    const web = sourceFiles(join(root, 'web')).filter((file) => !file.endsWith('.test.ts'));
    const outside = web
      .flatMap(importsOf)
      .filter(({ to }) => !to.startsWith('../web') && !/^(protocol|topology|client)\//.test(to));
    expect(outside).toEqual([]);
  });

  it('keeps clocks and randomness out of the pure code', () => {
    const pure = production.filter((file) => /\/(protocol|topology)\//.test(file));
    const impure = pure.filter((file) =>
      /Date\.now|Math\.random|performance\.now|new Date\(\)|'node:(?!buffer|crypto)|random(Bytes|UUID|Int)/.test(
        readFileSync(file, 'utf8'),
      ),
    );
    expect(impure.map((file) => relative(src, file))).toEqual([]);
  });
});
