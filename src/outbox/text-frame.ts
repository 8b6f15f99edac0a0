/**
 * A WebSocket text frame as a server sends it, header and payload in one buffer, so that any number of connections can be
 * handed the same bytes. Only for connections without extensions: a compressed one needs the writer of its own library.
 *
 * RFC 6455, section 5.2, unmasked and unfragmented:
 *
 *   byte 0   0x81: FIN, opcode 1 (text)
 *   byte 1   0–125: the payload's length; 126: it is in the next 2 bytes; 127: in the next 8; all big-endian
 */
const finText = 0x81;

export function textFrame(text: string): Buffer {
  const length = Buffer.byteLength(text);
  const headerBytes = length < 126 ? 2 : length < 65_536 ? 4 : 10;
  const frame = Buffer.allocUnsafe(headerBytes + length);
  frame[0] = finText;
  if (headerBytes === 2) frame[1] = length;
  else if (headerBytes === 4) {
    frame[1] = 126;
    frame.writeUInt16BE(length, 2);
  } else {
    frame[1] = 127;
    frame.writeUInt16BE(0, 2);
    frame.writeUIntBE(length, 4, 6);
  }
  frame.write(text, headerBytes, 'utf8');
  return frame;
}
