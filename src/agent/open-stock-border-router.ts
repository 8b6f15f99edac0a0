/** Puts together what speaks for one stock border router: its reader, the source that reads meshes through it, and the agent. */
import type { Clock } from '../clock.ts';
import type { FrameEncoding } from '../protocol/border-router-messages.ts';
import type { BorderRouterId, ExtAddress } from '../protocol/ids.ts';
import { createAgent } from './agent.ts';
import { createCoapClient } from './coap/coap-client.ts';
import { CoapNodeSource } from './coap/coap-node-source.ts';
import { UdpTransport } from './coap/udp-transport.ts';
import { MeshNodeSource } from './mesh/mesh-node-source.ts';
import type { MeshReader } from './mesh/mesh-reader.ts';
import type { SharedCollections } from './mesh/shared-collections.ts';
import { OtCtlReader } from './ot-ctl/ot-ctl-reader.ts';
import { OtbrRestReader } from './otbr-rest/otbr-rest-reader.ts';
import type { StockAddress } from './stock-address.ts';
import { StockBorderRouter, type StockBorderRouterFact } from './stock-border-router.ts';

export interface StockProgramOptions {
  readonly address: StockAddress;
  /** `ws://hub:5001`. */
  readonly hub: string;
  /** Null where that needs the extended address, which is not known yet. */
  readonly idOf: (extAddress: ExtAddress | null) => BorderRouterId | null;
  readonly tokenOf: (id: BorderRouterId) => string | null;
  /** Null: what the border router says. */
  readonly networkPrefix: string | null;
  readonly encoding: FrameEncoding;
  /** Requests that one reading of the mesh may send on the radio. */
  readonly radioBudget: number;
  /** The same for all border routers of this process: those of one mesh then read it once. */
  readonly shared?: SharedCollections;
  /** Where CoAP multicasts go through: `wpan0`; null: the system chooses. */
  readonly threadInterface: string | null;
  readonly firmware: string;
  readonly clock: Clock;
  readonly onFact: (fact: StockBorderRouterFact) => void;
}

export function openStockBorderRouter(options: StockProgramOptions): StockBorderRouter {
  const { address, clock, threadInterface } = options;
  const openReader = (): MeshReader =>
    address.source === 'otbr-rest'
      ? new OtbrRestReader({ baseUrl: address.url, clock })
      : new OtCtlReader({ command: address.command, clock });
  return new StockBorderRouter({
    openReader,
    openSource() {
      // Requests to a node itself go the way that IP goes: from the border router's machine all, from others those to
      // off-mesh addresses.
      const coap = new CoapNodeSource({
        client: createCoapClient({
          openTransport: () =>
            new UdpTransport(threadInterface === null ? {} : { multicastInterface: `::%${threadInterface}` }),
        }),
      });
      return new MeshNodeSource({
        reader: openReader(),
        clock,
        radioBudget: options.radioBudget,
        ...(options.shared === undefined ? {} : { shared: options.shared }),
        coap,
      });
    },
    createAgent: (agent) =>
      createAgent({
        ...agent,
        hub: options.hub,
        token: options.tokenOf(agent.id),
        encoding: options.encoding,
        firmware: options.firmware,
        clock,
      }),
    idOf: options.idOf,
    networkPrefix: options.networkPrefix,
    clock,
    onFact: options.onFact,
  });
}
