import { describe, expect, it } from 'vitest';
import { answered, ext, inputWith, scanAt, silent } from '../../test/fixtures/topology/observations.ts';
import type { Hypothesis } from '../protocol/topology.ts';
import { buildTopology } from './build-topology.ts';
import { nothingKnown, rememberTopology } from './earlier-knowledge.ts';
import type { TopologyObservation } from './topology-input.ts';

const partition = { partition_id: 7 };
const hall = (children: object[] = []): TopologyObservation =>
  answered('hall', { role: 'leader', rloc16: '0x0400', ext_addr: ext('a'), ...partition, children });
const lamp = (name: string, address: string, device: object, rloc16 = '0x0401'): TopologyObservation =>
  answered(name, { role: 'child', rloc16, ext_addr: ext(address), ...partition, device });

/** What the second scan guesses after the first. */
function guesses(first: TopologyObservation[], second: TopologyObservation[]): readonly Hypothesis[] {
  const before = buildTopology(inputWith(first, { madeAt: scanAt - 60_000 }));
  const after = buildTopology(inputWith(second, { earlier: rememberTopology(nothingKnown, before) }));
  expect(new Set(after.nodes.map(({ id }) => id)).size).toBe(after.nodes.length);
  return after.hypotheses ?? [];
}

describe('same device, new address', () => {
  it('is certain by the EUI-64, and both stay on the map', () => {
    const device = { eui64: '18b430000000000e' };
    expect(
      guesses(
        [hall(), lamp('lamp', 'b', device)],
        [hall(), silent('lamp', { extAddress: ext('b') }), lamp('lamp-2', 'c', device, '0x0405')],
      ),
    ).toEqual([
      {
        kind: 'same_device',
        oldId: ext('b'),
        newId: ext('c'),
        confidence: 'certain',
        because: ['eui64'],
        statement: 'lamp-2 is lamp under a new address: same EUI-64',
      },
    ]);
  });

  it('is likely by host name, and possible by model and parent', () => {
    const first = [hall(), lamp('lamp', 'b', { hostname: 'lamp-x', vendor_model: 'L1' })];
    const gone = silent('lamp', { extAddress: ext('b') });
    expect(guesses(first, [hall(), gone, lamp('new', 'c', { hostname: 'lamp-x' }, '0x0405')])).toMatchObject([
      { confidence: 'likely', because: ['hostname', 'parent'] },
    ]);
    expect(guesses(first, [hall(), gone, lamp('new', 'c', { vendor_model: 'L1' }, '0x0405')])).toMatchObject([
      { confidence: 'possible', because: ['parent', 'vendor_model'] },
    ]);
  });

  it('also finds a device that only its new parent names, at the place of the old one', () => {
    const child = { rloc16: '0x0401', ext_addr: ext('c'), mode: '-', age: 2 };
    expect(
      guesses([hall(), lamp('lamp', 'b', {})], [hall([child]), silent('lamp', { extAddress: ext('b') })]),
    ).toEqual([]);
  });

  it('is not guessed from a place alone, a different EUI-64, or a device that is still there', () => {
    const first = [hall(), lamp('lamp', 'b', { eui64: '18b430000000000e', hostname: 'x' })];
    const gone = silent('lamp', { extAddress: ext('b') });
    expect(guesses(first, [hall(), gone, lamp('new', 'c', {})])).toEqual([]);
    expect(
      guesses(first, [hall(), gone, lamp('new', 'c', { eui64: '18b430000000000f', hostname: 'x' })]),
    ).toEqual([]);
    expect(guesses(first, [...first, lamp('new', 'c', { hostname: 'x' }, '0x0405')])).toEqual([]);
  });

  it('is not guessed where two are as good', () => {
    const model = { vendor_model: 'L1' };
    const gone = ['b', 'c'].map((letter) => silent(`lamp-${letter}`, { extAddress: ext(letter) }));
    const first = [hall(), lamp('lamp-b', 'b', model, '0x0401'), lamp('lamp-c', 'c', model, '0x0402')];
    expect(guesses(first, [hall(), ...gone, lamp('new', 'd', model, '0x0405')])).toEqual([]);
    expect(
      guesses(first.slice(0, 2), [
        hall(),
        ...gone.slice(0, 1),
        lamp('new-1', 'd', model, '0x0405'),
        lamp('new-2', 'e', model, '0x0406'),
      ]),
    ).toEqual([]);
  });

  it('is nothing to wonder about on the first scan', () => {
    expect(buildTopology(inputWith([hall(), lamp('lamp', 'b', { hostname: 'x' })]))).not.toHaveProperty(
      'hypotheses',
    );
  });
});
