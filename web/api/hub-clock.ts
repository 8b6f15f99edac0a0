/**
 * The hub's clock as this browser can tell it: ages on the pages are counted on it, so that a phone whose clock is wrong
 * does not call an old map new. Exact to a second, which is what HTTP's `Date` gives.
 */
let offsetMs = 0;
/** Less than this is the resolution of the header and the time under way. */
const tolerableMs = 5_000;

export function noteHubDate(dateHeader: string | null): void {
  const hubMs = dateHeader === null ? NaN : Date.parse(dateHeader);
  if (Number.isNaN(hubMs)) return;
  const seenMs = hubMs - Date.now();
  offsetMs = Math.abs(seenMs) < tolerableMs ? 0 : seenMs;
}

/** Unix milliseconds on the hub's clock. */
export const hubNowMs = (): number => Date.now() + offsetMs;
