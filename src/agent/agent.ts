/**
 * The border-router agent: takes commands from the hub, has its source ask the nodes, and sends each answer back on the
 * connection that the command came from. Here the parts are put together; the link is in `hub-connection.ts`, the limits
 * are in `command-service.ts`, the nodes behind `node-source.ts`.
 */
import { WebSocket } from 'ws';
import { systemClock } from '../clock.ts';
import { ConfigError } from '../errors.ts';
import { decodeHubFrame, encodeBorderRouterMessage, frameBytes } from '../protocol/border-router-codec.ts';
import {
  type BorderRouterMessage,
  borderRouterPath,
  closeCodes,
  type EncodedFrame,
  type FailureCode,
  type FrameEncoding,
  type HeartbeatMessage,
  maxBorderRouterFrameBytes,
  type NodeSeenMessage,
} from '../protocol/border-router-messages.ts';
import type { RequestId } from '../protocol/ids.ts';
import {
  type Agent,
  type AgentFact,
  type AgentOptions,
  type AgentStatus,
  defaultAgentLimits,
} from './agent-options.ts';
import { CommandService } from './command-service.ts';
import { HubConnection } from './hub-connection.ts';
import type { SourceNews } from './node-source.ts';

const defaultFirmware = 'threadhub/0.1.0';

/** Opens nothing before `start()`. Throws a `ConfigError` when the hub's address cannot be used. */
export function createAgent(options: AgentOptions): Agent {
  const clock = options.clock ?? systemClock;
  const random = options.random ?? Math.random;
  const limits = { ...defaultAgentLimits, ...options.limits };
  const createdMs = clock.monotonicMs();
  const onFact = (fact: AgentFact): void => options.onFact?.(fact);
  let cancelHeartbeat: () => void = () => undefined;
  let stopNews: (() => void) | null = null;
  /** What the source told of its mesh last: a hub that connects later has not heard it. */
  let lastSeen: NodeSeenMessage | null = null;

  const service = new CommandService({
    source: options.source,
    clock,
    limits,
    respond: send,
    onFact,
  });

  const connection = new HubConnection({
    url: hubUrl(options),
    headers:
      options.token === null || options.tokenIn === 'query'
        ? {}
        : { authorization: `Bearer ${options.token}` },
    encoding: options.encoding ?? 'json',
    clock,
    random,
    limits,
    openWebSocket:
      options.openWebSocket ??
      ((url, protocols, socketOptions) => new WebSocket(url, protocols, socketOptions)),
    onOpen: (encoding) => {
      onFact({ kind: 'connected', encoding });
      beat();
      if (lastSeen !== null) send(lastSeen);
    },
    onFrame: receive,
    onDown: (code, reason) => {
      cancelHeartbeat();
      const abandoned = service.abandon();
      onFact({ kind: 'disconnected', code, reason, abandoned });
      if (code === closeCodes.replaced) onFact({ kind: 'replaced' });
    },
    onRefused: (status, body) => onFact({ kind: 'refused', status, body }),
    onConnectFailed: (reason) => onFact({ kind: 'connect_failed', reason }),
    onPause: (delayMs) => onFact({ kind: 'reconnecting', delayMs }),
  });

  /** The only way to the hub. */
  function send(message: BorderRouterMessage): void {
    const { encoding } = connection;
    if (encoding !== null) connection.send(encodeWithinLimit(message, encoding));
  }

  function receive(frame: EncodedFrame): void {
    const decoded = decodeHubFrame(frame);
    switch (decoded.kind) {
      case 'command':
        service.receive(decoded.command);
        break;
      case 'unknown_command':
        onFact({ kind: 'command_unknown', command: decoded.command });
        answerUnreadable(decoded.requestId, {
          command: decoded.command,
          errorCode: 'refused',
          error: `this border router does not know the command "${decoded.command}"`,
        });
        break;
      case 'malformed':
        onFact({ kind: 'command_malformed', reason: decoded.reason });
        answerUnreadable(decoded.requestId, {
          command: decoded.command,
          errorCode: 'malformed',
          error: `the command cannot be read: ${decoded.reason}`,
        });
        break;
    }
  }

  /** The hub waits for an answer to this id, even if its own frame was not understood. */
  function answerUnreadable(requestId: RequestId | null, problem: UnreadableCommand): void {
    if (requestId !== null) send(unreadableMessage(requestId, problem));
  }

  function hear(news: SourceNews): void {
    if (news.kind === 'seen') {
      lastSeen = { type: 'node_seen', requestId: null, network: news.network, nodes: news.nodes };
      send(lastSeen);
    } else if (connection.encoding !== null) {
      cancelHeartbeat();
      beat();
    }
  }

  function beat(): void {
    send(heartbeat());
    cancelHeartbeat = clock.after(limits.heartbeatIntervalMs, beat);
  }

  function heartbeat(): HeartbeatMessage {
    const identity = options.identity?.() ?? {};
    const counters = options.source.counters();
    return {
      type: 'heartbeat',
      borderRouterId: options.id,
      uptime: Math.round(clock.monotonicMs() - createdMs),
      nodesCount: identity.nodesCount ?? null,
      status: 'online',
      queueSize: service.status().queued,
      coapInFlight: counters.coapInFlight,
      coapRetriesTotal: counters.coapRetriesTotal,
      heapFree: null,
      rssi: null,
      partitionId: identity.partitionId ?? null,
      firmware: options.firmware ?? defaultFirmware,
      extAddress: identity.extAddress ?? null,
      rloc16: identity.rloc16 ?? null,
      role: identity.role ?? null,
      network: identity.network ?? null,
      collection: identity.collection ?? null,
    };
  }

  function start(): void {
    stopNews ??= options.source.onNews?.(hear) ?? null;
    connection.start();
  }

  function stop(): void {
    stopNews?.();
    stopNews = null;
    cancelHeartbeat();
    service.abandon();
  }

  return {
    id: options.id,
    start,
    status: (): AgentStatus => ({
      ...service.status(),
      state: connection.state,
      encoding: connection.encoding,
      connectionsTotal: connection.connectionsTotal,
    }),
    close: () => {
      stop();
      return connection.close();
    },
    crash: () => {
      stop();
      connection.crash();
    },
  };
}

/** `ws://hub:5001` becomes `ws://hub:5001/ws/br?br_id=…`. */
function hubUrl({ hub, id, token, tokenIn, networkPrefix }: AgentOptions): string {
  const url = URL.parse(hub.replace(/^http/i, 'ws'));
  if (url === null || !['ws:', 'wss:'].includes(url.protocol)) {
    const problem = `hub: "${hub}" is not a WebSocket address such as ws://hub:5001`;
    throw new ConfigError('config_invalid', `the agent cannot start: ${problem}`, [problem]);
  }
  if (url.pathname === '/') url.pathname = borderRouterPath;
  url.hash = '';
  url.searchParams.set('br_id', id);
  if (token !== null && tokenIn === 'query') url.searchParams.set('auth_token', token);
  if (networkPrefix !== null) url.searchParams.set('network_prefix', networkPrefix);
  return url.href;
}

/** A larger frame would end the link; its request must still be freed. */
function encodeWithinLimit(message: BorderRouterMessage, encoding: FrameEncoding): EncodedFrame {
  let frame = encodeBorderRouterMessage(message, encoding);
  const bytes = frameBytes(frame);
  if (bytes <= maxBorderRouterFrameBytes) return frame;
  let rest = withoutPayload(message, `the answer takes ${bytes} bytes`);
  frame = encodeBorderRouterMessage(rest, encoding);
  // A list that no frame holds would be told again after each reconnection, and end that one as well.
  while (
    frameBytes(frame) > maxBorderRouterFrameBytes &&
    rest.type === 'node_seen' &&
    rest.nodes.length > 0
  ) {
    rest = { ...rest, nodes: rest.nodes.slice(0, Math.floor(rest.nodes.length / 2)) };
    frame = encodeBorderRouterMessage(rest, encoding);
  }
  return frame;
}

function withoutPayload(message: BorderRouterMessage, reason: string): BorderRouterMessage {
  switch (message.type) {
    case 'scan_node_result':
      return {
        type: 'scan_node_result',
        success: false,
        requestId: message.requestId,
        nodeName: message.nodeName,
        targetIpv6: message.targetIpv6,
        error: `${reason}; a frame holds ${maxBorderRouterFrameBytes}`,
        errorCode: 'malformed',
        retryAfterMs: null,
      };
    case 'coap_response':
      return {
        ...message,
        success: false,
        payload: null,
        error: `${reason}; a frame holds ${maxBorderRouterFrameBytes}`,
        errorCode: 'malformed',
      };
    case 'node_seen':
      return { ...message, nodes: message.nodes.map((node) => ({ ...node, networkInfo: null })) };
    case 'heartbeat':
      return message;
  }
}

interface UnreadableCommand {
  readonly command: string | null;
  readonly errorCode: FailureCode;
  readonly error: string;
}

function unreadableMessage(
  requestId: RequestId,
  { command, errorCode, error }: UnreadableCommand,
): BorderRouterMessage {
  return command === 'send_coap'
    ? {
        type: 'coap_response',
        requestId,
        success: false,
        code: null,
        contentFormat: null,
        payload: null,
        error,
        errorCode,
      }
    : {
        type: 'scan_node_result',
        success: false,
        requestId,
        nodeName: null,
        targetIpv6: null,
        error,
        errorCode,
        retryAfterMs: null,
      };
}
