/**
 * The text of a topology on the wire, made once however many pages and REST clients get it: a thousand nodes take some
 * milliseconds to write out.
 */
import type { Topology } from '../protocol/topology.ts';
import { toWireJson } from '../protocol/wire.ts';

/** Kept as long as the topologies are. */
const texts = new WeakMap<Topology, string>();

export function topologyJson(topology: Topology): string {
  const known = texts.get(topology);
  if (known !== undefined) return known;
  const text = toWireJson(topology);
  texts.set(topology, text);
  return text;
}
