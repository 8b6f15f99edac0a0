/**
 * Asks an address once, for at most a second, whether the REST API of an OpenThread border router answers there: `GET /node`, which
 * every dialect has and which shows no key.
 */
import { get } from 'node:http';
import type { Clock } from '../clock.ts';
import { type ExtAddress, parseExtAddress } from '../protocol/ids.ts';
import { isJsonObject } from '../protocol/json.ts';

export type RestProbe =
  | { readonly kind: 'answers'; readonly extAddress: ExtAddress | null }
  /** Somebody is there and offers no such API. */
  | { readonly kind: 'off' }
  | { readonly kind: 'unknown' };

export type ProbeRest = (url: string) => Promise<RestProbe>;

const probeTimeoutMs = 1_000;
/** `/node` is half a kilobyte. */
const maxBodyBytes = 16_384;

export function probeRest(url: string, clock: Clock): Promise<RestProbe> {
  return new Promise((resolve) => {
    const target = URL.parse('/node', url);
    if (target === null) {
      resolve({ kind: 'unknown' });
      return;
    }
    const request = get(target, { agent: false, headers: { accept: '*/*', connection: 'close' } });
    const settle = (probe: RestProbe): void => {
      cancelTimer();
      request.destroy();
      resolve(probe);
    };
    const cancelTimer = clock.after(probeTimeoutMs, () => settle({ kind: 'unknown' }));
    request.on('error', (error: NodeJS.ErrnoException) =>
      settle({ kind: error.code === 'ECONNREFUSED' ? 'off' : 'unknown' }),
    );
    request.once('response', (response) => {
      const chunks: Buffer[] = [];
      let bytes = 0;
      response.on('data', (chunk: Buffer) => {
        bytes += chunk.length;
        if (bytes > maxBodyBytes) settle({ kind: 'off' });
        else chunks.push(chunk);
      });
      response.once('error', () => settle({ kind: 'unknown' }));
      response.once('end', () =>
        settle(
          response.statusCode === 200 ? readNode(Buffer.concat(chunks).toString('utf8')) : { kind: 'off' },
        ),
      );
    });
  });
}

/** Other programs have a `/node` too: it must look like a border router's. */
function readNode(text: string): RestProbe {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return { kind: 'off' };
  }
  if (!isJsonObject(value)) return { kind: 'off' };
  const fields = new Map(Object.entries(value).map(([name, field]) => [name.toLowerCase(), field]));
  if (!fields.has('extaddress') && !fields.has('rlocaddress')) return { kind: 'off' };
  const extAddress = fields.get('extaddress');
  return { kind: 'answers', extAddress: typeof extAddress === 'string' ? parseExtAddress(extAddress) : null };
}
