/** Messages of the live feed as tests append them. */
import type { LiveMessage } from '../../src/protocol/live.ts';
import { sampleTimeMs } from './samples.ts';

export function liveEvent(
  sensorId: string,
  {
    lane = 'bulk',
    seq = 1,
    type = 'temperature',
  }: { lane?: 'critical' | 'bulk'; seq?: number; type?: string } = {},
): Extract<LiveMessage, { type: 'event' }> {
  return {
    type: 'event',
    event_id: `${sensorId}-${seq}`,
    sensor_id: sensorId,
    lane,
    readings: [{ type, value: 21.5, unit: '°C' }],
    ts: sampleTimeMs,
    source_ts: null,
    received_at: sampleTimeMs,
    stored_at: sampleTimeMs + 1,
    seq,
    flags: [],
    protocol: 'mqtt',
    qos: 1,
    topic: `sensors/${sensorId}`,
  };
}

export const topologyMessage = (nodes: number): LiveMessage => ({
  type: 'topology',
  scan_id: null,
  nodes,
  links: 0,
});
