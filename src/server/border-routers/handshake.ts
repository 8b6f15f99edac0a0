/**
 * Reads a border router's upgrade request:
 *
 *   GET /ws/br?br_id=BR-001&network_prefix=fd78:8e78:3bfe:1::/64&auth_token=…
 *   Authorization: Bearer …            instead of auth_token
 *
 * The token is in the address because firmware puts it there; nothing here repeats it.
 */
import type { IncomingHttpHeaders } from 'node:http';
import { type BorderRouterId, parseBorderRouterId } from '../../protocol/ids.ts';
import { type Ipv6Prefix, parseIpv6Prefix } from '../../protocol/ipv6.ts';
import { EdgeError, type ProblemItem } from '../http/problem.ts';

export interface RequestedHandshake {
  readonly id: BorderRouterId;
  readonly networkPrefix: Ipv6Prefix | null;
  /** As it was sent, unchecked; null where none was, empty where an empty one was. */
  readonly token: string | null;
}

const parameters = ['br_id', 'auth_token', 'network_prefix'];

/** Throws EdgeError `invalid_request` with every parameter that is wrong. */
export function readHandshake(url: string, headers: IncomingHttpHeaders): RequestedHandshake {
  const query = new URLSearchParams(url.split('?').slice(1).join('?'));
  const items: ProblemItem[] = [];
  const complain = (parameter: string, message: string): null => {
    items.push({ in: 'query', parameter, message });
    return null;
  };

  // Others are left alone: newer firmware may send what this hub does not know.
  for (const name of parameters) {
    if (query.getAll(name).length > 1) complain(name, 'is given more than once');
  }

  const idText = query.get('br_id');
  const id =
    idText === null
      ? complain('br_id', 'is missing; give the border router a name of its own, such as BR-001')
      : (parseBorderRouterId(idText) ??
        complain('br_id', `is ${quote(idText)}; use 1 to 64 of A-Z a-z 0-9 . _ -`));

  const prefixText = query.get('network_prefix');
  const networkPrefix =
    prefixText === null
      ? null
      : (parseIpv6Prefix(prefixText) ??
        complain(
          'network_prefix',
          `is ${quote(prefixText)}; write an IPv6 prefix such as fd78:8e78:3bfe:1::/64`,
        ));

  if (id === null || items.length > 0) {
    const [first] = items;
    throw new EdgeError(
      'invalid_request',
      first === undefined ? 'the request is not valid' : `query ${first.parameter}: ${first.message}`,
      items,
    );
  }
  return { id, networkPrefix, token: bearerToken(headers.authorization) ?? query.get('auth_token') };
}

/** RFC 6750 §2.1; another scheme is no token. */
function bearerToken(authorization: string | undefined): string | null {
  return /^Bearer +(.*)$/i.exec(authorization ?? '')?.[1]?.trim() ?? null;
}

const quote = (text: string): string => JSON.stringify(text.slice(0, 100));
