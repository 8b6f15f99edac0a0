/**
 * What `threadhub border-router` is to run, as its options say: one border router of a kind, several with a REST API, or
 * whatever there is on this machine.
 */
import { InvalidArgumentError } from 'commander';
import { defaultBorderRouterId } from '../agent/default-border-router-id.ts';
import type { NodeSourceKind } from '../agent/node-source.ts';
import { defaultOtbrUrl, defaultOtCtl, type StockAddress } from '../agent/stock-address.ts';
import { CommandError } from '../errors.ts';
import type { BorderRouterId, ExtAddress } from '../protocol/ids.ts';
import { borderRouterId } from './option-values.ts';

export interface NamedUrl {
  readonly id: BorderRouterId | null;
  readonly url: string;
}

export interface PlannedRouter {
  readonly address: StockAddress;
  /** Null where that needs the extended address, which is not known yet. */
  readonly idOf: (extAddress: ExtAddress | null) => BorderRouterId | null;
}

export type BorderRouterPlan =
  | { readonly kind: 'coap'; readonly id: BorderRouterId }
  | { readonly kind: 'stock'; readonly routers: readonly PlannedRouter[] }
  /** Whatever answers. */
  | { readonly kind: 'auto'; readonly id: BorderRouterId };

export interface PlanOptions {
  readonly source: NodeSourceKind | 'auto';
  readonly id?: BorderRouterId;
  readonly networkPrefix?: string;
  readonly otbrUrl?: readonly NamedUrl[];
  readonly otCtl?: readonly string[];
}

/** Throws CommandError `option_invalid`. */
export function planBorderRouters(options: PlanOptions, hostName: string): BorderRouterPlan {
  const { otbrUrl: urls, otCtl, source } = options;
  if (urls !== undefined && otCtl !== undefined) {
    throw invalid('--otbr-url and --ot-ctl are two ways to a mesh; give one of them.');
  }
  for (const [option, given, itsSource] of [
    ['--otbr-url', urls, 'otbr-rest'],
    ['--ot-ctl', otCtl, 'ot-ctl'],
  ] as const) {
    if (given !== undefined && source !== 'auto' && source !== itsSource) {
      throw invalid(`${option} belongs to --source ${itsSource}, not to --source ${source}.`);
    }
  }
  const id = options.id ?? defaultBorderRouterId(hostName, null);
  if (urls !== undefined || source === 'otbr-rest') {
    const named = urls ?? [{ id: null, url: defaultOtbrUrl }];
    return { kind: 'stock', routers: planRestRouters(named, options, hostName) };
  }
  if (otCtl !== undefined || source === 'ot-ctl') {
    const command = otCtl ?? defaultOtCtl;
    return { kind: 'stock', routers: [{ address: { source: 'ot-ctl', command }, idOf: () => id }] };
  }
  return { kind: source === 'coap' ? 'coap' : 'auto', id };
}

function planRestRouters(
  named: readonly NamedUrl[],
  options: PlanOptions,
  hostName: string,
): readonly PlannedRouter[] {
  const ids = named.flatMap(({ id }) => (id === null ? [] : [id]));
  if (new Set(ids).size < ids.length) throw invalid('Two --otbr-url have the same id; each needs its own.');
  if (new Set(named.map(({ url }) => url)).size < named.length) {
    throw invalid('Two --otbr-url are the same; the mesh would be read twice.');
  }
  const onlyForOne = (option: string, example: string): CommandError =>
    invalid(`${option} belongs to one border router; with several, ${example}.`);
  if (named.length > 1) {
    if (options.id !== undefined) throw onlyForOne('--id', 'write --otbr-url ID=URL for each');
    if (options.networkPrefix !== undefined) throw onlyForOne('--network-prefix', 'each tells its own');
  } else if (options.id !== undefined && ids.length > 0 && options.id !== ids[0]) {
    throw invalid(`--id is ${options.id} and --otbr-url says ${ids[0] ?? ''}; give the id once.`);
  }
  return named.map(({ id, url }) => ({
    address: { source: 'otbr-rest', url },
    idOf: (extAddress) => {
      const given = options.id ?? id;
      if (given !== null) return given;
      if (named.length === 1) return defaultBorderRouterId(hostName, null);
      return extAddress === null ? null : defaultBorderRouterId(hostName, extAddress);
    },
  }));
}

const invalid = (sentence: string): CommandError => new CommandError('option_invalid', sentence);

/** `http://192.168.1.20:8081`, `192.168.1.20:8081`, either with `ID=` in front; repeatable. */
export function otbrUrl(text: string, earlier: readonly NamedUrl[] = []): readonly NamedUrl[] {
  const [, idText, urlText = text] = /^([^=:/@]*)=(.*)$/.exec(text) ?? [];
  const url = URL.parse(/^[a-z][a-z0-9+.-]*:\/\//i.test(urlText) ? urlText : `http://${urlText}`);
  const isAddress = url !== null && /^https?:$/.test(url.protocol) && url.hostname !== '';
  if (!isAddress || `${url.pathname}${url.search}${url.hash}` !== '/') {
    throw new InvalidArgumentError(
      'Write the address of its REST API, such as http://192.168.1.20:8081, or ID=http://192.168.1.20:8081.',
    );
  }
  return [
    ...earlier,
    { id: idText === undefined ? null : borderRouterId(idText), url: url.href.replace(/\/$/, '') },
  ];
}

/** `sudo ot-ctl`: words, no shell. */
export function commandWords(text: string): readonly string[] {
  const words = text.trim().split(/\s+/);
  if (words.length <= 32 && words[0] !== '') return words;
  throw new InvalidArgumentError("Write a command and its words, such as 'sudo ot-ctl'.");
}
