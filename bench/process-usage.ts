/** What another process has used, from Linux' /proc: asking costs that process nothing. */
import { readdirSync, readFileSync } from 'node:fs';
import { cpus } from 'node:os';

/** CPU time of all its threads, ms; nanoseconds in the kernel, where `stat` has ticks of 10 ms. */
export function cpuMsOf(pid: number): number {
  let nanoseconds = 0;
  for (const thread of readdirSync(`/proc/${pid}/task`)) {
    try {
      // schedstat: time on a core, time waiting for one, time slices.
      const [onCore] = readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').split(' ');
      nanoseconds += Number(onCore);
    } catch {
      // A thread may end between the two reads.
    }
  }
  return nanoseconds / 1e6;
}

/** Memory in RAM, bytes. */
export function residentBytesOf(pid: number): number {
  const match = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
  if (match === null) throw new Error(`process ${pid} has no VmRSS: it has ended`);
  return Number(match[1]) * 1_024;
}

/** CPU time that all processes together have used since the machine started, ms. */
export function machineCpuMs(): number {
  return cpus().reduce((sum, { times }) => sum + times.user + times.nice + times.sys + times.irq, 0);
}
