/** A border router as multicast DNS shows it, on this machine's loopback alone, with the same library as the hub's side. */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import multicastDns from 'multicast-dns';

type Answer = multicastDns.ResponseOutgoingPacket['answers'][number];

export const recordedService = '_meshcop._udp.local';

const hex = (text: string): Buffer => Buffer.from(text, 'hex');

/** The TXT record as recorded in `mdns/meshcop.txt`, with the bytes of a real packet. */
export function recordedText(changes: Readonly<Record<string, string | Buffer>> = {}): Buffer[] {
  const entries: Record<string, string | Buffer> = {
    id: hex('0f7f7e322ae5942ca9ceb1bedeeddaf4'),
    rv: '1',
    sb: hex('00001c31'),
    tv: '1.4.0',
    xa: hex('52a10c4208649fcc'),
    xp: hex('1a2b3c4d5e6f7081'),
    nn: 'OtLab',
    pt: hex('25f3f971'),
    at: hex('0000000000010000'),
    omr: hex('40fd7c8336ffd40001'),
    vn: 'OtLab',
    mn: 'OtLabBR',
    ...changes,
  };
  return Object.entries(entries).map(([key, value]) =>
    Buffer.concat([Buffer.from(`${key}=`), Buffer.from(value)]),
  );
}

export interface RespondingBorderRouter {
  /** The instance's label. */
  readonly name: string;
  /** Without `.local`. */
  readonly host: string;
  readonly addresses: readonly string[];
  readonly text?: Buffer[];
}

/** Its records by type. */
export function recordsOf({
  addresses,
  host,
  name,
  text = recordedText(),
}: RespondingBorderRouter): Answer[] {
  const fullName = `${name}.${recordedService}`;
  return [
    { type: 'PTR', name: recordedService, ttl: 4_500, data: fullName },
    { type: 'SRV', name: fullName, ttl: 4_500, data: { port: 49_154, target: `${host}.local` } },
    { type: 'TXT', name: fullName, ttl: 4_500, data: text },
    ...addresses.map((address): Answer => ({
      type: address.includes(':') ? 'AAAA' : 'A',
      name: `${host}.local`,
      ttl: 120,
      data: address,
    })),
  ];
}

export interface MdnsResponder extends AsyncDisposable {
  /** Names and types of the questions that it heard. */
  readonly questions: string[];
}

/**
 * Answers each question with the records of its name and type. `together`: as real responders do, everything at the first
 * question; else only what was asked, each in a packet of its own, the last first.
 */
export async function startMdnsResponder(
  port: number,
  borderRouters: readonly RespondingBorderRouter[],
  { together = true, junk = [] }: { readonly together?: boolean; readonly junk?: readonly Buffer[] } = {},
): Promise<MdnsResponder> {
  const mdns = multicastDns({ port, interface: '127.0.0.1', bind: '0.0.0.0', loopback: true });
  const questions: string[] = [];
  const records = borderRouters.map(recordsOf);
  const raw = createSocket('udp4');
  raw.on('error', () => undefined);
  mdns.on('query', (query) => {
    for (const { name, type } of query.questions) questions.push(`${type} ${name}`);
    for (const packet of junk) raw.send(packet, port, '127.0.0.1');
    const asked = records
      .flat()
      .filter((record) =>
        query.questions.some(
          ({ name, type }) => name.toLowerCase() === record.name.toLowerCase() && type === record.type,
        ),
      );
    if (!together) {
      for (const record of asked.toReversed()) mdns.respond([record]);
      return;
    }
    for (const own of records)
      if (own.some((record) => asked.includes(record)))
        mdns.respond({ answers: own.slice(0, 1), additionals: own.slice(1) });
  });
  await once(mdns, 'ready');
  return {
    questions,
    async [Symbol.asyncDispose]() {
      raw.close();
      await new Promise<void>((resolve) => mdns.destroy(resolve));
    },
  };
}

/** A UDP port that nobody uses, for both sides: multicast DNS has one port for all. */
export async function freeUdpPort(): Promise<number> {
  const socket = createSocket('udp4');
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  const { port } = socket.address();
  await new Promise<void>((resolve) => {
    socket.close(resolve);
  });
  return port;
}
