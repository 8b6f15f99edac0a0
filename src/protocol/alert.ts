/** Alerts, their proof of delivery, silences and drills, as REST, Socket.IO and the live feed carry them. */
import { z } from 'zod';
import type { FromWire } from './wire.ts';

const time = z.iso.datetime().describe('ISO 8601, UTC');

export const severities = ['info', 'warning', 'critical'] as const;
export type Severity = (typeof severities)[number];

/** `pending`: the condition holds, its `for` has not passed. `resolved` is final. */
export const alertStates = ['pending', 'firing', 'acknowledged', 'resolved'] as const;
export type AlertState = (typeof alertStates)[number];

export const subjectKinds = ['sensor', 'border_router', 'network', 'node', 'link', 'hub'] as const;
export type SubjectKind = (typeof subjectKinds)[number];

export const alertStepKinds = [
  'pending',
  'fired',
  'acknowledged',
  'snoozed',
  'silenced',
  'unsilenced',
  'escalated',
  'repeated',
  'resolved',
  'cancelled',
] as const;
export type AlertStepKind = (typeof alertStepKinds)[number];

export const notificationStates = ['pending', 'sent', 'delivered', 'seen', 'failed', 'expired'] as const;
export type NotificationState = (typeof notificationStates)[number];

export const alertStepSchema = z.object({
  kind: z.enum(alertStepKinds),
  happened_at: time,
  by: z.string().nullable().describe('Who did it; null: the hub'),
  note: z.string().nullable(),
});

export const notificationSchema = z.object({
  id: z.string(),
  channel: z.string(),
  transition: z.enum(alertStepKinds).describe('What it tells'),
  state: z.enum(notificationStates),
  created_at: time,
  sent_at: time.nullable().describe('Handed over'),
  delivered_at: time.nullable().describe('Confirmed by a 2xx, SMTP 250 or PUBACK'),
  seen_at: time.nullable(),
  attempts: z.number(),
  next_attempt_at: time.nullable(),
  error: z.string().nullable().describe('Of the last attempt, or why it was given up'),
});

/** The proof of delivery: when what made it fire passed each stage. */
export const alertStagesSchema = z.object({
  received_at: time.nullable(),
  durable_at: time.nullable(),
  stored_at: time.nullable(),
  fired_at: time.nullable(),
  sent_at: time.nullable().describe('The first notification handed over'),
  delivered_at: time.nullable().describe('The first notification confirmed'),
  acknowledged_at: time.nullable(),
});

export const alertSchema = z
  .object({
    id: z.string(),
    rule: z.string(),
    severity: z.enum(severities),
    state: z.enum(alertStates),
    subject_kind: z.enum(subjectKinds),
    subject: z.string().describe('The sensor, border router, node, link or network it is about'),
    summary: z.string().describe('One sentence'),
    value: z.union([z.number(), z.boolean(), z.string()]).nullable().describe('What was seen'),
    drill: z.boolean(),
    silenced: z.boolean(),
    started_at: time.describe('Since when the condition holds'),
    updated_at: time,
    snoozed_until_at: time.nullable(),
    resolved_at: time.nullable(),
    acknowledged_by: z.string().nullable(),
    stages: alertStagesSchema,
    steps: z.array(alertStepSchema),
    notifications: z.array(notificationSchema),
  })
  .meta({ id: 'Alert' });
export type AlertWire = z.infer<typeof alertSchema>;
export type Alert = FromWire<AlertWire>;
export type AlertStep = FromWire<z.infer<typeof alertStepSchema>>;
export type Notification = FromWire<z.infer<typeof notificationSchema>>;
export type AlertStages = FromWire<z.infer<typeof alertStagesSchema>>;

export const silenceSchema = z
  .object({
    id: z.string(),
    rule: z.string().nullable().describe('Pattern of rule names, `*` fits any part; null: every rule'),
    subject: z.string().nullable().describe('Pattern of subjects; null: every subject'),
    starts_at: time,
    ends_at: time,
    reason: z.string(),
    created_by: z.string(),
    created_at: time,
  })
  .meta({ id: 'Silence' });
export type Silence = FromWire<z.infer<typeof silenceSchema>>;
