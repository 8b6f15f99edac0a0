/**
 * The words that readings go by here. Sources that name what they measure in names for people (`kitchen_temperature`,
 * `hall_smoke_detector`) are read by these words, so that the rules of a type, and the critical lane, hold for them too.
 */

const typesByWord: ReadonlyMap<string, string> = new Map([
  ['temperature', 'temperature'],
  ['temp', 'temperature'],
  ['humidity', 'humidity'],
  ['pressure', 'pressure'],
  ['illuminance', 'illuminance'],
  ['lux', 'illuminance'],
  ['battery', 'battery'],
  ['voltage', 'voltage'],
  ['current', 'current'],
  ['power', 'power'],
  ['energy', 'energy'],
  ['co2', 'carbon_dioxide'],
  ['carbon_dioxide', 'carbon_dioxide'],
  ['carbon_monoxide', 'carbon_monoxide'],
  ['smoke', 'smoke'],
  ['gas', 'gas'],
  ['leak', 'water_leak'],
  ['flood', 'water_leak'],
  ['intrusion', 'intrusion'],
  ['panic', 'panic'],
  ['tamper', 'tamper'],
  ['motion', 'motion'],
  ['occupancy', 'occupancy'],
  ['presence', 'presence'],
]);

/** The last word of a snake_case name that is a type: `hall_smoke_battery` is a `battery`. Null where none is. */
export function typeInName(name: string): string | null {
  const words = name.split('_');
  for (let index = words.length - 1; index >= 0; index -= 1) {
    const word = words[index] ?? '';
    const type = typesByWord.get(`${words[index - 1] ?? ''}_${word}`) ?? typesByWord.get(word);
    if (type !== undefined) return type;
  }
  return null;
}

const unitsByType: ReadonlyMap<string, string> = new Map([
  ['temperature', '°C'],
  ['device_temperature', '°C'],
  ['local_temperature', '°C'],
  ['humidity', '%'],
  ['battery', '%'],
  ['pressure', 'hPa'],
  ['power', 'W'],
  ['energy', 'kWh'],
  ['current', 'A'],
  ['co2', 'ppm'],
]);

/** Units of sources that always use the same one and never say so. */
export const usualUnitOf = (type: string): string | null => unitsByType.get(type) ?? null;
