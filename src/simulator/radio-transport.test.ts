import { describe, expect, it } from 'vitest';
import { FakeClock } from '../../test/support/fake-clock.ts';
import type { CoapEndpoint, DatagramTransport } from '../agent/coap/transport.ts';
import { type RadioPeer, RadioTransport } from './radio-transport.ts';

/** Loopback as an array. */
function loopback() {
  const sent: number[] = [];
  let listener: (datagram: Uint8Array, from: CoapEndpoint) => void = () => undefined;
  const transport: DatagramTransport = {
    send(_datagram, { address, port }, onSent) {
      expect(address).toBe('::1');
      sent.push(port);
      onSent(null);
    },
    onMessage: (set) => (listener = set),
    close: () => undefined,
  };
  return {
    transport,
    sent,
    arrive: (port: number) => listener(new Uint8Array([port]), { address: '::1', port }),
  };
}

const peer = (number: number, change: Partial<RadioPeer> = {}): RadioPeer => ({
  ipv6: `fd00::${number}`,
  port: number,
  listensWhenIdle: true,
  isLost: () => false,
  roundTripMs: () => 100,
  ...change,
});

function createAir(peers: RadioPeer[], reaches: (peer: RadioPeer) => boolean = () => true) {
  const clock = new FakeClock();
  const under = loopback();
  const radio = new RadioTransport({ under: under.transport, clock, peers, reaches });
  const heard: CoapEndpoint[] = [];
  radio.onMessage((_datagram, from) => heard.push(from));
  const send = (address: string): Promise<Error | null> =>
    new Promise((resolve) => radio.send(new Uint8Array([1]), { address, port: 5683 }, resolve));
  return { clock, under, radio, heard, send };
}

describe('the radio between a border router and its nodes', () => {
  it('carries a datagram to the port behind a mesh address, and the answer back after a round trip', async () => {
    const { clock, under, heard, send } = createAir([peer(7), peer(8)]);
    expect(await send('fd00::7')).toBeNull();
    expect(under.sent).toEqual([7]);
    under.arrive(7);
    await clock.advance(99);
    expect(heard).toEqual([]);
    await clock.advance(1);
    expect(heard).toEqual([{ address: 'fd00::7', port: 5683 }]);
  });

  it('carries a multicast to every node that listens', async () => {
    const { under, send } = createAir([peer(1), peer(2, { listensWhenIdle: false }), peer(3)]);
    await send('ff03::1');
    expect(under.sent).toEqual([1, 3]);
  });

  it('loses packets in either direction, unnoticed by the sender', async () => {
    const lost = [true, false, false, true];
    const { clock, under, heard, send } = createAir([peer(1, { isLost: () => lost.shift() ?? false })]);
    expect(await send('fd00::1')).toBeNull();
    expect(under.sent).toEqual([]);
    await send('fd00::1');
    expect(under.sent).toEqual([1]);
    under.arrive(1);
    under.arrive(1);
    await clock.advance(100);
    expect(heard).toHaveLength(1);
  });

  it('carries nothing to or from a node out of reach, or to an address that is nobody’s', async () => {
    let reachable = false;
    const { clock, under, heard, send } = createAir([peer(1)], () => reachable);
    expect(await send('fd00::1')).toBeNull();
    expect(await send('fd00::99')).toBeNull();
    under.arrive(1);
    reachable = true;
    under.arrive(99);
    await clock.advance(1_000);
    expect([under.sent, heard]).toEqual([[], []]);
  });

  it('forgets what is in the air when it is closed', async () => {
    const { clock, under, radio, heard } = createAir([peer(1)]);
    under.arrive(1);
    radio.close();
    expect(clock.pending).toBe(0);
    await clock.advance(1_000);
    expect(heard).toEqual([]);
  });
});
