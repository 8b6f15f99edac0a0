/**
 * The hub's one port: REST and the web pages, Socket.IO for browsers, `/ws/br` for border routers.
 */
import type { Logger } from 'pino';
import type { Clock } from '../clock.ts';
import type { Config } from '../config.ts';
import type { FactEmitter, FactSource } from '../facts.ts';
import type { Metrics } from '../observability/metrics.ts';
import type { ScanStore } from '../scan/scan-store.ts';
import type { Links, Nodes, Scans, Tokens, TopologyHistory } from './ports.ts';

export interface ServerOptions {
  readonly config: Config;
  readonly links: Links;
  readonly orchestrator: Scans;
  readonly topologies: TopologyHistory;
  readonly nodes: Nodes;
  readonly tokens: Tokens;
  readonly scans: Pick<ScanStore, 'get' | 'list' | 'lastOutcomes' | 'latencies'>;
  readonly facts: FactSource & FactEmitter;
  readonly metrics: Pick<Metrics, 'render' | 'contentType' | 'watchConnections'>;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Folder of the web build, `dist/web`; it may be absent. */
  readonly webRoot: string;
  /** Shown in the OpenAPI document. */
  readonly version: string;
  /** True from the first moment of a stop: nothing new is taken. */
  isStopping(): boolean;
}

export interface HubServer {
  /** Throws StartError: `port_in_use`, `port_forbidden`, `listen_failed`. */
  listen(): Promise<{ host: string; port: number }>;
  /** Ends browser connections and requests. Border-router links are closed by whoever owns them, before this. */
  close(): Promise<void>;
}
