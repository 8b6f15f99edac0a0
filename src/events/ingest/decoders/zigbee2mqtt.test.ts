import { describe, expect, it } from 'vitest';
import { decodedAs } from '../../../../test/support/decoded.ts';
import { PublishDecoders } from '../publish-decoders.ts';

const decoders = new PublishDecoders({ rules: [{ decoder: 'zigbee2mqtt', topics: ['zigbee2mqtt/#'] }] });
const decode = (topic: string, payload: unknown) => decodedAs(decoders, `zigbee2mqtt/${topic}`, payload);

/** As devices of these kinds send them. */
const climate = {
  battery: 97.5,
  humidity: 44.72,
  last_seen: '2026-11-20T14:02:11+01:00',
  linkquality: 120,
  pressure: 1013.2,
  temperature: 22.4,
  voltage: 3005,
};
const smokeAlarm = {
  battery: 100,
  battery_low: false,
  linkquality: 87,
  smoke: true,
  tamper: false,
  test: false,
  update: { installed_version: 16_777_241, latest_version: 16_777_242, state: 'available' },
  update_available: true,
};
const lamp = {
  brightness: 215,
  color: { hue: 40, saturation: 72, x: 0.46, y: 0.41 },
  color_mode: 'xy',
  device: { friendlyName: 'lamp', ieeeAddr: '0x00158d00018255df', networkAddress: 29_159 },
  effect: null,
  power_on_behavior: 'previous',
  state: 'ON',
};

describe('the Zigbee2MQTT decoder', () => {
  it('reads a climate sensor, with units and the time it was seen', () => {
    expect(decode('kitchen', climate)).toEqual([
      'kitchen: battery 97.5 %, humidity 44.72 %, linkquality 120, pressure 1013.2 hPa, temperature 22.4 °C, ' +
        'voltage 3005 at 2026-11-20T14:02:11+01:00',
    ]);
  });

  it('reads a smoke alarm without what its update says', () => {
    expect(decode('hall smoke', smokeAlarm)).toEqual([
      'hall smoke: battery 100 %, battery_low false, linkquality 87, smoke true, tamper false, test false',
    ]);
  });

  it('reads nested values one level deep, and leaves out what is null or of the device', () => {
    expect(decode('lamp', lamp)).toEqual([
      'lamp: brightness 215, color_hue 40, color_saturation 72, color_x 0.46, color_y 0.41, color_mode xy, ' +
        'power_on_behavior previous, state true',
    ]);
  });

  it('reads an action, and not the empty one that follows it', () => {
    expect(decode('button', { action: 'single', linkquality: 60 })).toEqual([
      'button: action single, linkquality 60',
    ]);
    expect(decode('button', { action: '', linkquality: 60 })).toEqual(['button: linkquality 60']);
    expect(decode('button', { action: null, battery: null })).toEqual(['ignored']);
  });

  it.each(['"online"', 'online', '{"state":"online"}'])('reads the availability %s', (payload) => {
    const on =
      payload === '"online"'
        ? ['undecodable: an availability is online, offline or {"state":"online"}']
        : null;
    expect(decode('floor/lamp/availability', payload)).toEqual(on ?? ['floor/lamp: available true']);
    expect(decode('floor/lamp/availability', payload.replace('online', 'offline'))).toEqual(
      on ?? ['floor/lamp: available false'],
    );
  });

  it('reads friendly names with slashes, and attributes on topics of their own', () => {
    expect(decode('floor 1/kitchen', { temperature: 20 })).toEqual(['floor 1/kitchen: temperature 20 °C']);
    expect(decode('floor 1/kitchen/temperature', '20.5')).toEqual(['floor 1/kitchen: temperature 20.5 °C']);
    expect(decode('lamp/state', 'ON')).toEqual(['lamp: state true']);
    expect(decode('cover/moving', 'STOP')).toEqual(['cover: moving STOP']);
  });

  it('ignores the bridge, commands and the second copy of an action', () => {
    for (const topic of [
      'bridge/state',
      'bridge/devices',
      'lamp/set',
      'lamp/set/state',
      'lamp/get',
      'button/action',
    ])
      expect(decode(topic, '{"state":"online"}'), topic).toEqual(['ignored']);
  });

  it('says what it cannot read', () => {
    expect(decode('kitchen', '{"temperature":')[0]).toContain('neither an object');
    expect(decode('kitchen', '[1]')[0]).toContain('neither an object');
    expect(decode('kitchen', '')[0]).toContain('neither an object');
  });
});
