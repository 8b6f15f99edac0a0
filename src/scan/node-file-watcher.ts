import type { Clock } from '../clock.ts';
import type { FactEmitter } from '../facts.ts';
import type { NodeRegistry } from './node-registry.ts';

export interface NodeFileWatcherDependencies {
  readonly path: string;
  readonly registry: Pick<NodeRegistry, 'replaceFileNodes'>;
  readonly facts: FactEmitter;
  readonly clock: Pick<Clock, 'after'>;
}

export declare class NodeFileWatcher {
  constructor(dependencies: NodeFileWatcherDependencies);
  /** Loads the file once, then watches it. */
  start(): Promise<void>;
  close(): Promise<void>;
}
