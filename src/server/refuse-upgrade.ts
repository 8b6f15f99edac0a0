/** Answers an upgrade request with plain HTTP and a problem, and makes sure that its socket goes away. */
import { STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Clock } from '../clock.ts';
import { type Problem, problemContentType } from './http/problem.ts';

/** Time for the peer to read the answer and close. */
const lingerMs = 1_000;

export function refuseUpgrade(socket: Duplex, problem: Problem, clock: Pick<Clock, 'after'>): void {
  const body = JSON.stringify(problem);
  const head = [
    `HTTP/1.1 ${problem.status} ${STATUS_CODES[problem.status] ?? 'Refused'}`,
    `Content-Type: ${problemContentType}`,
    `Content-Length: ${Buffer.byteLength(body)}`,
    'Cache-Control: no-store',
    'Connection: close',
    ...(problem.status === 401 ? ['WWW-Authenticate: Bearer realm="threadhub"'] : []),
    ...(problem.status === 429 ? ['Retry-After: 60'] : []),
    ...(problem.status === 503 ? ['Retry-After: 5'] : []),
  ];
  // A peer that keeps its half open, or never reads, must not keep the socket.
  const cancel = clock.after(lingerMs, () => socket.destroy());
  socket.once('close', cancel);
  socket.on('error', () => socket.destroy());
  socket.resume();
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`);
}
