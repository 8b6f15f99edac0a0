/** Finds out which dialect a border router speaks, without the radio: two to four requests. */
import { type Clock, systemClock } from '../../clock.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../../protocol/json.ts';
import type { ReadResult } from '../mesh/mesh-reader.ts';
import type { FieldNames, OtbrDialect } from './otbr-dialect.ts';
import { failure, malformed, type OtbrAnswer, OtbrHttpClient } from './otbr-http-client.ts';
import { readDevices } from './read-devices.ts';
import { field, objectField, rowsField, textField } from './wire-fields.ts';

/** From this version of the REST API on fields have the names of today. */
const renamedIn = [0, 4] as const;
const maxLinks = 64;

export function probeOtbrRest(
  baseUrl: string,
  signal: AbortSignal,
  clock: Clock = systemClock,
): Promise<ReadResult<OtbrDialect>> {
  return probe(new OtbrHttpClient({ baseUrl, clock }), signal);
}

export async function probe(
  httpClient: OtbrHttpClient,
  signal: AbortSignal,
): Promise<ReadResult<OtbrDialect>> {
  const wellKnown = await httpClient.get('/.well-known/thread/br-rest', signal);
  // Older servers may send anything for a path they do not know; only what is no answer at all ends it here.
  if (!wellKnown.ok && wellKnown.code !== 'malformed') return wellKnown;
  const told = readWellKnown(wellKnown);
  if (told !== null) return { ok: true, value: told };

  const devices = await httpClient.get('/api/devices', signal);
  if (!devices.ok && devices.code !== 'malformed') return devices;
  if (devices.ok && devices.value.kind === 'json') {
    const list = readDevices(devices.value.value, null);
    if (list !== null)
      return { ok: true, value: { name: 'json-api', apiVersion: null, fieldNames: list.fieldNames } };
  }

  // Failing is not missing: what it speaks is asked again at the next reading.
  if (devices.ok && devices.value.kind === 'refused' && isFailing.has(devices.value.status))
    return failure(
      'rejected',
      `${httpClient.address}/api/devices answers ${devices.value.status} ${devices.value.detail}`.trim(),
    );

  const node = await httpClient.get('/node', signal);
  if (!node.ok) return node;
  const { address } = httpClient;
  if (node.value.kind === 'refused') {
    const { detail, status } = node.value;
    return status === 404
      ? failure(
          'too_old',
          `${address} has none of the resources that tell a mesh (/api/devices, /diagnostics, /node): update otbr-agent, or this is another server`,
        )
      : failure('rejected', `${address}/node answers ${status} ${detail}`.trim());
  }
  const { value } = node.value;
  if (!isJsonObject(value) || field(value, ['ExtAddress', 'extAddress']) === undefined)
    return malformed(`${address}/node is not a border router's state`);
  return {
    ok: true,
    value: { name: isEsp(value, devices) ? 'esp' : 'legacy', apiVersion: null, fieldNames: null },
  };
}

const isFailing: ReadonlySet<number> = new Set([500, 503]);

/** Null where it is not there, or names no resources for tasks. */
function readWellKnown(answer: ReadResult<OtbrAnswer>): OtbrDialect | null {
  if (!answer.ok || answer.value.kind === 'refused' || !isJsonObject(answer.value.value)) return null;
  const api = objectField(answer.value.value, 'api');
  const links = rowsField(answer.value.value, maxLinks, 'links');
  const hasTasks = links?.some((link) => textField(link, 64, 'href') === '/api/actions') ?? false;
  if (api === null || !hasTasks) return null;
  const apiVersion = textField(api, 32, 'version');
  return { name: 'json-api', apiVersion, fieldNames: namesOf(apiVersion) };
}

function namesOf(apiVersion: string | null): FieldNames | null {
  const match = /^(\d{1,4})\.(\d{1,4})(\.|$)/.exec(apiVersion ?? '');
  if (match === null) return null;
  const [major, minor] = [Number(match[1]), Number(match[2])];
  const isRenamed = major > renamedIn[0] || (major === renamedIn[0] && minor >= renamedIn[1]);
  return isRenamed ? 'current' : 'before_2026_07';
}

/**
 * It has no border agent id in `/node`, writes its role as a number, and says something on a page that is missing where
 * otbr-agent sends nothing. An otbr-agent that looks like it is merely asked more slowly.
 */
function isEsp(node: JsonObject, missingPage: ReadResult<OtbrAnswer>): boolean {
  const hasAgentId = field(node, ['BaId', 'baId']) !== undefined;
  const role: JsonValue | undefined = field(node, ['State', 'state']);
  const isSilent = missingPage.ok && missingPage.value.kind === 'refused' && missingPage.value.detail === '';
  return !hasAgentId && (typeof role === 'number' || !isSilent);
}
