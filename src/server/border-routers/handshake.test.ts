import { describe, expect, it } from 'vitest';
import { EdgeError } from '../http/problem.ts';
import { readHandshake } from './handshake.ts';

const read = (query: string, authorization?: string) =>
  readHandshake(`/ws/br?${query}`, authorization === undefined ? {} : { authorization });

function problemsOf(query: string): string[] {
  try {
    read(query);
  } catch (error) {
    if (error instanceof EdgeError)
      return (error.items ?? []).map((item) => `${item.parameter}: ${item.message}`);
    throw error;
  }
  return [];
}

describe('an upgrade request', () => {
  it('is read as the firmware sends it', () => {
    expect(read('br_id=BR-001&auth_token=xxx&network_prefix=fd78::/64')).toEqual({
      id: 'BR-001',
      token: 'xxx',
      networkPrefix: { address: 'fd78::', length: 64 },
    });
  });

  it('needs a name and nothing else', () => {
    expect(read('br_id=a')).toEqual({ id: 'a', token: null, networkPrefix: null });
  });

  it('takes the token from the header before the address', () => {
    expect(read('br_id=a&auth_token=old', 'Bearer  new').token).toBe('new');
    expect(read('br_id=a&auth_token=old', 'Basic Zm9v').token).toBe('old');
    expect(read('br_id=a&auth_token=').token).toBe('');
  });

  it.each([
    ['', /br_id: is missing/],
    ['br_id=', /br_id: is ""/],
    ['br_id=a%20b', /br_id: is "a b"/],
    [`br_id=${'x'.repeat(65)}`, /1 to 64/],
    ['br_id=a&network_prefix=', /network_prefix: is ""/],
    ['br_id=a&network_prefix=10.0.0.0/8', /IPv6 prefix/],
    ['br_id=a&network_prefix=fd78::/129', /fd78::\/129/],
    ['br_id=a&br_id=b', /more than once/],
  ])('with %j is refused with the reason', (query, reason) => {
    expect(problemsOf(query)).toEqual([expect.stringMatching(reason)]);
  });

  it('is told everything that is wrong with it, and never its token', () => {
    const problems = problemsOf('auth_token=secret&auth_token=secret2&network_prefix=x');
    expect(problems).toHaveLength(3);
    expect(problems.join()).not.toContain('secret');
  });
});
