/** The id of a border router that nobody named: after the machine, so that people know where to look. */
import { asBorderRouterId, type BorderRouterId, type ExtAddress } from '../protocol/ids.ts';

const maxIdLength = 64;
const extAddressDigits = 4;

/**
 * `pi4`, or with an extended address, which tells several of one machine apart, `pi4-9fcc`. What an id cannot hold
 * becomes a hyphen.
 */
export function defaultBorderRouterId(hostName: string, extAddress: ExtAddress | null): BorderRouterId {
  const ending = extAddress === null ? '' : `-${extAddress.slice(-extAddressDigits)}`;
  const [firstLabel = ''] = hostName.split('.');
  const name = firstLabel
    .replaceAll(/[^A-Za-z0-9_-]+/g, '-')
    .slice(0, maxIdLength - ending.length)
    .replaceAll(/^-+|-+$/g, '');
  return asBorderRouterId(`${name === '' ? 'border-router' : name}${ending}`);
}
