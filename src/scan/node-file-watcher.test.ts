import { execFileSync } from 'node:child_process';
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { FakeClock } from '../../test/support/fake-clock.ts';
import { temporaryFolder } from '../../test/support/temporary-folder.ts';
import { type Clock, systemClock } from '../clock.ts';
import { FactBus, type Facts } from '../facts.ts';
import { NodeFileWatcher } from './node-file-watcher.ts';
import { maxNodeFileBytes } from './node-file.ts';

describe('NodeFileWatcher', () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  let file: string;
  let names: string[] | null;
  let loads: Facts['nodes:file_loaded'][];
  let watcher: NodeFileWatcher;

  const createWatcher = (path: string, clock: Clock = systemClock): NodeFileWatcher => {
    const facts = new FactBus({
      onListenerError: (_name, error) => {
        throw error;
      },
    });
    facts.on('nodes:file_loaded', (fact) => void loads.push(fact));
    return new NodeFileWatcher({
      path,
      facts,
      clock,
      registry: {
        replaceFileNodes: (entries) => {
          names = entries.map(({ name }) => name);
          return { accepted: entries.length, problems: [] };
        },
      },
    });
  };
  const untilNames = (expected: string[]) =>
    vi.waitFor(() => expect(names).toEqual(expected), { timeout: 5_000, interval: 20 });
  const untilProblem = (text: string) =>
    vi.waitFor(() => expect(loads.at(-1)?.problems.join()).toContain(text), { timeout: 5_000, interval: 20 });

  beforeEach(async () => {
    folder = await temporaryFolder();
    file = join(folder.path, 'adresses.json');
    names = null;
    loads = [];
    watcher = createWatcher(file);
  });

  afterEach(async () => {
    await watcher.close();
    await folder.remove();
  });

  it('takes an absent file for an empty list, without complaint', async () => {
    await watcher.start();
    expect(names).toEqual([]);
    expect(loads).toEqual([{ path: file, accepted: 0, problems: [] }]);
  });

  it('has the nodes once it has started, and says how many', async () => {
    await writeFile(file, '{"a":"fd00::1","bad":"x"}');
    await watcher.start();
    expect(names).toEqual(['a']);
    expect(loads).toMatchObject([{ accepted: 1, problems: [expect.stringContaining('line 1: "bad"')] }]);
  });

  it('follows a file that comes, is written, is replaced, goes and comes again', async () => {
    await watcher.start();
    await writeFile(file, '{"a":"fd00::1"}');
    await untilNames(['a']);
    await writeFile(file, '{"b":"fd00::1"}');
    await untilNames(['b']);
    await writeFile(`${file}~`, '{"c":"fd00::1"}');
    await rename(`${file}~`, file);
    await untilNames(['c']);
    await rm(file);
    await untilNames([]);
    await writeFile(file, '{"d":"fd00::1"}');
    await untilNames(['d']);
  });

  it('keeps the last good list where the file is broken, and says where', async () => {
    await writeFile(file, '{"a":"fd00::1"}');
    await watcher.start();
    await writeFile(file, '{"a":"fd00::1",\n"b"}');
    await untilProblem('line 2, column 4');
    expect(loads.at(-1)).toMatchObject({
      accepted: 1,
      problems: [expect.stringContaining('not valid JSON')],
    });
    expect(names).toEqual(['a']);
    await writeFile(file, '{"b":"fd00::1"}');
    await untilNames(['b']);
  });

  it('refuses a file that is too large, and one that is a folder', async () => {
    await writeFile(file, '{"a":"fd00::1"}');
    await watcher.start();
    await writeFile(file, ' '.repeat(maxNodeFileBytes + 1));
    await untilProblem(`${maxNodeFileBytes}`);
    await rm(file);
    await untilNames([]);
    await mkdir(file);
    await untilProblem('cannot be read');
    expect(names).toEqual([]);
  });

  it.skipIf(process.platform === 'win32')('refuses a pipe without waiting for its writer', async () => {
    execFileSync('mkfifo', [file]);
    await watcher.start();
    await untilProblem('it is not a file');
    await rm(file);
    await writeFile(file, '{"a":"fd00::1"}');
    await untilNames(['a']);
  });

  it('hears nothing of other files in the folder', async () => {
    await writeFile(file, '{"a":"fd00::1"}');
    await watcher.start();
    await writeFile(join(folder.path, 'other.json'), '{"x":"fd00::9"}');
    await writeFile(file, '{"b":"fd00::1"}');
    await untilNames(['b']);
    expect(loads).toHaveLength(2);
  });

  it('starts where the folder is not there yet', async () => {
    await watcher.close();
    watcher = createWatcher(join(folder.path, 'later', 'adresses.json'));
    await watcher.start();
    expect(names).toEqual([]);
  });

  it('does nothing any more once closed, even in the middle of a change', async () => {
    const clock = new FakeClock();
    watcher = createWatcher(file, clock);
    await watcher.start();
    await writeFile(file, '{"a":"fd00::1"}');
    await vi.waitFor(() => expect(clock.pending).toBe(1), { timeout: 5_000, interval: 20 });
    await watcher.close();
    await watcher.close();
    expect(clock.pending).toBe(0);
    expect(loads).toHaveLength(1);
  });
});
