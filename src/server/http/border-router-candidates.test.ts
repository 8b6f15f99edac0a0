import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { json, problem } from '../../../test/support/http-answers.ts';
import { borderRouterView } from '../../../test/support/samples.ts';
import { fakeServerOptions, TestWorld } from '../../../test/support/test-server.ts';
import type { Candidate, CandidatesResult } from '../../discovery/border-router-candidates.ts';
import { borderRouterCandidateSchema } from '../../protocol/border-router-candidate.ts';
import { asBorderRouterId, asExtAddress } from '../../protocol/ids.ts';
import { createAccessPolicy } from '../access.ts';
import type { BorderRouterDiscovery } from '../ports.ts';
import { createApp } from './app.ts';

const candidate: Candidate = {
  name: 'OtLab OtLabBR #9FCC',
  host: 'ot52a10c4208649fcc.local',
  addresses: ['fd1a::1'],
  extAddress: asExtAddress('52a10c4208649fcc'),
  agentId: null,
  networkName: 'OtLab',
  extPanId: '1a2b3c4d5e6f7081',
  partitionId: 7,
  activeTimestamp: '0000000000010000',
  vendor: 'OtLab',
  model: 'OtLabBR',
  threadVersion: '1.4.0',
  threadActive: true,
  omrPrefix: null,
  rest: 'answers',
  restUrl: 'http://[fd1a::1]:8081',
  restUrls: ['http://[fd1a::1]:8081', 'http://[fd1a::1]:80'],
  conflict: null,
};

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

async function asking(
  discovery: BorderRouterDiscovery | undefined,
  world = new TestWorld(),
): Promise<Response> {
  const httpServer = createServer();
  const { app } = await createApp({
    ...fakeServerOptions(world, {}),
    ...(discovery === undefined ? {} : { candidates: discovery }),
    access: createAccessPolicy('127.0.0.1'),
    browsers: { connections: () => [] },
    serverFactory: (handler) => httpServer.on('request', handler as never),
  });
  closing.push(() => app.close());
  await app.ready();
  await new Promise<void>((resolve) => httpServer.listen(0, '127.0.0.1', resolve));
  closing.push(async () => {
    httpServer.closeAllConnections();
    await new Promise((resolve) => httpServer.close(resolve));
  });
  const { port } = httpServer.address() as AddressInfo;
  return fetch(`http://127.0.0.1:${port}/api/border_router_candidates`);
}

const finding = (...candidates: Candidate[]): BorderRouterDiscovery => ({
  find: (): Promise<CandidatesResult> =>
    Promise.resolve({ ok: true, candidates, foundAtMs: Date.UTC(2026, 0, 1) }),
});

describe('GET /api/border_router_candidates', () => {
  it('lists what was found, with the command that connects it', async () => {
    const response = await asking(finding(candidate));
    const port = URL.parse(response.url)?.port ?? '';
    const body = await json(response);
    expect(body).toMatchObject({
      items: [
        {
          name: 'OtLab OtLabBR #9FCC',
          ext_addr: '52a10c4208649fcc',
          rest: 'answers',
          connected_as: null,
          run_on: 'hub',
          connect_command:
            `threadhub border-router --id ot52a10c4208649fcc --hub ws://127.0.0.1:${port} ` +
            '--source otbr-rest --otbr-url http://[fd1a::1]:8081',
          found_at: '2026-01-01T00:00:00.000Z',
        },
      ],
      next_cursor: null,
    });
    borderRouterCandidateSchema.strict().parse((body['items'] as unknown[])[0]);
  });

  it('says that one is connected by its extended address, while it is', async () => {
    const world = new TestWorld();
    const extAddr = '52a10c4208649fcc';
    world.borderRouters.set(asBorderRouterId('BR-001'), borderRouterView({ id: 'BR-001', extAddr }));
    expect(await json(asking(finding(candidate), world))).toMatchObject({
      items: [{ connected_as: 'BR-001', connect_command: null, run_on: null }],
    });
    world.borderRouters.set(
      asBorderRouterId('BR-001'),
      borderRouterView({ id: 'BR-001', extAddr, online: false }),
    );
    expect(await json(asking(finding(candidate), world))).toMatchObject({ items: [{ connected_as: null }] });
  });

  it('has the agent run on the border router where its API is closed', async () => {
    const closed = { ...candidate, rest: 'off', restUrl: null, host: '; rm -rf $(x).local' } as const;
    expect(await json(asking(finding(closed)))).toMatchObject({
      items: [
        {
          run_on: 'border_router',
          connect_command: expect.stringMatching(
            /^threadhub border-router --id [A-Za-z0-9._-]+ --hub ws:\/\/ADDRESS-OF-THE-HUB:\d+$/,
          ) as string,
        },
      ],
    });
  });

  it('is refused where it is switched off, and says why it failed', async () => {
    await problem(asking(undefined), 409, 'discovery_off');
    const failing = { find: () => Promise.resolve({ ok: false as const, reason: 'no network' }) };
    expect(await problem(asking(failing), 503, 'discovery_failed')).toMatchObject({ detail: 'no network' });
  });
});
