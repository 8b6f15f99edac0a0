/**
 * From places to link qualities: log-distance path loss plus a loss for every wall, plus what furniture and antennas do
 * to one pair of devices (seeded, the same for ever). It knows nothing of roles or tables.
 *
 *   rssi = transmit power − 40 dB at 1 m − 28 dB a decade of distance − 6 dB a wall ± pair ± direction
 */
import { type Place, wallsBetween } from './building.ts';
import { noise } from './random.ts';

export const noiseFloorDbm = -98;
const transmitPowerDbm = 0;
/** Free space at 2.4 GHz. */
const lossAtOneMetreDb = 40;
/** Exponent 2.8: indoors, with line of sight now and then. */
const lossPerDecadeDb = 28;
const lossPerWallDb = 6;
/** What stands between two devices, both directions alike. */
const pairVariationDb = 6;
/** Receivers differ: each direction of a link has a value of its own. */
const directionVariationDb = 2;
/** A receiver saturates. */
const strongestDbm = -20;

export interface RadioModel {
  /** dBm at the receiver, a whole number, the long-term average. Devices are told apart by their numbers. */
  rssi(from: number, fromPlace: Place, to: number, toPlace: Place): number;
}

/** The same seed gives the same losses. */
export function createRadioModel(seed: number): RadioModel {
  return {
    rssi(from, fromPlace, to, toPlace) {
      const distance = Math.max(1, Math.hypot(fromPlace.x - toPlace.x, fromPlace.y - toPlace.y));
      const pair = noise(seed, Math.min(from, to), Math.max(from, to)) * pairVariationDb;
      const direction = noise(seed, from, to, 1) * directionVariationDb;
      const rssi =
        transmitPowerDbm -
        lossAtOneMetreDb -
        lossPerDecadeDb * Math.log10(distance) -
        lossPerWallDb * wallsBetween(fromPlace.room, toPlace.room) +
        pair +
        direction;
      return Math.min(strongestDbm, Math.round(rssi));
    },
  };
}

/** dB above the noise floor; 0 for what drowns in it. */
export function linkMarginOf(rssi: number): number {
  return Math.max(0, rssi - noiseFloorDbm);
}

/** OpenThread's thresholds: above 20 dB quality 3, above 10 dB 2, above 2 dB 1, else no link. */
export function linkQualityOf(linkMargin: number): number {
  if (linkMargin > 20) return 3;
  if (linkMargin > 10) return 2;
  return linkMargin > 2 ? 1 : 0;
}

/** The least margin that still is a link. */
export const leastLinkMarginDb = 3;

/** Thread's cost of one hop; null where there is no link. */
export function linkCostOf(linkQuality: number): number | null {
  return [null, 4, 2, 1][linkQuality] ?? null;
}
