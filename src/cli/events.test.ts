import { describe, expect, it } from 'vitest';
import { alertView, sensorEvent } from '../../test/support/event-samples.ts';
import { createCliHarness } from '../../test/support/cli-harness.ts';
import { FakeClock, settle } from '../../test/support/fake-clock.ts';
import type { LiveOptions, PositionedMessage } from '../client/connect-live.ts';
import type { AlertWire } from '../protocol/alert.ts';
import { sensorEventToLive } from '../protocol/sensor-event.ts';
import { toWire } from '../protocol/wire.ts';

async function tail(...words: string[]) {
  const clock = new FakeClock();
  const seen: { options: LiveOptions | null; closed: number } = { options: null, closed: 0 };
  const harness = createCliHarness({
    clock,
    programs: {
      loadLiveClient: () =>
        Promise.resolve((options) => {
          seen.options = options;
          return { state: 'live', position: null, close: () => void (seen.closed += 1) };
        }),
    },
  });
  const run = harness.run('events', 'tail', ...words);
  await settle();
  const { options } = seen;
  return { clock, harness, run, seen, live: options };
}

const event = (fields: Parameters<typeof sensorEvent>[0] = {}): PositionedMessage => ({
  type: 'event',
  position: 'p-1',
  ...sensorEventToLive(sensorEvent(fields), 0),
});

describe('threadhub events tail', () => {
  it('prints events and alerts, one a line, until it is told to stop', async () => {
    const { harness, live, run, seen } = await tail(
      '--sensor',
      'kitchen-*',
      '--topic',
      'events',
      '--topic',
      'alerts',
    );
    expect(live).toMatchObject({
      url: 'http://127.0.0.1:5001',
      sensors: ['kitchen-*'],
      topics: ['events', 'alerts'],
    });
    live?.onState?.('live');
    live?.onMessage(event({ flags: ['late'] }));
    live?.onMessage({ type: 'alert', position: 'p-2', ...(toWire(alertView()) as AlertWire) });
    harness.signal('SIGINT');
    expect(await run).toMatchObject({
      exitCode: 0,
      stdout:
        '14:00:00.000  kitchen-1  temperature 22.5 °C  late\n14:00:00.000  alert firing  smoke: smoke is true at hall\n',
    });
    expect(seen.closed).toBe(1);
  });

  it('prints what the hub sends as it is where JSON is wanted, gaps included', async () => {
    const { harness, live, run } = await tail('--json');
    live?.onState?.('live');
    live?.onMessage(event());
    live?.onGap?.({ type: 'gap', from: 'p-1', to: 'p-9', dropped: 8, reason: 'slow_consumer' });
    harness.signal('SIGTERM');
    const lines = (await run).stdout.trim().split('\n');
    expect(lines.map((line) => JSON.parse(line) as object)).toMatchObject([
      { type: 'event', position: 'p-1', sensor_id: 'kitchen-1' },
      { type: 'gap', dropped: 8 },
    ]);
  });

  it('does not let a sensor write to the terminal', async () => {
    const { harness, live, run } = await tail();
    live?.onState?.('live');
    live?.onMessage(event({ readings: [{ type: 'text', value: '\u001b[2J', unit: null }] }));
    harness.signal('SIGTERM');
    expect((await run).stdout).not.toContain('\u001b');
  });

  it('says when something was missed, and when the connection is lost', async () => {
    const { harness, live, run } = await tail();
    live?.onState?.('live');
    live?.onState?.('waiting');
    live?.onGap?.({ type: 'gap', from: null, to: 'p-9', dropped: null, reason: 'position_unknown' });
    harness.signal('SIGTERM');
    const { stderr } = await run;
    expect(stderr).toContain('was lost; it is tried again');
    expect(stderr).toContain('Some messages were missed (position_unknown)');
  });

  it('gives up where no hub answers, and goes on where one has', async () => {
    const gone = await tail();
    gone.live?.onState?.('waiting');
    await gone.clock.advance(5_000);
    expect(await gone.run).toMatchObject({
      exitCode: 1,
      stderr: expect.stringContaining('No hub answers') as string,
    });
    const there = await tail();
    there.live?.onState?.('live');
    await there.clock.advance(60_000);
    expect(there.seen.closed).toBe(0);
    there.harness.signal('SIGTERM');
    await there.run;
  });

  it('refuses a topic that there is not', async () => {
    const { run } = await tail('--topic', 'weather');
    expect(await run).toMatchObject({ exitCode: 2, stderr: expect.stringContaining('"weather"') as string });
  });
});
