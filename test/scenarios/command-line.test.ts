/** The command line as a person at a terminal has it: real processes, signals, pipes and a hub of their own. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, relative, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ScanWire } from '../../src/protocol/scan.ts';

const program = resolve(import.meta.dirname, '../../bin/threadhub');
const folder = mkdtempSync(join(tmpdir(), 'threadhub-cli-'));
const running = new Set<ChildProcess>();

/** A clean environment: what the developer's shell sets must not decide a test. */
const environment = { PATH: process.env['PATH'], HOME: folder, TMPDIR: folder, NO_COLOR: '1' };

afterAll(() => {
  for (const child of running) child.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});

interface Run {
  readonly child: ChildProcess;
  readonly output: { stdout: string; stderr: string };
  readonly ended: Promise<{ code: number | null; stdout: string; stderr: string }>;
}

function start(command: string, ...commandLine: string[]): Run {
  const child = spawn(command, commandLine, {
    cwd: folder,
    env: environment,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  running.add(child);
  const output = { stdout: '', stderr: '' };
  child.stdout.on('data', (chunk: Buffer) => void (output.stdout += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => void (output.stderr += chunk.toString()));
  const ended = new Promise<number | null>((resolve) => child.on('close', resolve)).then((code) => {
    running.delete(child);
    return { code, ...output };
  });
  return { child, output, ended };
}

const threadhub = (...commandLine: string[]) => start(program, ...commandLine).ended;

/** Waits for a line of a program that goes on running. */
async function untilPrinted(run: Run, pattern: RegExp): Promise<RegExpExecArray> {
  for (;;) {
    const match = pattern.exec(run.output.stdout);
    if (match !== null) return match;
    if (run.child.exitCode !== null) throw new Error(`it ended: ${run.output.stderr}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

describe('the launcher', () => {
  it('runs through a chain of symbolic links, from any folder', async () => {
    mkdirSync(join(folder, 'bin'), { recursive: true });
    symlinkSync(program, join(folder, 'bin/absolute'));
    symlinkSync('absolute', join(folder, 'bin/threadhub'));
    symlinkSync(relative(folder, program), join(folder, 'relative'));
    for (const link of ['bin/threadhub', 'relative']) {
      const { code, stdout } = await start(join(folder, link), '--version').ended;
      expect(stdout, link).toMatch(/^\d+\.\d+\.\d+\n$/);
      expect(code).toBe(0);
    }
  });

  it('says what to do where nothing is installed', async () => {
    const copy = join(folder, 'not-installed/bin');
    mkdirSync(copy, { recursive: true });
    writeFileSync(join(copy, 'threadhub'), readFileSync(program), { mode: 0o755 });
    const { code, stderr } = await start(join(copy, 'threadhub'), '--version').ended;
    expect(code).toBe(1);
    expect(stderr).toMatch(/^threadhub: no Node found in .*; run 'npm ci' in .* first\n$/);
  });
});

describe('a demo', () => {
  let demo: Run;
  let url: string;

  beforeAll(async () => {
    const started = performance.now();
    demo = start(
      program,
      'demo',
      '--port',
      '0',
      '--mqtt-port',
      '0',
      '--border-routers',
      '2',
      '--nodes',
      '4',
      '--rtt',
      '5..10',
    );
    const [, shownUrl = ''] = await untilPrinted(demo, /(http:\/\/localhost:\d+)\/network-map/);
    url = shownUrl;
    expect(performance.now() - started).toBeLessThan(20_000);
  });

  it('has a map as soon as it says where, without being asked', async () => {
    for (;;) {
      const { code, stdout } = await threadhub('topology', '--hub', url);
      expect(code).toBe(0);
      if (/BR-001|BR-002/.test(stdout)) break;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  });

  it('is scanned from another terminal, with the scan as REST gives it', async () => {
    const { code, stdout, stderr } = await threadhub('scan', '--json', '--hub', url);
    expect(stderr).not.toContain('threadhub:');
    expect(code).toBe(0);
    const scan = JSON.parse(stdout) as ScanWire;
    expect(scan).toMatchObject({ state: 'completed', expected: 8 });
    const stored = await fetch(`${url}/api/scans/${scan.id}`);
    expect(await stored.json()).toEqual(scan);
  });

  it('shows the result as a tree with every node', async () => {
    const { code, stdout } = await threadhub('scan', '--hub', url);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^BR-00\d {2}\d of \d nodes? answered$/m);
    expect(stdout.match(/[├└]─ .* answered/g)).toHaveLength(8);
    expect(stdout).toMatch(/^Scan is complete: 8 of 8 nodes answered in /m);
  });

  it.each(['tree', 'json', 'graphml', 'dot', 'csv', 'svg', 'bundle'])(
    'exports its map as %s',
    async (format) => {
      const { code, stdout, stderr } = await threadhub('topology', '--format', format, '--hub', url);
      expect(stderr).toBe('');
      expect(code).toBe(0);
      expect(stdout.length).toBeGreaterThan(100);
    },
  );

  it('does not mind a reader that has seen enough', async () => {
    // The reader closes the pipe before anything is written to it.
    const pipe = `'${program}' topology --hub ${url} | { exec 0<&-; sleep 2; }; echo "\${PIPESTATUS[0]}"`;
    const { stdout, stderr } = await start('bash', '-c', pipe).ended;
    expect(stderr).toBe('');
    expect(stdout).toBe('0\n');
  });

  it.runIf(process.platform === 'linux')('fails where its output cannot be written', async () => {
    const { code, stderr } = await start('bash', '-c', `'${program}' topology --hub ${url} > /dev/full`)
      .ended;
    expect(stderr).toMatch(/^threadhub: The output could not be written \(.*ENOSPC.*\n$/);
    expect(code).toBe(1);
  });

  it('lists its nodes and border routers', async () => {
    const nodes = await threadhub('nodes', 'list', '--json', '--hub', url);
    expect(JSON.parse(nodes.stdout)).toHaveLength(8);
    const borderRouters = await threadhub('border-routers', '--hub', url);
    expect(borderRouters.stdout).toMatch(/^BR-001 {2}online/m);
  });

  it('makes a token, lists it without its text, and revokes it', async () => {
    const created = await threadhub('token', 'create', '--border-router', 'BR-009', '--hub', url);
    expect(created.code).toBe(0);
    const token = created.stdout.trim();
    expect(token).toMatch(/^\S{20,}$/);
    const listed = await threadhub('token', 'list', '--json', '--hub', url);
    expect(listed.stdout).not.toContain(token);
    const [{ id }] = JSON.parse(listed.stdout) as [{ id: string }];
    expect((await threadhub('token', 'revoke', id, '--hub', url)).code).toBe(0);
    const left = await threadhub('token', 'list', '--json', '--hub', url);
    expect(JSON.parse(left.stdout)).toEqual([]);
  });

  it('is found well by the doctor', async () => {
    const port = new URL(url).port;
    const { code, stdout } = await threadhub('doctor', '--port', port, '--data-dir', join(folder, 'data'));
    expect(stdout).toMatch(/✔ border routers +2 of 2 border routers online/);
    expect(code).toBe(0);
  });

  it('stops in order at SIGTERM and leaves no folder behind', async () => {
    demo.child.kill('SIGTERM');
    const { code } = await demo.ended;
    expect(code).toBe(0);
    expect(demo.output.stderr).not.toContain('"error"');
    const left = await start('ls', folder).ended;
    expect(left.stdout).not.toContain('threadhub-demo-');
  });
});

describe('a hub', () => {
  it('says in one sentence that its port is taken', async () => {
    const server = createServer();
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    const address = server.address();
    const port = String(typeof address === 'object' ? address?.port : 0);
    const { code, stdout, stderr } = await threadhub(
      'serve',
      '--port',
      port,
      '--data-dir',
      join(folder, 'taken'),
    );
    server.close();
    expect(code).toBe(1);
    expect(stdout).toBe('');
    const sentences = stderr.split('\n').filter((line) => line.startsWith('threadhub: '));
    expect(sentences).toHaveLength(1);
    expect(sentences[0]).toContain(port);
    expect(stderr).not.toContain('    at ');
  });

  it('stops at SIGINT with exit code 0, and starts again on its data', async () => {
    for (let turn = 0; turn < 2; turn += 1) {
      const hub = start(
        program,
        'serve',
        '--port',
        '0',
        '--mqtt-port',
        '0',
        '--data-dir',
        join(folder, 'again'),
      );
      await untilPrinted(hub, /Threadhub is at http/);
      hub.child.kill('SIGINT');
      expect((await hub.ended).code).toBe(0);
    }
  });
});
