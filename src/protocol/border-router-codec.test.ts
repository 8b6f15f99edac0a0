import { describe, expect, it } from 'vitest';
import {
  decodeBorderRouterFrame,
  decodeHubFrame,
  encodeBorderRouterMessage,
  encodeHubCommand,
} from './border-router-codec.ts';
import type { BorderRouterMessage, HubCommand } from './border-router-messages.ts';
import { asBorderRouterId, asNodeName, asRequestId } from './ids.ts';
import type { Ipv6Address } from './ipv6.ts';

const scanNode: HubCommand = {
  command: 'scan_node',
  requestId: asRequestId('a3f2c1b5-0000'),
  nodeName: asNodeName('d4E'),
  targetIpv6: 'fd78:8e78:3bfe:1:5339:695e:8f14:acf6' as Ipv6Address,
};

const encodings = ['json', 'cbor'] as const;

describe('the border-router protocol', () => {
  it('writes scan_node exactly as the firmware reads it', () => {
    expect(encodeHubCommand(scanNode, 'json')).toBe(
      '{"command":"scan_node","target_ipv6":"fd78:8e78:3bfe:1:5339:695e:8f14:acf6","node_name":"d4E","request_id":"a3f2c1b5-0000"}',
    );
  });

  it.each(encodings)('carries every command there and back in %s', (encoding) => {
    const commands: HubCommand[] = [
      scanNode,
      { ...scanNode, deadlineMs: 4_200 },
      {
        command: 'send_coap',
        requestId: asRequestId('r'),
        targetIpv6: scanNode.targetIpv6,
        method: 'PUT',
        path: 'led',
        payload: { on: true, level: [1, 2.5, null] },
        confirmable: false,
      },
      { command: 'discover', requestId: asRequestId('r2') },
    ];
    for (const command of commands) {
      expect(decodeHubFrame(encodeHubCommand(command, encoding))).toEqual({ kind: 'command', command });
    }
  });

  it.each(encodings)('carries every message there and back in %s', (encoding) => {
    const messages: BorderRouterMessage[] = [
      {
        type: 'heartbeat',
        borderRouterId: asBorderRouterId('BR-001'),
        uptime: 12_345,
        nodesCount: 2,
        status: 'online',
        queueSize: 0,
        coapInFlight: 1,
        coapRetriesTotal: 9,
        heapFree: 80_000,
        rssi: -60,
        partitionId: 1_234,
        firmware: '1.2',
        extAddress: '0011223344556677',
        rloc16: '0x0000',
        role: 'leader',
        network: {
          extPanId: '1a2b3c4d5e6f7081',
          name: 'home',
          panId: 0xface,
          channel: 21,
          meshLocalPrefix: 'fd0d:7fc:a1b9:f050::/64',
        },
        collection: {
          source: 'otbr-rest',
          dialect: 'json-api',
          address: 'http://127.0.0.1:8081',
          endedAgoMs: 120,
          durationMs: 870,
          radioRequests: 19,
          radioBudget: 128,
          devices: 13,
          expectedRouters: 9,
          answeredRouters: 8,
          complete: false,
          problemCode: 'silent',
          problem: 'one router was silent',
        },
      },
      {
        type: 'scan_node_result',
        success: true,
        requestId: asRequestId('r'),
        nodeName: 'd4E',
        targetIpv6: 'fd00::1',
        networkInfo: { role: 'router', rloc16: '0xa000', children: [] },
      },
      {
        type: 'scan_node_result',
        success: false,
        requestId: asRequestId('r'),
        nodeName: 'd4E',
        targetIpv6: 'fd00::1',
        error: 'backlog full',
        errorCode: 'backlog_full',
        retryAfterMs: 700,
      },
      {
        type: 'coap_response',
        requestId: asRequestId('r'),
        success: true,
        code: '2.05',
        contentFormat: 50,
        payload: { a: 1 },
        error: null,
        errorCode: null,
      },
      {
        type: 'node_seen',
        requestId: null,
        network: { ext_pan_id: 'dead00beef00cafe' },
        nodes: [
          { ipv6: 'fd00::1', extAddress: '0011223344556677', rloc16: 1_024, name: null, networkInfo: null },
        ],
      },
    ];
    for (const message of messages) {
      expect(decodeBorderRouterFrame(encodeBorderRouterMessage(message, encoding))).toEqual({
        kind: 'message',
        message,
      });
    }
  });

  it('reads the heartbeat and the anonymous failure of the background firmware', () => {
    expect(
      decodeBorderRouterFrame(
        '{"type":"heartbeat","br_id":"BR-001","timestamp":12345,"nodes_count":2,"status":"online"}',
      ),
    ).toMatchObject({
      kind: 'message',
      message: { type: 'heartbeat', uptime: 12_345, queueSize: null },
    });
    expect(
      decodeBorderRouterFrame('{"type":"scan_node_result","success":false,"error":"CoAP timeout"}'),
    ).toMatchObject({
      kind: 'message',
      message: { success: false, requestId: null, error: 'CoAP timeout', errorCode: null },
    });
  });

  it('finds the request id of a frame that a pasted payload broke, in front of the payload only', () => {
    const broken = (head: string) =>
      `{"type":"scan_node_result",${head}"success":true,"network_info":{"request_id":"theirs",}}`;
    expect(decodeBorderRouterFrame(broken('"request_id":"ours",'))).toMatchObject({
      kind: 'malformed',
      requestId: 'ours',
    });
    expect(decodeBorderRouterFrame(broken(''))).toMatchObject({ kind: 'malformed', requestId: null });
  });

  it('ignores a request id that no hub could have sent', () => {
    const frame = JSON.stringify({
      type: 'scan_node_result',
      request_id: 'x'.repeat(64),
      success: true,
      network_info: {},
    });
    expect(decodeBorderRouterFrame(frame)).toMatchObject({ message: { requestId: null } });
  });

  it('reads absurd numbers of a heartbeat as nothing, and keeps no long text of it', () => {
    const read = (fields: object) => {
      const frame = decodeBorderRouterFrame(JSON.stringify({ type: 'heartbeat', ...fields }));
      return frame.kind === 'message' ? frame.message : frame;
    };
    expect(
      read({
        coap_retries_total: -5,
        queue_size: 1e300,
        nodes_count: '7',
        heap_free: -1,
        partition_id: -2,
        coap_in_flight: null,
        rssi: -60,
      }),
    ).toMatchObject({
      coapRetriesTotal: null,
      queueSize: null,
      nodesCount: null,
      heapFree: null,
      partitionId: null,
      coapInFlight: null,
      rssi: -60,
    });
    const long = 'é'.repeat(100_000);
    const heartbeat = read({ status: long, firmware: long, ext_addr: long, rloc16: long, role: long });
    expect(JSON.stringify(heartbeat).length).toBeLessThan(1_000);
    expect(heartbeat).toMatchObject({ status: 'é'.repeat(128) });
  });

  it('bounds the time after which a border router wants to be asked again', () => {
    const frame = decodeBorderRouterFrame(
      JSON.stringify({ type: 'scan_node_result', request_id: 'r', success: false, retry_after_ms: 1e300 }),
    );
    expect(frame).toMatchObject({ message: { retryAfterMs: 86_400_000 } });
  });

  it('refuses JSON that could be read and never written again, and finds whose answer it is', () => {
    const deep = `${'['.repeat(10_000)}${']'.repeat(10_000)}`;
    expect(
      decodeBorderRouterFrame(
        `{"type":"scan_node_result","request_id":"r1","success":true,"network_info":{"role":"leader","rloc16":0,"x":${deep}}}`,
      ),
    ).toMatchObject({ kind: 'malformed', requestId: 'r1', reason: expect.stringContaining('64') as string });
  });
});
