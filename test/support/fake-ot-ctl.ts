/**
 * Stands in for `ot-ctl`: replays what a real border router printed, and writes down what it was asked. Scripted commands
 * misbehave instead, call by call. It is a shell script, because a test starts it many times and a shell starts at once.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
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

/** Writes the program beside its log, and gives the command that a reader is given. */
export function fakeOtCtl(options: FakeOtCtlOptions): string[] {
  const program = `${options.log}.sh`;
  writeFileSync(program, programText(options, program));
  return ['/bin/sh', program];
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

function programText({ log, script = [] }: FakeOtCtlOptions, program: string): string {
  const { nodes } = JSON.parse(readFileSync(join(fixtures, 'mesh-ground-truth.json'), 'utf8')) as GroundTruth;
  const ofNodes = Object.entries(nodes).flatMap(([number, { rloc16 }]) => [
    ...['childtable', 'childip6', 'routerneighbortable'].map(
      (query) => `  'meshdiag ${query} 0x${rloc16}') name='meshdiag_${query}_node${number}' ;;`,
    ),
    `  'networkdiagnostic get '*':${rloc16} '*) name='networkdiagnostic_get_unicast_node${number}' ;;`,
  ]);
  const rules = script.map(
    ([start], rule) =>
      `  ${quoted(start)}*) rule=${rule}; before=$(grep -c ${quoted(`^${start}`)} "$log" 2>/dev/null) ;;`,
  );
  const behaviours = script.flatMap(([, calls], rule) =>
    calls.map(
      (behaviour, call) => `  ${rule}.${call}) ${actionOf(behaviour, `${program}.${rule}.${call}`)} ;;`,
    ),
  );
  return [
    `log=${quoted(log)}`,
    'command="$*"',
    'rule=none before=0',
    'case "$command" in',
    ...rules,
    'esac',
    `printf '%s\\n' "$command" >> "$log"`,
    `name=$(printf '%s' "$command" | tr ' ' _)`,
    'case "$command" in',
    "  'meshdiag topology ip6-addrs children') name=meshdiag_topology_ip6-addrs_children ;;",
    ...ofNodes,
    'esac',
    `recording=${quoted(join(fixtures, 'cli'))}/br-$name.txt`,
    'case "$rule.${before:-0}" in',
    ...behaviours,
    'esac',
    '[ -f "$recording" ] && exec cat "$recording"',
    `case "$command" in meshdiag*) echo 'Error 7: InvalidArgs' ;; *) echo 'Error 35: InvalidCommand' ;; esac`,
    '',
  ].join('\n');
}

function actionOf(behaviour: FakeBehaviour, file: string): string {
  if ('print' in behaviour) {
    writeFileSync(file, behaviour.print);
    return `exec cat ${quoted(file)}`;
  }
  if ('cut' in behaviour) return 'head -c $(($(wc -c < "$recording") - 12)) "$recording"; exit 0';
  if ('complain' in behaviour) return `echo ${quoted(behaviour.complain)} >&2; exit ${behaviour.exitCode}`;
  if ('hang' in behaviour) return 'exec sleep 600';
  if ('flood' in behaviour) return 'exec head -c 2000000 /dev/zero';
  return ':';
}

const quoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;
