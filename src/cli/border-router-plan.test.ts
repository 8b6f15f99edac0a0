import fc from 'fast-check';
import { InvalidArgumentError } from 'commander';
import { describe, expect, it } from 'vitest';
import { asBorderRouterId, asExtAddress } from '../protocol/ids.ts';
import {
  type BorderRouterPlan,
  commandWords,
  otbrUrl,
  planBorderRouters,
  type PlanOptions,
} from './border-router-plan.ts';

const extAddress = asExtAddress('52a10c4208649fcc');

const plan = (options: Partial<PlanOptions>): BorderRouterPlan =>
  planBorderRouters({ source: 'auto', ...options }, 'pi4.lan');

/** Ids and addresses of a plan, with and without the extended address known. */
const routersOf = (made: BorderRouterPlan) =>
  made.kind === 'stock'
    ? made.routers.map(({ address, idOf }) => [
        address.source === 'otbr-rest' ? address.url : address.command.join(' '),
        idOf(null),
        idOf(extAddress),
      ])
    : made.kind;

describe('what border-router runs', () => {
  it.each([
    [{}, { kind: 'auto', id: 'pi4' }],
    [{ id: asBorderRouterId('BR-1') }, { kind: 'auto', id: 'BR-1' }],
    [{ source: 'coap' as const }, { kind: 'coap', id: 'pi4' }],
  ])('of %j is %j', (options, expected) => {
    expect(plan(options)).toEqual(expected);
  });

  it('is the border router of this machine where only its source is named', () => {
    expect(routersOf(plan({ source: 'otbr-rest' }))).toEqual([['http://127.0.0.1:8081', 'pi4', 'pi4']]);
    expect(routersOf(plan({ source: 'ot-ctl' }))).toEqual([['ot-ctl', 'pi4', 'pi4']]);
  });

  it('takes an address for the choice of its source', () => {
    expect(routersOf(plan({ otbrUrl: otbrUrl('192.168.1.20:8081') }))).toEqual([
      ['http://192.168.1.20:8081', 'pi4', 'pi4'],
    ]);
    expect(routersOf(plan({ otCtl: commandWords(' docker exec otbr  ot-ctl ') }))).toEqual([
      ['docker exec otbr ot-ctl', 'pi4', 'pi4'],
    ]);
  });

  it('names several after the machine and their extended address, unless they are named', () => {
    const urls = otbrUrl('http://b:8081', otbrUrl('attic=http://a:8081/'));
    expect(routersOf(plan({ otbrUrl: urls }))).toEqual([
      ['http://a:8081', 'attic', 'attic'],
      ['http://b:8081', null, 'pi4-9fcc'],
    ]);
  });

  it.each([
    [{ otbrUrl: otbrUrl('a'), otCtl: ['ot-ctl'] }, 'are two ways to a mesh'],
    [{ source: 'coap' as const, otbrUrl: otbrUrl('a') }, '--otbr-url belongs to --source otbr-rest'],
    [{ source: 'otbr-rest' as const, otCtl: ['ot-ctl'] }, '--ot-ctl belongs to --source ot-ctl'],
    [{ otbrUrl: otbrUrl('x=b', otbrUrl('x=a')) }, 'have the same id'],
    [{ otbrUrl: otbrUrl('a', otbrUrl('a')) }, 'are the same'],
    [{ otbrUrl: otbrUrl('b', otbrUrl('a')), id: asBorderRouterId('x') }, '--id belongs to one border router'],
    [{ otbrUrl: otbrUrl('b', otbrUrl('a')), networkPrefix: 'fd::/64' }, '--network-prefix belongs to one'],
    [{ otbrUrl: otbrUrl('x=a'), id: asBorderRouterId('y') }, 'give the id once'],
  ])('refuses %j', (options, sentence) => {
    expect(() => plan(options)).toThrow(sentence);
  });
});

describe('the address of a REST API', () => {
  it.each([
    '',
    'ftp://a',
    'http://',
    'a b',
    'http://a/?x=1',
    'x y=http://a',
    'http://a/#x',
    'http://a/otbr',
    '=http://a',
  ])('is not %j', (text) => {
    expect(() => otbrUrl(text)).toThrow(InvalidArgumentError);
  });

  it('is an address or a refusal, whatever is typed', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        try {
          for (const { url } of otbrUrl(text)) expect(URL.canParse(url)).toBe(true);
        } catch (error) {
          expect(error).toBeInstanceOf(InvalidArgumentError);
        }
      }),
    );
  });
});

it('takes no empty command', () => {
  expect(() => commandWords('  ')).toThrow(InvalidArgumentError);
});
