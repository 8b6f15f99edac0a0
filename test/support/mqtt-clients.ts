/** MQTT clients for tests: `mqtt` for what it does well, and one of raw packets, which does nothing by itself. */
import { connect as connectSocket, type Socket } from 'node:net';
import { connectAsync, type IClientOptions, type MqttClient } from 'mqtt';
import { generate, type Packet, parser } from 'mqtt-packet';

/** Never reconnects by itself. */
export const connectMqtt = (port: number, options: IClientOptions = {}): Promise<MqttClient> =>
  connectAsync(`mqtt://127.0.0.1:${port}`, { reconnectPeriod: 0, connectTimeout: 10_000, ...options }, false);

export interface RawMqttClient {
  readonly socket: Socket;
  /** Everything that came, in order. */
  readonly packets: readonly Packet[];
  readonly isClosed: boolean;
  send(packet: Packet): void;
  sendBytes(bytes: Uint8Array): void;
  /** The first packet of the kind that came, or comes; throws where the connection ends before. */
  next(cmd: Packet['cmd'], matching?: (packet: Packet) => boolean): Promise<Packet>;
  closed(): Promise<void>;
  destroy(): void;
}

/** Connected as TCP goes; CONNECT is the caller's. */
export async function connectRaw(port: number): Promise<RawMqttClient> {
  const socket = connectSocket(port, '127.0.0.1');
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve);
    socket.once('error', reject);
  });
  const packets: Packet[] = [];
  const waiting = new Set<() => void>();
  let isClosed = false;
  const look = (): void => {
    for (const each of waiting) each();
  };
  const parse = parser({ protocolVersion: 4 });
  parse.on('packet', (packet) => {
    packets.push(packet);
    look();
  });
  socket.on('data', (chunk) => parse.parse(chunk));
  socket.on('error', () => undefined);
  socket.on('close', () => {
    isClosed = true;
    look();
  });
  const until = <T>(found: () => T | undefined): Promise<T> =>
    new Promise((resolve, reject) => {
      const attempt = (): void => {
        const value = found();
        if (value === undefined && !isClosed) return;
        waiting.delete(attempt);
        if (value === undefined) reject(new Error('the broker has closed the connection'));
        else resolve(value);
      };
      waiting.add(attempt);
      attempt();
    });
  return {
    socket,
    packets,
    get isClosed() {
      return isClosed;
    },
    send: (packet) => void socket.write(generate(packet)),
    sendBytes: (bytes) => void socket.write(bytes),
    next: (cmd, matching = () => true) =>
      until(() => packets.find((packet) => packet.cmd === cmd && matching(packet))),
    closed: () => until(() => (isClosed ? true : undefined)).then(() => undefined),
    destroy: () => void socket.destroy(),
  };
}

export const connectPacket = (clientId: string, fields: object = {}): Packet => ({
  cmd: 'connect',
  protocolId: 'MQTT',
  protocolVersion: 4,
  clean: true,
  clientId,
  keepalive: 0,
  ...fields,
});

export const publishPacket = (fields: object = {}): Packet => ({
  cmd: 'publish',
  topic: 'sensors/a/temperature',
  payload: '21.5',
  qos: 1,
  dup: false,
  retain: false,
  messageId: 1,
  ...fields,
});
