import { describe, expect, it } from 'vitest';
import { FakeClock } from '../../test/support/fake-clock.ts';
import { asRequestId } from '../protocol/ids.ts';
import { answerableMs, type Request, UnansweredRequests } from './unanswered-requests.ts';

const request = (id: string, fields: Partial<Request> = {}): Request => ({
  requestId: asRequestId(id),
  kind: 'scan_node',
  nodeName: `node-${id}`,
  targetIpv6: `fd00::${id}`,
  sentMs: 0,
  ...fields,
});
const anonymous = { targetIpv6: null, nodeName: null };

function setUp(...requests: Request[]) {
  const clock = new FakeClock();
  const unanswered = new UnansweredRequests(clock);
  for (const one of requests) unanswered.add(one);
  return { clock, unanswered };
}

describe('an answer without a request id', () => {
  it('belongs to the only request that is unanswered, in flight or given up', () => {
    const { unanswered } = setUp(request('1'));
    expect(unanswered.takeAnonymous(anonymous)?.requestId).toBe('1');
    unanswered.add(request('2'));
    unanswered.giveUp(asRequestId('2'));
    expect(unanswered.takeAnonymous(anonymous)?.requestId).toBe('2');
    expect(unanswered.takeAnonymous(anonymous)).toBeNull();
  });

  it('belongs to nobody where one is in flight and another was given up', () => {
    const { unanswered } = setUp(request('1'), request('2'));
    unanswered.giveUp(asRequestId('1'));
    expect(unanswered.takeAnonymous(anonymous)).toBeNull();
    expect(unanswered.inFlight).toBe(1);
  });

  it('belongs to the one with the address or name that it gives, if that is one', () => {
    const { unanswered } = setUp(request('1'), request('2'), request('3', { nodeName: 'node-2' }));
    expect(unanswered.takeAnonymous({ targetIpv6: 'fd00::1', nodeName: null })?.requestId).toBe('1');
    expect(unanswered.takeAnonymous({ targetIpv6: null, nodeName: 'node-2' })).toBeNull();
    expect(unanswered.takeAnonymous({ targetIpv6: 'fd00::9', nodeName: null })).toBeNull();
  });

  it('is never a CoAP request’s of a person', () => {
    const { unanswered } = setUp(request('1', { kind: 'send_coap', nodeName: null }));
    expect(unanswered.takeAnonymous(anonymous)).toBeNull();
  });
});

describe('what was given up', () => {
  it('may be answered for 100 s', async () => {
    const { clock, unanswered } = setUp(request('1'));
    expect([unanswered.giveUp(asRequestId('1')), unanswered.giveUp(asRequestId('1'))]).toEqual([true, false]);
    await clock.advance(answerableMs - 1);
    expect(unanswered.take(asRequestId('1'))?.requestId).toBe('1');
    expect(unanswered.take(asRequestId('1'))).toBeNull();
  });

  it('is bounded, the oldest forgotten first', () => {
    const { unanswered } = setUp();
    for (let index = 0; index < 3_000; index += 1) {
      unanswered.add(request(`${index}`));
      unanswered.giveUp(asRequestId(`${index}`));
    }
    expect(unanswered.take(asRequestId('0'))).toBeNull();
    expect(unanswered.take(asRequestId('1975'))).toBeNull();
    expect(unanswered.take(asRequestId('1976'))?.requestId).toBe('1976');
    expect(unanswered.inFlight).toBe(0);
  });
});
