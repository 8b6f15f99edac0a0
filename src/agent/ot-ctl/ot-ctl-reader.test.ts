import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FakeClock } from '../../../test/support/fake-clock.ts';
import {
  commandsSent,
  fakeOtCtl,
  type FakeOtCtlOptions,
  recordedCli,
} from '../../../test/support/fake-ot-ctl.ts';
import { temporaryFolder } from '../../../test/support/temporary-folder.ts';
import { systemClock } from '../../clock.ts';
import { asExtAddress, type ExtAddress } from '../../protocol/ids.ts';
import { formatRloc16 } from '../../protocol/rloc16.ts';
import type {
  AskedDevice,
  DeviceKind,
  DiagnosticTopic,
  RadioBudget,
  ReadContext,
} from '../mesh/mesh-reader.ts';
import { localCommands, wordsOf } from './ot-ctl-command.ts';
import { OtCtlReader } from './ot-ctl-reader.ts';
import { probeOtCtl } from './probe-ot-ctl.ts';

const lostMesh = readFileSync(
  join(import.meta.dirname, '../../../test/fixtures/otbr/node-lost/t090-meshdiag_topology.txt'),
  'utf8',
);
const borderRouter = asExtAddress('52a10c4208649fcc');

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let log: string;
let reader: OtCtlReader;

beforeEach(async () => {
  folder = await temporaryFolder();
  log = join(folder.path, 'asked.log');
  readerOf();
});
afterEach(async () => {
  await reader.close();
  await folder.remove();
});

function readerOf(script: FakeOtCtlOptions['script'] = []): OtCtlReader {
  reader = new OtCtlReader({ command: fakeOtCtl({ log, script }), clock: systemClock });
  return reader;
}

/** Notes what is waited for. */
class NotingClock extends FakeClock {
  readonly delays: number[] = [];
  override after(delayMs: number, callback: () => void): () => void {
    this.delays.push(delayMs);
    return super.after(delayMs, callback);
  }
}

class CountedRadio implements RadioBudget {
  taken = 0;
  readonly #limit: number;
  constructor(limit = Infinity) {
    this.#limit = limit;
  }
  take(requests: number): boolean {
    if (this.taken + requests > this.#limit) return false;
    this.taken += requests;
    return true;
  }
}

function contextOf(
  radio: RadioBudget = new CountedRadio(),
  signal = new AbortController().signal,
): ReadContext {
  return { radio, signal };
}

function deviceOf(extAddress: ExtAddress, rloc16: number, kind: DeviceKind = 'router'): AskedDevice {
  return { extAddress, rloc16: formatRloc16(rloc16), kind };
}

const topics = (...wanted: DiagnosticTopic[]): ReadonlySet<DiagnosticTopic> => new Set(wanted);

describe('the state of the border router', () => {
  it('is read without the radio', async () => {
    expect(await readerOf().state(contextOf())).toEqual({
      ok: true,
      value: {
        extAddress: '52a10c4208649fcc',
        rloc16: '0x3400',
        role: 'leader',
        partitionId: 573303309,
        leaderRouterId: 13,
        extPanId: '1a2b3c4d5e6f7081',
        networkName: 'OtLab',
        meshLocalPrefix: 'fd0d:7fc:a1b9:f050::/64',
        ipv6Addresses: [
          'fd0d:7fc:a1b9:f050:0:ff:fe00:fc10',
          'fd7c:8336:ffd4:1:9f35:3d61:ffc6:c165',
          'fd0d:7fc:a1b9:f050:0:ff:fe00:fc00',
          'fd0d:7fc:a1b9:f050:0:ff:fe00:3400',
          'fd0d:7fc:a1b9:f050:b7a7:7ac9:da06:db0a',
          'fe80::50a1:c42:864:9fcc',
        ],
        routerCount: 9,
        channel: 15,
        panId: 0xface,
      },
    });
    expect(commandsSent(log).filter((command) => /^(meshdiag|networkdiagnostic)/.test(command))).toEqual([]);
  });

  it('is known as far as the daemon tells it', async () => {
    const state = await readerOf([
      ['state', [{ print: 'disabled\nDone\n' }]],
      ['leaderdata', [{ print: 'Error 3: Detached\n' }]],
      ['ipaddr', [{ print: 'Done\n' }]],
    ]).state(contextOf());
    expect(state).toMatchObject({
      ok: true,
      value: { role: 'disabled', partitionId: null, meshLocalPrefix: null, ipv6Addresses: [] },
    });
  });
});

describe('a survey', () => {
  it('lists every router with its links in both directions', async () => {
    const radio = new CountedRadio();
    const survey = await readerOf().survey(contextOf(radio), 0);
    if (!survey.ok) throw new Error(survey.reason);
    expect(survey.value.devices).toHaveLength(9);
    expect(survey.value.devices.every(({ kind }) => kind === 'router')).toBe(true);
    expect(radio.taken).toBe(8);
    const [own, second] = survey.value.diagnostics;
    expect(own).toMatchObject({ extAddress: borderRouter, isBorderRouter: true, threadVersion: 5 });
    expect(own?.leader).toEqual({ partitionId: 573303309, leaderRouterId: 13 });
    // The border router knows the way to all others …
    expect(own?.routes).toHaveLength(8);
    expect(own?.routes).toContainEqual({
      routerId: 10,
      linkQualityIn: 0,
      linkQualityOut: 0,
      cost: 2,
      nextHop: 29,
    });
    // … of the others, their links are known.
    expect(second?.routes).toEqual([
      { routerId: 14, linkQualityIn: 3, linkQualityOut: 3, cost: null, nextHop: null },
      { routerId: 60, linkQualityIn: 3, linkQualityOut: 3, cost: null, nextHop: null },
      { routerId: 13, linkQualityIn: 2, linkQualityOut: 3, cost: null, nextHop: null },
    ]);
    expect(second?.isBorderRouter).toBe(false);
    expect(reader.dialect).toBe('meshdiag');
  });

  it('keeps the answers of the others where a router is dead', async () => {
    const survey = await readerOf([['meshdiag topology', [{ print: lostMesh }]]]).survey(contextOf(), 9);
    if (!survey.ok) throw new Error(survey.reason);
    expect(survey.value.diagnostics).toHaveLength(8);
    // Router 24 is still named by one that hears it, and its own ear is unknown.
    const witness = survey.value.diagnostics.find(({ rloc16 }) => rloc16 === '0xf000');
    expect(witness?.routes).toContainEqual({
      routerId: 24,
      linkQualityIn: 3,
      linkQualityOut: null,
      cost: null,
      nextHop: null,
    });
  });

  it('says which version has what is missing', async () => {
    const survey = await readerOf([['meshdiag', [{ print: 'Error 35: InvalidCommand\n' }]]]).survey(
      contextOf(),
      0,
    );
    expect(survey).toMatchObject({ ok: false, code: 'too_old' });
    expect(survey.ok ? '' : survey.reason).toContain('March 2023');
  });

  it('stops where the radio budget is spent', async () => {
    expect(await readerOf().survey(contextOf(new CountedRadio(3)), 0)).toMatchObject({
      ok: false,
      code: 'over_budget',
    });
    expect(commandsSent(log).some((command) => command.startsWith('meshdiag'))).toBe(false);
  });

  it('is off where the interface is down', async () => {
    const survey = await readerOf([['meshdiag', [{ print: 'Error 13: InvalidState\n' }]]]).survey(
      contextOf(),
      0,
    );
    expect(survey).toMatchObject({ ok: false, code: 'off' });
  });
});

describe('asking a router', () => {
  const router9 = deviceOf(asExtAddress('4e518eb2a238c2d2'), 0x6000);
  const router8 = deviceOf(asExtAddress('826d960ad048a3bb'), 0x8c00);

  it('tells its children with signal, link quality and addresses', async () => {
    const radio = new CountedRadio();
    await readerOf().survey(contextOf(), 0);
    const answer = await reader.ask(router8, topics('place', 'tables'), 2_000, contextOf(radio));
    if (!answer.ok) throw new Error(answer.reason);
    expect(radio.taken).toBe(3);
    expect(answer.value.children).toMatchObject([
      {
        extAddress: '2e898a432270db36',
        rloc16: '0x8c01',
        linkQuality: 3,
        averageRssi: -76,
        ipv6Addresses: ['fd0d:7fc:a1b9:f050:8374:f270:55a0:d2c0', 'fd7c:8336:ffd4:1:d88b:2d9b:7e13:9aba'],
      },
    ]);
    expect(answer.value.neighbors?.map(({ linkQuality, rloc16 }) => [rloc16, linkQuality])).toEqual([
      ['0x2800', 2],
      ['0x6000', 2],
    ]);
    expect(answer.value.ipv6Addresses).toHaveLength(4);
  });

  it('asks nothing for addresses where there are no minimal children', async () => {
    const radio = new CountedRadio();
    const answer = await readerOf().ask(
      deviceOf(asExtAddress('2ea1ab536697cdd7'), 0x7400),
      topics('tables'),
      2_000,
      contextOf(radio),
    );
    expect(answer).toMatchObject({ ok: true, value: { children: [] } });
    expect(radio.taken).toBe(2);
  });

  it('ends with the first silence', async () => {
    const answer = await readerOf([['meshdiag childtable', [{ print: 'Error 28: ResponseTimeout\n' }]]]).ask(
      router9,
      topics('tables'),
      2_000,
      contextOf(),
    );
    expect(answer).toMatchObject({ ok: false, code: 'silent' });
    expect(commandsSent(log)).toEqual(['meshdiag childtable 0x6000']);
  });

  it('does not wait longer than it was told to', async () => {
    const answer = await readerOf([['meshdiag childtable', [{ hang: true }]]]).ask(
      router9,
      topics('tables'),
      300,
      contextOf(),
    );
    expect(answer).toMatchObject({ ok: false, code: 'silent' });
  });

  it('keeps the children where the neighbours cannot be had', async () => {
    const answer = await readerOf([
      ['meshdiag routerneighbortable', [{ print: 'Error 28: ResponseTimeout\n' }]],
    ]).ask(router9, topics('tables'), 2_000, contextOf());
    expect(answer).toMatchObject({ ok: true, value: { neighbors: null, children: [{ rloc16: '0x6001' }] } });
  });

  it('is refused where the device is none any more', async () => {
    const answer = await readerOf([['meshdiag childtable', [{ print: 'Error 7: InvalidArgs\n' }]]]).ask(
      router9,
      topics('tables'),
      2_000,
      contextOf(),
    );
    expect(answer).toMatchObject({ ok: false, code: 'rejected' });
  });

  it('does not take the answer that belongs to another session', async () => {
    const other = 'rloc16:0x0401 ext-addr:a654f540eac5cbaf ver:5\nDone\n';
    const answer = await readerOf([['meshdiag childtable', [{ print: other }]]]).ask(
      router9,
      topics('tables'),
      2_000,
      contextOf(),
    );
    expect(answer).toMatchObject({ ok: true, value: { children: [{ rloc16: '0x6001' }] } });
    expect(commandsSent(log).filter((command) => command.startsWith('meshdiag childtable'))).toHaveLength(2);
  });

  it('asks again before it takes a table for empty that the survey saw entries of', async () => {
    await readerOf([['meshdiag childtable', [{ print: 'Done\n' }]]]).survey(contextOf(), 0);
    const answer = await reader.ask(router9, topics('tables'), 2_000, contextOf());
    expect(answer).toMatchObject({ ok: true, value: { children: [{ rloc16: '0x6001' }] } });
  });

  it('tells counters and names', async () => {
    await readerOf().state(contextOf());
    const answer = await reader.ask(router9, topics('counters', 'identity'), 1_000, contextOf());
    expect(answer).toMatchObject({
      ok: true,
      value: { eui64: '18b4300000000009', threadVersion: 5, counters: { mac_in_unicast: 236 } },
    });
    expect(commandsSent(log).at(-1)).toBe(
      'networkdiagnostic get fd0d:7fc:a1b9:f050:0:ff:fe00:6000 0 9 34 14 15 23 24 25 26 27 28',
    );
  });
});

describe('asking others', () => {
  it('asks the border router for itself without the radio', async () => {
    await readerOf([['vendor name', [{ print: 'OtLab\nDone\n' }]]]).state(contextOf());
    const own = deviceOf(borderRouter, 0x3400);
    const answer = await reader.ask(
      own,
      topics('place', 'tables', 'counters', 'identity'),
      1_000,
      contextOf(new CountedRadio(0)),
    );
    expect(answer).toMatchObject({
      ok: true,
      value: {
        children: [],
        neighbors: [{ averageRssi: -60 }, { averageRssi: -45 }, { averageRssi: -78 }],
        counters: { mac_in_errors: 160, leader_ms: 292963 },
        eui64: '18b4300000000001',
        vendorName: 'OtLab',
        vendorModel: null,
      },
    });
  });

  it('asks a full child for its place, and never a sleepy one for anything', async () => {
    await readerOf().state(contextOf());
    const child = deviceOf(asExtAddress('4e451cb38f02a74f'), 0x2803, 'full');
    expect(await reader.ask(child, topics('place'), 1_000, contextOf())).toMatchObject({
      ok: true,
      value: { rloc16: '0x2803', mode: { fullThreadDevice: true }, children: null },
    });
    const asked = commandsSent(log).length;
    const sleepy = deviceOf(asExtAddress('2e898a432270db36'), 0x8c01, 'sleepy');
    expect(await reader.ask(sleepy, topics('place'), 1_000, contextOf())).toMatchObject({
      ok: false,
      code: 'rejected',
    });
    expect(commandsSent(log)).toHaveLength(asked);
  });

  it('asks full children for their places all at once where there are several', async () => {
    const topology = recordedCli('br-meshdiag_topology_ip6-addrs_children').replace(
      'rloc16:0x2803 lq:3, mode:rdn',
      'rloc16:0x2803 lq:3, mode:rdn\n        rloc16:0x2804 lq:3, mode:rdn\n        rloc16:0x2805 lq:3, mode:rdn',
    );
    const inOneGo = ['node10', 'node12']
      .map((node) => recordedCli(`br-networkdiagnostic_get_unicast_${node}`).replace('Done\n', ''))
      .join('');
    await readerOf([
      ['meshdiag topology', [{ print: topology }]],
      ['networkdiagnostic get ff03::1 ', [{ print: `${inOneGo}Done\n` }]],
    ]).survey(contextOf(), 0);
    const radio = new CountedRadio();
    const asking = (extAddress: string, rloc16: number) =>
      reader.ask(
        deviceOf(asExtAddress(extAddress), rloc16, 'full'),
        topics('place'),
        1_000,
        contextOf(radio),
      );
    expect(await asking('4e451cb38f02a74f', 0x2803)).toMatchObject({ ok: true, value: { rloc16: '0x2803' } });
    expect(await asking('f25fa650d174cea8', 0xf002)).toMatchObject({ ok: true, value: { rloc16: '0xf002' } });
    expect(radio.taken).toBe(1);
    // Who did not answer then is asked alone.
    const before = commandsSent(log).length;
    await asking('aaaaaaaaaaaaaaaa', 0x2804);
    expect(commandsSent(log).slice(before)).toEqual([
      'networkdiagnostic get fd0d:7fc:a1b9:f050:0:ff:fe00:2804 0 1 2 6 8',
    ]);
  });

  it('is silent where nobody answered within the time that OpenThread waits', async () => {
    await readerOf([['networkdiagnostic', [{ print: 'Done\n' }]]]).state(contextOf());
    const answer = await reader.ask(
      deviceOf(asExtAddress('4e518eb2a238c2d2'), 0x6000),
      topics('counters'),
      1_000,
      contextOf(),
    );
    expect(answer).toMatchObject({ ok: false, code: 'silent' });
  });
});

describe('the one session of the daemon', () => {
  it('is tried once more after somebody else took it', async () => {
    const state = await readerOf([
      ['state', [{ cut: true }]],
      ['extaddr', [{ complain: 'write: Broken pipe', exitCode: 1 }]],
    ]).state(contextOf());
    expect(state.ok).toBe(true);
  });

  it('is given up after the second time', async () => {
    const state = await readerOf([['state', [{ cut: true }, { cut: true }]]]).state(contextOf());
    expect(state).toMatchObject({ ok: false, code: 'unreachable' });
    expect(commandsSent(log)).toEqual(['state', 'state']);
  });

  it('is left as soon as nobody waits', async () => {
    const abort = new AbortController();
    const asked = readerOf([['state', [{ hang: true }]]]).state({ signal: abort.signal });
    while (!existsSync(log)) await new Promise((resolve) => setImmediate(resolve));
    abort.abort();
    expect(await asked).toMatchObject({ ok: false, code: 'cancelled' });
  });

  it('rests until the daemon is through with a question that was given up', async () => {
    const clock = new FakeClock();
    reader = new OtCtlReader({
      command: fakeOtCtl({ log, script: [['meshdiag', [{ hang: true }]]] }),
      clock,
    });
    const abort = new AbortController();
    const router = deviceOf(asExtAddress('4e518eb2a238c2d2'), 0x6000);
    const asked = reader.ask(router, topics('tables'), 5_000, contextOf(undefined, abort.signal));
    while (!existsSync(log)) await new Promise((resolve) => setImmediate(resolve));
    abort.abort();
    expect(await asked).toMatchObject({ ok: false, code: 'cancelled' });
    const next = reader.ask(router, topics('tables'), 5_000, contextOf());
    await clock.advance(5_000);
    expect(commandsSent(log)).toHaveLength(1);
    await clock.advance(1_000);
    expect(await next).toMatchObject({ ok: true });
  });

  it('is shared by all readers of this program', async () => {
    const command = fakeOtCtl({ log, script: [['state', [{ hang: true }]]] });
    const abort = new AbortController();
    reader = new OtCtlReader({ command, clock: systemClock });
    const other = new OtCtlReader({ command, clock: systemClock });
    const first = reader.state({ signal: abort.signal });
    while (!existsSync(log)) await new Promise((resolve) => setImmediate(resolve));
    const second = other.state(contextOf());
    for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => setImmediate(resolve));
    expect(commandsSent(log)).toEqual(['state']);
    abort.abort();
    expect(await first).toMatchObject({ ok: false, code: 'cancelled' });
    expect((await second).ok).toBe(true);
    await other.close();
  });

  it('rests after it was taken while a question was out on the mesh', async () => {
    const clock = new NotingClock();
    reader = new OtCtlReader({ command: fakeOtCtl({ log, script: [['meshdiag', [{ cut: true }]]] }), clock });
    const asked = reader.ask(
      deviceOf(asExtAddress('4e518eb2a238c2d2'), 0x6000),
      topics('tables'),
      5_000,
      contextOf(),
    );
    // The timeout of the first process, then the pause before the second.
    while (clock.delays.length < 2) await new Promise((resolve) => setImmediate(resolve));
    await clock.advance(4_000);
    expect(commandsSent(log)).toHaveLength(1);
    await clock.advance(1_500);
    expect(await asked).toMatchObject({ ok: true });
    expect(clock.delays.slice(0, 3)).toEqual([5_000, 250, 5_250]);
  });

  it('prints no more than can be read', async () => {
    const state = await readerOf([['state', [{ flood: true }]]]).state(contextOf());
    expect(state).toMatchObject({ ok: false, code: 'malformed' });
  });

  it('is malformed where it prints nonsense', async () => {
    const nonsense = { print: 'what?\nDone\n' };
    const state = await readerOf([['state', [nonsense, nonsense]]]).state(contextOf());
    expect(state).toMatchObject({ ok: false, code: 'malformed' });
  });

  it.each([
    ['connect session failed: No such file or directory', 'off'],
    ['connect session failed: Connection refused', 'off'],
    ['connect session failed: Permission denied', 'rejected'],
    ['sudo: a password is required', 'rejected'],
    ['Error response from daemon: No such container: otbr', 'unreachable'],
  ] as const)('says what to do about %j', async (complain, code) => {
    const probe = await probeOtCtl(
      fakeOtCtl({ log, script: [['version', [{ complain, exitCode: 1 }]]] }),
      new AbortController().signal,
    );
    expect(probe).toMatchObject({ ok: false, code });
  });
});

describe('a probe', () => {
  it('tells the version', async () => {
    expect(await probeOtCtl(fakeOtCtl({ log }), new AbortController().signal)).toEqual({
      ok: true,
      value: { version: 'OPENTHREAD/; POSIX; Nov 20 2026 17:44:56' },
    });
  });

  it('says what to do where there is no such program, or it may not be run', async () => {
    const { signal } = new AbortController();
    expect(await probeOtCtl([join(folder.path, 'ot-ctl')], signal)).toMatchObject({
      ok: false,
      code: 'unreachable',
    });
    expect(await probeOtCtl([folder.path], signal)).toMatchObject({ ok: false, code: 'rejected' });
    expect(await probeOtCtl([], signal)).toMatchObject({ ok: false, code: 'unreachable' });
  });
});

describe('the commands', () => {
  const forbidden =
    /dataset|networkkey|pskc|reset|set\b|start|stop|enable|disable|factory|joiner|commissioner|ifconfig/;

  it('only read, and show no key', () => {
    expect(localCommands.filter((command) => forbidden.test(command))).toEqual([]);
  });

  it('are a closed list, whatever a caller makes of the types', () => {
    for (const words of ['dataset active', 'networkkey', 'state leader', 'factoryreset', 'toString'])
      expect(() => wordsOf({ kind: 'local', words } as never)).toThrow();
    expect(() =>
      wordsOf({ kind: 'router', query: 'childtable', rloc16: '0x6000; reset' } as never),
    ).toThrow();
    expect(() => wordsOf({ kind: 'router', query: 'responsetimeout', rloc16: '0x6000' } as never)).toThrow();
    expect(() => wordsOf({ kind: 'diagnostic', address: 'fd00::1\nreset', tlvs: [0] } as never)).toThrow();
    expect(() => wordsOf({ kind: 'diagnostic', address: 'fd00::1', tlvs: ['0 reset'] } as never)).toThrow();
    expect(() => wordsOf({ kind: 'raw', words: 'reset' } as never)).toThrow();
  });

  it('reach a process in one place only', () => {
    const sources = readdirSync(import.meta.dirname)
      .filter((name) => !name.endsWith('.test.ts'))
      .map((name) => ({ name, text: readFileSync(join(import.meta.dirname, name), 'utf8') }));
    expect(sources.filter(({ text }) => text.includes('node:child_process')).map(({ name }) => name)).toEqual(
      ['ot-ctl-process.ts'],
    );
    expect(
      sources
        .filter(({ text }) => /\brunProcess\(/.test(text))
        .map(({ name }) => name)
        .sort(),
    ).toEqual(['ot-ctl-process.ts', 'ot-ctl-session.ts']);
  });
});
