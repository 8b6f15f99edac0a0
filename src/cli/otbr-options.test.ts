/** `threadhub simulate --otbr`: real REST APIs of simulated border routers, and the agents that speak for them. */
import { describe, expect, it } from 'vitest';
import { createCliHarness } from '../../test/support/cli-harness.ts';
import type { StockProgramOptions } from '../agent/open-stock-border-router.ts';
import { programs } from './programs.ts';

/** Runs the command until `isUp` holds, then stops it as Ctrl-C does. */
async function simulate(...options: readonly string[]) {
  const agents: StockProgramOptions[] = [];
  const ends: string[] = [];
  const answers: number[] = [];
  const harness = createCliHarness({
    programs: {
      ...programs,
      createStockBorderRouter: (agent) => {
        agents.push(agent);
        const { address } = agent;
        const run = async (): Promise<void> => {
          const url = address.source === 'otbr-rest' ? address.url : '';
          answers.push((await fetch(`${url}/node`)).status);
          if (answers.length === 2) harness.signal('SIGINT');
        };
        return Promise.resolve({
          run,
          close: () => {
            ends.push('agent');
            return Promise.resolve();
          },
        });
      },
    },
  });
  return { harness, agents, ends, answers, run: await harness.run('simulate', ...options) };
}

describe('threadhub simulate --otbr', () => {
  it('opens so many REST APIs, runs an agent for each, and prints how to map them from elsewhere', async () => {
    const { agents, answers, ends, run } = await simulate(
      ...['--hub', 'http://hub.example:6001', '--border-routers', '0', '--otbr', '2'],
      ...['--otbr-nodes', '20', '--otbr-routers', '7', '--otbr-dialect', 'legacy', '--token', 'OTBR-002=two'],
    );
    expect(run).toMatchObject({ exitCode: 0, stderr: '' });
    expect(answers).toEqual([200, 200]);
    expect(ends).toEqual(['agent', 'agent']);
    expect(agents.map(({ hub, idOf }) => [hub, idOf(null)])).toEqual([
      ['ws://hub.example:6001', 'OTBR-001'],
      ['ws://hub.example:6001', 'OTBR-002'],
    ]);
    const [first, second] = agents;
    const id = second?.idOf(null) ?? null;
    expect(id === null ? null : second?.tokenOf(id)).toBe('two');
    const url = first?.address.source === 'otbr-rest' ? first.address.url : '';
    expect(run.stdout).toContain(
      `OTBR-001, a stock border router (legacy) with 7 routers and 14 child devices, is at ${url}.`,
    );
    expect(run.stdout).toContain(
      `threadhub border-router --hub http://hub.example:6001 --id OTBR-001 --source otbr-rest --otbr-url ${url}`,
    );
    await expect(fetch(`${url}/node`)).rejects.toThrow();
  });

  it('refuses a fault that it does not know, and names those that it does', async () => {
    const { run } = await simulate('--otbr', '1', '--otbr-fault', 'rain');
    expect(run.exitCode).toBe(2);
    expect(run.stderr).toMatch(/Write errors, busy, cut, .* or restart/);
  });

  it('refuses more routers than there are devices', async () => {
    const { run } = await simulate(
      ...['--border-routers', '0', '--otbr', '1', '--otbr-nodes', '3', '--otbr-routers', '9'],
    );
    expect(run.exitCode).not.toBe(0);
    expect(run.stderr).toContain('9 routers are not possible with 3 nodes');
  });
});
