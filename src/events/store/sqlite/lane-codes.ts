/** Lanes as the tables have them. */
import type { Lane } from '../../../protocol/sensor-event.ts';

export const laneCode = (lane: Lane): number => (lane === 'critical' ? 0 : 1);
export const laneOfCode = (code: number): Lane => (code === 0 ? 'critical' : 'bulk');
