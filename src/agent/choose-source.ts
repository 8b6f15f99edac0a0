/**
 * Which way there is on this machine to a mesh: the REST API of `otbr-agent`, else `ot-ctl`, else CoAP to the nodes
 * themselves, which cannot be tried beforehand and is what remains.
 *
 * A border router whose `ot-ctl` is installed and whose daemon does not run yet is starting, or will be: then there is
 * nothing to choose yet. CoAP would find no mesh either.
 */
import type { ReadFailure, ReadResult } from './mesh/mesh-reader.ts';
import type { NodeSourceKind } from './node-source.ts';

export interface SourceProbes {
  readonly otbrRest: (signal: AbortSignal) => Promise<ReadResult<unknown>>;
  readonly otCtl: (signal: AbortSignal) => Promise<ReadResult<unknown>>;
}

/** A way that was not taken, and why. */
export interface PassedOver {
  readonly source: NodeSourceKind;
  readonly code: ReadFailure['code'];
  readonly reason: string;
}

export interface SourceChoice {
  /** Null: wait, and look again. */
  readonly source: NodeSourceKind | null;
  readonly passedOver: readonly PassedOver[];
}

export async function chooseSource(probes: SourceProbes, signal: AbortSignal): Promise<SourceChoice> {
  const rest = await probes.otbrRest(signal);
  if (rest.ok) return { source: 'otbr-rest', passedOver: [] };
  const otCtl = await probes.otCtl(signal);
  if (otCtl.ok) return { source: 'ot-ctl', passedOver: [passed('otbr-rest', rest)] };
  const isStarting = otCtl.code === 'off' || otCtl.code === 'silent';
  return {
    source: isStarting ? null : 'coap',
    passedOver: [passed('otbr-rest', rest), passed('ot-ctl', otCtl)],
  };
}

const passed = (source: NodeSourceKind, { code, reason }: ReadFailure): PassedOver => ({
  source,
  code,
  reason,
});
