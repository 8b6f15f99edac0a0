/**
 * Stands in for `ot-ctl`: `node fake-ot-ctl.ts OPTIONS words of the command` replays what a real border router printed,
 * and writes down what it was asked. Scripted commands misbehave instead, call by call.
 */
import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** What one call does instead of replaying. */
export type FakeBehaviour =
  | { readonly print: string }
  /** The session is taken: it ends in the middle, with success. */
  | { readonly cut: true }
  /** As the last one, before anything was printed. */
  | { readonly complain: string; readonly exitCode: number }
  /** Nothing, until it is killed. */
  | { readonly hang: true }
  /** More than anybody should read. */
  | { readonly flood: true }
  | { readonly replay: true };

export interface FakeOtCtlOptions {
  /** One line for each call. */
  readonly log: string;
  /** By the beginning of the command: what its first, second … call does. Later ones replay. */
  readonly script?: readonly (readonly [command: string, behaviours: readonly FakeBehaviour[]])[];
}

const fixtures = join(import.meta.dirname, '../fixtures/otbr');

/** The command that a reader is given. */
export function fakeOtCtl(options: FakeOtCtlOptions): string[] {
  return [process.execPath, join(import.meta.dirname, 'fake-ot-ctl.ts'), JSON.stringify(options)];
}

/** The commands that it was sent so far. */
export function commandsSent(log: string): string[] {
  return existsSync(log) ? readFileSync(log, 'utf8').split('\n').slice(0, -1) : [];
}

export function recordedCli(name: string): string {
  return readFileSync(join(fixtures, 'cli', `${name}.txt`), 'utf8');
}

interface GroundTruth {
  readonly nodes: Readonly<Record<string, { readonly rloc16: string }>>;
}

function recordingOf(words: readonly string[]): string {
  const command = words.join(' ');
  const { nodes } = JSON.parse(readFileSync(join(fixtures, 'mesh-ground-truth.json'), 'utf8')) as GroundTruth;
  const nodeOf = (rloc16: number): string =>
    Object.entries(nodes).find(([, node]) => Number.parseInt(node.rloc16, 16) === rloc16)?.[0] ?? 'unknown';
  let name = `br-${words.join('_')}`;
  if (/^meshdiag (childtable|childip6|routerneighbortable) /.test(command))
    name = `br-meshdiag_${words[1] ?? ''}_node${nodeOf(Number(words[2]))}`;
  if (command.startsWith('networkdiagnostic get '))
    name = `br-networkdiagnostic_get_unicast_node${nodeOf(Number.parseInt(words[2]?.split(':').at(-1) ?? '', 16))}`;
  if (command === 'meshdiag topology ip6-addrs children') name = 'br-meshdiag_topology_ip6-addrs_children';
  if (existsSync(join(fixtures, 'cli', `${name}.txt`))) return recordedCli(name);
  return command.startsWith('meshdiag') ? 'Error 7: InvalidArgs\n' : 'Error 35: InvalidCommand\n';
}

function main([optionsText = '{}', ...words]: readonly string[]): void {
  const options = JSON.parse(optionsText) as FakeOtCtlOptions;
  const command = words.join(' ');
  const entry = (options.script ?? []).find(([start]) => command.startsWith(start));
  const before = commandsSent(options.log).filter(
    (sent) => entry !== undefined && sent.startsWith(entry[0]),
  ).length;
  appendFileSync(options.log, `${command}\n`);
  const behaviour = entry?.[1][before] ?? { replay: true };
  if ('print' in behaviour) process.stdout.write(behaviour.print);
  else if ('cut' in behaviour) process.stdout.write(recordingOf(words).slice(0, -12));
  else if ('complain' in behaviour) {
    process.stderr.write(`${behaviour.complain}\n`);
    process.exitCode = behaviour.exitCode;
  } else if ('hang' in behaviour) setInterval(() => undefined, 1_000);
  else if ('flood' in behaviour) process.stdout.write('x'.repeat(2_000_000));
  else process.stdout.write(recordingOf(words));
}

if (process.argv[1] === import.meta.filename) main(process.argv.slice(2));
