import { EventEmitter } from 'node:events';
import { Socket } from 'node:net';
import { beforeEach, describe, expect, it } from 'vitest';
import { FakeClock } from '../../../test/support/fake-clock.ts';
import { WriteCoalescing } from './write-coalescing.ts';

class FakeConnection extends EventEmitter {
  readonly socket = new Socket();
  readonly transport = { socket: { _socket: this.socket } };
  get held(): boolean {
    return this.socket.writableCorked > 0;
  }
}

let clock: FakeClock;
let writes: WriteCoalescing;
let connection: FakeConnection;

beforeEach(() => {
  clock = new FakeClock();
  writes = new WriteCoalescing(clock);
  connection = new FakeConnection();
  writes.add(connection);
});

describe('WriteCoalescing', () => {
  it('holds what follows a write for 10 ms, once however much follows', async () => {
    connection.emit('flush');
    connection.emit('flush');
    expect(connection.socket.writableCorked).toBe(1);
    await clock.advance(9);
    expect(connection.held).toBe(true);
    await clock.advance(1);
    expect(connection.held).toBe(false);
    expect(clock.pending).toBe(0);
  });

  it('lets everything leave at once when somebody waits, and holds nothing for a moment after', async () => {
    connection.emit('flush');
    writes.hurry();
    expect(connection.held).toBe(false);
    connection.emit('flush');
    expect(connection.held).toBe(false);
    await clock.advance(50);
    connection.emit('flush');
    expect(connection.held).toBe(true);
  });

  it('leaves a connection without a socket of its own alone, and releases all when it closes', () => {
    const polling = new EventEmitter() as EventEmitter & { transport: unknown };
    polling.transport = { writable: true };
    writes.add(polling);
    polling.emit('flush');
    connection.emit('flush');
    writes.close();
    expect(connection.held).toBe(false);
    expect(clock.pending).toBe(0);
  });
});
