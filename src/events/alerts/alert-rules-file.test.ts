import { rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { temporaryFolder } from '../../../test/support/temporary-folder.ts';
import { systemClock } from '../../clock.ts';
import { ConfigError } from '../../errors.ts';
import { FactBus, type Facts } from '../../facts.ts';
import { AlertRulesFile } from './alert-rules-file.ts';

const rule = (name: string): string => `alerts:\n  - {name: ${name}, when: {type: smoke, equals: true}}\n`;

describe('AlertRulesFile', () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  let path: string;
  let loads: Facts['alert_rules:loaded'][];
  let file: AlertRulesFile;
  let changes: number;

  const create = (from: string | null, given = { alerts: null as unknown, channels: null as unknown }) => {
    const facts = new FactBus({
      onListenerError: (_name, error) => {
        throw error;
      },
    });
    facts.on('alert_rules:loaded', (fact) => void loads.push(fact));
    const made = new AlertRulesFile({
      ...{ path: from, given, facts, clock: systemClock },
      criticalTypes: ['smoke', 'gas'],
    });
    made.onChanged(() => (changes += 1));
    return made;
  };
  const names = (): readonly string[] => file.book.rules.map(({ name }) => name);
  const until = (check: () => void) => vi.waitFor(check, { timeout: 5_000, interval: 20 });

  beforeEach(async () => {
    folder = await temporaryFolder();
    path = join(folder.path, 'threadhub.yaml');
    loads = [];
    changes = 0;
    file = create(path);
  });

  afterEach(async () => {
    await file.close();
    await folder.remove();
  });

  it('has an alarm for each critical type where nobody wrote rules', async () => {
    for (const from of [null, path]) {
      await writeFile(path, 'server:\n  port: 0\n');
      file = create(from);
      await file.start();
      expect(names()).toEqual(['smoke', 'gas']);
      expect(file.source).toBeNull();
      expect(file.book.rules[0]).toMatchObject({ severity: 'critical', notify: null, repeatMs: 60_000 });
      await file.close();
    }
  });

  it('takes rules that were given without a file', async () => {
    const alerts = [{ name: 'mine', when: { type: 'smoke', equals: true } }];
    file = create(null, { alerts, channels: { phone: { type: 'web_push' } } });
    await file.start();
    expect(names()).toEqual(['mine']);
    expect([...file.channels.keys()]).toEqual(['phone']);
    expect(file.book.channels).toEqual(['phone']);
  });

  it('does not start with rules that are wrong, and says every problem', async () => {
    await writeFile(path, 'alerts:\n  - {name: a}\n  - {nam: b}\n');
    const error = await file.start().catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(ConfigError);
    expect((error as ConfigError).problems.join('\n')).toMatch(/yaml:2:5: .*\n.*yaml:3:6: /);
  });

  it('does not start where the file cannot be read', async () => {
    await expect(file.start()).rejects.toThrow(ConfigError);
  });

  it('takes a change, and keeps the rules of before where it is wrong', async () => {
    await writeFile(path, rule('first'));
    await file.start();
    expect(names()).toEqual(['first']);
    expect(file.source).toBe(path);
    const { book } = file;

    await writeFile(path, 'alerts:\n  - {name: second, when: {typ: smoke}}\n');
    await until(() => expect(file.problems.join()).toContain('threadhub.yaml:2:27: typ is no key of when'));
    expect(names()).toEqual(['first']);
    expect(file.book).toBe(book);

    await writeFile(`${path}.new`, rule('third'));
    await rename(`${path}.new`, path);
    await until(() => expect(names()).toEqual(['third']));
    expect(file.problems).toEqual([]);
    expect(changes).toBe(2);
    expect(loads.map(({ problems }) => problems.length > 0)).toEqual([false, true, false]);
  });

  it('keeps the rules of a file that goes', async () => {
    await writeFile(path, rule('first'));
    await file.start();
    await rm(path);
    await until(() => expect(file.problems.join()).toContain('the rules of before stay in force'));
    expect(names()).toEqual(['first']);
    await writeFile(path, rule('first'));
    await until(() => expect(file.problems).toEqual([]));
  });
});
