/** Reading answers in tests of the REST API. */
import { expect } from 'vitest';

export type Body = Record<string, unknown> & {
  items: Record<string, unknown>[];
  errors: Record<string, unknown>[];
};

export const json = async (response: Response | Promise<Response>): Promise<Body> =>
  (await (await response).json()) as Body;

/** Expects RFC 9457 problem details with this status and code. */
export async function problem(response: Promise<Response>, status: number, code: string): Promise<Body> {
  const answer = await response;
  const body = await json(answer);
  expect([answer.status, body['status'], body['code']]).toEqual([status, status, code]);
  expect(answer.headers.get('content-type')).toMatch(/^application\/problem\+json/);
  expect(body).toMatchObject({ title: expect.any(String) as string, detail: expect.any(String) as string });
  return body;
}
