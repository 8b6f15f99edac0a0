/** What a reading of a mesh came to, in numbers and in words. */
import {
  type BorderRouterNetwork,
  type CollectionReport,
  couldNotBeAsked,
} from '../../protocol/border-router-messages.ts';
import type { JsonObject } from '../../protocol/json.ts';
import { nameOf } from './mesh-addresses.ts';
import type { CollectionProblem, MeshReading } from './mesh-collection.ts';
import type { ExpectedRouter, MeshPicture } from './mesh-picture.ts';
import type { BorderRouterState, ListedDevice, MeshReader } from './mesh-reader.ts';

/** So many are named in one sentence. */
const namedInWords = 5;
/** The border router may list anything: of those that nobody hears so many are told. */
const toldGhosts = 64;

export function reportOf(
  reading: MeshReading,
  reader: Pick<MeshReader, 'kind' | 'address' | 'dialect'>,
  nowMs: number,
): CollectionReport {
  const { endedMs, picture, radio, startedMs } = reading;
  const routers = picture === null ? [] : [...picture.expectedRouters.values()];
  const problem = incompleteness(reading);
  return {
    source: reader.kind,
    dialect: reader.dialect,
    address: reader.address,
    endedAgoMs: endedMs === null ? null : Math.max(0, Math.round(nowMs - endedMs)),
    durationMs: endedMs === null ? null : Math.round(endedMs - startedMs),
    radioRequests: radio.spent,
    radioBudget: radio.limit,
    devices: picture?.devices.length ?? 0,
    expectedRouters: routers.length,
    answeredRouters: routers.filter(({ wasRead }) => wasRead).length,
    complete: problem === null,
    problemCode: problem?.code ?? null,
    problem: problem?.reason ?? null,
  };
}

/** Null where every router that a table names was read, and nothing came between. */
export function incompleteness(reading: MeshReading): CollectionProblem | null {
  const { picture, problem } = reading;
  if (problem !== null) return problem;
  if (picture === null) return { code: 'silent', reason: 'the border router has told nothing' };
  const routers = [...picture.expectedRouters.values()];
  const silent = routers.filter(({ wasRead }) => !wasRead);
  if (silent.length > 0) return { code: 'silent', reason: silentRouters(silent, reading) };
  const counted = picture.state.routerCount ?? 0;
  if (routers.length === 0) return { code: 'silent', reason: 'no router of the mesh told its tables' };
  return counted > routers.length
    ? {
        code: 'silent',
        reason: `the border router counts ${counted} routers, and the tables name ${routers.length}`,
      }
    : null;
}

/** `9 of 9 routers and 4 other devices were read with 27 of 128 radio requests.` */
export function statementOf(reading: MeshReading): string {
  const { picture, radio } = reading;
  const routers = picture === null ? [] : [...picture.expectedRouters.values()];
  const others = picture?.devices.filter(({ parent }) => parent !== null).length ?? 0;
  const read = `${routers.filter(({ wasRead }) => wasRead).length} of ${count(routers.length, 'router')} and ${count(others, 'other device')} were read with ${radio.spent} of ${count(radio.limit, 'radio request')}`;
  const problem = incompleteness(reading);
  const ghosts = ghostsOf(reading);
  const listed =
    ghosts.length === 0
      ? ''
      : ` ${ghosts.length === 1 ? 'One device is' : `${ghosts.length} devices are`} listed by the border router and heard by nobody.`;
  return `${read}${problem === null ? '' : `; ${problem.reason}`}.${listed}`;
}

/**
 * Listed by the border router, in no table, and silent; known only once the reading has ended. A sleepy device is asked
 * through its parent, so that one stays unknown while any router was not read.
 */
export function ghostsOf({ endedMs, picture, problem }: MeshReading): readonly ListedDevice[] {
  if (endedMs === null || picture === null || problem !== null) return [];
  const named = new Set([...picture.expectedRouters.values()].map(({ extAddress }) => extAddress));
  const allRead = [...picture.expectedRouters.values()].every(({ wasRead }) => wasRead);
  return picture.unproved.filter(
    ({ extAddress, kind }) => !named.has(extAddress) && (allRead || (kind !== 'sleepy' && kind !== null)),
  );
}

/** The facts of a `node_seen`. */
export function networkFactsOf(reading: MeshReading): JsonObject {
  const { picture } = reading;
  const problem = incompleteness(reading);
  const ghosts = ghostsOf(reading);
  return {
    ...(picture === null ? {} : stateFacts(picture)),
    complete: reading.endedMs !== null && problem === null,
    statement: statementOf(reading),
    ...(ghosts.length === 0
      ? {}
      : {
          ghosts: ghosts
            .slice(0, toldGhosts)
            .map(({ extAddress, hostname }) => ({ ext_addr: extAddress, hostname })),
        }),
    ...(picture === null || picture.ghostRows === 0 ? {} : { ghost_rows: picture.ghostRows }),
  };
}

function stateFacts({ meshLocalPrefix, state }: MeshPicture): JsonObject {
  return {
    ext_pan_id: state.extPanId,
    name: state.networkName,
    partition_id: state.partitionId,
    leader_router_id: state.leaderRouterId,
    channel: state.channel,
    pan_id: state.panId,
    mesh_local_prefix:
      meshLocalPrefix === null ? null : `${meshLocalPrefix.address}/${meshLocalPrefix.length}`,
  };
}

export function networkOf(state: BorderRouterState): BorderRouterNetwork {
  return {
    extPanId: state.extPanId,
    name: state.networkName,
    panId: state.panId,
    channel: state.channel,
    meshLocalPrefix: state.meshLocalPrefix,
  };
}

/** `router 0x6000 (4e518eb2a238c2d2) stayed silent, though 0xf000 and 0x8c00 name it` */
export function silentRouter(router: ExpectedRouter, reading: Pick<MeshReading, 'whyNotAsked'>): string {
  const { extAddress, namedBy, rloc16 } = router;
  const name = `router ${nameOf(rloc16, extAddress)}`;
  const why = reading.whyNotAsked(router);
  const how = why === null ? 'stayed silent' : couldNotBeAsked;
  const named =
    namedBy.length === 0 ? '' : `, though ${list(namedBy)} ${namedBy.length === 1 ? 'names' : 'name'} it`;
  return `${name} ${how}${named}${why === null ? '' : `: ${why}`}`;
}

function silentRouters(routers: readonly ExpectedRouter[], reading: MeshReading): string {
  const [only] = routers;
  if (routers.length === 1 && only !== undefined) return silentRouter(only, reading);
  return `${routers.length} routers that tables name were not read: ${list(routers.map(({ extAddress, rloc16 }) => nameOf(rloc16, extAddress)))}`;
}

function list(names: readonly string[]): string {
  const shown = names.slice(0, namedInWords);
  const rest = names.length - shown.length;
  if (rest > 0) return `${shown.join(', ')} and ${rest} more`;
  const last = shown.at(-1) ?? '';
  return shown.length < 2 ? last : `${shown.slice(0, -1).join(', ')} and ${last}`;
}

export const count = (number: number, noun: string): string => `${number} ${noun}${number === 1 ? '' : 's'}`;
