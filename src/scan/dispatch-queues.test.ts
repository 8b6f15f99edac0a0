import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { asBorderRouterId, asNodeName, asRequestId, asScanId } from '../protocol/ids.ts';
import { DispatchQueues, type QueuedNode } from './dispatch-queues.ts';
import { ScanSession } from './scan-session.ts';

const a = asBorderRouterId('a');
const b = asBorderRouterId('b');

function session(id: string): ScanSession {
  return new ScanSession({ id: asScanId(id), trigger: 'rest', nodes: [], startedAtMs: 0, startedMs: 0 });
}
const one = session('one');
const two = session('two');
const queued = (name: string, of = one): QueuedNode => ({ session: of, name: asNodeName(name) });

/** Takes all that have their turn now, each with a slot. */
function takeAll(queues: DispatchQueues): string[] {
  const taken: string[] = [];
  for (let next = queues.next(() => true); next !== null; next = queues.next(() => true)) {
    queues.hold(next.id, asRequestId(next.queued.name));
    taken.push(next.queued.name);
  }
  return taken;
}

describe('DispatchQueues', () => {
  it('serves the border routers in turn, so that a long queue delays no other', () => {
    const queues = new DispatchQueues({ perBorderRouter: 10, total: 10 });
    for (const name of ['a1', 'a2', 'a3', 'a4']) queues.push(a, queued(name));
    for (const name of ['b1', 'b2']) queues.push(b, queued(name));
    expect(takeAll(queues)).toEqual(['a1', 'b1', 'a2', 'b2', 'a3', 'a4']);
  });

  it('holds its limits across scans', () => {
    const queues = new DispatchQueues({ perBorderRouter: 2, total: 3 });
    for (const name of ['a1', 'a2', 'a3']) queues.push(a, queued(name, one));
    for (const name of ['b1', 'b2', 'b3']) queues.push(b, queued(name, two));
    expect(takeAll(queues)).toEqual(['a1', 'b1', 'a2']);
    expect([queues.load(a), queues.load(b), queues.inFlight]).toEqual([3, 3, 3]);
    queues.release(asRequestId('a1'));
    expect(takeAll(queues)).toEqual(['b2']);
    queues.release(asRequestId('a2'));
    expect(takeAll(queues)).toEqual(['a3']);
  });

  it('gives a slot back once, however often that is said', () => {
    const queues = new DispatchQueues({ perBorderRouter: 1, total: 1 });
    queues.push(a, queued('a1'));
    queues.push(a, queued('a2'));
    queues.push(a, queued('a3'));
    takeAll(queues);
    for (let time = 0; time < 3; time += 1) queues.release(asRequestId('a1'));
    expect(takeAll(queues)).toEqual(['a2']);
  });

  it('gives no turn to one whose outbox is full, until it has room', () => {
    const queues = new DispatchQueues({ perBorderRouter: 4, total: 4 });
    queues.push(a, queued('a1'));
    queues.push(b, queued('b1'));
    queues.block(a);
    expect(takeAll(queues)).toEqual(['b1']);
    queues.unblock(a);
    expect(takeAll(queues)).toEqual(['a1']);
  });

  it('skips nodes that were decided while they waited, and serves those whose time runs first', () => {
    const queues = new DispatchQueues({ perBorderRouter: 1, total: 1 });
    queues.push(a, queued('decided'));
    queues.push(a, queued('open'));
    queues.pushFirst(a, queued('running out'));
    const isOpen = ({ name }: QueuedNode): boolean => name !== 'decided';
    expect(queues.next(isOpen)?.queued.name).toBe('running out');
    expect(queues.next(isOpen)?.queued.name).toBe('open');
    expect(queues.next(isOpen)).toBeNull();
  });

  it('hands over the queue of a border router that has gone, and forgets that it was blocked', () => {
    const queues = new DispatchQueues({ perBorderRouter: 1, total: 4 });
    queues.push(a, queued('a1'));
    queues.push(a, queued('a2'));
    takeAll(queues);
    queues.block(a);
    expect(queues.drain(a).map(({ name }) => name)).toEqual(['a2']);
    queues.release(asRequestId('a1'));
    queues.push(a, queued('a3'));
    expect(takeAll(queues)).toEqual(['a3']);
  });

  it('drops what a finished scan still had waiting, and no other scan’s', () => {
    const queues = new DispatchQueues({ perBorderRouter: 1, total: 4 });
    queues.block(a);
    queues.push(a, queued('a1', one));
    queues.push(a, queued('a2', two));
    queues.drop(one);
    expect(queues.load(a)).toBe(1);
    queues.unblock(a);
    expect(takeAll(queues)).toEqual(['a2']);
  });

  it('never passes a limit, whatever happens in whatever order', () => {
    const step = fc.record({
      kind: fc.constantFrom('push', 'next', 'release', 'block', 'unblock', 'drain'),
      id: fc.constantFrom(a, b),
      index: fc.nat(30),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
        const queues = new DispatchQueues({ perBorderRouter: 2, total: 3 });
        const held = new Map<string, string>();
        let names = 0;
        for (const { id, index, kind } of steps) {
          if (kind === 'push') queues.push(id, queued(`n${(names += 1)}`));
          else if (kind === 'block') queues.block(id);
          else if (kind === 'unblock') queues.unblock(id);
          else if (kind === 'drain') queues.drain(id);
          else if (kind === 'release') {
            const requestId = [...held.keys()][index % Math.max(1, held.size)];
            if (requestId !== undefined) queues.release(asRequestId(requestId));
            held.delete(requestId ?? '');
          } else {
            const next = queues.next(() => true);
            if (next === null) continue;
            queues.hold(next.id, asRequestId(next.queued.name));
            held.set(next.queued.name, next.id);
          }
          expect(queues.inFlight).toBe(held.size);
          expect(held.size).toBeLessThanOrEqual(3);
          for (const lane of [a, b])
            expect([...held.values()].filter((holder) => holder === lane).length).toBeLessThanOrEqual(2);
        }
      }),
    );
  });
});
