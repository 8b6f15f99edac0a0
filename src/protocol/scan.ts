/** Scans as REST and Socket.IO carry them. Schemas describe the wire; the types are their camelCase side. */
import { z } from 'zod';
import { outcomes } from './outcome.ts';
import type { FromWire } from './wire.ts';

const time = z.iso.datetime().describe('ISO 8601, UTC');

export const scanStates = ['running', 'completed', 'partial', 'failed', 'cancelled'] as const;
export type ScanState = (typeof scanStates)[number];

export const scanTriggers = ['rest', 'browser', 'cli', 'schedule', 'grpc', 'import'] as const;
export type ScanTrigger = (typeof scanTriggers)[number];

export const scanNodeSchema = z
  .object({
    name: z.string(),
    ipv6: z.string(),
    ext_addr: z.string().nullable(),
    br_id: z.string().nullable().describe('Border router that was asked last'),
    outcome: z.enum(outcomes).nullable().describe('Null while undecided'),
    late: z.boolean().describe('Answered after its own deadline, before the scan ended'),
    attempts: z.number().describe('Commands sent for this node: more than 1 after a failover or a retry'),
    duration_ms: z.number().nullable().describe('From first dispatch to outcome'),
    decided_at: time.nullable(),
    error: z.string().nullable(),
    network_info: z.unknown().describe('The answer as the node gave it'),
  })
  .meta({ id: 'ScanNode' });

export const scanSummarySchema = z
  .object({
    id: z.string(),
    state: z.enum(scanStates),
    trigger: z.enum(scanTriggers),
    started_at: time,
    finished_at: time.nullable(),
    duration_ms: z.number().nullable(),
    expected: z.number().describe('Nodes in this scan'),
    undecided: z.number(),
    outcomes: z.record(z.enum(outcomes), z.number()),
    late: z.number().describe('Answers that came after their own deadline'),
    failovers: z.number().describe('Nodes moved to another border router'),
    border_routers: z.array(z.string()),
    slowest: z.array(z.object({ name: z.string(), duration_ms: z.number() })),
    notes: z
      .array(z.string())
      .describe(
        'What happened, a sentence each: lost border routers, rate limits, the time that was missing',
      ),
    rate_limited: z
      .object({ nodes: z.number(), needed_ms: z.number().describe('How long the scan would have needed') })
      .nullable(),
  })
  .meta({ id: 'ScanSummary' });

export const scanSchema = scanSummarySchema.extend({ nodes: z.array(scanNodeSchema) }).meta({ id: 'Scan' });

export type ScanNodeWire = z.infer<typeof scanNodeSchema>;
export type ScanSummaryWire = z.infer<typeof scanSummarySchema>;
export type ScanWire = z.infer<typeof scanSchema>;
export type ScanNode = FromWire<ScanNodeWire>;
export type ScanSummary = FromWire<ScanSummaryWire>;
export type Scan = FromWire<ScanWire>;

/** Restricts a scan. Absent: everything. Each list narrows further. */
export const scanFilterSchema = z
  .strictObject({
    networks: z.array(z.string()).optional().describe('Network keys or prefixes'),
    border_routers: z.array(z.string()).optional().describe('Border router ids'),
    nodes: z.array(z.string()).optional().describe('Node names'),
  })
  .meta({ id: 'ScanFilter' });
export type ScanFilter = FromWire<z.infer<typeof scanFilterSchema>>;

export const triggeredScanSchema = z
  .object({
    scan_id: z.string(),
    joined: z.boolean().describe('True where a running scan already covers every node asked for'),
    nodes: z.number(),
    border_routers: z.number(),
  })
  .meta({ id: 'TriggeredScan' });
export type TriggeredScan = FromWire<z.infer<typeof triggeredScanSchema>>;

// -------------------------------------------------------------------------------------------- Socket.IO, namespace `/`

export interface ScanNodeResultEvent extends ScanNodeWire {
  readonly scan_id: string;
  /** The same as `name`: the background documents' pages read it. */
  readonly node_name: string;
  readonly success: boolean;
}

export interface ScanProgressEvent {
  readonly scan_id: string;
  readonly expected: number;
  readonly undecided: number;
  readonly outcomes: Record<string, number>;
}
