/**
 * `npm run bench -- NAME [options]`: runs one benchmark, or all of them. Prints a table, the bars and one JSON line for
 * each. Exit code 1 where a result was wrong or a benchmark could not run; a bar that was missed is reported and no more.
 */
import type { Benchmark } from './benchmark.ts';
import { connectionsBenchmark } from './connections.ts';
import { fanoutBenchmark } from './fanout.ts';
import { httpIngestBenchmark } from './http-ingest.ts';
import { criticalBenchmark } from './critical.ts';
import { describeMachine } from './machine.ts';
import { ingestBenchmark } from './ingest.ts';
import { pipelineBenchmark } from './pipeline.ts';
import { queryBenchmark } from './query.ts';
import { printReport } from './report.ts';
import { scanBenchmark } from './scan.ts';
import { stockMeshBenchmark } from './stock-mesh.ts';

const benchmarks: readonly Benchmark[] = [
  scanBenchmark,
  stockMeshBenchmark,
  connectionsBenchmark,
  fanoutBenchmark,
  httpIngestBenchmark,
  ingestBenchmark,
  pipelineBenchmark,
  criticalBenchmark,
  queryBenchmark,
];

async function main(argv: readonly string[]): Promise<number> {
  const [first, ...options] = argv;
  if (first === '--help' || first === '-h') {
    process.stdout.write(help());
    return 0;
  }
  const chosen = first === undefined ? benchmarks : benchmarks.filter(({ name }) => name === first);
  if (chosen.length === 0) {
    process.stderr.write(`There is no benchmark "${String(first)}".\n${help()}`);
    return 2;
  }
  let allRight = true;
  for (const benchmark of chosen) {
    const machine = describeMachine();
    process.stderr.write(`${benchmark.name}: ${benchmark.summary}\n`);
    try {
      const report = await benchmark.run(options, (line) => process.stderr.write(`  ${line}\n`));
      printReport(report, machine, (text) => process.stdout.write(text));
      allRight &&= report.problems.length === 0;
    } catch (error) {
      process.stderr.write(
        `${benchmark.name} could not run: ${error instanceof Error ? (error.stack ?? '') : String(error)}\n`,
      );
      allRight = false;
    }
  }
  return allRight ? 0 : 1;
}

function help(): string {
  const lines = ['npm run bench -- [NAME [options]]', ''];
  for (const { name, options, summary } of benchmarks) {
    lines.push(`${name}: ${summary}`, ...options.map((option) => `  ${option}`), '');
  }
  return lines.join('\n');
}

process.exitCode = await main(process.argv.slice(2));
