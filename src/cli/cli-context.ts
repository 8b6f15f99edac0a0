/**
 * What the CLI sees of the process it runs in. Commands take nothing from `process` themselves, so that tests run them
 * with captured output; `main.ts` gives the real ones.
 */
import type { Agent, AgentOptions } from '../agent/agent-options.ts';
import type { ReadResult } from '../agent/mesh/mesh-reader.ts';
import type { NodeSource } from '../agent/node-source.ts';
import type { StockProgramOptions } from '../agent/open-stock-border-router.ts';
import type { StockBorderRouter } from '../agent/stock-border-router.ts';
import type { LiveConnection, LiveOptions } from '../client/connect-live.ts';
import type { Clock } from '../clock.ts';
import type { Config } from '../config.ts';
import type { Logger } from '../observability/logger.ts';
import type { RecentLogs } from '../observability/recent-logs.ts';
import type { Topology } from '../protocol/topology.ts';
import type { SimulatedHouse, SimulatedHouseOptions } from '../simulator/house/simulated-house.ts';
import type { OtbrSimulation, OtbrSimulationOptions } from '../simulator/otbr/otbr-simulation.ts';
import type { Simulation } from '../simulator/simulation.ts';
import type { SimulationOptions } from '../simulator/simulation-options.ts';

export interface TextOutput {
  write(text: string): void;
  readonly isTerminal: boolean;
  /** For a progress bar; null where none can be drawn. */
  readonly stream: NodeJS.WritableStream | null;
}

export type StopSignal = 'SIGINT' | 'SIGTERM';

export interface CliFiles {
  /** All throw what `node:fs` throws. */
  readText(path: string): string;
  writeText(path: string, text: string): void;
  makeTemporaryFolder(): string;
  removeFolder(path: string): void;
}

export interface RunningHub {
  /** Throws StartError. */
  start(): Promise<{ readonly url: string; readonly mqtt: { readonly url: string } | null }>;
  stop(): Promise<void>;
}

export interface HubOverrides {
  readonly logger: Logger;
  readonly recentLogs: RecentLogs;
  /** Where the alert rules are, to be read again when it changes; null: they are the built-in ones. */
  readonly configFile: string | null;
  /** The hub cannot go on. */
  readonly onFatal: (error: Error) => void;
}

export interface HouseOptions extends Omit<SimulatedHouseOptions, 'connect'> {
  /** `mqtt://127.0.0.1:1883` */
  readonly brokerUrl: string;
}

/** The parts that a command may start, each loaded when its command runs: `--help` needs none of them. */
export interface CliPrograms {
  createHub(config: Config, overrides: HubOverrides): Promise<RunningHub>;
  createSimulation(options: SimulationOptions): Promise<Simulation>;
  createOtbrSimulation(options: OtbrSimulationOptions): Promise<OtbrSimulation>;
  createHouse(options: HouseOptions): Promise<SimulatedHouse>;
  /** `threadInterface` is where discovery asks: `wpan0`; null: the system chooses. */
  createCoapSource(options: { readonly threadInterface: string | null }): Promise<NodeSource>;
  createAgent(options: AgentOptions): Promise<Agent>;
  createStockBorderRouter(options: StockProgramOptions): Promise<Pick<StockBorderRouter, 'run' | 'close'>>;
  /** Whether a REST API that tells a mesh answers there. */
  probeOtbrRest(url: string, signal: AbortSignal): Promise<ReadResult<unknown>>;
  probeOtCtl(command: readonly string[], signal: AbortSignal): Promise<ReadResult<unknown>>;
  renderTree(topology: Topology): Promise<string>;
  loadLiveClient(): Promise<(options: LiveOptions) => LiveConnection>;
}

export interface CliContext {
  readonly programs: CliPrograms;
  readonly stdout: TextOutput;
  readonly stderr: TextOutput;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  readonly fetch: typeof fetch;
  readonly files: CliFiles;
  /** While something listens, signals do not end the process. Returns the function that stops listening. */
  readonly onSignal: (listener: (signal: StopSignal) => void) => () => void;
  /** Of an unhandled rejection or exception; the same. */
  readonly onFatal: (listener: (error: unknown) => void) => () => void;
  /** Ends the process at once. */
  readonly exitNow: (code: number) => void;
  readonly version: string;
  /** Of this machine. */
  readonly hostName: string;
}
