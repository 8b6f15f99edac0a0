/** The whole way: a mesh read through `ot-ctl` as it was recorded, and every node of it answered. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { commandsSent, fakeOtCtl } from '../../../test/support/fake-ot-ctl.ts';
import { temporaryFolder } from '../../../test/support/temporary-folder.ts';
import { systemClock } from '../../clock.ts';
import { parseIpv6 } from '../../protocol/ipv6.ts';
import { parseNetworkInfo } from '../../protocol/network-info.ts';
import { MeshNodeSource } from '../mesh/mesh-node-source.ts';
import { OtCtlReader } from './ot-ctl-reader.ts';

const { nodes } = JSON.parse(
  readFileSync(join(import.meta.dirname, '../../../test/fixtures/otbr/mesh-ground-truth.json'), 'utf8'),
) as {
  readonly nodes: Readonly<
    Record<
      string,
      {
        readonly extaddr: string;
        readonly rloc16: string;
        readonly ipaddr: readonly string[];
        readonly mleid: string;
      }
    >
  >;
};

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let source: MeshNodeSource;
beforeEach(async () => {
  folder = await temporaryFolder();
  source = new MeshNodeSource({
    reader: new OtCtlReader({
      command: fakeOtCtl({ log: join(folder.path, 'asked.log') }),
      clock: systemClock,
    }),
    clock: systemClock,
  });
});
afterEach(async () => {
  await source.close();
  await folder.remove();
});

describe('a mesh behind ot-ctl', () => {
  it('is told with every router and child, by any of their addresses, and the sleepy ones unasked', async () => {
    const { signal } = new AbortController();
    const found = await source.discover(signal);
    if (!found.ok) throw new Error(found.reason);
    // Node 14 had moved when the ground truth was written; its parent's table tells where it was.
    const expected = Object.values(nodes).map(({ extaddr }) => extaddr);
    expect(found.nodes.map(({ extAddress }) => extAddress).sort()).toEqual(expected.sort());

    for (const [number, { extaddr, mleid, rloc16 }] of Object.entries(nodes)) {
      const target = parseIpv6(mleid);
      if (target === null || number === '14') continue;
      const answer = await source.scanNode({ targetIpv6: target, nodeName: `node ${number}` }, signal);
      if (!answer.ok) throw new Error(`node ${number}: ${answer.reason}`);
      const parsed = parseNetworkInfo(answer.networkInfo);
      if (!parsed.ok) throw new Error(parsed.reason);
      expect(parsed.networkInfo).toMatchObject({
        extAddress: extaddr,
        rloc16: `0x${rloc16}`,
        partitionId: 573303309,
      });
    }
    const sleepy = ['0x8c01', '0x6001', ...['13', '14'].flatMap((number) => nodes[number]?.ipaddr ?? [])];
    const asked = commandsSent(join(folder.path, 'asked.log'));
    expect(asked.filter((command) => sleepy.some((address) => command.includes(address)))).toEqual([]);
  });
});
