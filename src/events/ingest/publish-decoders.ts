/**
 * Which decoder reads which topic: `events.decoders` in order, then the state topics that discovery has taught. Topics are
 * looked up once and kept, since the same few thousand come again and again.
 */
import type { TopicReader } from './decoders/decoder.ts';
import type { Decoder } from './decoders/decoder.ts';
import { DiscoveryRegistry } from './decoders/discovery-registry.ts';
import { createEsphomeDecoder } from './decoders/esphome.ts';
import { createHomeassistantDecoder, stateReader } from './decoders/homeassistant.ts';
import { houseDecoder } from './decoders/house.ts';
import { nativeDecoder } from './decoders/native.ts';
import { tasmotaDecoder } from './decoders/tasmota.ts';
import { zigbee2mqttDecoder } from './decoders/zigbee2mqtt.ts';
import { compileTopicFilter, literalPrefix } from './topic-filter.ts';
import { RecentMap } from './recent-map.ts';

export interface DecoderRule {
  readonly decoder: 'native' | 'house' | 'zigbee2mqtt' | 'tasmota' | 'esphome' | 'homeassistant';
  /** MQTT filters. */
  readonly topics: readonly string[];
}

interface CompiledRule {
  readonly decoder: Decoder;
  readonly base: string;
  readonly fits: (topic: string) => boolean;
}

const maxKnownTopics = 20_000;
/** Longer topics are looked up each time: 64 KiB is a valid length, and anybody may publish on as many as they like. */
const maxKnownTopicLength = 256;

export class PublishDecoders {
  readonly #rules: readonly CompiledRule[];
  readonly #registry: DiscoveryRegistry;
  readonly #discoveryFilters: readonly string[];
  /** Null: nobody reads it. */
  readonly #known = new RecentMap<string, TopicReader | null>(maxKnownTopics);

  constructor({ rules }: { readonly rules: readonly DecoderRule[] }) {
    this.#registry = new DiscoveryRegistry({ onChange: (topic) => this.#known.delete(topic) });
    const decoders: Readonly<Record<DecoderRule['decoder'], Decoder>> = {
      native: nativeDecoder,
      house: houseDecoder,
      zigbee2mqtt: zigbee2mqttDecoder,
      tasmota: tasmotaDecoder,
      esphome: createEsphomeDecoder({ registry: this.#registry }),
      homeassistant: createHomeassistantDecoder({
        registry: this.#registry,
        readerOf: (topic) => this.readerOf(topic),
      }),
    };
    this.#discoveryFilters = rules.flatMap(({ decoder, topics }) =>
      decoder === 'homeassistant' ? topics : [],
    );
    this.#rules = rules.flatMap(({ decoder, topics }) =>
      topics.map((filter) => ({
        decoder: decoders[decoder],
        base: literalPrefix(filter),
        fits: compileTopicFilter(filter),
      })),
    );
  }

  /** MQTT filters of the topics on which devices describe themselves, once, and retained. */
  get discoveryFilters(): readonly string[] {
    return this.#discoveryFilters;
  }

  /** Takes a description that came before this process, so that what its device publishes is known at once. */
  learn(topic: string, payload: Uint8Array): void {
    this.readerOf(topic)?.decode(payload, true);
  }

  /** Null for a topic that nobody reads. */
  readerOf(topic: string): TopicReader | null {
    const known = this.#known.get(topic);
    if (known !== undefined) return known;
    const reader = this.#findReader(topic);
    if (topic.length <= maxKnownTopicLength) this.#known.set(topic, reader);
    return reader;
  }

  #findReader(topic: string): TopicReader | null {
    for (const { base, decoder, fits } of this.#rules) {
      const reader = fits(topic) ? decoder.readerOf(topic, base) : null;
      if (reader !== null) return reader;
    }
    return this.#discoveryFilters.length > 0 ? stateReader(topic, this.#registry) : null;
  }
}
