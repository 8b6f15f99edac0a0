/**
 * `sensors/{sensor_id}/{type}` and `sensors/{sensor_id}`: a number, `true`, `false`, `{"value":…}`, or an event as
 * `event-json.ts` reads it. What the event says itself goes before what its topic says.
 */
import type { DecodedEvent } from '../event-intake.ts';
import { decodeEventJson } from '../event-json.ts';
import { FieldProblem } from '../field-problem.ts';
import { type Decoded, type Decoder, plainEvent, type TopicReader } from './decoder.ts';
import { parseJson, parseScalar } from './payload.ts';
import { decodeTextPayload } from './text-payload.ts';

export const nativeDecoder: Decoder = {
  name: 'native',
  readerOf(topic, base) {
    const [sensorId = '', type = null, ...more] = topic.slice(base.length).split('/');
    if (sensorId === '' || type === '' || more.length > 0) return null;
    return new NativeReader(sensorId, type);
  },
};

class NativeReader implements TopicReader {
  readonly sensorId: string;
  readonly type: string | null;

  constructor(sensorId: string, type: string | null) {
    this.sensorId = sensorId;
    this.type = type;
  }

  decode(payload: Uint8Array, retain: boolean): Decoded {
    return decodeTextPayload(payload, retain, (text) => this.#decodeText(text));
  }

  #decodeText(text: string): DecodedEvent | FieldProblem {
    // Most payloads are an object or a bare number, and either is known by how it begins.
    if (text.charCodeAt(0) !== 0x7b) {
      const value = parseScalar(text);
      if (value !== null) {
        if (this.type === null)
          return new FieldProblem('', 'a bare value needs its type in the topic: sensors/{sensor_id}/{type}');
        return plainEvent(this.sensorId, [{ type: this.type, value, unit: null }]);
      }
    }
    const json = parseJson(text);
    if (json === undefined) return new FieldProblem('', 'the payload is neither a number nor JSON');
    return decodeEventJson(json, { sensorId: this.sensorId, type: this.type, unknownProperties: 'ignore' });
  }
}
