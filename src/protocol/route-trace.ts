/** The way that a message takes from one device of a mesh to another, as REST and the command line tell it. */
import { z } from 'zod';
import type { FromWire } from './wire.ts';

/** `told`: the router names its next hop. `derived`: the one that its costs add up for. `parent`: between child and parent. */
export const hopEvidences = ['told', 'derived', 'parent'] as const;

export const routeHopSchema = z
  .object({
    from_id: z.string(),
    to_id: z.string(),
    from_label: z.string().describe('As people call it: its name, else its border router id, RLOC16 or id'),
    to_label: z.string(),
    evidence: z.enum(hopEvidences),
    link_cost: z
      .number()
      .nullable()
      .describe('1, 2 or 4 for link quality 3, 2 or 1 of the worse direction; null where that is not known'),
    also_possible: z
      .array(z.string())
      .describe(
        'Node ids of other routers over which the costs add up as well: any of them may be the next hop',
      ),
  })
  .meta({ id: 'RouteHop' });

export const routeTraceSchema = z
  .object({
    scan_id: z.string().nullable().describe('Of the topology that it was traced over'),
    made_at: z.iso.datetime().describe('ISO 8601, UTC'),
    from_id: z.string(),
    to_id: z.string(),
    complete: z.boolean().describe('The hops lead to the end'),
    total_cost: z
      .number()
      .nullable()
      .describe('Between the routers, by their link qualities; null where it is not known'),
    hops: z.array(routeHopSchema),
    problems: z.array(z.string()).describe('Sentences: ties, costs that do not add up, why it ends early'),
    statement: z.string(),
  })
  .meta({ id: 'RouteTrace' });

export type RouteTraceWire = z.infer<typeof routeTraceSchema>;
export type RouteTrace = FromWire<RouteTraceWire>;
export type RouteHop = RouteTrace['hops'][number];
