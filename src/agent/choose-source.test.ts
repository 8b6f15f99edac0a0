import { describe, expect, it } from 'vitest';
import { chooseSource } from './choose-source.ts';
import type { ReadFailureCode, ReadResult } from './mesh/mesh-reader.ts';

const signal = new AbortController().signal;
const answers: ReadResult<null> = { ok: true, value: null };
const fails = (code: ReadFailureCode): ReadResult<null> => ({ ok: false, code, reason: `it is ${code}` });

async function choose(rest: ReadResult<null>, otCtl: ReadResult<null>) {
  const asked: string[] = [];
  const probe = (name: string, result: ReadResult<null>) => () => {
    asked.push(name);
    return Promise.resolve(result);
  };
  const probes = { otbrRest: probe('otbr-rest', rest), otCtl: probe('ot-ctl', otCtl) };
  return { ...(await chooseSource(probes, signal)), asked };
}

describe('the choice of a source', () => {
  it('takes the REST API where it answers, and asks no further', async () => {
    expect(await choose(answers, answers)).toEqual({
      source: 'otbr-rest',
      passedOver: [],
      asked: ['otbr-rest'],
    });
  });

  it('takes ot-ctl where the REST API is off, and says why', async () => {
    expect(await choose(fails('off'), answers)).toMatchObject({
      source: 'ot-ctl',
      passedOver: [{ source: 'otbr-rest', code: 'off', reason: 'it is off' }],
    });
  });

  it.each(['unreachable', 'rejected', 'too_old'] as const)('leaves CoAP where ot-ctl is %s', async (code) => {
    const choice = await choose(fails('off'), fails(code));
    expect(choice.source).toBe('coap');
    expect(choice.passedOver.map(({ source }) => source)).toEqual(['otbr-rest', 'ot-ctl']);
  });

  it('waits for a border router whose daemon does not run yet', async () => {
    expect((await choose(fails('off'), fails('off'))).source).toBeNull();
  });
});
