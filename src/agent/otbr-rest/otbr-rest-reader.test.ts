/** The reader against a border router that behaves as recorded. The numbers of the traps are those of the recordings. */
import { describe, expect, it } from 'vitest';
import { FakeClock } from '../../../test/support/fake-clock.ts';
import { openHttpReceiver } from '../../../test/support/http-receiver.ts';
import {
  openOtbrReplay,
  otbrNodes,
  type OtbrReplay,
  type OtbrReplayOptions,
} from '../../../test/support/otbr-replay.ts';
import { systemClock } from '../../clock.ts';
import { asExtAddress, type ExtAddress } from '../../protocol/ids.ts';
import type { DeviceDiagnostics } from '../mesh/device-diagnostics.ts';
import type { DeviceKind, DiagnosticTopic, ReadContext, ReadResult, Survey } from '../mesh/mesh-reader.ts';
import { LackingTypes } from './lacking-types.ts';
import { probeOtbrRest } from './otbr-probe.ts';
import { OtbrRestReader } from './otbr-rest-reader.ts';

class Radio {
  used = 0;
  readonly #most: number;
  constructor(most: number) {
    this.#most = most;
  }
  take(requests: number): boolean {
    if (this.used + requests > this.#most) return false;
    this.used += requests;
    return true;
  }
}

const node = (number: number): ExtAddress => asExtAddress(otbrNodes[number] ?? '');
const never = new AbortController().signal;
const place = new Set<DiagnosticTopic>(['place']);
const tables = new Set<DiagnosticTopic>(['place', 'tables']);
const everything = new Set<DiagnosticTopic>(['place', 'tables', 'counters', 'identity']);

class Setup implements AsyncDisposable {
  readonly replay: OtbrReplay;
  readonly reader: OtbrRestReader;
  readonly radio: Radio;
  readonly context: ReadContext;

  constructor(replay: OtbrReplay, radioRequests: number) {
    this.replay = replay;
    this.reader = new OtbrRestReader({ baseUrl: replay.url, clock: systemClock });
    this.radio = new Radio(radioRequests);
    this.context = { radio: this.radio, signal: never };
  }

  static async open(options: OtbrReplayOptions = {}, radioRequests = 1_000): Promise<Setup> {
    return new Setup(await openOtbrReplay({ speed: 20, ...options }), radioRequests);
  }

  /** One that was found and whose list is filled. */
  static async surveyed(options: OtbrReplayOptions = {}, radioRequests = 1_000): Promise<Setup> {
    const setup = await Setup.open(options, radioRequests);
    setup.replay.discovered();
    await setup.survey();
    setup.replay.requests.length = 0;
    setup.replay.worked.length = 0;
    setup.radio.used = 0;
    return setup;
  }

  survey(expected = 0): Promise<ReadResult<Survey>> {
    return this.reader.survey(this.context, expected);
  }

  ask(
    number: number,
    topics: ReadonlySet<DiagnosticTopic> = place,
    kind: DeviceKind = 'router',
    timeoutMs = 3_000,
  ): Promise<ReadResult<DeviceDiagnostics>> {
    return this.reader.ask({ extAddress: node(number), rloc16: null, kind }, topics, timeoutMs, this.context);
  }

  get asked(): string[] {
    return this.replay.requests.map(({ method, path }) => `${method} ${path}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.reader.close();
    await this.replay[Symbol.asyncDispose]();
  }
}

const surveyed = (result: ReadResult<Survey>): Survey => {
  if (!result.ok) throw new Error(result.reason);
  return result.value;
};

describe.each(['current', 'before_2026_07'] as const)('OtbrRestReader, JSON:API, names %s', (dialect) => {
  it('finds the whole mesh in one multicast', async () => {
    await using setup = await Setup.open({ dialect });
    const { devices } = surveyed(await setup.survey());
    expect(devices.map(({ extAddress }) => extAddress).sort()).toEqual(Object.values(otbrNodes).sort());
    expect(setup.radio.used).toBe(1);
    expect(setup.reader).toMatchObject({ dialect: 'json-api', asksDevices: true });
  });

  it('reads every router with its tables', async () => {
    await using setup = await Setup.surveyed({ dialect });
    for (const number of [1, 2, 3, 4, 5, 6, 7, 8, 9]) {
      const answer = await setup.ask(number, everything);
      expect(answer).toMatchObject({ ok: true, value: { extAddress: node(number), threadVersion: 5 } });
      const told = answer.ok ? answer.value : null;
      expect(told?.neighbors?.length).toBeGreaterThan(0);
      expect(told?.routes).toHaveLength(9);
      expect(told?.eui64).toMatch(/^18b43/);
    }
    expect(setup.radio.used).toBe(18);
  });

  it('trap 12: takes the names that the border router takes, without a second task for each', async () => {
    await using setup = await Setup.surveyed({ dialect });
    await setup.ask(9, everything);
    await setup.ask(8, everything);
    const types = setup.replay.posted.map(({ attributes }) => attributes['types']);
    expect(types).toHaveLength(2);
    for (const list of types)
      expect(list).toEqual(
        expect.arrayContaining(dialect === 'current' ? ['eui', 'threadVersion'] : ['eui64', 'version']),
      );
  });
});

describe('OtbrRestReader, JSON:API', () => {
  it('trap 12: tries the other names when a task is refused, and remembers which were right', async () => {
    await using setup = await Setup.surveyed({ dialect: 'current' });
    setup.replay.change({ dialect: 'before_2026_07' });
    expect(await setup.ask(9, everything)).toMatchObject({ ok: true, value: { eui64: '18b4300000000009' } });
    expect(await setup.ask(8, everything)).toMatchObject({ ok: true, value: { eui64: '18b4300000000008' } });
    expect(setup.replay.posted).toHaveLength(3);
    expect(setup.radio.used).toBe(4);
  });

  it('trap 1: lets the border router ask itself before a discovery, which then ends by itself', async () => {
    await using setup = await Setup.open();
    await setup.survey();
    expect(setup.replay.worked).toEqual([otbrNodes[1], 'discovery']);
    expect(setup.replay.posted[0]).toEqual({
      type: 'getNetworkDiagnosticTask',
      attributes: { destination: otbrNodes[1], types: ['extAddress', 'rloc16'], timeout: 1 },
    });
    expect(setup.replay.posted[1]?.attributes).toEqual({
      maxAge: 30,
      maxRetries: 2,
      deviceCount: 0,
      timeout: 15,
    });
  });

  it('trap 1: takes the list once it stays the same, though the task still runs, and then waits for that task', async () => {
    await using setup = await Setup.open({ speed: 4 });
    // Not listed, the border router cannot be asked first: the discovery runs its whole timeout.
    setup.replay.forgetDevices();
    const startMs = performance.now();
    const { devices } = surveyed(await setup.survey(13));
    expect(devices).toHaveLength(13);
    const surveyMs = performance.now() - startMs;
    expect(surveyMs).toBeLessThan(2_500);
    expect(await setup.ask(2)).toMatchObject({ ok: true });
    // 15 s, four times as fast.
    expect(performance.now() - startMs).toBeGreaterThan(3_500);
    expect(setup.replay.worked).toEqual(['discovery', otbrNodes[2]]);
  });

  it('trap 3: reads its state from /node, never from the snapshot', async () => {
    await using setup = await Setup.open();
    expect(await setup.reader.state({ signal: never })).toMatchObject({
      ok: true,
      value: { role: 'leader' },
    });
    await setup.survey();
    expect(setup.asked.filter((request) => request.includes('/api/node'))).toEqual([]);
  });

  it.each(['disabled', 'detached'] as const)(
    'trap 3: says off where it is %s, and searches nothing',
    async (state) => {
      await using setup = await Setup.open({ state });
      expect(await setup.reader.state({ signal: never })).toMatchObject({
        ok: true,
        value: { role: state, rloc16: null },
      });
      expect(await setup.survey()).toMatchObject({ ok: false, code: 'off' });
      expect(setup.replay.worked).toEqual([]);
    },
  );

  it('trap 4: asks only by extended addresses that are listed', async () => {
    await using setup = await Setup.surveyed();
    const stranger = { extAddress: asExtAddress('0123456789abcdef'), rloc16: null, kind: 'router' } as const;
    expect(await setup.reader.ask(stranger, place, 3_000, setup.context)).toMatchObject({
      ok: false,
      code: 'silent',
    });
    expect(setup.replay.posted).toEqual([]);
    expect(setup.radio.used).toBe(0);
    await setup.ask(2);
    expect(setup.replay.posted[0]?.attributes['destination']).toBe(otbrNodes[2]);
  });

  it('trap 4: takes a result without an id for no answer', async () => {
    await using receiver = await openHttpReceiver();
    const item = (attributes: object, rest: object = {}): string =>
      JSON.stringify({ data: { id: 'a1', type: 'x', attributes, ...rest } });
    receiver.answer = (response, { method, path }) => {
      response.setHeader('content-type', 'application/vnd.api+json');
      if (path === '/.well-known/thread/br-rest')
        response.end(JSON.stringify({ api: { version: '0.5.0' }, links: [{ href: '/api/actions' }] }));
      else if (path === '/api/devices')
        response.end(JSON.stringify({ data: [{ id: node(2), attributes: { extAddress: node(2) } }] }));
      else if (method === 'POST') response.end(JSON.stringify({ data: [{ id: 'a1' }] }));
      else
        response.end(
          item(
            { status: 'completed' },
            { relationships: { result: { data: { type: 'diagnostics', id: '' } } } },
          ),
        );
    };
    const reader = new OtbrRestReader({ baseUrl: receiver.url, clock: systemClock });
    const device = { extAddress: node(2), rloc16: null, kind: 'router' } as const;
    const answer = await reader.ask(device, place, 1_000, { radio: new Radio(9), signal: never });
    expect(answer).toMatchObject({ ok: false, code: 'silent' });
  });

  it.each([
    ['router', 9],
    ['full', 10],
    ['minimal', 12],
    ['sleepy', 13],
  ] as const)(
    'trap 5: asks a %s device only for what it has, and so never waits for its timeout',
    async (kind, number) => {
      await using setup = await Setup.surveyed();
      const startMs = performance.now();
      expect(await setup.ask(number, everything, kind, 30_000)).toMatchObject({ ok: true });
      expect(performance.now() - startMs).toBeLessThan(700);
      const types = setup.replay.posted[0]?.attributes['types'] as string[];
      expect(types.includes('route')).toBe(kind === 'router');
      expect(types).not.toContain('connectivity');
      expect(types).not.toContain('iDevIdCert');
      expect(setup.radio.used).toBe(kind === 'router' ? 2 : 1);
    },
  );

  it('trap 5: gives what came of a device that lacks something, and does not ask for that a third time', async () => {
    await using setup = await Setup.surveyed({ speed: 1 });
    // A minimal device that is taken for a router lacks all tables.
    for (let turn = 0; turn < 3; turn += 1)
      expect(await setup.ask(12, tables, 'router', 1_000)).toMatchObject({
        ok: true,
        value: { rloc16: '0xf002' },
      });
    const types = setup.replay.posted.map(({ attributes }) => attributes['types']);
    expect(types[1]).toContain('route');
    expect(types[2]).toEqual(['extAddress', 'rloc16', 'mode', 'leaderData', 'ipv6Addresses']);
  });

  it('trap 6: has one task at a time, and leaves one that it gave up alone until it has ended', async () => {
    await using setup = await Setup.surveyed({ speed: 4 });
    setup.replay.silence(node(3));
    const stop = new AbortController();
    const asked = setup.reader.ask({ extAddress: node(3), rloc16: null, kind: 'router' }, place, 4_000, {
      radio: setup.radio,
      signal: stop.signal,
    });
    await expect.poll(() => setup.replay.worked).toEqual([otbrNodes[3]]);
    stop.abort();
    expect(await asked).toMatchObject({ ok: false, code: 'cancelled' });
    const startMs = performance.now();
    expect(await setup.ask(2)).toMatchObject({ ok: true });
    // Four seconds, four times as fast, less what was over when it was given up.
    expect(performance.now() - startMs).toBeGreaterThan(500);
    expect(setup.replay.worked).toEqual([otbrNodes[3], otbrNodes[2]]);
    expect(setup.asked.filter((request) => !/^(GET|POST) /.test(request))).toEqual([]);
  });

  it('trap 6: asks again when a task of somebody else was ahead for longer than its timeout', async () => {
    await using setup = await Setup.surveyed();
    setup.replay.postForeign(8);
    expect(await setup.ask(2, place, 'router', 1_000)).toMatchObject({
      ok: true,
      value: { extAddress: node(2) },
    });
    expect(setup.replay.posted).toHaveLength(2);
    expect(setup.radio.used).toBe(1);
  });

  it('trap 7: takes a device whose task ends stopped for silent, though it stays listed', async () => {
    await using setup = await Setup.surveyed({ mesh: 'node-lost' });
    expect(await setup.ask(9, tables, 'router', 1_000)).toMatchObject({ ok: false, code: 'silent' });
    expect(await setup.ask(8, tables)).toMatchObject({ ok: true, value: { extAddress: node(8) } });
    const { devices } = surveyed(await setup.survey());
    expect(devices.map(({ extAddress }) => extAddress)).toContain(node(9));
  });

  it('trap 9: asks for nothing but what tells the mesh', async () => {
    await using setup = await Setup.open();
    await setup.survey();
    for (const number of [1, 2, 9]) await setup.ask(number, everything);
    for (const request of setup.asked)
      expect(request).toMatch(
        /^(GET \/(node|\.well-known\/thread\/br-rest|api\/(devices|actions|actions\/[\w-]{36}|diagnostics\/[\w-]{36}))|POST \/api\/actions)$/,
      );
  });

  it('keeps to the radio budget, in surveys and in questions', async () => {
    await using poor = await Setup.open({}, 0);
    expect(await poor.survey()).toMatchObject({ ok: false, code: 'over_budget' });
    expect(poor.replay.worked).not.toContain('discovery');
    await using setup = await Setup.surveyed({}, 2);
    expect(await setup.ask(2, tables)).toMatchObject({ ok: true });
    expect(await setup.ask(3)).toMatchObject({ ok: false, code: 'over_budget' });
    expect(setup.replay.worked).toEqual([otbrNodes[2]]);
  });

  it('ends soon when it is closed, and answers nothing afterwards', async () => {
    await using setup = await Setup.surveyed();
    setup.replay.silence(node(3));
    const asked = setup.ask(3, place, 'router', 60_000);
    await expect.poll(() => setup.replay.worked).toEqual([otbrNodes[3]]);
    await setup.reader.close();
    await setup.reader.close();
    expect(await asked).toMatchObject({ ok: false, code: 'cancelled' });
    expect(await setup.survey()).toMatchObject({ ok: false, code: 'cancelled' });
  });
});

describe('OtbrRestReader, legacy', () => {
  it('reads the mesh in one call where nothing got lost', async () => {
    await using setup = await Setup.open({ dialect: 'legacy' });
    const { devices, diagnostics } = surveyed(await setup.survey());
    expect(devices).toHaveLength(10);
    expect(diagnostics).toHaveLength(10);
    expect(devices.find(({ extAddress }) => extAddress === node(10))?.kind).toBe('full');
    expect(setup.radio.used).toBe(1);
    expect(setup.reader).toMatchObject({ dialect: 'legacy', asksDevices: false });
    expect(await setup.ask(2)).toMatchObject({ ok: false, code: 'rejected' });
  });

  it('puts together what several calls brought', async () => {
    await using setup = await Setup.open({ dialect: 'legacy' });
    setup.replay.lose((call) => (call === 0 ? [4, 9, 10] : [1, 2]));
    const { diagnostics } = surveyed(await setup.survey());
    expect(diagnostics).toHaveLength(10);
    expect(setup.radio.used).toBe(2);
  });

  it('stops after three calls where a router stays away', async () => {
    await using setup = await Setup.open({ dialect: 'legacy' });
    setup.replay.lose(() => [9]);
    expect(surveyed(await setup.survey()).diagnostics).toHaveLength(9);
    expect(setup.radio.used).toBe(3);
  });

  it('gives what it has when the radio budget ends', async () => {
    await using setup = await Setup.open({ dialect: 'legacy' }, 1);
    setup.replay.lose(() => [9]);
    expect(surveyed(await setup.survey()).diagnostics).toHaveLength(9);
    await using poor = await Setup.open({ dialect: 'legacy' }, 0);
    expect(await poor.survey()).toMatchObject({ ok: false, code: 'over_budget' });
  });
});

describe('OtbrRestReader, Espressif', () => {
  it('reads its numeric role, and asks it twice at most, seconds apart', async () => {
    await using replay = await openOtbrReplay({ speed: 100, dialect: 'esp' });
    replay.lose(() => [9]);
    const clock = new FakeClock();
    const reader = new OtbrRestReader({ baseUrl: replay.url, clock });
    const survey = reader.survey({ radio: new Radio(9), signal: never }, 0);
    const calls = (): number => replay.requests.filter(({ path }) => path === '/diagnostics').length;
    await expect.poll(calls).toBe(1);
    // Only the pause is left.
    await expect.poll(() => clock.pending).toBe(1);
    await clock.advance(4_900);
    expect(calls()).toBe(1);
    await clock.advance(100);
    expect(surveyed(await survey).diagnostics).toHaveLength(9);
    expect(calls()).toBe(2);
    expect(reader.dialect).toBe('esp');
    expect(await reader.state({ signal: never })).toMatchObject({ ok: true, value: { role: 'router' } });
  });
});

describe('the dialect', () => {
  it.each([
    ['current', { name: 'json-api', apiVersion: '0.5.0', fieldNames: 'current' }],
    ['before_2026_07', { name: 'json-api', apiVersion: null, fieldNames: 'before_2026_07' }],
    ['legacy', { name: 'legacy', apiVersion: null, fieldNames: null }],
    ['esp', { name: 'esp', apiVersion: null, fieldNames: null }],
  ] as const)('%s is found without the radio', async (dialect, expected) => {
    await using replay = await openOtbrReplay({ speed: 20, dialect });
    expect(await probeOtbrRest(replay.url, never)).toEqual({ ok: true, value: expected });
    expect(replay.requests.length).toBeLessThanOrEqual(3);
    expect(replay.worked).toEqual([]);
  });

  it('is found once, and again after the border router was changed', async () => {
    await using setup = await Setup.open({ dialect: 'legacy' });
    const probes = (): number => setup.asked.filter((request) => request.includes('.well-known')).length;
    await setup.survey();
    await setup.survey();
    expect(probes()).toBe(1);
    setup.replay.change({ dialect: 'current' });
    expect(await setup.survey()).toMatchObject({ ok: false, code: 'too_old' });
    expect(surveyed(await setup.survey()).devices).toHaveLength(13);
    expect(setup.reader.dialect).toBe('json-api');
    expect(probes()).toBe(2);
  });

  it('is none where a server has none of the resources', async () => {
    await using receiver = await openHttpReceiver();
    receiver.answer = (response) => response.writeHead(404).end();
    expect(await probeOtbrRest(receiver.url, never)).toMatchObject({ ok: false, code: 'too_old' });
    const reader = new OtbrRestReader({ baseUrl: receiver.url, clock: systemClock });
    expect(await reader.survey({ radio: new Radio(9), signal: never }, 0)).toMatchObject({
      ok: false,
      code: 'too_old',
    });
  });

  it('is none of a server that answers something else with 200', async () => {
    await using receiver = await openHttpReceiver();
    receiver.answer = (response) => response.setHeader('content-type', 'text/html').end('<html></html>');
    expect(await probeOtbrRest(receiver.url, never)).toMatchObject({ ok: false, code: 'malformed' });
    receiver.answer = (response) => response.setHeader('content-type', 'application/json').end('{"data":7}');
    expect(await probeOtbrRest(receiver.url, never)).toMatchObject({ ok: false, code: 'malformed' });
  });
});

describe('what devices lack', () => {
  it('is what was missing twice in a row with the timeout spent, for an hour', async () => {
    const clock = new FakeClock();
    const lacking = new LackingTypes(clock);
    const learn = (attributes: Record<string, number>, wasLate = true): void =>
      lacking.learn(node(2), ['route', 'mleCounters', 'batteryLevel'], attributes, wasLate);
    learn({ route: 1 });
    learn({ route: 1, mleCounters: 1 });
    learn({ route: 1 });
    learn({ route: 1 }, false);
    expect(lacking.of(node(2))).toEqual(new Set());
    learn({ route: 1 });
    expect(lacking.of(node(2))).toEqual(new Set(['mleCounters']));
    expect(lacking.of(node(3))).toEqual(new Set());
    await clock.advance(3_600_001);
    expect(lacking.of(node(2))).toEqual(new Set());
  });
});
