/**
 * A border router that sends a hundred thousand random and mutated frames, and one that floods: the hub stays up, its
 * memory flat, and the others are served.
 */
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import WebSocket from 'ws';
import { encodeBorderRouterMessage } from '../../src/protocol/border-router-codec.ts';
import { asBorderRouterId, asRequestId } from '../../src/protocol/ids.ts';
import { HubClient } from '../support/hub-client.ts';
import { type HubProcess, startHubProcess, until } from '../support/hub-process.ts';

const frames = 100_000;
/** Random bytes of V8's garbage collector, not of the frames: 100,000 frames of 200 bytes kept would be far more. */
const allowedGrowthBytes = 40 * 1_024 * 1_024;

describe('hostile border routers', () => {
  let hub: HubProcess;
  let client: HubClient;
  const sockets: WebSocket[] = [];

  afterEach(async () => {
    for (const socket of sockets.splice(0)) socket.terminate();
    await hub.stop();
  });

  async function connect(id: string, protocol?: string): Promise<WebSocket> {
    const url = `ws://127.0.0.1:${hub.port}/ws/br?br_id=${id}&network_prefix=fd00::/64`;
    const socket = protocol === undefined ? new WebSocket(url) : new WebSocket(url, protocol);
    sockets.push(socket);
    socket.on('error', () => undefined);
    await new Promise((open, fail) => socket.once('open', open).once('error', fail));
    return socket;
  }

  const residentBytes = async () => {
    const metrics = await client.text('/metrics');
    return Number(/process_resident_memory_bytes ([\d.e+]+)/.exec(metrics)?.[1]);
  };

  it('never crash the hub or grow its memory with random and mutated frames', async () => {
    hub = await startHubProcess({
      env: {
        THREADHUB_BORDER_ROUTERS_FRAME_RATE: '1000000',
        THREADHUB_BORDER_ROUTERS_FRAME_BURST: '1000000',
      },
    });
    client = new HubClient(hub.url);
    const valid = [
      encodeBorderRouterMessage(
        {
          type: 'scan_node_result',
          success: true,
          requestId: asRequestId('r'),
          nodeName: 'n',
          targetIpv6: 'fd00::1',
          networkInfo: { role: 'router', rloc16: '0x0400' },
        },
        'json',
      ),
      encodeBorderRouterMessage(
        {
          type: 'node_seen',
          requestId: null,
          network: {},
          nodes: [{ ipv6: 'fd00::1', extAddress: null, rloc16: 0, name: 'x', networkInfo: null }],
        },
        'json',
      ),
      encodeBorderRouterMessage(
        {
          type: 'heartbeat',
          borderRouterId: asBorderRouterId('BR-x'),
          uptime: 1,
          nodesCount: 1,
          status: 'online',
          queueSize: 1,
          coapInFlight: 1,
          coapRetriesTotal: 1,
          heapFree: 1,
          rssi: 1,
          partitionId: 1,
          firmware: 'f',
          extAddress: 'e',
          rloc16: 0,
          role: 'r',
          network: {
            extPanId: '1a2b3c4d5e6f7081',
            name: 'home',
            panId: 0xface,
            channel: 21,
            meshLocalPrefix: 'fd0d:7fc:a1b9:f050::/64',
          },
          collection: {
            source: 'otbr-rest',
            dialect: 'json-api',
            address: 'http://127.0.0.1:8081',
            endedAgoMs: 120,
            durationMs: 870,
            radioRequests: 19,
            radioBudget: 128,
            devices: 13,
            expectedRouters: 9,
            answeredRouters: 8,
            complete: false,
            problemCode: 'silent',
            problem: 'one router was silent',
          },
        },
        'json',
      ),
    ].map(String);
    const text = fc
      .constantFrom(...valid)
      .chain((frame) =>
        fc
          .record({ at: fc.nat(frame.length), cut: fc.nat(6), insert: fc.string({ maxLength: 6 }) })
          .map(({ at, cut, insert }) => frame.slice(0, at) + insert + frame.slice(at + cut)),
      );
    const anyFrame = fc.oneof(text, fc.json(), fc.string(), fc.uint8Array({ maxLength: 200 }));
    let baseline = 0;
    let sent = 0;
    let round = 0;
    while (sent < frames) {
      const socket = await connect('BR-fuzz', round % 2 === 0 ? 'threadhub.cbor' : undefined);
      for (const frame of fc.sample(anyFrame, { numRuns: 2_000, seed: round })) {
        if (socket.readyState !== WebSocket.OPEN) break;
        socket.send(frame);
        sent += 1;
        // The link ends after 100 frames that are malformed beyond salvage: look at it now and then.
        if (sent % 100 === 0) await new Promise((done) => setImmediate(done));
      }
      socket.terminate();
      round += 1;
      if (baseline === 0 && sent > frames / 4) baseline = await residentBytes();
    }
    expect((await fetch(`${hub.url}/readyz`)).status).toBe(200);
    expect(await residentBytes()).toBeLessThan(baseline + allowedGrowthBytes);
    expect(await client.text('/metrics')).toMatch(/protocol_errors_total\{kind="malformed"\} [1-9]\d{2}/);
    expect((await client.get<{ items: unknown[] }>('/api/nodes')).items.length).toBeLessThanOrEqual(10_000);
  });

  it('are throttled and closed when they flood, while another border router is answered', async () => {
    hub = await startHubProcess({
      env: { THREADHUB_BORDER_ROUTERS_FRAME_RATE: '50', THREADHUB_BORDER_ROUTERS_FRAME_BURST: '100' },
    });
    client = new HubClient(hub.url);
    await client.importNodes({ good: { ipv6: 'fd00::1', br_id: 'BR-good' } });
    const good = await connect('BR-good');
    good.on('message', (data: Buffer) => {
      const { command, request_id: id } = JSON.parse(data.toString()) as Record<string, string>;
      if (command === 'scan_node')
        good.send(
          JSON.stringify({
            type: 'scan_node_result',
            request_id: id,
            success: true,
            network_info: { role: 'leader', rloc16: 0 },
          }),
        );
    });
    const flood = await connect('BR-flood');
    const closed = new Promise<number>((resolve) => flood.once('close', (code: number) => resolve(code)));
    const heartbeat = JSON.stringify({ type: 'heartbeat', br_id: 'BR-flood' });
    const timer = setInterval(() => {
      if (flood.readyState === WebSocket.OPEN && flood.bufferedAmount < 1_000_000)
        for (let index = 0; index < 100; index += 1) flood.send(heartbeat);
    }, 10);
    const scan = await client.scanToEnd();
    expect(scan).toMatchObject({ state: 'completed', outcomes: { answered: 1 } });
    expect(scan.duration_ms).toBeLessThan(1_000);
    expect(await closed).toBe(4029);
    clearInterval(timer);
  });

  it('are closed with 1009 for a frame over 256 KiB, with 1008 for a hundred that are no messages', async () => {
    hub = await startHubProcess();
    client = new HubClient(hub.url);
    const codeOf = (socket: WebSocket) =>
      new Promise<number>((resolve) => socket.once('close', (code: number) => resolve(code)));
    const large = await connect('BR-large');
    large.send('x'.repeat(256 * 1_024 + 1));
    expect(await codeOf(large)).toBe(1009);
    const nonsense = await connect('BR-nonsense');
    const closed = codeOf(nonsense);
    for (let index = 0; index < 100; index += 1) nonsense.send('nonsense');
    expect(await closed).toBe(1008);
    await until(async () => (await client.borderRouters()).every(({ online }) => !online));
  });
});
