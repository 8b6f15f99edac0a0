/** What a device is made of and stays: identifiers, vendor, versions, battery, how often it polls. Seeded, pure. */
import type { MeshDevice } from '../mesh-device.ts';
import { createRandom } from '../random.ts';

export interface DeviceProfile {
  /** 16 hex digits, the factory's. */
  readonly eui64: string;
  /** Last 64 bits of its mesh-local EID, 16 hex digits. */
  readonly mlEidIid: string;
  /** SRP name; empty where it registered none. */
  readonly hostname: string;
  readonly vendorName: string;
  readonly vendorModel: string;
  readonly vendorSwVersion: string;
  readonly threadStackVersion: string;
  /** 4: Thread 1.3, 5: Thread 1.4. */
  readonly threadVersion: number;
  /** A sleepy one asks its parent for messages so often; 0 for those that listen. */
  readonly pollPeriodMs: number;
  /** Its parent gives it up after so many seconds of silence. */
  readonly childTimeoutSeconds: number;
  /** Null on mains, and where the firmware does not tell it. */
  readonly battery: { readonly percent: number; readonly millivolts: number } | null;
  /** It runs for so long when the simulation starts. */
  readonly upBeforeStartMs: number;
}

const vendors = [
  ['Northlight', 'Bulb E27', 'OPENTHREAD/thread-reference-20230706; EFR32; Mar 12 2025 09:41:20'],
  ['Northlight', 'Plug 16A', 'OPENTHREAD/thread-reference-20230706; EFR32; Mar 12 2025 09:41:20'],
  ['Halden', 'Contact 2', 'OPENTHREAD/g2fc1b6c; NRF52840; Jun 03 2025 14:02:57'],
  ['Halden', 'Climate 1', 'OPENTHREAD/g2fc1b6c; NRF52840; Jun 03 2025 14:02:57'],
  ['Sorel', 'Valve R', 'OPENTHREAD/esp32c6-v5.3; ESP32C6; Jan 21 2026 18:30:11'],
] as const;
const stockBorderRouter = ['OpenThread', 'BorderRouter', 'OPENTHREAD/; POSIX; Aug 21 2026 17:44:56'] as const;
const pollPeriodsMs = [1_000, 3_000] as const;
/** OpenThread's default. */
const childTimeoutSeconds = 240;
const leastUpMs = 3_600_000;
const mostUpMs = 30 * 86_400_000;

export function profileOf(seed: number, device: MeshDevice): DeviceProfile {
  const random = createRandom(seed, `profile/${device.number}`);
  const isBorderRouter = device.kind === 'border_router';
  const [vendorName, vendorModel, threadStackVersion] = isBorderRouter
    ? stockBorderRouter
    : random.pick(vendors);
  const sleepy = device.deviceKind === 'sleepy';
  const tellsBattery = random.chance(0.5);
  const percent = random.integer(15, 100);
  return {
    eui64: `18b430${random.hex(10)}`,
    mlEidIid: random.hex(16),
    hostname: random.chance(0.3) && !isBorderRouter ? device.name : '',
    vendorName,
    vendorModel,
    vendorSwVersion: isBorderRouter ? '' : `${random.integer(1, 4)}.${random.integer(0, 9)}.0`,
    threadStackVersion,
    threadVersion: isBorderRouter ? 5 : random.pick([4, 5, 5]),
    pollPeriodMs: sleepy ? random.pick(pollPeriodsMs) : 0,
    childTimeoutSeconds,
    battery: sleepy && tellsBattery ? { percent, millivolts: 2_400 + percent * 6 } : null,
    upBeforeStartMs: random.integer(leastUpMs, mostUpMs),
  };
}
