/** Border routers, nodes to scan and connections as REST and Socket.IO carry them. */
import { z } from 'zod';
import { outcomes } from './outcome.ts';
import type { FromWire } from './wire.ts';

const time = z.iso.datetime().describe('ISO 8601, UTC');

export const borderRouterSchema = z
  .object({
    id: z.string(),
    online: z.boolean(),
    network_prefix: z.string().nullable(),
    encoding: z.enum(['json', 'cbor']).nullable(),
    remote_address: z.string().nullable(),
    connected_at: time.nullable(),
    disconnected_at: time.nullable(),
    disconnect_reason: z.string().nullable(),
    last_heartbeat_at: time.nullable(),
    status: z.string().nullable().describe('As its heartbeat says'),
    firmware: z.string().nullable(),
    nodes_count: z.number().nullable(),
    uptime: z.number().nullable().describe('As its heartbeat says; its unit is the firmware’s'),
    queue_size: z.number().nullable().describe('Its own local queue'),
    coap_in_flight: z.number().nullable(),
    coap_retries_total: z.number().nullable(),
    heap_free: z.number().nullable().describe('Bytes'),
    rssi: z.number().nullable().describe('dBm'),
    partition_id: z.number().nullable(),
    ext_addr: z.string().nullable(),
    rloc16: z.string().nullable(),
    role: z.string().nullable().describe('Of its own Thread interface, as its heartbeat says'),
    network: z
      .object({
        ext_pan_id: z.string().nullable(),
        name: z.string().nullable(),
        pan_id: z.number().nullable(),
        channel: z.number().nullable(),
        mesh_local_prefix: z.string().nullable(),
      })
      .nullable()
      .describe('The Thread network that it says it belongs to'),
    collection: z
      .object({
        source: z.string().describe('How it reads the mesh: `otbr-rest`, `ot-ctl`'),
        dialect: z.string().nullable(),
        address: z.string().nullable().describe('Of the border router’s own API'),
        ended_at: time.nullable(),
        duration_ms: z.number().nullable(),
        radio_requests: z.number().nullable().describe('Requests that went out on the radio'),
        radio_budget: z.number().nullable().describe('How many may in one reading'),
        devices: z.number().nullable(),
        expected_routers: z.number().nullable(),
        answered_routers: z.number().nullable(),
        complete: z.boolean().describe('Every router that any table names was read'),
        problem_code: z.string().nullable(),
        problem: z.string().nullable(),
      })
      .nullable()
      .describe('Its last reading of the whole mesh; null where it asks each node by itself'),
    outbox_messages: z.number(),
    outbox_bytes: z.number(),
    in_flight: z.number().describe('Requests this hub waits for'),
    replacements: z.number().describe('Times that a second connection took this id, since the hub started'),
    flapping: z.boolean().describe('More than 5 replacements within a minute'),
    protocol_errors: z.number(),
    answered: z.number().describe('Successful answers since the hub started'),
    failed: z.number(),
    success_rate: z.number().nullable().describe('answered / (answered + failed), 0–1'),
    latency_ms: z
      .object({ p50: z.number(), p95: z.number(), max: z.number() })
      .nullable()
      .describe('Recent answers'),
  })
  .meta({ id: 'BorderRouter' });
export type BorderRouterWire = z.infer<typeof borderRouterSchema>;
export type BorderRouter = FromWire<BorderRouterWire>;

export const nodeOrigins = ['file', 'rest', 'discovery'] as const;
export type NodeOrigin = (typeof nodeOrigins)[number];

export const registeredNodeSchema = z
  .object({
    name: z.string(),
    ipv6: z.string(),
    ext_addr: z.string().nullable(),
    br_id: z
      .string()
      .nullable()
      .describe('The border router it must be asked through; null: any on its prefix'),
    origins: z.array(z.enum(nodeOrigins)),
    last_outcome: z.enum(outcomes).nullable(),
    last_scan_id: z.string().nullable(),
    last_seen_at: time.nullable(),
    latencies: z
      .array(z.object({ scan_id: z.string(), measured_at: time, duration_ms: z.number() }))
      .describe('CoAP latency over time, newest first'),
  })
  .meta({ id: 'Node' });
export type RegisteredNodeWire = z.infer<typeof registeredNodeSchema>;
export type RegisteredNodeView = FromWire<RegisteredNodeWire>;

export const connectionSchema = z
  .object({
    id: z.string(),
    kind: z.enum(['border_router', 'browser', 'live']),
    remote_address: z.string().nullable(),
    connected_at: time,
    queue_messages: z.number(),
    queue_bytes: z.number(),
    sent_messages: z.number(),
    received_messages: z.number(),
  })
  .meta({ id: 'Connection' });
export type ConnectionWire = z.infer<typeof connectionSchema>;
export type Connection = FromWire<ConnectionWire>;
