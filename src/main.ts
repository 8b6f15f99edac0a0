/** The program: gives the CLI the real process and ends with its exit code. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import type { CliContext, TextOutput } from './cli/cli-context.ts';
import { createSignalSource } from './cli/process-signals.ts';
import { runCli } from './cli/program.ts';
import { programs } from './cli/programs.ts';
import { systemClock } from './clock.ts';
import { version } from './version.ts';

function textOutput(stream: NodeJS.WriteStream): TextOutput {
  return {
    write: (text) => void stream.write(text),
    isTerminal: stream.isTTY,
    stream: stream.isTTY ? stream : null,
  };
}

for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    // Whoever reads our output has gone (`threadhub topology | head`): there is nobody left to tell anything.
    if (error.code === 'EPIPE') process.exit(0);
    if (stream === process.stdout)
      process.stderr.write(
        `threadhub: The output could not be written (${error.message}); it is not complete.\n`,
      );
    process.exit(1);
  });
}

const context: CliContext = {
  programs,
  stdout: textOutput(process.stdout),
  stderr: textOutput(process.stderr),
  environment: process.env,
  clock: systemClock,
  fetch,
  files: {
    readText: (path) => readFileSync(path, 'utf8'),
    writeText: (path, text) => writeFileSync(path, text),
    makeTemporaryFolder: () => mkdtempSync(join(tmpdir(), 'threadhub-demo-')),
    removeFolder: (path) => rmSync(path, { recursive: true, force: true }),
  },
  onSignal: createSignalSource(process, systemClock),
  onFatal(listener) {
    process.on('uncaughtException', listener);
    process.on('unhandledRejection', listener);
    return () => {
      process.off('uncaughtException', listener);
      process.off('unhandledRejection', listener);
    };
  },
  exitNow: (code) => process.exit(code),
  version,
  hostName: hostname(),
};

const exitCode = await runCli(process.argv.slice(2), context);
// What is still open (a keep-alive connection, a timer) must not hold a finished command back; written output must.
// A turn later: an output that failed is told of first.
process.stdout.write('', () => setImmediate(() => process.exit(exitCode)));
