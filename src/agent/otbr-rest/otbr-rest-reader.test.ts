/** The reader against a border router that behaves as recorded. The numbers of the traps are those of the recordings. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FakeClock } from '../../../test/support/fake-clock.ts';
import { openHttpReceiver } from '../../../test/support/http-receiver.ts';
import { otbrNodes, otbrRecordedBody } from '../../../test/support/otbr-recordings.ts';
import {
  openOtbrReplay,
  type OtbrReplay,
  type OtbrReplayOptions,
} from '../../../test/support/otbr-replay.ts';
import { type Clock, systemClock } from '../../clock.ts';
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

const speed = 10;
/** As fast as the replay. */
const fastClock: Clock = {
  nowMs: () => systemClock.nowMs(),
  monotonicMs: () => systemClock.monotonicMs() * speed,
  after: (delayMs, callback) => systemClock.after(delayMs / speed, callback),
};
const veryFastClock: Clock = {
  ...fastClock,
  monotonicMs: () => systemClock.monotonicMs() * 200,
  after: (delayMs, callback) => systemClock.after(delayMs / 200, callback),
};
/** Far from what a busy machine takes. */
const timeoutMs = 100_000;

class Setup implements AsyncDisposable {
  readonly replay: OtbrReplay;
  readonly reader: OtbrRestReader;
  readonly radio: Radio;
  readonly context: ReadContext;

  constructor(replay: OtbrReplay, radioRequests: number) {
    this.replay = replay;
    this.reader = new OtbrRestReader({ baseUrl: replay.url, clock: fastClock, timeoutMs });
    this.radio = new Radio(radioRequests);
    this.context = { radio: this.radio, signal: never };
  }

  static async open(options: OtbrReplayOptions = {}, radioRequests = 1_000): Promise<Setup> {
    return new Setup(await openOtbrReplay({ speed, ...options }), radioRequests);
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
    await using setup = await Setup.open();
    // Not listed, the border router cannot be asked first: the discovery runs its whole timeout.
    setup.replay.forgetDevices();
    const startMs = fastClock.monotonicMs();
    const { devices } = surveyed(await setup.survey(13));
    expect(devices).toHaveLength(13);
    expect(fastClock.monotonicMs() - startMs).toBeLessThan(12_000);
    expect(await setup.ask(2)).toMatchObject({ ok: true });
    expect(fastClock.monotonicMs() - startMs).toBeGreaterThan(14_500);
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
      code: 'unlisted',
    });
    expect(setup.replay.posted).toEqual([]);
    expect(setup.radio.used).toBe(0);
    await setup.ask(2);
    expect(setup.replay.posted[0]?.attributes['destination']).toBe(otbrNodes[2]);
  });

  describe('with results that a task names', () => {
    const ask = async (id: string): Promise<ReadResult<DeviceDiagnostics>> => {
      await using receiver = await openHttpReceiver();
      receiver.answer = (response, { method, path }) => {
        const bodyOf = (): object => {
          if (path.startsWith('/.well'))
            return { api: { version: '0.5.0' }, links: [{ href: '/api/actions' }] };
          if (path === '/api/devices') return { data: [{ attributes: { extAddress: node(2) } }] };
          if (method === 'POST') return { data: [{ id: 'a1' }] };
          const relationships = { result: { data: { type: 'diagnostics', id } } };
          if (path === '/api/actions/a1')
            return { data: { id: 'a1', attributes: { status: 'completed' }, relationships } };
          const number = Number(path.split('/').at(-1));
          return {
            data: { attributes: { extAddress: node(number), rloc16: '0x7400', isBorderRouter: false } },
          };
        };
        response.setHeader('content-type', 'application/vnd.api+json').end(JSON.stringify(bodyOf()));
      };
      const reader = new OtbrRestReader({ baseUrl: receiver.url, clock: systemClock });
      const device = { extAddress: node(2), rloc16: null, kind: 'router' } as const;
      return await reader.ask(device, place, 1_000, { radio: new Radio(9), signal: never });
    };

    it('trap 4: takes one without an id for no answer', async () => {
      expect(await ask('')).toMatchObject({ ok: false, code: 'silent' });
    });

    it('takes of several the one of the device, and of others nothing', async () => {
      expect(await ask('3,2')).toMatchObject({
        ok: true,
        value: { extAddress: node(2), isBorderRouter: null },
      });
      expect(await ask('3')).toMatchObject({ ok: false, code: 'silent' });
    });
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
      const startMs = fastClock.monotonicMs();
      expect(await setup.ask(number, everything, kind, 30_000)).toMatchObject({ ok: true });
      expect(fastClock.monotonicMs() - startMs).toBeLessThan(20_000);
      const types = setup.replay.posted[0]?.attributes['types'] as string[];
      expect(types.includes('route')).toBe(kind === 'router');
      expect(types).not.toContain('connectivity');
      expect(types).not.toContain('iDevIdCert');
      expect(setup.radio.used).toBe(kind === 'router' ? 2 : 1);
    },
  );

  it('trap 5: gives what came of a device that lacks something, and does not ask for that a third time', async () => {
    await using setup = await Setup.surveyed();
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
    await using setup = await Setup.surveyed();
    setup.replay.silence(node(3));
    const stop = new AbortController();
    const asked = setup.reader.ask({ extAddress: node(3), rloc16: null, kind: 'router' }, place, 4_000, {
      radio: setup.radio,
      signal: stop.signal,
    });
    await expect.poll(() => setup.replay.worked).toEqual([otbrNodes[3]]);
    stop.abort();
    expect(await asked).toMatchObject({ ok: false, code: 'cancelled' });
    const startMs = fastClock.monotonicMs();
    expect(await setup.ask(2)).toMatchObject({ ok: true });
    // Four seconds, less what was over when it was given up.
    expect(fastClock.monotonicMs() - startMs).toBeGreaterThan(2_000);
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

  it('trap 6: asks again when a task of somebody else left it hardly any time', async () => {
    await using setup = await Setup.surveyed();
    setup.replay.postForeign(2);
    // It answers in 1.5 s, and of its three seconds one is left.
    expect(await setup.ask(14, place, 'sleepy', 2_400)).toMatchObject({
      ok: true,
      value: { extAddress: node(14) },
    });
    expect(setup.replay.posted).toHaveLength(2);
  });

  it('trap 6: lets tasks of others end before it searches', async () => {
    await using setup = await Setup.open();
    setup.replay.postForeign(3);
    const startMs = fastClock.monotonicMs();
    expect(surveyed(await setup.survey()).devices).toHaveLength(13);
    expect(fastClock.monotonicMs() - startMs).toBeGreaterThan(2_500);
    expect(setup.replay.worked).toEqual(['ffffffffffffffff', otbrNodes[1], 'discovery']);
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

  it('gives what one call brought: whoever misses a router surveys again', async () => {
    await using setup = await Setup.open({ dialect: 'legacy' });
    setup.replay.lose((call) => (call === 0 ? [4, 9, 10] : [1, 2]));
    expect(surveyed(await setup.survey()).diagnostics).toHaveLength(7);
    expect(surveyed(await setup.survey()).diagnostics).toHaveLength(8);
    expect(setup.radio.used).toBe(2);
  });

  it('asks nobody when the radio budget is spent', async () => {
    await using setup = await Setup.open({ dialect: 'legacy' }, 0);
    expect(await setup.survey()).toMatchObject({ ok: false, code: 'over_budget' });
  });
});

describe('OtbrRestReader, Espressif', () => {
  it('reads its numeric role, and lets seconds pass between two surveys', async () => {
    await using replay = await openOtbrReplay({ speed: 100, dialect: 'esp' });
    const clock = new FakeClock();
    const reader = new OtbrRestReader({ baseUrl: replay.url, clock });
    const survey = (): Promise<ReadResult<Survey>> =>
      reader.survey({ radio: new Radio(9), signal: never }, 0);
    const calls = (): number => replay.requests.filter(({ path }) => path === '/diagnostics').length;
    expect(surveyed(await survey()).diagnostics).toHaveLength(10);
    const before = calls();
    const second = survey();
    // Only the pause is left.
    await expect.poll(() => clock.pending).toBe(1);
    await clock.advance(4_900);
    expect(calls()).toBe(before);
    await clock.advance(100);
    expect(surveyed(await second).diagnostics).toHaveLength(10);
    expect(calls()).toBe(before + 1);
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

  it.each([
    ['0.3.0', 'before_2026_07'],
    ['0.4.0', 'current'],
    ['1.0', 'current'],
    ['soon', null],
  ] as const)(
    'has its names by the version %s of the API where that is told',
    async (version, fieldNames) => {
      await using receiver = await openHttpReceiver();
      receiver.answer = (response) =>
        response
          .setHeader('content-type', 'application/json')
          .end(JSON.stringify({ api: { version }, links: [{ href: '/api/actions' }] }));
      expect(await probeOtbrRest(receiver.url, never)).toEqual({
        ok: true,
        value: { name: 'json-api', apiVersion: version, fieldNames },
      });
    },
  );

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

  it('is not taken for the older one where the list of devices fails', async () => {
    await using receiver = await openHttpReceiver();
    receiver.answer = (response) => response.writeHead(503).end();
    const answer = await probeOtbrRest(receiver.url, never);
    expect(answer).toMatchObject({ ok: false, code: 'rejected' });
    expect(answer.ok ? '' : answer.reason).toContain('/api/devices answers 503');
  });

  it('is none of a server that answers something else with 200', async () => {
    await using receiver = await openHttpReceiver();
    receiver.answer = (response) => response.setHeader('content-type', 'text/html').end('<html></html>');
    expect(await probeOtbrRest(receiver.url, never)).toMatchObject({ ok: false, code: 'malformed' });
    receiver.answer = (response) => response.setHeader('content-type', 'application/json').end('{"data":7}');
    expect(await probeOtbrRest(receiver.url, never)).toMatchObject({ ok: false, code: 'malformed' });
  });
});

describe('a border router that answers anything', () => {
  const bodies = [
    otbrRecordedBody('rest/01-before-well-known_thread_br-rest.response.http'),
    otbrRecordedBody('rest/01-before-node.response.http'),
    otbrRecordedBody('rest/05-api_devices-after.response.http'),
    otbrRecordedBody('legacy/brrouter-diagnostics.response.http'),
    otbrRecordedBody('rest/06-diag-node9-router-post.response.http'),
    otbrRecordedBody('rest/06-diag-node9-router-poll-first.response.http'),
    otbrRecordedBody('rest/06-diag-node9-router-poll-last.response.http'),
    otbrRecordedBody('rest/06-diag-node9-router-result.response.http'),
  ];
  /** What fits where it is asked for, most of the time, and anything else for the rest. */
  const fitting = (path: string, method: string): number => {
    if (path.startsWith('/.well')) return 0;
    if (path === '/node') return 1;
    if (path === '/api/devices') return 2;
    if (path === '/diagnostics') return 3;
    if (method === 'POST') return 4;
    return path.startsWith('/api/actions') ? 6 : 7;
  };
  const odd = fc.oneof(
    fc.constantFrom(...bodies.map((body) => JSON.stringify(body))),
    fc.json(),
    fc.constantFrom('', '{', '[]', '{"data":[]}', '{"data":{"id":"../../node/dataset/active"}}', 'null'),
    fc.nat(3_000).map((length) => JSON.stringify(bodies[7]).slice(0, length)),
  );

  const sometimesOdd: fc.Arbitrary<{ body: string; status: number } | null> = fc.oneof(
    { weight: 8, arbitrary: fc.constant(null) },
    {
      weight: 1,
      arbitrary: fc.record({ body: odd, status: fc.constantFrom(200, 200, 200, 302, 404, 422, 500) }),
    },
  );

  it('is not waited for when its task never ends', async () => {
    await using receiver = await openHttpReceiver();
    receiver.answer = (response, { method, path }) => {
      response.setHeader('content-type', 'application/json');
      const isPoll = method === 'GET' && path.startsWith('/api/actions/');
      response.end(JSON.stringify(bodies[isPoll ? 5 : fitting(path, method)]));
    };
    const reader = new OtbrRestReader({ baseUrl: receiver.url, clock: veryFastClock, timeoutMs: 2_000_000 });
    const device = { extAddress: node(9), rloc16: null, kind: 'router' } as const;
    const startMs = veryFastClock.monotonicMs();
    for (let turn = 0; turn < 2; turn += 1)
      expect(await reader.ask(device, place, 2_000, { radio: new Radio(9), signal: never })).toMatchObject({
        ok: false,
        code: 'silent',
      });
    // Twice the timeout and what is added to it.
    expect(veryFastClock.monotonicMs() - startMs).toBeGreaterThan(6_000);
    expect(receiver.requests.filter(({ method }) => method === 'POST')).toHaveLength(2);
  });

  it('gets a value from every call, in bounded time, and is asked for nothing forbidden', async () => {
    await using receiver = await openHttpReceiver();
    await fc.assert(
      fc.asyncProperty(fc.infiniteStream(sometimesOdd), async (stream) => {
        receiver.answer = (response, { method, path }) => {
          const next = stream.next();
          const value = next.done === true ? null : next.value;
          response.setHeader('content-type', 'application/json');
          if (value === null) response.end(JSON.stringify(bodies[fitting(path, method)]));
          else response.writeHead(value.status).end(value.body);
        };
        const reader = new OtbrRestReader({
          baseUrl: receiver.url,
          clock: veryFastClock,
          timeoutMs: 2_000_000,
        });
        const context = { radio: new Radio(1_000), signal: never };
        await reader.state(context);
        await reader.survey(context, 0);
        const device = { extAddress: node(9), rloc16: null, kind: 'router' } as const;
        const answer = await reader.ask(device, everything, 1_000, context);
        expect(typeof answer.ok).toBe('boolean');
      }),
      { numRuns: 60 },
    );
    for (const { method, path } of receiver.requests) {
      expect(path).not.toContain('dataset');
      expect(['GET', 'POST']).toContain(method);
    }
  }, 60_000);
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
