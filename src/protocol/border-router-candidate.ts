/** Border routers that the local network announces, as REST carries them. */
import { z } from 'zod';
import type { FromWire } from './wire.ts';

export const borderRouterCandidateSchema = z
  .object({
    name: z.string().describe('As it announces itself'),
    host: z.string().nullable().describe('Its name on the local network, such as `otbr.local`'),
    addresses: z.array(z.string()).describe('IPv6 and IPv4, the farthest reaching first'),
    ext_addr: z.string().nullable(),
    agent_id: z.string().nullable().describe('Of the border router, 32 hex digits'),
    network_name: z.string().nullable(),
    ext_pan_id: z.string().nullable().describe('Tells networks apart; 16 hex digits'),
    partition_id: z.number().nullable(),
    active_timestamp: z
      .string()
      .nullable()
      .describe('Version of the network’s settings, 16 hex digits; the upper 48 bits are seconds since 1970'),
    vendor: z.string().nullable(),
    model: z.string().nullable(),
    thread_version: z.string().nullable().describe('Such as 1.4.0'),
    thread_active: z.boolean().nullable().describe('Its Thread interface is up and attached'),
    omr_prefix: z.string().nullable().describe('The prefix by which other machines reach its devices'),
    rest: z
      .enum(['answers', 'off', 'unknown'])
      .describe('Its REST API, tried once; `off`: it answers that there is none for this machine'),
    rest_url: z.string().nullable().describe('Where the REST API answers'),
    rest_urls: z.array(z.string()).describe('Where it usually is'),
    conflict: z.string().nullable().describe('Why it cannot belong to its network as it says'),
    connected_as: z.string().nullable().describe('The connected border router that has its extended address'),
    connect_command: z.string().nullable().describe('What would connect it; null where it is connected'),
    run_on: z
      .enum(['hub', 'border_router'])
      .nullable()
      .describe('Where to run that: on any machine such as the hub’s, or on the border router itself'),
    found_at: z.iso.datetime().describe('ISO 8601, UTC'),
  })
  .meta({ id: 'BorderRouterCandidate' });
export type BorderRouterCandidateWire = z.infer<typeof borderRouterCandidateSchema>;
export type BorderRouterCandidate = FromWire<BorderRouterCandidateWire>;
