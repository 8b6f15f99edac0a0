/**
 * What can be wrong with a stock border router or its mesh, as `--otbr-fault` names it: `slow`, `errors=10%`, `dead=3`,
 * `restart=20s+5s`. All of it is seeded.
 */

export type OtbrFault =
  /** A share of all requests, 0–1, answered 500. */
  | { readonly kind: 'errors'; readonly share: number }
  /** A share of all requests answered 503. */
  | { readonly kind: 'busy'; readonly share: number }
  /** A share of all answers ends in the middle of its body, and the connection with it. */
  | { readonly kind: 'cut'; readonly share: number }
  /** A share of all answers is no JSON. */
  | { readonly kind: 'garbage'; readonly share: number }
  /** A share of all answers calls itself text/html. */
  | { readonly kind: 'content-type'; readonly share: number }
  /** Everything on the radio takes so many times longer. */
  | { readonly kind: 'slow'; readonly factor: number }
  /** The so-many-th diagnostic never ends, and all others wait behind it. */
  | { readonly kind: 'stuck'; readonly action: number }
  /** Some fields have names that no version has. */
  | { readonly kind: 'renamed' }
  /** So many routers and children never answer. */
  | { readonly kind: 'dead'; readonly devices: number }
  /** So many children moved and are listed by their old parent too; as many devices are listed under a former address. */
  | { readonly kind: 'ghost'; readonly devices: number }
  /** Refuses connections for a while, and has forgotten everything after it. */
  | { readonly kind: 'restart'; readonly atMs: number; readonly forMs: number };

const usualShare = 0.1;
const usualFactor = 4;
const usualAction = 5;
const usualDevices = 1;
const usualRestartMs = [20_000, 5_000] as const;

/** What `parseOtbrFault` takes, for help and refusals. */
export const otbrFaultHelp =
  'errors, busy, cut, garbage, content-type (=10%), slow (=4), stuck (=5), renamed, dead (=1), ghost (=1) or restart (=20s+5s)';

/** Null for what is none. */
export function parseOtbrFault(text: string): OtbrFault | null {
  const [, kind = '', value = ''] = /^([a-z-]+)(?:=([0-9a-z.%+]{1,20}))?$/.exec(text) ?? [];
  switch (kind) {
    case 'errors':
    case 'busy':
    case 'cut':
    case 'garbage':
    case 'content-type': {
      const share = value === '' ? usualShare : parseShare(value);
      return share === null ? null : { kind, share };
    }
    case 'slow': {
      const factor = value === '' ? usualFactor : Number(value);
      return factor >= 1 && factor <= 1_000 ? { kind, factor } : null;
    }
    case 'stuck': {
      const action = value === '' ? usualAction : parseCount(value);
      return action === null ? null : { kind, action };
    }
    case 'renamed':
      return value === '' ? { kind } : null;
    case 'dead':
    case 'ghost': {
      const devices = value === '' ? usualDevices : parseCount(value);
      return devices === null ? null : { kind, devices };
    }
    case 'restart': {
      if (value === '') return { kind, atMs: usualRestartMs[0], forMs: usualRestartMs[1] };
      const [, at = '', lasts = ''] = /^(\d{1,5})s\+(\d{1,5})s$/.exec(value) ?? [];
      return at === '' ? null : { kind, atMs: Number(at) * 1_000, forMs: Number(lasts) * 1_000 };
    }
    default:
      return null;
  }
}

function parseShare(text: string): number | null {
  const [, number, percent] = /^(\d{1,3}(?:\.\d{1,6})?)(%?)$/.exec(text) ?? [];
  const share = Number(number ?? Number.NaN) / (percent === '%' ? 100 : 1);
  return share >= 0 && share <= 1 ? share : null;
}

function parseCount(text: string): number | null {
  const count = /^\d{1,4}$/.test(text) ? Number(text) : 0;
  return count >= 1 ? count : null;
}
