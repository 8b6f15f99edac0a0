/** The options of a simulated mesh, shared by `simulate` and `demo`. */
import type { Command } from 'commander';
import type { SimulationOptions } from '../simulator/simulation-options.ts';
import { type CrashPlan, crashPlan, millisecondRange, share, wholeNumber } from './option-values.ts';

export interface MeshOptions {
  readonly borderRouters: number;
  readonly nodes: number;
  readonly borderRoutersPerNetwork: number;
  readonly rtt: readonly [number, number];
  readonly loss: number;
  readonly dead: number;
  readonly slow: number;
  readonly malformed: number;
  readonly crash?: readonly CrashPlan[];
  readonly seed: number;
  readonly encoding: string;
}

export function withMeshOptions(command: Command): Command {
  return command
    .option('--border-routers <number>', 'simulated border routers', wholeNumber(0, 10_000), 10)
    .option('--nodes <number>', 'nodes per border router', wholeNumber(0, 2_000), 10)
    .option(
      '--border-routers-per-network <number>',
      'border routers that share a network',
      wholeNumber(1, 16),
      2,
    )
    .addOption(
      command
        .createOption('--rtt <range>', 'round trip between border router and node, ms')
        .argParser(millisecondRange)
        .default([40, 250], '40..250'),
    )
    .option('--loss <share>', 'packets lost in each direction, 0 to 1 or 5%', share, 0)
    .option('--dead <number>', 'nodes that never answer', wholeNumber(0), 0)
    .option('--slow <number>', 'nodes that answer late', wholeNumber(0), 0)
    .option('--malformed <number>', 'nodes that answer nonsense', wholeNumber(0), 0)
    .option(
      '--crash <plan>',
      'a crash: BR-002@10s, with a reboot 5 s later BR-002@10s+5s; repeatable',
      crashPlan,
    )
    .option('--seed <number>', 'the same seed gives the same mesh', wholeNumber(0), 1)
    .addOption(
      command
        .createOption('--encoding <name>', 'of frames and answers')
        .choices(['json', 'cbor'])
        .default('json'),
    );
}

export function simulationOptions(options: MeshOptions): Omit<SimulationOptions, 'hubUrl'> {
  return {
    borderRouters: options.borderRouters,
    nodesPerBorderRouter: options.nodes,
    borderRoutersPerNetwork: options.borderRoutersPerNetwork,
    rttMs: options.rtt,
    loss: options.loss,
    dead: options.dead,
    slow: options.slow,
    malformed: options.malformed,
    crash: options.crash ?? [],
    seed: options.seed,
    encoding: options.encoding === 'cbor' ? 'cbor' : 'json',
  };
}
