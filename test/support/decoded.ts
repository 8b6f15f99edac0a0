/** What a decoder makes of a payload, in short. */
import type { PublishDecoders } from '../../src/events/ingest/publish-decoders.ts';

/** `kitchen: temperature 22.4 °C, humidity 40 %` for each event; else what became of it. */
export function decodedAs(
  decoders: Pick<PublishDecoders, 'readerOf'>,
  topic: string,
  payload: unknown,
  { retain = false }: { readonly retain?: boolean } = {},
): string[] {
  const reader = decoders.readerOf(topic);
  if (reader === null) return ['unknown topic'];
  const text = typeof payload === 'string' ? payload : JSON.stringify(payload);
  const decoded = reader.decode(Buffer.from(text), retain);
  switch (decoded.kind) {
    case 'ignored':
      return ['ignored'];
    case 'undecodable':
      return [`undecodable: ${decoded.reason}`];
    case 'descriptions':
      return decoded.descriptions.map(
        ({ name, sensorId, units }) => `${sensorId} is ${name ?? '?'} ${JSON.stringify(units)}`,
      );
    case 'events':
      return decoded.events.map(({ critical, readings, sensorId, ts }) =>
        [
          `${sensorId}:`,
          readings
            .map(({ type, unit, value }) => [type, value, unit].filter((part) => part !== null).join(' '))
            .join(', '),
          ...(ts === null ? [] : [`at ${ts}`]),
          ...(critical ? ['!'] : []),
        ].join(' '),
      );
  }
}
