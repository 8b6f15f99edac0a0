/**
 * What Home Assistant discovery has told: which entity has which state topic. Kept in memory alone: the messages are
 * retained by the broker, and read again at the next start.
 */

/** How one entity reads what is published on its state topic. */
export interface DiscoveredEntity {
  /** `sensor`, `binary_sensor`, `switch` … */
  readonly component: string;
  readonly stateTopic: string;
  /** Home Assistant's `device_class`. */
  readonly deviceClass: string | null;
  readonly unit: string | null;
  readonly name: string | null;
  /** Properties from the root of a JSON payload; empty: the payload itself; null: a template that is not understood. */
  readonly path: readonly string[] | null;
  readonly payloadOn: string;
  readonly payloadOff: string;
}

/** Anybody may publish configurations; a house has some thousand. */
const maxConfigurations = 20_000;

export class DiscoveryRegistry {
  readonly #byConfigTopic = new Map<string, readonly DiscoveredEntity[]>();
  readonly #byStateTopic = new Map<string, DiscoveredEntity[]>();
  readonly #onChange: (stateTopic: string) => void;

  /** `onChange` hears of every state topic whose entities have changed. */
  constructor({ onChange }: { readonly onChange: (stateTopic: string) => void }) {
    this.#onChange = onChange;
  }

  /** Replaces what this configuration topic said before. False where there is no room for more. */
  set(configTopic: string, entities: readonly DiscoveredEntity[]): boolean {
    const before = this.#byConfigTopic.get(configTopic) ?? [];
    if (entities.length > 0 && before.length === 0 && this.#byConfigTopic.size >= maxConfigurations)
      return false;
    for (const entity of before) {
      const rest = this.entitiesOf(entity.stateTopic).filter((other) => other !== entity);
      if (rest.length === 0) this.#byStateTopic.delete(entity.stateTopic);
      else this.#byStateTopic.set(entity.stateTopic, rest);
    }
    this.#byConfigTopic.delete(configTopic);
    if (entities.length > 0) this.#byConfigTopic.set(configTopic, entities);
    for (const entity of entities)
      this.#byStateTopic.set(entity.stateTopic, [...this.entitiesOf(entity.stateTopic), entity]);
    for (const topic of new Set([...before, ...entities].map(({ stateTopic }) => stateTopic)))
      this.#onChange(topic);
    return true;
  }

  entitiesOf(stateTopic: string): readonly DiscoveredEntity[] {
    return this.#byStateTopic.get(stateTopic) ?? [];
  }
}

/** The type that a device class is here; null where it says nothing. */
export function typeOfDeviceClass({ component, deviceClass }: DiscoveredEntity): string | null {
  if (deviceClass === null) return null;
  if (component === 'binary_sensor') return deviceClass === 'moisture' ? 'water_leak' : deviceClass;
  // A sensor of this class is a meter and no alarm.
  return deviceClass === 'gas' ? 'gas_volume' : deviceClass;
}
