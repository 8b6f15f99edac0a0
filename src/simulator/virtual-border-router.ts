/**
 * A border router of the simulation: the real agent with its real CoAP client over a simulated radio, and the ways in
 * which such a machine fails.
 *
 *   running ── crash ──► dead          the connection breaks without a close frame
 *   running ── silence ──► dead        the connection stays open and mute: only time tells
 *   dead ── reboot ──► running         on a new connection; a mute old one ends some time later
 *   running ── reconnect ──► running   a new connection while the old one is still open, mute
 */
import { createAgent } from '../agent/agent.ts';
import type { Agent, AgentFact, AgentLimits, AgentStatus, OpenWebSocket } from '../agent/agent-options.ts';
import { createCoapClient } from '../agent/coap/coap-client.ts';
import { CoapNodeSource } from '../agent/coap/coap-node-source.ts';
import { UdpTransport } from '../agent/coap/udp-transport.ts';
import type { Clock } from '../clock.ts';
import type { FrameEncoding } from '../protocol/border-router-messages.ts';
import { asBorderRouterId } from '../protocol/ids.ts';
import { HeldWebSocket } from './held-web-socket.ts';
import type { Mesh } from './mesh.ts';
import type { MeshDevice } from './mesh-device.ts';
import { type RadioPeer, RadioTransport } from './radio-transport.ts';
import type { SeededRandom } from './random.ts';

export interface VirtualBorderRouterOptions {
  readonly device: MeshDevice;
  readonly mesh: Mesh;
  /** `ws://host:port` */
  readonly hubUrl: string;
  readonly token: string | null;
  readonly encoding: FrameEncoding;
  readonly clock: Clock;
  readonly random: SeededRandom;
  readonly peers: readonly RadioPeer[];
  readonly reaches: (peer: RadioPeer) => boolean;
  readonly limits: Partial<AgentLimits>;
  readonly onFact: (fact: AgentFact) => void;
}

/** A host that comes back answers packets for its old connections with a reset; until then they linger. */
const muteConnectionEndsAfterMs = 30_000;

export class VirtualBorderRouter {
  readonly device: MeshDevice;
  readonly #agent: Agent;
  readonly #source: CoapNodeSource;
  readonly #clock: Clock;
  #socket: HeldWebSocket | null = null;
  readonly #mute = new Set<HeldWebSocket>();
  #cancelReboot: () => void = () => undefined;
  #cancelLettingGo: () => void = () => undefined;
  #running = false;

  constructor(options: VirtualBorderRouterOptions) {
    const { device, mesh, clock, peers, reaches } = options;
    this.device = device;
    this.#clock = clock;
    this.#source = new CoapNodeSource({
      client: createCoapClient({
        openTransport: () =>
          new RadioTransport({ under: new UdpTransport({ address: '::1' }), clock, peers, reaches }),
        clock,
      }),
    });
    const openWebSocket: OpenWebSocket = (url, protocols, socketOptions) =>
      (this.#socket = new HeldWebSocket(url, protocols, socketOptions));
    this.#agent = createAgent({
      hub: options.hubUrl,
      id: asBorderRouterId(device.name),
      token: options.token,
      networkPrefix: mesh.prefix,
      encoding: options.encoding,
      source: this.#source,
      clock,
      random: () => options.random.next(),
      limits: options.limits,
      firmware: 'threadhub-simulator',
      identity: () => ({
        extAddress: device.extAddress,
        rloc16: mesh.rloc16Of(device),
        role: mesh.roleOf(device),
        partitionId: mesh.partitionIdOf(device),
        nodesCount: mesh.nodes.filter((node) => mesh.inOnePartition(node, device)).length,
      }),
      onFact: options.onFact,
      openWebSocket,
    });
  }

  get id(): string {
    return this.device.name;
  }

  /** Its power is on; whether it is connected is in `status()`. */
  get running(): boolean {
    return this.#running;
  }

  status(): AgentStatus {
    return this.#agent.status();
  }

  start(): void {
    this.#running = true;
    this.#agent.start();
  }

  /** As a program that is told to stop: with a close frame. */
  async stop(): Promise<void> {
    this.#running = false;
    this.#cancelReboot();
    this.#cancelLettingGo();
    await this.#agent.close();
    this.#letGo();
    await this.#source.close();
  }

  crash(rebootAfterMs?: number): void {
    this.#die();
    if (rebootAfterMs !== undefined) {
      this.#cancelReboot = this.#clock.after(rebootAfterMs, () => this.reboot());
    }
  }

  silence(): void {
    const socket = this.#socket;
    if (socket !== null) {
      socket.hold();
      this.#mute.add(socket);
    }
    this.#die();
  }

  /** Does nothing while it is running. */
  reboot(): void {
    if (this.#running) return;
    this.#cancelReboot();
    this.#cancelLettingGo();
    this.#cancelLettingGo = this.#clock.after(muteConnectionEndsAfterMs, () => this.#letGo());
    this.start();
  }

  reconnect(): void {
    this.silence();
    this.reboot();
  }

  #letGo(): void {
    for (const socket of this.#mute) socket.letGo();
    this.#mute.clear();
  }

  #die(): void {
    this.#running = false;
    this.#cancelReboot();
    this.#agent.crash();
    this.#socket = null;
  }
}
