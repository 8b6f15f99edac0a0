import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { BrokerConnection, unreadBytes } from './broker-connection.ts';

/** A socket whose other side takes nothing. */
class StuckSocket extends Duplex {
  readonly remoteAddress = '127.0.0.1';
  override _read(): void {
    // What comes is pushed.
  }
  override _write(): void {
    // Never done.
  }
}

describe('BrokerConnection', () => {
  const make = (maxPacketBytes = 1_024): { socket: StuckSocket; connection: BrokerConnection } => {
    const socket = new StuckSocket();
    return { socket, connection: new BrokerConnection(socket as unknown as Socket, maxPacketBytes) };
  };

  it('reads on while its client reads what it is answered, and gives up a client that does not', () => {
    const { connection, socket } = make();
    socket.push(Buffer.from([0xc0, 0x00]));
    socket.write(Buffer.alloc(unreadBytes));
    expect(socket.read()).toEqual(Buffer.from([0xc0, 0x00]));
    socket.push(Buffer.from([0xc0, 0x00]));
    socket.write(Buffer.alloc(1));
    expect(socket.read()).toBeNull();
    expect(socket.destroyed).toBe(true);
    expect(connection.end).toBe('too_slow');
  });

  it('lets no part of a packet through that is too large', () => {
    const { connection, socket } = make();
    socket.push(Buffer.from([0x30, 0xff, 0x7f, 0x00]));
    expect(socket.read()).toBeNull();
    expect(connection.end).toBe('too_big');
  });

  it('grants the highest QoS of the filters that reach a topic', () => {
    const { connection } = make();
    connection.subscribed('a/b', 0);
    connection.subscribed('a/+', 1);
    connection.subscribed('#', 2);
    expect([connection.grantedQos('a/b'), connection.grantedQos('$SYS/x')]).toEqual([2, 0]);
    connection.unsubscribed('#');
    expect([connection.grantedQos('a/b'), connection.grantedQos('b')]).toEqual([1, 0]);
  });
});
