/**
 * The topology as REST, Socket.IO, exports and pages carry it: nodes, links with their evidence, networks with their
 * partitions and completeness, weak points. Schemas describe the wire; the types are their camelCase side.
 */
import { z } from 'zod';
import { roles } from './network-info.ts';
import { outcomes } from './outcome.ts';
import type { FromWire } from './wire.ts';

const time = z.iso.datetime().describe('ISO 8601, UTC');

/** `answered`: in this scan. `silent`: expected in this scan and did not answer. `inferred`: only others name it. */
export const nodeStates = ['answered', 'silent', 'inferred'] as const;
/** `live`: reported in this scan. `stale`: from an earlier one. `inferred`: deduced, not measured (a parent from an RLOC16). */
export const evidenceStates = ['live', 'stale', 'inferred'] as const;
export const evidenceSources = ['neighbor_table', 'child_table', 'parent', 'route64', 'rloc16'] as const;

export const topologyDeviceSchema = z
  .object({
    hostname: z.string().nullable(),
    vendor_name: z.string().nullable(),
    vendor_model: z.string().nullable(),
    software_version: z.string().nullable(),
    stack_version: z.string().nullable(),
    thread_version: z.number().nullable().describe('2 is Thread 1.1, 3 is 1.2, 4 is 1.3, 5 is 1.4'),
    eui64: z.string().nullable(),
  })
  .meta({ id: 'TopologyDevice' });

export const topologyNodeSchema = z
  .object({
    id: z
      .string()
      .describe(
        'Extended address where it is known, else `network/rloc16`, else `name:NAME`; of a border router that has told nothing, `br:ID`',
      ),
    name: z.string().nullable().describe('Registered name'),
    other_names: z
      .array(z.string())
      .optional()
      .describe('Further registered names that turned out to be this same device'),
    kind: z.enum(['node', 'border_router']),
    state: z.enum(nodeStates),
    outcome: z
      .enum(outcomes)
      .nullable()
      .describe('Outcome in this scan; null where the node was not expected'),
    late: z.boolean().describe('Answered after its own deadline'),
    network: z.string().describe('Key of its network'),
    partition_id: z.number().nullable(),
    role: z.enum(roles).nullable(),
    rloc16: z.string().nullable(),
    ext_addr: z.string().nullable(),
    ipv6: z.string().nullable(),
    br_id: z
      .string()
      .nullable()
      .describe('Border router it was asked through; of a border router, its own id'),
    parent_id: z.string().nullable().describe('Node id of its parent; null for routers and orphans'),
    named_by: z
      .array(z.string())
      .describe(
        'Ids of the nodes whose tables name this one; of a node that answered, without those that merely route to it',
      ),
    duration_ms: z.number().nullable(),
    last_seen_at: time.nullable().describe('When it last answered itself, in this scan or an earlier one'),
    stale: z.boolean().describe('Role, RLOC16 or parent shown are from an earlier scan'),
    counters: z.record(z.string(), z.number()),
    battery_millivolts: z.number().nullable(),
    battery_percent: z.number().optional().describe('0–100; absent where not told'),
    told_by: z
      .string()
      .optional()
      .describe('Node id of the router whose tables told all of this; absent where the device itself spoke'),
    measured_at: time
      .optional()
      .describe('When these facts were read in the mesh; absent: when the device answered'),
    counters_at: time.optional().describe('When the counters were read, where that was earlier'),
    ipv6_addresses: z.array(z.string()).optional().describe('All that are told; absent where none are'),
    device: topologyDeviceSchema.optional().describe('Absent where nothing is known of it'),
    routes: z
      .string()
      .optional()
      .describe(
        'Its Route64 table as one text, `40,1,28,3,3 41,2,,0,0`: each entry `router_id,cost,next_hop,lq_in,lq_out`, with ' +
          'nothing for what is not known; absent where it told no costs',
      ),
    error: z.string().nullable().describe('Why it did not answer'),
  })
  .meta({ id: 'TopologyNode' });

export const evidenceSchema = z
  .object({
    reporter_id: z
      .string()
      .describe('Node that reported it: the receiver of the signal, except where `state` is inferred'),
    source: z.enum(evidenceSources),
    state: z.enum(evidenceStates),
    reported_at: time,
    age_ms: z
      .number()
      .describe('Age when the topology was made; 0 for live evidence, of which `reported_at` has the time'),
    rssi: z.number().nullable().describe('dBm, averaged where the reporter does'),
    last_rssi: z.number().optional().describe('Of the last frame alone, dBm; absent where not told'),
    link_margin: z.number().nullable().describe('dB above the noise floor'),
    lqi: z.number().nullable().describe('Link quality, 0–3'),
    frame_error_rate: z
      .number()
      .nullable()
      .describe('Share of lost frames among those that the reporter sends to the other end, 0–1'),
    message_error_rate: z.number().nullable().describe('The same of whole messages, after retries'),
  })
  .meta({ id: 'LinkEvidence' });

export const topologyLinkSchema = z
  .object({
    id: z.string().describe('`a|b`, the two node ids in order'),
    a: z.string().describe('Node id; sorts before `b`'),
    b: z.string(),
    kind: z.enum(['parent_child', 'router_router']),
    state: z.enum(evidenceStates).describe('The best of its evidence: live, then inferred, then stale'),
    a_hears_b: z.array(evidenceSchema).describe('What `a` reports of the signal from `b`, best first'),
    b_hears_a: z.array(evidenceSchema),
    link_margin: z
      .number()
      .nullable()
      .describe('The worse direction, dB; derived from RSSI where not reported'),
    lqi: z.number().nullable().describe('The worse direction'),
    one_way: z.boolean().describe('Both ends answered and only one of them reports the link'),
    asymmetric: z.boolean().describe('The two directions differ by 10 dB or more'),
  })
  .meta({ id: 'TopologyLink' });

export const missingRouterSchema = z
  .object({
    id: z.string(),
    name: z.string().nullable(),
    rloc16: z.string().nullable(),
    outcome: z.enum(outcomes).nullable(),
    named_by: z.array(z.string()),
    last_seen_at: time.nullable(),
  })
  .meta({ id: 'MissingRouter' });

export const completenessSchema = z
  .object({
    complete: z.boolean(),
    proved: z.boolean().describe('A Route64 table from this scan backs the expected set'),
    expected_routers: z.number(),
    answered_routers: z.number(),
    expected_nodes: z.number().describe('Nodes asked, plus nodes that only tables name'),
    answered_nodes: z.number(),
    missing_routers: z.array(missingRouterSchema),
    statement: z
      .string()
      .describe('One sentence: "23 of 24 routers answered; 0x8400 silent, last seen 14:02 UTC"'),
  })
  .meta({ id: 'Completeness' });

export const partitionSchema = z
  .object({
    partition_id: z.number().nullable(),
    leader_id: z.string().nullable(),
    node_ids: z.array(z.string()),
    stale: z.boolean().describe('Known only from an earlier scan'),
  })
  .meta({ id: 'Partition' });

export const ghostSchema = z
  .object({
    rloc16: z.string().nullable().describe('As the entry gives it'),
    ext_addr: z.string().nullable(),
    named_by: z.array(z.string()).describe('Node ids of those whose tables still name it'),
    age_seconds: z.number().nullable().describe('Of the youngest of these entries'),
    statement: z.string(),
  })
  .meta({ id: 'Ghost' });

/** What border routers of one network must agree on, and a network of one name is expected to be. */
export const datasetFields = [
  'network_name',
  'pan_id',
  'channel',
  'mesh_local_prefix',
  'ext_pan_id',
] as const;

export const datasetConflictSchema = z
  .object({
    br_ids: z.array(z.string()),
    field: z.enum(datasetFields),
    values: z.array(z.object({ value: z.string(), br_ids: z.array(z.string()) })),
    statement: z.string(),
  })
  .meta({ id: 'DatasetConflict' });

export const topologyNetworkSchema = z
  .object({
    key: z.string().describe('Extended PAN id where it is known, else the network prefix'),
    ext_pan_id: z.string().nullable(),
    prefixes: z.array(z.string()),
    br_ids: z.array(z.string()),
    partitions: z.array(partitionSchema),
    split: z.boolean().describe('Two live partitions or two live leaders'),
    partition_statement: z
      .string()
      .optional()
      .describe('Why it counts as split or not; absent where nobody names a second partition'),
    completeness: completenessSchema,
    ghosts: z
      .array(ghostSchema)
      .optional()
      .describe('Old table entries of devices that are elsewhere or gone; on no map. Absent: none'),
    dataset_conflicts: z
      .array(datasetConflictSchema)
      .optional()
      .describe(
        'Where its border routers, or those of a network of the same name, disagree. Absent: nowhere',
      ),
  })
  .meta({ id: 'TopologyNetwork' });

export const weakPointSchema = z
  .object({
    kind: z.enum(['articulation_node', 'bridge', 'weak_link', 'one_way_link', 'asymmetric_link', 'orphan']),
    severity: z.enum(['warning', 'info']),
    node_id: z.string().nullable(),
    link_id: z.string().nullable(),
    cut_off: z
      .array(z.string())
      .describe('Node ids that lose their path without it, at most 500; the statement has their number'),
    statement: z.string(),
  })
  .meta({ id: 'WeakPoint' });

export const hypothesisSchema = z
  .object({
    kind: z.enum(['same_device']),
    old_id: z.string(),
    new_id: z.string(),
    confidence: z
      .enum(['certain', 'likely', 'possible'])
      .describe('`certain`: the EUI-64, which devices keep for life, is the same'),
    because: z.array(z.enum(['eui64', 'hostname', 'rloc16', 'parent', 'vendor_model'])),
    statement: z.string(),
  })
  .meta({ id: 'Hypothesis' });

export const topologySchema = z
  .object({
    scan_id: z.string().nullable().describe('Null before the first scan'),
    made_at: time,
    final: z.boolean().describe('False while the scan is still running'),
    outcomes: z.record(z.enum(outcomes), z.number()),
    networks: z.array(topologyNetworkSchema),
    nodes: z.array(topologyNodeSchema),
    links: z.array(topologyLinkSchema),
    weak_points: z.array(weakPointSchema),
    orphan_ids: z.array(z.string()).describe('Answered nodes without any link'),
    hypotheses: z
      .array(hypothesisSchema)
      .optional()
      .describe('Guesses that are shown and never acted upon. Absent: none'),
  })
  .meta({ id: 'Topology' });

export type TopologyWire = z.infer<typeof topologySchema>;
export type Topology = FromWire<TopologyWire>;
export type TopologyNode = Topology['nodes'][number];
export type TopologyLink = Topology['links'][number];
export type TopologyNetwork = Topology['networks'][number];
export type Partition = TopologyNetwork['partitions'][number];
export type Completeness = TopologyNetwork['completeness'];
export type WeakPoint = Topology['weakPoints'][number];
export type LinkEvidence = TopologyLink['aHearsB'][number];
export type Ghost = NonNullable<TopologyNetwork['ghosts']>[number];
export type DatasetConflict = NonNullable<TopologyNetwork['datasetConflicts']>[number];
export type Hypothesis = NonNullable<Topology['hypotheses']>[number];
export type EvidenceState = (typeof evidenceStates)[number];

const nodeReference = z.object({ id: z.string(), name: z.string().nullable() });
const change = <T extends z.ZodType>(value: T) =>
  z.object({ id: z.string(), name: z.string().nullable(), before: value, after: value });

const linkChange = z.object({
  id: z.string(),
  before: z.number(),
  after: z.number(),
  measure: z
    .enum(['link_margin', 'lqi'])
    .optional()
    .describe('What before and after are: dB, or link quality where no margin is known'),
});

export const topologyDiffSchema = z
  .object({
    from_scan_id: z.string(),
    to_scan_id: z.string(),
    added: z.array(nodeReference),
    removed: z.array(nodeReference),
    role_changed: z.array(change(z.string().nullable())),
    parent_changed: z.array(change(z.string().nullable())),
    rloc16_moved: z.array(change(z.string().nullable())),
    outcome_changed: z.array(change(z.enum(outcomes).nullable())),
    links_added: z.array(z.object({ id: z.string(), a: z.string(), b: z.string() })),
    links_removed: z.array(z.object({ id: z.string(), a: z.string(), b: z.string() })),
    links_better: z
      .array(linkChange)
      .describe('By 5 dB of link margin or more, else by a step of link quality'),
    links_worse: z.array(linkChange),
  })
  .meta({ id: 'TopologyDiff' });
export type TopologyDiffWire = z.infer<typeof topologyDiffSchema>;
export type TopologyDiff = FromWire<TopologyDiffWire>;

/** Formats of `GET /api/topology` and `threadhub topology`; the CLI adds `tree`. `bundle` is the anonymised replayable scan. */
export const topologyFormats = ['json', 'graphml', 'dot', 'csv', 'svg', 'bundle'] as const;
export type TopologyFormat = (typeof topologyFormats)[number];
