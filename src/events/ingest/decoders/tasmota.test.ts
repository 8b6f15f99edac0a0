import { describe, expect, it } from 'vitest';
import { decodedAs } from '../../../../test/support/decoded.ts';
import { PublishDecoders } from '../publish-decoders.ts';

const decoders = new PublishDecoders({
  rules: [{ decoder: 'tasmota', topics: ['tele/#', 'stat/#', 'tasmota/+/tele/#'] }],
});
const decode = (topic: string, payload: unknown) => decodedAs(decoders, topic, payload);

const climate = {
  Time: '2026-11-20T14:02:11',
  Switch1: 'ON',
  AM2301: { Temperature: 22.4, Humidity: 41.2, DewPoint: 8.5 },
  TempUnit: 'C',
};
const probes = {
  Time: '2026-11-20T14:02:11',
  'DS18B20-1': { Id: '0316A279B6FF', Temperature: 4.1 },
  'DS18B20-2': { Id: '0416A279C0FF', Temperature: null },
  BME280: { Temperature: 21.1, Humidity: 40, DewPoint: 7, Pressure: 1009.2 },
  PressureUnit: 'hPa',
  TempUnit: 'F',
};
const plug = {
  Time: '2026-11-20T14:02:11',
  ENERGY: {
    TotalStartTime: '2025-01-01T00:00:00',
    Total: 12.345,
    Yesterday: 0.3,
    Today: 0.1,
    Period: 1,
    Power: [120, 80],
    ApparentPower: 210,
    Factor: 0.95,
    Voltage: 231,
    Current: 0.87,
  },
};
const state = {
  Time: '2026-11-20T14:02:11',
  Uptime: '0T18:36:12',
  UptimeSec: 66_972,
  Vcc: 3.423,
  Heap: 28,
  SleepMode: 'Dynamic',
  MqttCount: 6,
  POWER1: 'OFF',
  POWER2: 'ON',
  Wifi: { AP: 1, SSId: 'home', BSSId: '00:11:22:33:44:55', Channel: 13, RSSI: 100, Signal: -49 },
};

describe('the Tasmota decoder', () => {
  it('makes each probe of SENSOR a sensor, and keeps switches with the device', () => {
    expect(decode('tele/attic/SENSOR', climate)).toEqual([
      'attic: switch_1 true',
      'attic/AM2301: temperature 22.4 °C, humidity 41.2 %, dew_point 8.5 °C',
    ]);
  });

  it('keeps two probes of one kind apart, in the units that the device says', () => {
    expect(decode('tele/freezer/SENSOR', probes)).toEqual([
      'freezer/DS18B20-1: temperature 4.1 °F',
      'freezer/BME280: temperature 21.1 °F, humidity 40 %, dew_point 7 °F, pressure 1009.2 hPa',
    ]);
  });

  it('reads a meter with several phases', () => {
    expect(decode('tele/plug/SENSOR', plug)).toEqual([
      'plug/ENERGY: total 12.345 kWh, yesterday 0.3 kWh, today 0.1 kWh, period 1, power_1 120 W, power_2 80 W, ' +
        'apparent_power 210 VA, factor 0.95, voltage 231 V, current 0.87 A',
    ]);
  });

  it('reads Zigbee devices behind a bridge', () => {
    const received = {
      ZbReceived: { Hall: { Device: '0x8F20', Name: 'Hall', Temperature: 19.5, LinkQuality: 90 } },
    };
    expect(decode('tele/zb/SENSOR', received)).toEqual(['zb/Hall: temperature 19.5, link_quality 90']);
  });

  it('reads relays, supply and signal from STATE', () => {
    expect(decode('tele/plug/STATE', state)).toEqual([
      'plug: relay_1 false, relay_2 true, supply_voltage 3.423 V, signal -49 dBm',
    ]);
  });

  it('reads relays, switches and availability', () => {
    expect(decode('stat/plug/POWER', 'ON')).toEqual(['plug: relay true']);
    expect(decode('stat/plug/POWER2', 'OFF')).toEqual(['plug: relay_2 false']);
    expect(decode('stat/plug/SWITCH1', 'ON')).toEqual(['plug: switch_1 true']);
    expect(decode('stat/plug/SWITCH1', 'TOGGLE')).toEqual(['ignored']);
    expect(decode('tele/plug/LWT', 'Offline')).toEqual(['plug: available false']);
  });

  it('finds the device with the prefix elsewhere in the topic', () => {
    expect(decode('tasmota/plug/tele/LWT', 'Online')).toEqual(['tasmota/plug: available true']);
    expect(decode('tele/floor1/plug/LWT', 'Online')).toEqual(['floor1/plug: available true']);
  });

  it('ignores answers to commands and what has no value', () => {
    for (const topic of ['stat/plug/RESULT', 'stat/plug/STATUS8', 'tele/plug/INFO1', 'tele/plug/UPTIME'])
      expect(decode(topic, '{"POWER":"ON"}'), topic).toEqual(['ignored']);
    expect(decode('tele/plug/SENSOR', { Time: '2026-11-20T14:02:11' })).toEqual(['ignored']);
  });

  it('says what it cannot read, and knows no other topics', () => {
    expect(decode('tele/plug/SENSOR', 'ON')[0]).toContain('not a JSON object');
    expect(decode('tele/plug/STATE', '[]')[0]).toContain('not a JSON object');
    expect(decode('tele/plug/LWT', 'Maybe')[0]).toContain('Online or Offline');
    for (const topic of ['tele', 'tele/', 'tele/SENSOR', 'tele//SENSOR', 'stat/plug/tele'])
      expect(decode(topic, '{}')[0], topic).toMatch(/unknown topic|ignored/);
  });
});
