/**
 * Everything that may be asked of `ot-ctl`: a closed list of commands that only read. None shows a key, none changes
 * anything, and no text from outside becomes part of one.
 */
import { type Ipv6Address, parseIpv6 } from '../../protocol/ipv6.ts';
import { parseRloc16, type Rloc16 } from '../../protocol/rloc16.ts';

/** Answered by the border router itself, at once. */
export const localCommands = [
  'channel',
  'counters mac',
  'counters mle',
  'eui64',
  'extaddr',
  'extpanid',
  'ipaddr',
  'leaderdata',
  'networkname',
  'nexthop',
  'panid',
  'rloc16',
  'router table',
  'state',
  'vendor model',
  'vendor name',
  'vendor swversion',
  'version',
] as const;
export type LocalCommand = (typeof localCommands)[number];

/** One router's own tables, over the radio. */
export const routerQueries = ['childtable', 'childip6', 'routerneighbortable'] as const;
export type RouterQuery = (typeof routerQueries)[number];

export type OtCtlCommand =
  | { readonly kind: 'local'; readonly words: LocalCommand }
  | { readonly kind: 'topology' }
  | { readonly kind: 'router'; readonly query: RouterQuery; readonly rloc16: Rloc16 }
  | { readonly kind: 'diagnostic'; readonly address: Ipv6Address; readonly tlvs: readonly number[] };

/** The command's words. Throws where a value is none of its type: that would be our own bug. */
export function wordsOf(command: OtCtlCommand): readonly string[] {
  switch (command.kind) {
    case 'local':
      if (!localCommands.includes(command.words)) throw new TypeError('not a command that only reads');
      return command.words.split(' ');
    case 'topology':
      return ['meshdiag', 'topology', 'ip6-addrs', 'children'];
    case 'router': {
      const rloc16 = parseRloc16(command.rloc16);
      if (rloc16 === null || !routerQueries.includes(command.query))
        throw new TypeError('not a query of a router');
      return ['meshdiag', command.query, rloc16];
    }
    case 'diagnostic': {
      const address = parseIpv6(command.address);
      const isTlv = (tlv: number): boolean => Number.isInteger(tlv) && tlv >= 0 && tlv <= 254;
      if (address === null || command.tlvs.length === 0 || !command.tlvs.every(isTlv))
        throw new TypeError('not a diagnostic request');
      return ['networkdiagnostic', 'get', address, ...command.tlvs.map(String)];
    }
    default:
      throw new TypeError('not a command that only reads');
  }
}

/** Such a command goes on inside the daemon when its process is gone. */
export const asksTheMesh = (command: OtCtlCommand): boolean => command.kind !== 'local';
