/** `threadhub events tail`: what the live feed carries, as it comes. */
import type { Command } from 'commander';
import type { LiveOptions, PositionedMessage } from '../client/connect-live.ts';
import { CommandError } from '../errors.ts';
import { printable } from '../printable.ts';
import { type LiveTopic, liveTopics } from '../protocol/live.ts';
import type { CliContext } from './cli-context.ts';
import { exitCodes } from './exit-codes.ts';
import { hubUrlOf } from './hub-client.ts';
import { hubAddress, type HubOptions, withHubOption } from './hub-option.ts';
import { list } from './option-values.ts';
import type { Finish } from './program.ts';
import { createPalette, type Palette, usesColours } from './text-layout.ts';

interface TailOptions extends HubOptions {
  readonly json?: boolean;
  readonly sensor?: readonly string[];
  readonly topic?: readonly string[];
}

/** A hub that does not answer for so long is not there. */
const firstConnectionMs = 5_000;

export function addEventsCommand(program: Command, context: CliContext, finish: Finish): void {
  const events = program
    .command('events')
    .description('sensor events')
    .addHelpText('after', '\nExample:\n  threadhub events tail');

  withHubOption(events.command('tail'))
    .description('print what happens as it happens, until Ctrl-C')
    .option('--sensor <pattern>', 'only these sensors, such as kitchen-*; repeatable', list)
    .option('--topic <topic>', `${liveTopics.join(', ')}; repeatable (default: events)`, list)
    .option('--json', 'each message as the hub sends it, one a line')
    .addHelpText(
      'after',
      `
It goes on where it was when the connection is lost, and says so where something was missed.

Exit codes: 0 stopped, 1 no hub answers, 2 wrong command line.

Example:
  threadhub events tail --sensor 'freezer-*' --topic events --topic alerts`,
    )
    .action(async (options: TailOptions) => finish(await tail(context, options)));
}

async function tail(context: CliContext, options: TailOptions): Promise<number> {
  const topics = readTopics(options.topic ?? ['events']);
  const url = hubUrlOf(hubAddress(options, context));
  const palette = createPalette(usesColours(context.stdout, context.environment));
  const connect = await context.programs.loadLiveClient();
  return new Promise((resolve) => {
    let wasLive = false;
    const end = (exitCode: number): void => {
      cancelFirst();
      ignoreSignals();
      connection.close();
      resolve(exitCode);
    };
    const ignoreSignals = context.onSignal(() => end(exitCodes.ok));
    const cancelFirst = context.clock.after(firstConnectionMs, () => {
      if (wasLive) return;
      context.stderr.write(
        `threadhub: No hub answers at ${url}; start one with 'threadhub serve', or name it with --hub.\n`,
      );
      end(exitCodes.failed);
    });
    const liveOptions: LiveOptions = {
      url,
      topics,
      ...(options.sensor === undefined ? {} : { sensors: options.sensor }),
      onMessage: (message) =>
        context.stdout.write(
          `${options.json === true ? JSON.stringify(message) : renderMessage(message, palette)}\n`,
        ),
      onGap: (gap) =>
        options.json === true
          ? context.stdout.write(`${JSON.stringify(gap)}\n`)
          : context.stderr.write(
              `threadhub: ${gap.dropped === null ? 'Some' : String(gap.dropped)} messages were missed (${gap.reason}).\n`,
            ),
      onError: (error) => context.stderr.write(`threadhub: The hub says: ${error.message}\n`),
      onState: (state) => {
        if (state === 'waiting' && wasLive)
          context.stderr.write(`threadhub: The connection to ${url} was lost; it is tried again.\n`);
        if (state === 'live') wasLive = true;
      },
    };
    const connection = connect(liveOptions);
  });
}

function readTopics(texts: readonly string[]): readonly LiveTopic[] {
  return texts.map((text) => {
    const topic = liveTopics.find((candidate) => candidate === text);
    if (topic !== undefined) return topic;
    throw new CommandError(
      'option_invalid',
      `--topic is ${JSON.stringify(text)}; write one of ${liveTopics.join(', ')}.`,
    );
  });
}

function renderMessage(message: PositionedMessage, palette: Palette): string {
  switch (message.type) {
    case 'event': {
      const values = message.readings
        .map(({ type, unit, value }) => `${type} ${String(value)}${unit === null ? '' : ` ${unit}`}`)
        .join(', ');
      const flags = message.flags.length === 0 ? '' : palette.yellow(`  ${message.flags.join(', ')}`);
      const line = `${timeOf(message.received_at)}  ${printable(message.sensor_id)}  ${printable(values)}`;
      return `${message.lane === 'critical' ? palette.red(line) : line}${flags}`;
    }
    case 'alert': {
      const paint = message.state === 'firing' ? palette.red : palette.dim;
      return paint(
        `${timeOf(Date.parse(message.updated_at))}  alert ${message.state}  ${printable(message.rule)}: ${printable(message.summary)}`,
      );
    }
    default:
      return palette.dim(printable(JSON.stringify(message)));
  }
}

const timeOf = (timeMs: number): string => new Date(timeMs).toISOString().slice(11, 23);
