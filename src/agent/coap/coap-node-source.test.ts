import { describe, expect, it } from 'vitest';
import { settle } from '../../../test/support/fake-clock.ts';
import { CoapError, coapErrorCodes } from '../../errors.ts';
import { asNodeName } from '../../protocol/ids.ts';
import type { Ipv6Address } from '../../protocol/ipv6.ts';
import type { CoapClient, CoapMulticastAnswer, CoapRequest, CoapResponse } from './coap-client-options.ts';
import { CoapNodeSource } from './coap-node-source.ts';

const never = new AbortController().signal;
const scan = (target: string): { targetIpv6: Ipv6Address; nodeName: ReturnType<typeof asNodeName> } => ({
  targetIpv6: target as Ipv6Address,
  nodeName: asNodeName('n'),
});

function response(address: string, body: unknown): CoapResponse {
  return {
    code: '2.05',
    contentFormat: null,
    payload: Buffer.from(JSON.stringify(body)),
    from: { address, port: 5683 },
  };
}

/** A client whose answers the test gives. */
class FakeCoapClient implements CoapClient {
  readonly asked: { request: CoapRequest; answer: (body: unknown) => void; fail: (error: Error) => void }[] =
    [];
  multicast: readonly CoapMulticastAnswer[] = [];

  request(request: CoapRequest): Promise<CoapResponse> {
    return new Promise((resolve, reject) => {
      this.asked.push({
        request,
        answer: (body) => resolve(response(request.target, body)),
        fail: reject,
      });
      request.signal?.addEventListener('abort', () => reject(new CoapError('cancelled', 'cancelled')));
    });
  }

  collect(): Promise<readonly CoapMulticastAnswer[]> {
    return Promise.resolve(this.multicast);
  }

  counters(): ReturnType<CoapClient['counters']> {
    throw new Error('not asked for here');
  }

  close(): void {
    this.multicast = [];
  }
}

async function learned(...addresses: string[]): Promise<{ client: FakeCoapClient; source: CoapNodeSource }> {
  const client = new FakeCoapClient();
  const source = new CoapNodeSource({ client });
  for (const address of addresses) {
    const answer = source.scanNode(scan(address), never);
    client.asked.at(-1)?.answer({ role: 'child', rloc16: 1 });
    await answer;
  }
  client.asked.length = 0;
  return { client, source };
}

describe('discovery over CoAP', () => {
  it('trap 11: asks the known nodes that stayed silent to a multicast alone, two at a time', async () => {
    const { client, source } = await learned('fd00::1', 'fd00::2', 'fd00::3', 'fd00::4');
    client.multicast = [{ ...response('fd00::1', { role: 'router', rloc16: 1 }), partial: false }];
    const result = source.discover(never);
    await settle();
    expect(client.asked.map(({ request }) => request.target)).toEqual(['fd00::2', 'fd00::3']);
    client.asked[0]?.fail(new CoapError('timed_out', 'dead'));
    await settle();
    expect(client.asked.map(({ request }) => request.target)).toEqual(['fd00::2', 'fd00::3', 'fd00::4']);
    client.asked[1]?.answer({ role: 'child', rloc16: 3 });
    client.asked[2]?.answer({ role: 'child', rloc16: 4 });
    const answer = await result;
    expect(answer.ok && answer.nodes.map(({ ipv6, rloc16 }) => [ipv6, rloc16])).toEqual([
      ['fd00::1', 1],
      ['fd00::3', 3],
      ['fd00::4', 4],
    ]);
  });

  it('trap 11: reads answers without a Content-Format, to a multicast and to a request, as recorded', async () => {
    const { client, source } = await learned('fd0d:7fc:a1b9:f050:4d3b:99f:205f:802a');
    const recorded = (from: string, text: string): CoapResponse => ({
      code: '2.05',
      contentFormat: null,
      payload: Buffer.from(text),
      from: { address: from, port: 5683 },
    });
    const answers = {
      'fd0d:7fc:a1b9:f050:4d3b:99f:205f:802a':
        '{"name":"sim-node-2","ext":"2ea1ab536697cdd7","fw":"1.0.0","role":"router","rloc16":"0x7400"}',
      'fd0d:7fc:a1b9:f050:a364:d7bf:25d7:8ce4':
        '{"name":"sim-node-10","ext":"4e451cb38f02a74f","fw":"1.0.0","role":"child","rloc16":"0x2803"}',
    };
    client.multicast = Object.entries(answers).map(([from, text]) => ({
      ...recorded(from, text),
      partial: false,
    }));
    await expect(source.discover(never)).resolves.toMatchObject({
      ok: true,
      nodes: [
        { name: 'sim-node-2', extAddress: '2ea1ab536697cdd7', rloc16: '0x7400' },
        { name: 'sim-node-10', extAddress: '4e451cb38f02a74f', rloc16: '0x2803' },
      ],
    });
    expect(client.asked).toEqual([]);
    const scanned = source.scanNode(scan('fd0d:7fc:a1b9:f050:a364:d7bf:25d7:8ce4'), never);
    client.asked[0]?.answer(JSON.parse(answers['fd0d:7fc:a1b9:f050:a364:d7bf:25d7:8ce4']));
    await expect(scanned).resolves.toMatchObject({ ok: true, networkInfo: { rloc16: '0x2803' } });
  });

  it('asks a node alone whose answer came in parts', async () => {
    const { client, source } = await learned();
    client.multicast = [{ ...response('fd00::7', {}), payload: Buffer.from('{"ro'), partial: true }];
    const result = source.discover(never);
    await settle();
    client.asked[0]?.answer({ role: 'router', rloc16: 7, ext_addr: '5339695e8f14acf6' });
    await expect(result).resolves.toMatchObject({
      nodes: [{ ipv6: 'fd00::7', rloc16: 7, extAddress: '5339695e8f14acf6' }],
    });
  });

  it('answers with what it has when it is told to stop', async () => {
    const { client, source } = await learned('fd00::2', 'fd00::3', 'fd00::4');
    client.multicast = [{ ...response('fd00::1', { role: 'router', rloc16: 1 }), partial: false }];
    const abort = new AbortController();
    const result = source.discover(abort.signal);
    await settle();
    abort.abort();
    await expect(result).resolves.toMatchObject({ ok: true, nodes: [{ ipv6: 'fd00::1' }] });
    expect(client.asked).toHaveLength(2);
  });
});

describe('a scan and a discovery of the same node', () => {
  it('share one request, because a node serves one block-wise transfer per client', async () => {
    const { client, source } = await learned('fd00::2');
    const discovery = source.discover(never);
    await settle();
    const scanned = source.scanNode(scan('fd00::2'), never);
    await settle();
    expect(client.asked).toHaveLength(1);
    client.asked[0]?.answer({ role: 'child', rloc16: 2 });
    await expect(scanned).resolves.toEqual({ ok: true, networkInfo: { role: 'child', rloc16: 2 } });
    await expect(discovery).resolves.toMatchObject({ nodes: [{ ipv6: 'fd00::2', rloc16: 2 }] });
  });

  it('do not end together: a scan asks again after a discovery that was told to stop', async () => {
    const { client, source } = await learned('fd00::2');
    const abort = new AbortController();
    const discovery = source.discover(abort.signal);
    await settle();
    const scanned = source.scanNode(scan('fd00::2'), never);
    abort.abort();
    await discovery;
    await settle();
    expect(client.asked).toHaveLength(2);
    client.asked[1]?.answer({ role: 'child', rloc16: 3 });
    await expect(scanned).resolves.toMatchObject({ ok: true, networkInfo: { rloc16: 3 } });
  });

  it('ends a scan that waits for the other at its own signal', async () => {
    const { client, source } = await learned('fd00::2');
    const discovery = source.discover(never);
    await settle();
    const abort = new AbortController();
    const scanned = source.scanNode(scan('fd00::2'), abort.signal);
    abort.abort();
    await expect(scanned).resolves.toMatchObject({ ok: false, code: 'refused' });
    client.asked[0]?.answer({ role: 'child', rloc16: 2 });
    await discovery;
  });
});

it.each(coapErrorCodes.map((code) => [code]))('gives the CoAP error %s as a value', async (code) => {
  const { client, source } = await learned();
  const answer = source.scanNode(scan('fd00::1'), never);
  client.asked[0]?.fail(new CoapError(code, 'what happened'));
  const expected = { timed_out: 'timed_out', malformed: 'malformed', too_large: 'malformed' }[code as string];
  await expect(answer).resolves.toEqual({ ok: false, code: expected ?? 'refused', reason: 'what happened' });
});
