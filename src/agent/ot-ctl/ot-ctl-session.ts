/**
 * Sends commands to the OpenThread daemon through `ot-ctl`, one process each, one at a time.
 *
 * The daemon holds one session: a new `ot-ctl` closes the one before, which then ends without `Done`; and while one
 * command waits for the mesh, it ignores others, and gives their sender the first one's answer. So whoever lost the
 * session tries once more; and after a command that was given up, the next waits until the daemon is through with it.
 */
import type { Clock } from '../../clock.ts';
import { pause } from '../../pause.ts';
import { printable } from '../../printable.ts';
import type { ReadFailureCode } from '../mesh/mesh-reader.ts';
import { parseCliOutput } from './cli-output.ts';
import { type DaemonTurns, leaveTurns, shareTurns } from './daemon-turns.ts';
import { asksTheMesh, type OtCtlCommand, wordsOf } from './ot-ctl-command.ts';
import { type ProcessResult, runProcess } from './ot-ctl-process.ts';

export interface SessionOptions {
  /** `['ot-ctl']`, `['sudo', 'ot-ctl']`, `['docker', 'exec', 'otbr', 'ot-ctl']`. */
  readonly command: readonly string[];
  readonly clock: Clock;
}

export interface CommandFailure {
  readonly ok: false;
  readonly code: ReadFailureCode;
  readonly reason: string;
  /** What it printed before. */
  readonly lines: readonly string[];
}
export type CommandResult = { readonly ok: true; readonly lines: readonly string[] } | CommandFailure;

/** How long the daemon goes on with a command to the mesh; its response timeout is 5 s. */
const daemonWaitMs = 5_500;
/** Before the second try. */
const retryPauseMs = 250;

export class OtCtlSession {
  readonly #command: readonly string[];
  readonly #clock: Clock;
  readonly #closed = new AbortController();
  readonly #turns: DaemonTurns;
  #running: Promise<unknown> = Promise.resolve();

  constructor({ command, clock }: SessionOptions) {
    this.#command = command;
    this.#clock = clock;
    this.#turns = shareTurns(command);
  }

  get address(): string {
    return printable(this.#command.join(' ')).slice(0, 200);
  }

  /** `accepts`: whether the lines can be this command's answer; others are taken for another session's. */
  run(
    command: OtCtlCommand,
    limits: { readonly timeoutMs: number; readonly signal: AbortSignal },
    accepts: (lines: readonly string[]) => boolean = () => true,
  ): Promise<CommandResult> {
    const words = wordsOf(command);
    const signal = AbortSignal.any([limits.signal, this.#closed.signal]);
    const result = this.#turns.take(async () => {
      const first = await this.#try(words, command, { ...limits, signal });
      if (first !== 'lost' && !(first.ok && !accepts(first.lines))) return first;
      await pause(this.#clock, retryPauseMs, signal);
      const second = await this.#try(words, command, { ...limits, signal });
      if (second === 'lost')
        return failure(
          'unreachable',
          `another ot-ctl took the session of ${this.address} twice; end those that are open, they come back by themselves`,
        );
      if (second.ok && !accepts(second.lines))
        return failure(
          'malformed',
          `what ${this.address} printed for '${words.join(' ')}' cannot be read: ${quoted(second.lines[0] ?? '')}`,
        );
      return second;
    });
    this.#running = result.catch(() => undefined);
    return result;
  }

  /** Ends the running command and every later one. */
  async close(): Promise<void> {
    if (!this.#closed.signal.aborted) leaveTurns(this.#command);
    this.#closed.abort();
    await this.#running;
  }

  async #try(
    words: readonly string[],
    command: OtCtlCommand,
    { signal, timeoutMs }: { readonly timeoutMs: number; readonly signal: AbortSignal },
  ): Promise<CommandResult | 'lost'> {
    const busyForMs = this.#turns.busyUntilMs - this.#clock.monotonicMs();
    if (busyForMs > 0) await pause(this.#clock, busyForMs, signal);
    if (signal.aborted) return failure('cancelled', 'nobody waits for the answer any more');
    const startedMs = this.#clock.monotonicMs();
    const result = await runProcess([...this.#command, ...words], { clock: this.#clock, timeoutMs, signal });
    const answer = this.#resultOf(result, words, command, timeoutMs);
    const gaveUp = answer === 'lost' || (result.kind !== 'ended' && result.kind !== 'not_started');
    if (gaveUp && asksTheMesh(command)) this.#turns.busyUntilMs = startedMs + daemonWaitMs;
    return answer;
  }

  #resultOf(
    result: ProcessResult,
    words: readonly string[],
    command: OtCtlCommand,
    timeoutMs: number,
  ): CommandResult | 'lost' {
    switch (result.kind) {
      case 'aborted':
        return failure('cancelled', 'nobody waits for the answer any more');
      case 'took_too_long':
        return asksTheMesh(command)
          ? failure('silent', `no answer to '${words.join(' ')}' within ${timeoutMs} ms`)
          : failure('unreachable', `${this.address} did not end within ${timeoutMs} ms`);
      case 'too_much_output':
        return failure('malformed', `${this.address} printed more than 1 MiB for '${words.join(' ')}'`);
      case 'not_started':
        return notStarted(result.code, result.message, this.#command[0] ?? '');
      case 'ended': {
        const output = parseCliOutput(result.stdout, words.join(' '));
        if (output.end === 'done') return { ok: true, lines: output.lines };
        if (output.end === 'error') return answeredError(output.number, output.text, words, output.lines);
        return endedWithoutAnswer(result.stderr, this.address);
      }
    }
  }
}

function notStarted(code: string, message: string, file: string): CommandFailure {
  if (code === 'ENOENT')
    return failure(
      'unreachable',
      `there is no program ${quoted(file)}; give its path, or how it is run, such as docker exec otbr ot-ctl`,
    );
  if (code === 'EACCES' || code === 'EPERM')
    return failure(
      'rejected',
      `${quoted(file)} may not be run by this user; run the agent as root or through sudo`,
    );
  return failure('unreachable', `${quoted(file)} cannot be started: ${quoted(message)}`);
}

/** `otError` by number; the texts differ between releases. */
function answeredError(
  number: number | null,
  text: string,
  words: readonly string[],
  lines: readonly string[],
): CommandFailure {
  const said = `'${words.join(' ')}' answered ${quoted(number === null ? text : `Error ${number}: ${text}`)}`;
  switch (number) {
    case 28: // ResponseTimeout
      return failure('silent', said, lines);
    case 12: // NotImplemented
    case 33: // DisabledFeature
    case 35: // InvalidCommand
      return failure('too_old', said, lines);
    case 13: // InvalidState
      return failure('off', `${said}: the Thread interface is down or not attached`, lines);
    case null:
      return failure(/disabled/i.test(text) ? 'off' : 'rejected', said, lines);
    default:
      return failure('rejected', said, lines);
  }
}

/** What `ot-ctl`, and `sudo` or `docker` around it, say when there is no session to be had. */
function endedWithoutAnswer(stderr: string, address: string): CommandFailure | 'lost' {
  const said = quoted(stderr.trim().split('\n')[0] ?? '');
  const isDenied =
    /permission denied|operation not permitted|password is required|terminal is required|not in the sudoers|not allowed/i;
  if (isDenied.test(stderr))
    return failure(
      'rejected',
      `${address} was refused: ${said}; run the agent as root or through sudo without a password`,
    );
  if (/connect session failed/i.test(stderr))
    return failure('off', `otbr-agent does not run, or has another interface: ${address} said ${said}`);
  if (
    /no such (container|file)|command not found|executable file not found|is not running|cannot connect to|could not resolve/i.test(
      stderr,
    )
  )
    return failure('unreachable', `${address} cannot be run: ${said}`);
  return 'lost';
}

function failure(code: ReadFailureCode, reason: string, lines: readonly string[] = []): CommandFailure {
  return { ok: false, code, reason, lines };
}

function quoted(text: string): string {
  return JSON.stringify(printable(text.trim()).slice(0, 200).toWellFormed());
}
