/** The real programs behind the commands, loaded only when a command starts one. */
import type { CliPrograms } from './cli-context.ts';

export const programs: CliPrograms = {
  async createHub(config, overrides) {
    const { createHub } = await import('../hub.ts');
    return createHub(config, overrides);
  },
  async createSimulation(options) {
    const { createSimulation } = await import('../simulator/simulation.ts');
    return createSimulation(options);
  },
  async createCoapSource() {
    const { createCoapSource } = await import('../agent/coap/coap-node-source.ts');
    return createCoapSource();
  },
  async createAgent(options) {
    const { createAgent } = await import('../agent/agent.ts');
    return createAgent(options);
  },
  async renderTree(topology) {
    const { toTree } = await import('../topology/tree.ts');
    return toTree(topology);
  },
};
