/**
 * The configuration's keys as a flat list, read off the schema: what the loader looks names up in, what `config print`
 * walks, and what the documentation is held against.
 */
import { z } from 'zod';
import { type ConfigKeyMeta, configSchema } from './config.ts';

export interface ConfigKey {
  /** `scan.node_timeout`. */
  readonly path: string;
  /** Null for a key outside any section. */
  readonly section: string | null;
  /** Its name within the section. */
  readonly name: string;
  /** `THREADHUB_SCAN_NODE_TIMEOUT`. */
  readonly environmentName: string;
  readonly schema: z.ZodType;
  readonly meta: ConfigKeyMeta;
  /** As the effective configuration holds it. */
  readonly defaultValue: unknown;
}

export const environmentPrefix = 'THREADHUB_';

export function configKeysOf(schema: z.ZodObject): readonly ConfigKey[] {
  const keys: ConfigKey[] = [];
  for (const [name, value] of Object.entries(schema.shape)) {
    const section = sectionShape(value);
    if (section === null) keys.push(configKey(null, name, value));
    else for (const [inner, schema] of Object.entries(section)) keys.push(configKey(name, inner, schema));
  }
  return keys;
}

export const configKeys = configKeysOf(configSchema);

function configKey(section: string | null, name: string, schema: unknown): ConfigKey {
  if (!(schema instanceof z.ZodType)) throw new TypeError(`configuration key ${name} has no schema`);
  const path = section === null ? name : `${section}.${name}`;
  return {
    path,
    section,
    name,
    environmentName: `${environmentPrefix}${path.replace('.', '_').toUpperCase()}`,
    schema,
    meta: { valid: 'another value', ...(schema.meta() as Partial<ConfigKeyMeta> | undefined) },
    defaultValue: schema.parse(undefined),
  };
}

/** The keys of a section; null where the schema is a value. */
function sectionShape(schema: unknown): Readonly<Record<string, unknown>> | null {
  const inner = schema instanceof z.ZodPrefault ? schema.unwrap() : schema;
  return inner instanceof z.ZodObject ? inner.shape : null;
}
