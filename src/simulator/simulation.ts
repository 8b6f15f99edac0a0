/**
 * A simulated fleet: networks of virtual nodes and border routers, built from options, connected to a hub.
 */
import type { GroundTruth } from './ground-truth.ts';
import type { NodeFault } from './node-fault.ts';

export type { GroundTruth } from './ground-truth.ts';
export type { NodeFault } from './node-fault.ts';
export type { SimulationOptions } from './simulation-options.ts';

export interface SimulatedNode {
  readonly name: string;
  /** The address that it is registered and asked by. */
  readonly ipv6: string;
  readonly extAddress: string;
  readonly networkIndex: number;
  /** UDP port on ::1 where its CoAP server listens. */
  readonly port: number;
}

export interface SimulatedBorderRouter {
  readonly id: string;
  readonly networkIndex: number;
  /** `fd…::/64` */
  readonly networkPrefix: string;
  readonly extAddress: string;
}

export interface Simulation {
  readonly nodes: readonly SimulatedNode[];
  readonly borderRouters: readonly SimulatedBorderRouter[];
  /** `adresses.json`: every node's name and IPv6 address. */
  nodeFile(): Record<string, string>;
  groundTruth(): GroundTruth;
  /** Registers the nodes with the hub and connects the border routers; planned events count from here. */
  start(): Promise<void>;
  /** Disconnects and closes everything; a second call does nothing. */
  stop(): Promise<void>;

  setDead(nodeName: string, dead: boolean): void;
  /** Null: healthy again. */
  setFault(nodeName: string, fault: NodeFault | null): void;
  /** Moves a child to another parent: the best one in range that is not its own. False where there is none. */
  reparent(nodeName: string): boolean;
  /** Gives a node another RLOC16; a router's children follow it. */
  moveRloc16(nodeName: string): void;
  /** About a quarter of the children change parent and one router changes its RLOC16. */
  reroll(networkIndex: number): void;
  /** Falls apart into two partitions, each with its own leader. False where there are fewer than two routers. */
  splitPartition(networkIndex: number): boolean;
  healPartition(networkIndex: number): void;

  /** The connection ends without a word; nothing is answered until a reboot. */
  crashBorderRouter(index: number, rebootAfterMs?: number): void;
  rebootBorderRouter(index: number): void;
  /** Stops answering, pings included, while its TCP connection stays open. */
  silenceBorderRouter(index: number): void;
  /** Opens a new connection while the old one, silent, is still open. */
  reconnectBorderRouter(index: number): void;
}
