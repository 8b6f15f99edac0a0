/**
 * A border router as the ESP32 firmware in the field is one: what it sends byte for byte, and what it does not. It proves
 * that the hub keeps the protocol, so it shares no code with it: text is pasted together as the firmware's `snprintf` does,
 * and commands are read as `cJSON` reads them.
 *
 *   heartbeat   every 10 s; `timestamp` is its uptime in ms
 *   success     the node's payload pasted behind `"network_info":`, unchecked, as far as its first zero byte; no `error`
 *   failure     by version: with the names, or just `{"type":…,"success":false,"error":"CoAP timeout"}`
 *   unsaid      no headers, no CBOR, no optional field; unknown commands, `deadline_ms` and `send_coap` are ignored
 *
 * There is no radio here: what the nodes do is a function given by the caller.
 */
import { WebSocket } from 'ws';

/** What became of one `GET /network-info`. */
export type LegacyNodeAnswer =
  /** The CoAP payload, whatever it is. */
  | { readonly kind: 'payload'; readonly payload: string | Uint8Array }
  /** CoAP gave up: the failure is sent after `timeoutAfterMs`. */
  | { readonly kind: 'timeout' }
  /** The request could not be sent: the failure comes at once, with the names in every version. */
  | { readonly kind: 'not_sent' }
  /** Nothing is ever sent. */
  | { readonly kind: 'silence' };

export interface LegacyFirmwareOptions {
  /** `ws://host:port` */
  readonly hubUrl: string;
  readonly borderRouterId: string;
  readonly authToken: string;
  /** `fd78::/64` */
  readonly networkPrefix: string;
  readonly nodesCount?: number;
  readonly scanNode: (targetIpv6: string, nodeName: string) => LegacyNodeAnswer | Promise<LegacyNodeAnswer>;
  /** `anonymous`: the version that sends CoAP failures without request id, names or address. */
  readonly failures?: 'named' | 'anonymous';
  /** Until a CoAP timeout is reported; 93,000 is CoAP's own give-up time (RFC 7252 §4.8.2, MAX_TRANSMIT_WAIT). */
  readonly timeoutAfterMs?: number;
  /** 10,000 */
  readonly heartbeatEveryMs?: number;
  /** Pause before it connects again; 10,000, as `esp_websocket_client` has it. */
  readonly reconnectAfterMs?: number;
  readonly after?: (delayMs: number, callback: () => void) => () => void;
}

/** What it has done so far. */
interface LegacyFirmwareCounters {
  readonly connections: number;
  readonly scanCommands: number;
  readonly ignoredCommands: number;
  /** Frames that did not fit its receive buffer. */
  readonly droppedFrames: number;
}

export interface LegacyFirmware {
  start(): void;
  /** Power cut: the connection just breaks. */
  stop(): void;
  /** Connects anew and leaves the old connection open and mute, as after a reset of the chip; its requests are forgotten. */
  reboot(): void;
  readonly connected: boolean;
  counters(): LegacyFirmwareCounters;
}

/** The receive buffer; a longer command is lost. */
const receiveBufferBytes = 1_024;
/** `scan_node_context_t`: char[64], char[32] and char[48], each with its final zero. */
const contextBytes = { requestId: 63, nodeName: 31, targetIpv6: 47 };

export function createLegacyFirmware(options: LegacyFirmwareOptions): LegacyFirmware {
  const after = options.after ?? setTimer;
  const counters = { connections: 0, scanCommands: 0, ignoredCommands: 0, droppedFrames: 0 };
  const bootedAtMs = performance.now();
  /** The chip's current life: callbacks of an earlier one do nothing. */
  let life = 0;
  let socket: WebSocket | null = null;
  const mute = new Set<WebSocket>();
  const timers = new Set<() => void>();

  let stopHeartbeat: () => void = () => undefined;

  const later = (delayMs: number, callback: () => void): (() => void) => {
    const bornIn = life;
    const cancel = after(delayMs, () => {
      timers.delete(cancel);
      if (life === bornIn) callback();
    });
    timers.add(cancel);
    return () => {
      cancel();
      timers.delete(cancel);
    };
  };

  const send = (frame: Uint8Array): void => {
    // A text frame whatever is in it: the firmware does not check that it is UTF-8.
    if (socket?.readyState === WebSocket.OPEN) socket.send(frame, { binary: false });
  };
  const sendText = (text: string): void => send(Buffer.from(text));

  const heartbeat = (): void => {
    const uptimeMs = Math.round(performance.now() - bootedAtMs);
    sendText(
      `{"type":"heartbeat","br_id":"${options.borderRouterId}","timestamp":${uptimeMs},` +
        `"nodes_count":${options.nodesCount ?? 0},"status":"online"}`,
    );
    stopHeartbeat = later(options.heartbeatEveryMs ?? 10_000, heartbeat);
  };

  const scanNode = (command: Record<string, unknown>): void => {
    const targetIpv6 = cut(command['target_ipv6'], contextBytes.targetIpv6);
    const nodeName = cut(command['node_name'], contextBytes.nodeName);
    const requestId = cut(command['request_id'], contextBytes.requestId);
    const names = `"target_ipv6":"${targetIpv6}","node_name":"${nodeName}","request_id":"${requestId}",`;
    const bornIn = life;
    void Promise.resolve(options.scanNode(targetIpv6, nodeName)).then((answer) => {
      if (life !== bornIn) return;
      switch (answer.kind) {
        case 'payload':
          send(
            Buffer.concat([
              Buffer.from(`{"type":"scan_node_result",${names}"success":true,"network_info":`),
              untilZero(Buffer.from(answer.payload)),
              Buffer.from('}'),
            ]),
          );
          return;
        case 'timeout':
          later(options.timeoutAfterMs ?? 93_000, () =>
            sendText(
              options.failures === 'named'
                ? `{"type":"scan_node_result",${names}"success":false,"error":"CoAP timeout"}`
                : '{"type":"scan_node_result","success":false,"error":"CoAP timeout"}',
            ),
          );
          return;
        case 'not_sent':
          sendText(
            `{"type":"scan_node_result",${names}"success":false,"error":"Failed to initiate CoAP scan"}`,
          );
          return;
        case 'silence':
          return;
      }
    });
  };

  const receive = (data: Buffer): void => {
    if (data.length > receiveBufferBytes) {
      counters.droppedFrames += 1;
      return;
    }
    const command = readObject(data.toString());
    if (command?.['command'] !== 'scan_node') {
      counters.ignoredCommands += 1;
      return;
    }
    counters.scanCommands += 1;
    scanNode(command);
  };

  const connect = (): void => {
    const { hubUrl, borderRouterId, authToken, networkPrefix } = options;
    // Pasted, not encoded: the prefix goes with its colons and slash.
    const query = `br_id=${borderRouterId}&auth_token=${authToken}&network_prefix=${networkPrefix}`;
    const opened = new WebSocket(`${hubUrl}/ws/br?${query}`, { perMessageDeflate: false });
    socket = opened;
    opened.on('open', () => {
      if (socket !== opened) return;
      counters.connections += 1;
      heartbeat();
    });
    opened.on('message', (data: Buffer) => {
      if (socket === opened) receive(data);
    });
    opened.on('error', () => undefined);
    opened.on('close', () => {
      mute.delete(opened);
      if (socket !== opened) return;
      socket = null;
      stopHeartbeat();
      // What CoAP has under way goes on; its answers are sent on the next connection.
      later(options.reconnectAfterMs ?? 10_000, connect);
    });
  };

  const die = (): void => {
    life += 1;
    for (const cancel of timers) cancel();
    timers.clear();
  };

  return {
    start() {
      if (socket === null) connect();
    },
    stop() {
      die();
      const open = socket;
      socket = null;
      for (const each of [...mute, ...(open === null ? [] : [open])]) each.terminate();
      mute.clear();
    },
    reboot() {
      die();
      if (socket !== null) {
        socket.pause();
        mute.add(socket);
        socket = null;
      }
      connect();
    },
    get connected() {
      return socket?.readyState === WebSocket.OPEN;
    },
    counters: () => ({ ...counters }),
  };
}

function setTimer(delayMs: number, callback: () => void): () => void {
  const timer = setTimeout(callback, delayMs);
  return () => clearTimeout(timer);
}

/** `strncpy` into a fixed buffer: bytes, not characters; a cut character becomes a replacement character. */
function cut(value: unknown, bytes: number): string {
  return typeof value === 'string' ? Buffer.from(value).subarray(0, bytes).toString() : '';
}

/** `%s` ends at the first zero byte. */
function untilZero(payload: Buffer): Buffer {
  const zero = payload.indexOf(0);
  return zero === -1 ? payload : payload.subarray(0, zero);
}

function readObject(text: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : null;
  } catch {
    return null;
  }
}
