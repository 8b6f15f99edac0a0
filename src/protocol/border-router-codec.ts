/**
 * Reads and writes the messages of `border-router-messages.ts`, as JSON text or CBOR bytes, on both sides of the link.
 *
 * What comes in was written by firmware of all kinds, so reading never throws: what is missing or odd becomes null, what
 * is no message at all is `malformed`. Whether a message makes sense is not decided here.
 */
import {
  type BorderRouterMessage,
  type BorderRouterNetwork,
  coapMethods,
  type CoapResponseMessage,
  type CollectionReport,
  type EncodedFrame,
  type FailureCode,
  failureCodes,
  firmwareLimits,
  type FrameEncoding,
  type HeartbeatMessage,
  type HubCommand,
  type NodeSeenMessage,
  type ScanNodeFailure,
  type ScanNodeSuccess,
} from './border-router-messages.ts';
import { decodeCbor, encodeCbor, maxCborDepth } from './cbor.ts';
import { asRequestId, type NodeName, parseBorderRouterId, parseExtAddress, type RequestId } from './ids.ts';
import type { Ipv6Address } from './ipv6.ts';
import { isDeeperThan, isJsonObject, type JsonObject, type JsonValue } from './json.ts';

export type BorderRouterFrame =
  | { readonly kind: 'message'; readonly message: BorderRouterMessage }
  /** Well formed, of a `type` this hub does not know. */
  | { readonly kind: 'unknown_type'; readonly type: string }
  /** Not a message at all. `requestId` is what could still be found in its text. */
  | { readonly kind: 'malformed'; readonly reason: string; readonly requestId: RequestId | null };

/** Encodes a plain JSON-like object for the wire. */
export function encodeFrame(
  object: JsonObject | Record<string, unknown>,
  encoding: FrameEncoding,
): EncodedFrame {
  return encoding === 'json' ? JSON.stringify(object) : encodeCbor(object);
}

/** Bytes on the wire, without WebSocket framing. */
export function frameBytes(frame: EncodedFrame): number {
  return typeof frame === 'string' ? Buffer.byteLength(frame) : frame.byteLength;
}

/** Hub side: the wire form of a command. */
export function hubCommandToWire(command: HubCommand): Record<string, unknown> {
  const deadline = command.deadlineMs === undefined ? {} : { deadline_ms: command.deadlineMs };
  switch (command.command) {
    case 'scan_node':
      return {
        command: 'scan_node',
        target_ipv6: command.targetIpv6,
        node_name: command.nodeName,
        request_id: command.requestId,
        ...deadline,
      };
    case 'send_coap':
      return {
        command: 'send_coap',
        request_id: command.requestId,
        target_ipv6: command.targetIpv6,
        method: command.method,
        path: command.path,
        ...(command.payload === undefined ? {} : { payload: command.payload }),
        confirmable: command.confirmable,
        ...deadline,
      };
    case 'discover':
      return { command: 'discover', request_id: command.requestId, ...deadline };
  }
}

export function encodeHubCommand(command: HubCommand, encoding: FrameEncoding): EncodedFrame {
  return encodeFrame(hubCommandToWire(command), encoding);
}

/** Hub side: reads one frame from a border router; never throws. */
export function decodeBorderRouterFrame(frame: EncodedFrame): BorderRouterFrame {
  const object = decodeObject(frame);
  if (!object.ok) return { kind: 'malformed', reason: object.reason, requestId: salvageRequestId(frame) };
  const { value } = object;
  const type = value['type'];
  if (typeof type !== 'string') {
    return { kind: 'malformed', reason: 'the frame has no text in "type"', requestId: readRequestId(value) };
  }
  switch (type) {
    case 'heartbeat':
      return { kind: 'message', message: readHeartbeat(value) };
    case 'scan_node_result':
      return { kind: 'message', message: readScanNodeResult(value) };
    case 'coap_response':
      return { kind: 'message', message: readCoapResponse(value) };
    case 'node_seen':
      return { kind: 'message', message: readNodeSeen(value) };
    default:
      return { kind: 'unknown_type', type: type.slice(0, 64) };
  }
}

/** Border-router side: one frame from the hub. What cannot be served still names its request, so that it can be refused. */
export type HubFrame =
  | { readonly kind: 'command'; readonly command: HubCommand }
  | { readonly kind: 'unknown_command'; readonly command: string; readonly requestId: RequestId | null }
  | {
      readonly kind: 'malformed';
      /** Null where the frame does not even name one. */
      readonly command: string | null;
      readonly reason: string;
      readonly requestId: RequestId | null;
    };

export function decodeHubFrame(frame: EncodedFrame): HubFrame {
  const object = decodeObject(frame);
  if (!object.ok) return { kind: 'malformed', command: null, reason: object.reason, requestId: null };
  const { value } = object;
  const name = value['command'];
  const requestId = readRequestId(value);
  if (typeof name !== 'string')
    return { kind: 'malformed', command: null, reason: 'the frame has no text in "command"', requestId };
  const malformed = (reason: string): HubFrame => ({
    kind: 'malformed',
    command: name.slice(0, 64),
    reason: `${name.slice(0, 64)}: ${reason}`,
    requestId,
  });
  const deadlineMs = readNumber(value['deadline_ms']);
  const deadline = deadlineMs === null ? {} : { deadlineMs };
  switch (name) {
    case 'scan_node': {
      const targetIpv6 = readText(value['target_ipv6']);
      if (requestId === null || targetIpv6 === null)
        return malformed('request_id and target_ipv6 are required');
      const nodeName = (readText(value['node_name']) ?? '') as NodeName;
      return {
        kind: 'command',
        command: {
          command: 'scan_node',
          requestId,
          nodeName,
          targetIpv6: targetIpv6 as Ipv6Address,
          ...deadline,
        },
      };
    }
    case 'send_coap': {
      const targetIpv6 = readText(value['target_ipv6']);
      const path = readText(value['path']);
      const method = coapMethods.find((known) => known === value['method']);
      if (requestId === null || targetIpv6 === null || path === null || method === undefined) {
        return malformed(
          'request_id, target_ipv6, path and a method of GET, POST, PUT or DELETE are required',
        );
      }
      return {
        kind: 'command',
        command: {
          command: 'send_coap',
          requestId,
          targetIpv6: targetIpv6 as Ipv6Address,
          method,
          path,
          ...(value['payload'] === undefined ? {} : { payload: value['payload'] }),
          confirmable: value['confirmable'] !== false,
          ...deadline,
        },
      };
    }
    case 'discover':
      return requestId === null
        ? malformed('request_id is required')
        : { kind: 'command', command: { command: 'discover', requestId, ...deadline } };
    default:
      return { kind: 'unknown_command', command: name.slice(0, 64), requestId };
  }
}

/** Border-router side: the wire form of a message. Absent (null) optional fields are left out. */
export function borderRouterMessageToWire(message: BorderRouterMessage): Record<string, unknown> {
  switch (message.type) {
    case 'heartbeat':
      return withoutNull({
        type: 'heartbeat',
        br_id: message.borderRouterId,
        timestamp: message.uptime,
        nodes_count: message.nodesCount,
        status: message.status,
        queue_size: message.queueSize,
        coap_in_flight: message.coapInFlight,
        coap_retries_total: message.coapRetriesTotal,
        heap_free: message.heapFree,
        rssi: message.rssi,
        partition_id: message.partitionId,
        firmware: message.firmware,
        ext_addr: message.extAddress,
        rloc16: message.rloc16,
        role: message.role,
        network: message.network === null ? null : networkToWire(message.network),
        collection: message.collection === null ? null : collectionToWire(message.collection),
      });
    case 'scan_node_result':
      return message.success
        ? {
            type: 'scan_node_result',
            target_ipv6: message.targetIpv6,
            node_name: message.nodeName,
            request_id: message.requestId,
            success: true,
            network_info: message.networkInfo,
            error: null,
          }
        : withoutNull({
            type: 'scan_node_result',
            target_ipv6: message.targetIpv6,
            node_name: message.nodeName,
            request_id: message.requestId,
            success: false,
            error: message.error,
            error_code: message.errorCode,
            retry_after_ms: message.retryAfterMs,
          });
    case 'coap_response':
      return withoutNull({
        type: 'coap_response',
        request_id: message.requestId,
        success: message.success,
        code: message.code,
        content_format: message.contentFormat,
        payload: message.payload,
        error: message.error,
        error_code: message.errorCode,
      });
    case 'node_seen':
      return withoutNull({
        type: 'node_seen',
        request_id: message.requestId,
        network: message.network,
        nodes: message.nodes.map((node) =>
          withoutNull({
            ipv6: node.ipv6,
            ext_addr: node.extAddress,
            rloc16: node.rloc16,
            name: node.name,
            network_info: node.networkInfo ?? null,
          }),
        ),
      });
  }
}

function networkToWire(network: BorderRouterNetwork): Record<string, unknown> {
  return withoutNull({
    ext_pan_id: network.extPanId,
    name: network.name,
    pan_id: network.panId,
    channel: network.channel,
    mesh_local_prefix: network.meshLocalPrefix,
  });
}

function collectionToWire(collection: CollectionReport): Record<string, unknown> {
  return withoutNull({
    source: collection.source,
    dialect: collection.dialect,
    address: collection.address,
    ended_ago_ms: collection.endedAgoMs,
    duration_ms: collection.durationMs,
    radio_requests: collection.radioRequests,
    radio_budget: collection.radioBudget,
    devices: collection.devices,
    expected_routers: collection.expectedRouters,
    answered_routers: collection.answeredRouters,
    complete: collection.complete,
    problem_code: collection.problemCode,
    problem: collection.problem,
  });
}

export function encodeBorderRouterMessage(
  message: BorderRouterMessage,
  encoding: FrameEncoding,
): EncodedFrame {
  return encodeFrame(borderRouterMessageToWire(message), encoding);
}

// ---------------------------------------------------------------------------------------------------------- reading

/** Deeper nesting is refused; Thread tables need five levels, and what is too deep could not be stored as JSON. */
const maxDepth = maxCborDepth;
/** What a heartbeat says of itself is kept for as long as the border router is known. */
const maxHeartbeatTextChars = 128;
const maxTextChars = 1_024;
/** A border router that asks for more has lost count; no scan lasts that long. */
const maxDurationMs = 86_400_000;

type DecodedObject =
  { readonly ok: true; readonly value: JsonObject } | { readonly ok: false; readonly reason: string };

function decodeObject(frame: EncodedFrame): DecodedObject {
  let value: unknown;
  try {
    value = typeof frame === 'string' ? JSON.parse(frame) : decodeCbor(frame);
  } catch (error) {
    return { ok: false, reason: error instanceof Error ? error.message.slice(0, 200) : 'undecodable' };
  }
  if (!isJsonObject(value)) return { ok: false, reason: 'the frame is not an object' };
  return isDeeperThan(value, maxDepth)
    ? { ok: false, reason: `the frame is nested deeper than ${maxDepth} levels` }
    : { ok: true, value };
}

/**
 * Firmware pastes a node's payload unchecked behind the fields of its own JSON, so the `request_id` in front of
 * `network_info` (or `payload`) is still readable when the rest is not. Only that part is searched: a pasted payload
 * could hold somebody else's id.
 */
function salvageRequestId(frame: EncodedFrame): RequestId | null {
  if (typeof frame !== 'string') return null;
  const head = frame.slice(0, 4_096);
  const pasted = head.search(/"(network_info|payload)"/);
  const own = pasted === -1 ? head : head.slice(0, pasted);
  const found = /"request_id"\s*:\s*"([^"\\]{1,63})"/.exec(own);
  return found?.[1] === undefined ? null : asRequestId(found[1]);
}

function readHeartbeat(value: JsonObject): HeartbeatMessage {
  const id = readText(value['br_id']);
  const text = (name: string): string | null => readText(value[name], maxHeartbeatTextChars);
  return {
    type: 'heartbeat',
    borderRouterId: id === null ? null : parseBorderRouterId(id),
    uptime: readNumber(value['timestamp']),
    nodesCount: readCount(value['nodes_count']),
    status: text('status'),
    queueSize: readCount(value['queue_size']),
    coapInFlight: readCount(value['coap_in_flight']),
    coapRetriesTotal: readCount(value['coap_retries_total']),
    heapFree: readCount(value['heap_free']),
    rssi: readNumber(value['rssi']),
    partitionId: readCount(value['partition_id']),
    firmware: text('firmware'),
    extAddress: text('ext_addr'),
    rloc16: readRloc16Field(value['rloc16']),
    role: text('role'),
    network: isJsonObject(value['network']) ? readNetwork(value['network']) : null,
    collection: isJsonObject(value['collection']) ? readCollection(value['collection']) : null,
  };
}

function readNetwork(value: JsonObject): BorderRouterNetwork {
  const text = (name: string): string | null => readText(value[name], maxHeartbeatTextChars);
  return {
    extPanId: parseExtAddress(text('ext_pan_id') ?? ''),
    name: text('name'),
    panId: readCount(value['pan_id']),
    channel: readCount(value['channel']),
    meshLocalPrefix: text('mesh_local_prefix'),
  };
}

function readCollection(value: JsonObject): CollectionReport {
  const text = (name: string): string | null => readText(value[name], maxHeartbeatTextChars);
  return {
    source: text('source') ?? 'unknown',
    dialect: text('dialect'),
    address: text('address'),
    endedAgoMs: readDuration(value['ended_ago_ms']),
    durationMs: readDuration(value['duration_ms']),
    radioRequests: readCount(value['radio_requests']),
    radioBudget: readCount(value['radio_budget']),
    devices: readCount(value['devices']),
    expectedRouters: readCount(value['expected_routers']),
    answeredRouters: readCount(value['answered_routers']),
    complete: value['complete'] === true,
    problemCode: text('problem_code'),
    problem: readText(value['problem'], maxTextChars),
  };
}

function readScanNodeResult(value: JsonObject): ScanNodeSuccess | ScanNodeFailure {
  const common = {
    type: 'scan_node_result' as const,
    requestId: readRequestId(value),
    nodeName: readText(value['node_name']),
    targetIpv6: readText(value['target_ipv6']),
  };
  return value['success'] === true
    ? { ...common, success: true, networkInfo: value['network_info'] }
    : {
        ...common,
        success: false,
        error: readText(value['error']) ?? 'the border router gave no reason',
        errorCode: readFailureCode(value['error_code']),
        retryAfterMs: readDuration(value['retry_after_ms']),
      };
}

function readCoapResponse(value: JsonObject): CoapResponseMessage {
  return {
    type: 'coap_response',
    requestId: readRequestId(value),
    success: value['success'] === true,
    code: readText(value['code']),
    contentFormat: readNumber(value['content_format']),
    payload: value['payload'] ?? null,
    error: readText(value['error']),
    errorCode: readFailureCode(value['error_code']),
  };
}

function readNodeSeen(value: JsonObject): NodeSeenMessage {
  const nodes = Array.isArray(value['nodes']) ? value['nodes'].filter(isJsonObject) : [];
  return {
    type: 'node_seen',
    requestId: readRequestId(value),
    network: isJsonObject(value['network']) ? value['network'] : {},
    nodes: nodes.map((node) => ({
      ipv6: readText(node['ipv6']),
      extAddress: readText(node['ext_addr']),
      rloc16: readRloc16Field(node['rloc16']),
      name: readText(node['name']),
      networkInfo: node['network_info'] ?? null,
    })),
  };
}

function readRequestId(value: JsonObject): RequestId | null {
  const text = value['request_id'];
  return typeof text === 'string' &&
    text.length > 0 &&
    Buffer.byteLength(text) <= firmwareLimits.requestIdBytes
    ? asRequestId(text)
    : null;
}

function readFailureCode(value: JsonValue | undefined): FailureCode | null {
  return failureCodes.find((code) => code === value) ?? null;
}

/** Text fields are short; anything longer is cut. The copy keeps the engine from holding the whole text for the part. */
function readText(value: JsonValue | undefined, maxChars = maxTextChars): string | null {
  if (typeof value !== 'string') return null;
  return value.length <= maxChars ? value : Buffer.from(value.slice(0, maxChars)).toString();
}

/** As it came, text or number: whether it is one is decided by whoever uses it. */
function readRloc16Field(value: JsonValue | undefined): string | number | null {
  return readText(value, maxHeartbeatTextChars) ?? readNumber(value);
}

function readNumber(value: JsonValue | undefined): number | null {
  return typeof value === 'number' && Number.isFinite(value) ? value : null;
}

/** Something counted: a negative or absurd number counts nothing. */
function readCount(value: JsonValue | undefined): number | null {
  const number = readNumber(value);
  return number !== null && number >= 0 && number <= Number.MAX_SAFE_INTEGER ? number : null;
}

function readDuration(value: JsonValue | undefined): number | null {
  const number = readNumber(value);
  return number !== null && number >= 0 ? Math.min(number, maxDurationMs) : null;
}

function withoutNull(object: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(object).filter(([, value]) => value !== null && value !== undefined),
  );
}
