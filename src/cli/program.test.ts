import type { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { createCliHarness } from '../../test/support/cli-harness.ts';
import { createProgram } from './program.ts';

/** Every command with its words: `['nodes', 'import']`. */
function commandLines(command: Command, words: readonly string[] = []): string[][] {
  return [[...words], ...command.commands.flatMap((inner) => commandLines(inner, [...words, inner.name()]))];
}

const structure = createProgram(createCliHarness().context, () => undefined);

describe('the command line', () => {
  it('has the commands that the documentation names', () => {
    expect(commandLines(structure).map((words) => words.join(' '))).toEqual(
      expect.arrayContaining([
        'serve',
        'demo',
        'border-router',
        'simulate',
        'scan',
        'topology',
        'nodes import',
        'token create',
        'token list',
        'token revoke',
        'doctor',
        'config print',
      ]),
    );
  });

  it.each(commandLines(structure))('explains itself with an example: %s %s', async (...words) => {
    const { exitCode, stdout, stderr } = await createCliHarness().run(...words, '--help');
    expect(exitCode).toBe(0);
    expect(stderr).toBe('');
    expect(stdout).toMatch(new RegExp(`^Usage: threadhub ${words.join(' ')}`));
    expect(stdout).toMatch(/\nExample:\n {2}.*threadhub/);
  });

  it('offers --json wherever a command prints data', () => {
    const printing = ['scan', 'topology', 'nodes import', 'nodes list', 'border-routers', 'token create'];
    for (const words of [...printing, 'token list', 'config print', 'doctor']) {
      let command: Command | undefined = structure;
      for (const word of words.split(' ')) command = command?.commands.find((inner) => inner.name() === word);
      expect(
        command?.options.map((option) => option.long),
        words,
      ).toContain('--json');
    }
  });

  it('prints its version', async () => {
    expect(await createCliHarness().run('--version')).toEqual({
      exitCode: 0,
      stdout: '1.2.3\n',
      stderr: '',
    });
  });

  it.each([
    [
      ['serve', '--prot', '1'],
      /unknown option '--prot'\. \(Did you mean --port\?\) 'threadhub serve --help'/,
    ],
    [['skan'], /unknown command 'skan'\. \(Did you mean scan\?\) 'threadhub --help'/],
    [['nodes', 'lst'], /unknown command 'lst'\. \(Did you mean list\?\) 'threadhub nodes --help'/],
    [['token', 'create'], /required option '--border-router <id>' not specified\./],
    [['simulate', '--rtt', '250..40'], /Write milliseconds as 100, or as 40\.\.250 with the lesser first\./],
    [['border-router', '--id', 'BR 1'], /Write 1 to 64 letters, digits/],
    [['topology', '--format', 'png'], /Allowed choices are tree, json, graphml, dot, csv, svg, bundle\./],
    [['topology', '--at', 'yesterday'], /Write a time such as 2026-01-31T14:00Z, or how long ago/],
  ])('answers the mistake %j in one sentence, with exit code 2', async (words, sentence) => {
    const { exitCode, stdout, stderr } = await createCliHarness().run(...words);
    expect(exitCode).toBe(2);
    expect(stdout).toBe('');
    expect(stderr).toMatch(sentence);
    expect(stderr.trimEnd().split('\n')).toHaveLength(1);
    expect(stderr).toMatch(/^threadhub: /);
  });

  it('prints its help for a bare call, which is a mistake', async () => {
    const { exitCode, stderr } = await createCliHarness().run();
    expect(exitCode).toBe(2);
    expect(stderr).toContain('Usage: threadhub');
  });

  it('shows no stack unless asked', async () => {
    const failing = { createHub: () => Promise.reject(new TypeError('x is not a function')) };
    const quiet = await createCliHarness({ programs: failing }).run('serve');
    expect(quiet.exitCode).toBe(1);
    expect(quiet.stderr).toBe(
      "threadhub: Unexpected error: x is not a function. '--verbose' shows where it comes from.\n",
    );
    const verbose = await createCliHarness({ programs: failing }).run('serve', '--verbose');
    expect(verbose.stderr).toContain('program.test.ts');
    const debug = await createCliHarness({ programs: failing, environment: { DEBUG: '1' } }).run('serve');
    expect(debug.stderr).toContain('program.test.ts');
  });
});
