/** The real programs behind the commands, loaded only when a command starts one. */
import type { SharedCollections as Shared } from '../agent/mesh/shared-collections.ts';
import type { CliPrograms } from './cli-context.ts';

/** Border routers of one mesh that one command speaks for read it once. */
let sharedCollections: Shared | null = null;

export const programs: CliPrograms = {
  async createHub(config, overrides) {
    const { createHub } = await import('../hub.ts');
    return createHub(config, overrides);
  },
  async createSimulation(options) {
    const { createSimulation } = await import('../simulator/simulation.ts');
    return createSimulation(options);
  },
  async createOtbrSimulation(options) {
    const { createOtbrSimulation } = await import('../simulator/otbr/otbr-simulation.ts');
    return createOtbrSimulation(options);
  },
  async createHouse({ brokerUrl, ...options }) {
    const [{ createSimulatedHouse }, { createMqttPublisher }] = await Promise.all([
      import('../simulator/house/simulated-house.ts'),
      import('../simulator/house/mqtt-publisher.ts'),
    ]);
    return createSimulatedHouse({
      ...options,
      connect: (sensorId) => createMqttPublisher({ brokerUrl, clientId: `simulated-${sensorId}` }),
    });
  },
  async createCoapSource({ threadInterface }) {
    const [{ createCoapClient }, { CoapNodeSource }, { UdpTransport }] = await Promise.all([
      import('../agent/coap/coap-client.ts'),
      import('../agent/coap/coap-node-source.ts'),
      import('../agent/coap/udp-transport.ts'),
    ]);
    const openTransport = () =>
      new UdpTransport(threadInterface === null ? {} : { multicastInterface: `::%${threadInterface}` });
    return new CoapNodeSource({ client: createCoapClient({ openTransport }) });
  },
  async createAgent(options) {
    const { createAgent } = await import('../agent/agent.ts');
    return createAgent(options);
  },
  async createStockBorderRouter(options) {
    const [{ openStockBorderRouter }, { SharedCollections }] = await Promise.all([
      import('../agent/open-stock-border-router.ts'),
      import('../agent/mesh/shared-collections.ts'),
    ]);
    sharedCollections ??= new SharedCollections();
    return openStockBorderRouter({ ...options, shared: sharedCollections });
  },
  async probeOtbrRest(url, signal) {
    const { probeOtbrRest } = await import('../agent/otbr-rest/otbr-probe.ts');
    return probeOtbrRest(url, signal);
  },
  async probeOtCtl(command, signal) {
    const { probeOtCtl } = await import('../agent/ot-ctl/probe-ot-ctl.ts');
    return probeOtCtl(command, signal);
  },
  async renderTree(topology) {
    const { toTree } = await import('../topology/export/tree.ts');
    return toTree(topology);
  },
  async loadLiveClient() {
    const { connectLive } = await import('../client/connect-live.ts');
    return connectLive;
  },
};
