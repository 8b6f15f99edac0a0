/**
 * Espressif's border router (esp-thread-br, port 80): the resources and the shape of the legacy dialect, on a
 * microcontroller. Sixteen routers fill some 90 KB of its heap, and it waits up to 30 s for answers, three of them for quiet:
 * it has time between two calls.
 */
import type { Clock } from '../../clock.ts';
import { LegacyDialect } from './legacy-dialect.ts';
import type { OtbrHttpClient } from './otbr-http-client.ts';

export class EspDialect extends LegacyDialect {
  constructor(httpClient: OtbrHttpClient, clock: Clock) {
    super(httpClient, clock, { pauseMs: 5_000, timeoutMs: 40_000 });
  }
}
