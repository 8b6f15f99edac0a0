/**
 * `node fake-ot-ctl-program.mjs OPTIONS words of the command`, as `fake-ot-ctl.ts` starts it. Plain JavaScript, because a test
 * starts it hundreds of times.
 */
import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { setInterval } from 'node:timers';

const fixtures = join(import.meta.dirname, '../fixtures/otbr');

/** The number of the recorded node that has this RLOC16. */
function nodeOf(rloc16) {
  const { nodes } = JSON.parse(readFileSync(join(fixtures, 'mesh-ground-truth.json'), 'utf8'));
  return Object.keys(nodes).find((node) => Number.parseInt(nodes[node].rloc16, 16) === rloc16) ?? 'unknown';
}

function recordingOf(words) {
  const command = words.join(' ');
  let name = `br-${words.join('_')}`;
  if (/^meshdiag (childtable|childip6|routerneighbortable) /.test(command))
    name = `br-meshdiag_${words[1]}_node${nodeOf(Number(words[2]))}`;
  if (command.startsWith('networkdiagnostic get '))
    name = `br-networkdiagnostic_get_unicast_node${nodeOf(Number.parseInt(words[2].split(':').at(-1), 16))}`;
  const path = join(fixtures, 'cli', `${name}.txt`);
  if (existsSync(path)) return readFileSync(path, 'utf8');
  return command.startsWith('meshdiag') ? 'Error 7: InvalidArgs\n' : 'Error 35: InvalidCommand\n';
}

const [, , optionsText = '{}', ...words] = process.argv;
const { log, script = [] } = JSON.parse(optionsText);
const command = words.join(' ');
const entry = script.find(([start]) => command.startsWith(start));
const sent = existsSync(log) ? readFileSync(log, 'utf8').split('\n') : [];
const before = entry === undefined ? 0 : sent.filter((line) => line.startsWith(entry[0])).length;
appendFileSync(log, `${command}\n`);
const behaviour = entry?.[1][before] ?? { replay: true };
if ('print' in behaviour) process.stdout.write(behaviour.print);
else if ('cut' in behaviour) process.stdout.write(recordingOf(words).slice(0, -12));
else if ('complain' in behaviour) {
  process.stderr.write(`${behaviour.complain}\n`);
  process.exitCode = behaviour.exitCode;
} else if ('hang' in behaviour) setInterval(() => undefined, 1_000);
else if ('flood' in behaviour) process.stdout.write('x'.repeat(2_000_000));
else process.stdout.write(recordingOf(words));
