import { describe, expect, it } from 'vitest';
import { FakeClock } from '../../test/support/fake-clock.ts';
import { freeUdpPort, recordedService, startMdnsResponder } from '../../test/support/mdns-responder.ts';
import { systemClock } from '../clock.ts';
import { browse } from './mdns-browser.ts';

const borderRouter = {
  name: 'OtLab OtLabBR #9FCC',
  host: 'ot52a10c4208649fcc',
  addresses: ['fe80::d892:87ff:fe96:efd6', 'fd1a:2b3c:4d5e:7081:d892:87ff:fe96:efd6', '192.168.1.20'],
};

/** Only ever on loopback. */
async function browseLoopback(port: number, durationMs = 600) {
  const result = await browse({
    service: recordedService,
    interface: '127.0.0.1',
    clock: systemClock,
    port,
    durationMs,
  });
  if (!result.ok) throw new Error(result.reason);
  return result.browsed;
}

describe('a browse', () => {
  it('finds who answers with everything at once', async () => {
    const port = await freeUdpPort();
    await using responder = await startMdnsResponder(port, [
      borderRouter,
      { ...borderRouter, name: 'Other', host: 'other' },
    ]);
    const { instances, interfaceName, onLoopback } = await browseLoopback(port);
    expect(instances.map(({ name }) => name).sort()).toEqual(['OtLab OtLabBR #9FCC', 'Other']);
    expect(instances[0]).toMatchObject({
      host: 'ot52a10c4208649fcc.local',
      port: 49_154,
      addresses: borderRouter.addresses,
    });
    expect({ interfaceName, onLoopback }).toEqual({ interfaceName: 'lo', onLoopback: true });
    expect(responder.questions[0]).toBe(`PTR ${recordedService}`);
  });

  it('asks again for what is missing', async () => {
    const port = await freeUdpPort();
    await using responder = await startMdnsResponder(port, [borderRouter], { together: false });
    const { instances } = await browseLoopback(port, 1_300);
    expect(instances).toMatchObject([{ host: 'ot52a10c4208649fcc.local', port: 49_154 }]);
    expect(instances[0]?.txt.length).toBe(12);
    expect(instances[0]?.addresses).toHaveLength(3);
    expect(responder.questions).toContain(`TXT OtLab OtLabBR #9FCC.${recordedService}`);
  });

  it('survives packets that are none', async () => {
    const port = await freeUdpPort();
    const junk = [Buffer.alloc(0), Buffer.from('not dns'), Buffer.alloc(12, 0xff), Buffer.alloc(9_000, 0xc0)];
    await using _responder = await startMdnsResponder(port, [borderRouter], { junk });
    const { instances } = await browseLoopback(port);
    expect(instances).toHaveLength(1);
  });

  it('finds nothing where nobody answers, and leaves nothing open', async () => {
    const port = await freeUdpPort();
    expect((await browseLoopback(port, 50)).instances).toEqual([]);
  });

  it('ends at once when it is told to', async () => {
    const abort = new AbortController();
    const options = {
      service: recordedService,
      interface: '127.0.0.1',
      clock: new FakeClock(),
      port: await freeUdpPort(),
    };
    const running = browse({ ...options, signal: abort.signal });
    abort.abort();
    expect(await running).toMatchObject({ ok: true, browsed: { instances: [] } });
    expect(await browse({ ...options, signal: abort.signal })).toMatchObject({ ok: true });
  });

  it('says which interface there is not', async () => {
    const result = await browse({ service: recordedService, interface: 'nowhere0', clock: systemClock });
    expect(result).toMatchObject({ ok: false });
    expect(result.ok ? '' : result.reason).toContain('discovery.interface');
  });
});
