/** Starts a scan of everything: over the open Socket.IO connection, else over REST. */
import { hubApi } from './hub-api.ts';
import { HubError } from './hub-error.ts';
import type { HubSocket, TriggerAck } from './hub-socket.ts';

const ackTimeoutMs = 4_000;

/** Resolves with the scan's id; throws a `HubError` that says why there is none. */
export async function triggerScan(
  socket: Pick<HubSocket, 'connected' | 'timeout'>,
  rest: Pick<typeof hubApi, 'triggerScan'> = hubApi,
): Promise<string> {
  if (socket.connected) {
    const answer = await askSocket(socket);
    if (answer !== null) return answer;
  }
  // A trigger that the hub did get over the socket is joined by this one, not repeated.
  return (await rest.triggerScan()).scanId;
}

/** Null where no answer came in time. */
async function askSocket(socket: Pick<HubSocket, 'timeout'>): Promise<string | null> {
  let answer: TriggerAck;
  try {
    answer = (await socket.timeout(ackTimeoutMs).emitWithAck('trigger_scan', {})) as TriggerAck;
  } catch {
    return null;
  }
  if ('scan_id' in answer) return answer.scan_id;
  const { error } = answer;
  if (typeof error === 'string') throw new HubError('unknown', 0, error);
  throw new HubError(error.code ?? 'unknown', 0, error.detail ?? error.title ?? 'The hub refused the scan.');
}
