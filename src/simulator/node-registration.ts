/** Makes a simulation's nodes known to its hub, over the same REST route as a person would use. */
import type { Clock } from '../clock.ts';
import { SimulationError } from '../errors.ts';

export interface NodeRegistration {
  /** `http://host:port` */
  readonly httpUrl: string;
  readonly apiToken: string | null;
  /** Name and IPv6 address of every node. */
  readonly nodeFile: Readonly<Record<string, unknown>>;
  readonly clock: Clock;
}

/** A hub that has just been started may not listen yet. */
const pausesMs = [250, 500, 1_000, 2_000];
/** Keeps a request below the hub's limit of 1 MiB: a node takes about 80 bytes. */
const nodesPerRequest = 5_000;
const requestTimeoutMs = 15_000;

/** Throws `SimulationError` `nodes_not_registered`. */
export async function registerNodes({ httpUrl, apiToken, nodeFile, clock }: NodeRegistration): Promise<void> {
  const entries = Object.entries(nodeFile);
  for (let start = 0; start < entries.length; start += nodesPerRequest) {
    const body = JSON.stringify(Object.fromEntries(entries.slice(start, start + nodesPerRequest)));
    await importNodes(`${httpUrl}/api/nodes/import`, body, apiToken, clock);
  }
}

async function importNodes(url: string, body: string, apiToken: string | null, clock: Clock): Promise<void> {
  for (const pauseMs of [...pausesMs, null]) {
    let response: Response;
    try {
      response = await fetch(url, {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          ...(apiToken === null ? {} : { authorization: `Bearer ${apiToken}` }),
        },
        body,
        signal: AbortSignal.timeout(requestTimeoutMs),
      });
    } catch (error) {
      if (pauseMs === null) {
        throw new SimulationError('nodes_not_registered', `no hub answers at ${url}; is it running?`, {
          cause: error,
        });
      }
      await new Promise<void>((resolve) => clock.after(pauseMs, resolve));
      continue;
    }
    if (response.ok) {
      await response.body?.cancel();
      return;
    }
    const said = (await response.text()).slice(0, 300);
    throw new SimulationError(
      'nodes_not_registered',
      `the hub answered ${response.status} to ${url}: ${said}`,
    );
  }
}
