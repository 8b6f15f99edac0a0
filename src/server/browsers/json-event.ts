/**
 * Events whose payload is JSON already. Socket.IO would look through every payload for binary data and then serialise it
 * again; of a map of a thousand nodes each of the two costs milliseconds.
 *
 * Such a packet, in the default namespace and without an acknowledgement, is `2["event",payload]`: 2 is EVENT in version 5
 * of Socket.IO's protocol.
 */

/** A payload for `emit`. Where an encoder does not know it, it is serialised as what it holds. */
export class JsonPayload {
  readonly json: string;

  constructor(json: string) {
    this.json = json;
  }

  toJSON(): unknown {
    return JSON.parse(this.json);
  }
}

interface Packet {
  readonly type: number;
  readonly nsp: string;
  readonly id?: number | undefined;
  readonly data?: unknown;
}

/** The part of a Socket.IO server's encoder that is used. */
export interface PacketEncoder<AnyPacket extends Packet, Encoded> {
  encode(packet: AnyPacket): Encoded[];
}

const eventType = 2;

/** Makes the encoder write a `JsonPayload` as it is. */
export function acceptJsonPayloads<AnyPacket extends Packet, Encoded>(
  encoder: PacketEncoder<AnyPacket, Encoded | string>,
): void {
  const encode = encoder.encode.bind(encoder);
  encoder.encode = (packet) => {
    const { data, id, nsp, type } = packet;
    if (type !== eventType || nsp !== '/' || id !== undefined || !Array.isArray(data) || data.length !== 2)
      return encode(packet);
    const [event, payload] = data as unknown[];
    return payload instanceof JsonPayload
      ? [`${eventType}[${JSON.stringify(event)},${payload.json}]`]
      : encode(packet);
  };
}
