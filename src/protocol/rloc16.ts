/**
 * RLOC16: a device's 16-bit locator in a Thread partition (Thread 1.3, §5.9).
 *
 *   15       10 9 8              0
 *   ┌──────────┬─┬───────────────┐
 *   │router id │R│   child id    │   child id 0 = the router itself; R is reserved, 0
 *   └──────────┴─┴───────────────┘
 *
 * Router id 0 with child id 0, RLOC16 0x0000, is valid.
 */
import type { Branded } from './ids.ts';

/** Canonical text, `0x` and four lower-case hex digits. */
export type Rloc16 = Branded<'Rloc16'>;

/** Accepts `0xa000`, `A000`, or a number from 0 to 0xffff; null for anything else and for 0xfffe/0xffff (unassigned). */
export function parseRloc16(value: string | number): Rloc16 | null {
  const number =
    typeof value === 'number'
      ? value
      : /^(0x)?[0-9a-f]{4}$/i.test(value)
        ? parseInt(value.replace(/^0x/i, ''), 16)
        : NaN;
  if (!Number.isInteger(number) || number < 0 || number >= 0xfffe) return null;
  return formatRloc16(number);
}

export function formatRloc16(number: number): Rloc16 {
  return `0x${number.toString(16).padStart(4, '0')}` as Rloc16;
}

export function rloc16Number(rloc16: Rloc16): number {
  return parseInt(rloc16.slice(2), 16);
}

/** Router id, 0–62. */
export function routerIdOf(rloc16: Rloc16): number {
  return rloc16Number(rloc16) >> 10;
}

/** The RLOC16 of the router that has this id. */
export function rloc16OfRouter(routerId: number): Rloc16 {
  return formatRloc16(routerId << 10);
}

/** The parent router's RLOC16; of a router, its own. */
export function routerRloc16Of(rloc16: Rloc16): Rloc16 {
  return formatRloc16(rloc16Number(rloc16) & 0xfc00);
}

/** True where the child id is 0: the device is a router (or the leader). */
export function isRouterRloc16(rloc16: Rloc16): boolean {
  return (rloc16Number(rloc16) & 0x1ff) === 0;
}
