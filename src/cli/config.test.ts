import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { createCliHarness } from '../../test/support/cli-harness.ts';
import { configKeys, configKeysOf } from '../config-keys.ts';
import { loadConfig } from '../config-loader.ts';
import { configJson, configYaml } from './config.ts';

const load = (yaml: string) =>
  loadConfig({ file: null, environment: {}, flags: new Map(), readFile: () => yaml });

describe('threadhub config print', () => {
  it('shows each value with its origin, durations as a person writes them', async () => {
    const harness = createCliHarness({
      files: { './threadhub.yaml': 'scan:\n  timeout: 90s\n' },
      environment: { THREADHUB_SCAN_NODE_TIMEOUT: '8000' },
    });
    const { exitCode, stdout } = await harness.run('config', 'print', '--port', '6001');
    expect(exitCode).toBe(0);
    expect(stdout).toContain('# Configuration in effect; ./threadhub.yaml was read.\n');
    expect(stdout).toContain('\n  port: 6001 # --port\n');
    expect(stdout).toContain('\n  node_timeout: 8s # THREADHUB_SCAN_NODE_TIMEOUT\n');
    expect(stdout).toContain('\n  timeout: 90s # threadhub.yaml:2\n');
    expect(stdout).toContain('\n  interval: 15min # default\n');
  });

  it('prints YAML that loads as the same configuration', () => {
    fc.assert(
      fc.property(
        fc.record({
          port: fc.nat({ max: 65_535 }),
          host: fc.constantFrom('::', '127.0.0.1', 'yes', '#x', 'a: b', '0x10', '- x', "it's"),
          timeoutMs: fc.integer({ min: 1, max: 3_600_000 }),
          discovery: fc.boolean(),
          roles: fc.constantFrom(['all'], ['hub'], ['all', 'hub']),
        }),
        ({ port, host, timeoutMs, discovery, roles }) => {
          const loaded = load(
            JSON.stringify({
              server: { port, host },
              scan: { timeout: timeoutMs },
              nodes: { discovery },
              roles,
            }),
          );
          expect(load(configYaml(loaded)).config).toEqual(loaded.config);
        },
      ),
    );
  });

  it('prints every key as JSON, with origin and variable', () => {
    const { values } = JSON.parse(configJson(load('server: { port: 1 }'))) as {
      values: { key: string; value: unknown; origin: string; environment: string }[];
    };
    expect(values.map((value) => value.key)).toEqual(configKeys.map((key) => key.path));
    expect(values.find((value) => value.key === 'server.port')).toEqual({
      key: 'server.port',
      value: 1,
      origin: 'threadhub.yaml:1',
      environment: 'THREADHUB_SERVER_PORT',
    });
  });

  it('never prints a secret', () => {
    const keys = configKeysOf(
      z.strictObject({
        redis: z
          .strictObject({ url: z.string().default('').meta({ valid: 'a URL', secret: true }) })
          .prefault({}),
      }),
    );
    const loaded = { config: { redis: { url: 'redis://:s3cret@host' } }, file: null, origins: new Map() };
    for (const print of [configYaml, configJson]) {
      expect(print(loaded, keys)).toContain('[redacted]');
      expect(print(loaded, keys)).not.toContain('s3cret');
    }
  });

  it('fails on a configuration that cannot be used', async () => {
    const run = await createCliHarness({ files: { './threadhub.yaml': 'scann: {}' } }).run('config', 'print');
    expect(run).toMatchObject({ exitCode: 1, stdout: '' });
    expect(run.stderr).toContain('threadhub.yaml:1:1: scann is no configuration key, did you mean scan?');
  });
});
