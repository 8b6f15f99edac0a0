import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it } from 'vitest';
import { FakeClock } from '../../test/support/fake-clock.ts';
import { recordedText } from '../../test/support/mdns-responder.ts';
import { systemClock } from '../clock.ts';
import { asExtAddress } from '../protocol/ids.ts';
import { BorderRouterCandidates } from './border-router-candidates.ts';
import { mayBeTried, orderAddresses } from './candidate-addresses.ts';
import type { Browsed } from './mdns-browser.ts';
import { probeRest, type RestProbe } from './rest-probe.ts';
import type { ServiceInstance } from './service-records.ts';

function instance(
  name: string,
  changes: Parameters<typeof recordedText>[0] = {},
  addresses = ['fd1a::1'],
): ServiceInstance {
  return { name, host: `${name}.local`, port: 49_154, txt: recordedText(changes), addresses };
}

function candidatesOf(
  instances: readonly ServiceInstance[],
  probe: (url: string) => RestProbe = () => ({ kind: 'unknown' }),
  browsed: Partial<Browsed> = {},
) {
  const clock = new FakeClock();
  const log: string[] = [];
  const candidates = new BorderRouterCandidates({
    clock,
    browse() {
      log.push('browse');
      return Promise.resolve({
        ok: true,
        browsed: { instances, interfaceName: 'eth0', onLoopback: false, ...browsed },
      });
    },
    probe(url) {
      log.push(url);
      return Promise.resolve(probe(url));
    },
  });
  const find = async () => {
    const result = await candidates.find();
    if (!result.ok) throw new Error(result.reason);
    return result.candidates;
  };
  return { candidates, clock, log, find };
}

describe('border router candidates', () => {
  it('are searched for once, for all who ask within 30 s', async () => {
    const { candidates, clock, log } = candidatesOf([]);
    expect(log).toEqual([]);
    await Promise.all([candidates.find(), candidates.find()]);
    clock.jumpWall(60_000);
    await candidates.find();
    expect(log).toEqual(['browse']);
    await clock.advance(30_000);
    await candidates.find();
    expect(log).toEqual(['browse', 'browse']);
  });

  it('are searched for no longer, and tried nowhere, when the hub stops', async () => {
    const log: string[] = [];
    const candidates = new BorderRouterCandidates({
      clock: new FakeClock(),
      browse: async (signal) => {
        await new Promise((resolve) => signal.addEventListener('abort', resolve));
        return {
          ok: true,
          browsed: { instances: [instance('one')], interfaceName: null, onLoopback: false },
        };
      },
      probe(url) {
        log.push(url);
        return Promise.resolve({ kind: 'off' });
      },
    });
    const finding = candidates.find();
    await candidates.close();
    expect(await finding).toMatchObject({ ok: true, candidates: [{ rest: 'unknown' }] });
    expect(log).toEqual([]);
  });

  it('are not kept where the search failed', async () => {
    let tries = 0;
    const candidates = new BorderRouterCandidates({
      clock: new FakeClock(),
      browse: () => Promise.resolve({ ok: false, reason: `try ${(tries += 1)}` }),
      probe: () => Promise.resolve({ kind: 'off' }),
    });
    expect(await candidates.find()).toEqual({ ok: false, reason: 'try 1' });
    expect(await candidates.find()).toEqual({ ok: false, reason: 'try 2' });
  });

  it('say where their REST API answers', async () => {
    const { find } = candidatesOf([instance('one', {}, ['fe80::1', '192.168.1.20', 'fd1a::1'])], (url) =>
      url === 'http://192.168.1.20:8081'
        ? { kind: 'answers', extAddress: asExtAddress('52a10c4208649fcc') }
        : { kind: 'off' },
    );
    expect(await find()).toMatchObject([
      {
        addresses: ['fd1a::1', '192.168.1.20', 'fe80::1%eth0'],
        restUrls: [
          'http://[fd1a::1]:8081',
          'http://[fd1a::1]:80',
          'http://192.168.1.20:8081',
          'http://192.168.1.20:80',
        ],
        rest: 'answers',
        restUrl: 'http://192.168.1.20:8081',
      },
    ]);
  });

  it('trap 10: are tried where REST APIs usually are, never at the port that mDNS gives', async () => {
    const { find, log } = candidatesOf([instance('one', {}, ['192.168.1.20'])]);
    await find();
    expect(log).toEqual(['browse', 'http://192.168.1.20:8081', 'http://192.168.1.20:80']);
    const nowhere = candidatesOf([{ ...instance('two', {}, ['192.168.1.21']), port: null }], () => ({
      kind: 'answers',
      extAddress: null,
    }));
    expect(await nowhere.find()).toMatchObject([{ rest: 'answers', restUrl: 'http://192.168.1.21:8081' }]);
  });

  it('do not take another machine’s answer for theirs', async () => {
    const { find } = candidatesOf([instance('one')], () => ({
      kind: 'answers',
      extAddress: asExtAddress('aaaaaaaaaaaaaaaa'),
    }));
    expect(await find()).toMatchObject([{ rest: 'unknown', restUrl: null }]);
  });

  it('are off where every door is shut', async () => {
    const { find } = candidatesOf([instance('one')], () => ({ kind: 'off' }));
    expect(await find()).toMatchObject([{ rest: 'off', restUrl: null }]);
  });

  it('are not tried at addresses that are no local network’s', async () => {
    const { find, log } = candidatesOf([
      instance('one', {}, ['2001:db8::1', '203.0.113.7']),
      instance('two', {}, ['127.0.0.1', '169.254.169.254']),
    ]);
    expect((await find()).map(({ rest }) => rest)).toEqual(['unknown', 'unknown']);
    expect(log).toEqual(['browse']);
  });

  it('contradict each other where one network has two names or two sets of settings', async () => {
    const { find } = candidatesOf([
      instance('a'),
      instance('b', { nn: 'Elsewhere' }),
      instance('c', { xp: 'ffffffffffffffff', at: Buffer.from('0000000000020000', 'hex') }),
      instance('d', { xp: 'ffffffffffffffff', at: Buffer.from('0000000000030000', 'hex') }),
      instance('e', { xp: 'eeeeeeeeeeeeeeee' }),
      instance('f', { xp: 'eeeeeeeeeeeeeeee', nn: '' }),
      { ...instance('g'), txt: [] },
    ]);
    const conflicts = (await find()).map(({ conflict }) => conflict);
    expect(conflicts[0]).toContain('"Elsewhere"');
    expect(conflicts[1]).toContain('this one "Elsewhere"');
    expect(conflicts[2]).toContain('are older than those of "d"');
    expect(conflicts[3]).toContain('are newer than those of "c"');
    expect(conflicts.slice(4)).toEqual([null, null, null]);
  });
});

describe('addresses', () => {
  it('are ordered by how far they reach', () => {
    expect(orderAddresses(['fe80::1', '10.0.0.1', '2001:db8::1', '169.254.1.1', 'fd00::1'], null)).toEqual([
      '2001:db8::1',
      'fd00::1',
      '10.0.0.1',
      'fe80::1',
      '169.254.1.1',
    ]);
  });

  it('are tried on loopback only where that is what was looked at', () => {
    expect(mayBeTried('127.0.0.1', true)).toBe(true);
    expect(mayBeTried('127.0.0.1', false)).toBe(false);
    expect(mayBeTried('192.168.1.1', true)).toBe(false);
    expect(mayBeTried('::ffff:127.0.0.1', false)).toBe(false);
    expect(mayBeTried('fe80::1', false)).toBe(false);
  });
});

describe('the probe of a REST API', () => {
  async function serving(status: number, body: string | null): Promise<RestProbe> {
    const asked: string[] = [];
    const server = createServer((request, response) => {
      asked.push(`${request.method ?? ''} ${request.url ?? ''}`);
      if (body === null) return;
      response.writeHead(status, { 'content-type': 'application/json' }).end(body);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const clock = new FakeClock();
    const probed = probeRest(url, body === null ? clock : systemClock);
    if (body === null) {
      while (asked.length === 0) await new Promise((resolve) => setImmediate(resolve));
      await clock.advance(1_000);
    }
    const result = await probed;
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    expect(asked).toEqual(['GET /node']);
    return result;
  }

  it('knows every dialect’s node', async () => {
    const extAddress = '52a10c4208649fcc';
    expect(await serving(200, '{"State":4,"ExtAddress":"52A10C4208649FCC"}')).toEqual({
      kind: 'answers',
      extAddress,
    });
    expect(await serving(200, '{"state":"leader","extAddress":"52a10c4208649fcc"}')).toEqual({
      kind: 'answers',
      extAddress,
    });
  });

  it('is off where somebody else answers', async () => {
    expect(await serving(404, 'no')).toEqual({ kind: 'off' });
    expect(await serving(200, '<html></html>')).toEqual({ kind: 'off' });
    expect(await serving(200, '{"nodes":[]}')).toEqual({ kind: 'off' });
    expect(await serving(200, 'x'.repeat(100_000))).toEqual({ kind: 'off' });
  });

  it('gives up after a second', async () => {
    expect(await serving(200, null)).toEqual({ kind: 'unknown' });
  });

  it('is off where nobody listens', async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    await new Promise((resolve) => server.close(resolve));
    expect(await probeRest(`http://127.0.0.1:${port}`, systemClock)).toEqual({ kind: 'off' });
  });
});
