import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatDuration, parseDurationMs } from './config.ts';
import { type ConfigSources, loadConfig } from './config-loader.ts';
import { ConfigError } from './errors.ts';

const failure = (code: string): Error => Object.assign(new Error(code), { code });

function sources(given: {
  yaml?: string;
  file?: string;
  environment?: Record<string, string>;
  flags?: Record<string, [flag: string, value: string]>;
}): ConfigSources {
  return {
    file: given.file ?? null,
    environment: given.environment ?? {},
    flags: new Map(
      Object.entries(given.flags ?? {}).map(([path, [flag, value]]) => [path, { flag, value }] as const),
    ),
    readFile: () => {
      if (given.yaml === undefined) throw failure('ENOENT');
      return given.yaml;
    },
  };
}

function problemsOf(given: Parameters<typeof sources>[0]): readonly string[] {
  try {
    loadConfig(sources(given));
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
  throw new Error('the configuration was accepted');
}

describe('loadConfig', () => {
  it('has a default for every key, so that it loads without file, environment and flags', () => {
    const { config, file, origins } = loadConfig(sources({}));
    expect(config.server).toEqual({ host: '127.0.0.1', port: 5001, rate_limit: 1_000 });
    expect(config.scan.interval).toBe(900_000);
    expect(file).toBeNull();
    expect(new Set(origins.values())).toEqual(new Set(['default']));
  });

  it('lets the environment win over the file and flags over both, and says where each value comes from', () => {
    const { config, origins, file } = loadConfig(
      sources({
        yaml: 'server:\n  port: 6001\n  host: "::1"\nscan:\n  node_timeout: 7s\ndata_dir: /srv/a\n',
        environment: { THREADHUB_SERVER_PORT: '6002', THREADHUB_SCAN_NODE_TIMEOUT: '8s' },
        flags: { 'server.port': ['--port', '6003'] },
      }),
    );
    expect(config.server.port).toBe(6003);
    expect(config.server.host).toBe('::1');
    expect(config.scan.node_timeout).toBe(8_000);
    expect(config.data_dir).toBe('/srv/a');
    expect(file).toBe('./threadhub.yaml');
    expect(Object.fromEntries(origins)).toMatchObject({
      'server.port': '--port',
      'server.host': 'threadhub.yaml:3',
      'scan.node_timeout': 'THREADHUB_SCAN_NODE_TIMEOUT',
      data_dir: 'threadhub.yaml:6',
      'scan.timeout': 'default',
    });
  });

  it('reports the problems of all sources together, each with its place, the value seen and what is valid', () => {
    const problems = problemsOf({
      yaml: [
        'server:',
        '  prot: 5001',
        '  port: 99999',
        'scan: fast',
        'log:',
        '  level: loud',
        'node_timeout: 3s',
        'nodes:',
        '  discovery:',
      ].join('\n'),
      environment: {
        THREADHUB_SCAN_INTERVAL: '5 parsecs',
        THREADHUB_SCAN_NODETIMEOUT: '5s',
        THREADHUB_SERVER_PORT: 'http',
      },
      flags: { roles: ['--roles', 'all,king'] },
    });
    expect(problems).toEqual([
      'threadhub.yaml:2:3: server.prot is no configuration key, did you mean port? (valid in server: host, port, rate_limit)',
      expect.stringMatching(
        /^threadhub\.yaml:4:1: scan is a section, not the value "fast"; put its keys below it, indented: interval, node_timeout/,
      ),
      expect.stringMatching(
        /^threadhub\.yaml:7:1: node_timeout is no configuration key, did you mean scan\.node_timeout\? \(valid here: server, /,
      ),
      'threadhub.yaml:9:3: nodes.discovery has no value; write true or false, or remove the line',
      'THREADHUB_SCAN_NODETIMEOUT: is not a variable that Threadhub reads; did you mean THREADHUB_SCAN_NODE_TIMEOUT?',
      'threadhub.yaml:3: server.port is 99999; write a whole number from 0 to 65535; 0 takes any free port',
      'threadhub.yaml:6: log.level is "loud"; write one of fatal, error, warn, info, debug, trace, silent',
      expect.stringMatching(
        /^THREADHUB_SCAN_INTERVAL: scan\.interval is "5 parsecs"; write a duration from 1s to 24d such as/,
      ),
      'THREADHUB_SERVER_PORT: server.port is "http"; write a whole number from 0 to 65535; 0 takes any free port',
      '--roles: roles is ["all","king"]; write a list of all, hub',
    ]);
  });

  it('reports a wrong value that a later source replaces', () => {
    expect(
      problemsOf({ yaml: 'server: { port: -1 }', flags: { 'server.port': ['--port', '5001'] } }),
    ).toHaveLength(1);
  });

  it.each([
    ['true', 'server: { port: true }'],
    ['an empty text', 'server: { port: "" }'],
    ['a list', 'server: { port: [1] }'],
    ['a fraction', 'server: { port: 1.5 }'],
    ['a negative duration', 'scan: { timeout: -5s }'],
    ['a duration that no timer holds', 'scan: { interval: 40d }'],
    ['a zero timeout', 'scan: { node_timeout: 0 }'],
    ['a word for a switch', 'nodes: { discovery: maybe }'],
    ['an empty list', 'roles: []'],
    ['a number for a path', 'data_dir: 5'],
  ])('refuses %s where it has no meaning', (_name, yaml) => {
    expect(problemsOf({ yaml })).toHaveLength(1);
  });

  it('names line and column of every syntax error', () => {
    expect(problemsOf({ yaml: 'server:\n  port: 1\n  port: 2\n' })).toEqual([
      'threadhub.yaml:3:3: Map keys must be unique',
    ]);
    expect(problemsOf({ yaml: 'server:\n\tport: 1\n' })[0]).toMatch(/^threadhub\.yaml:2:1: Tabs/);
  });

  it('refuses a file that holds no sections', () => {
    expect(problemsOf({ yaml: '- server' })).toEqual([
      'threadhub.yaml:1:1: holds a list; write sections such as "server:" with keys below',
    ]);
  });

  it.each(['', '# nothing yet\n', 'server:\n'])('takes a file without values (%j) as no settings', (yaml) => {
    expect(loadConfig(sources({ yaml })).config.server.port).toBe(5001);
  });

  it('follows YAML aliases', () => {
    const { config } = loadConfig(sources({ yaml: 'scan: { node_timeout: &t 9s, timeout: *t }' }));
    expect(config.scan.timeout).toBe(9_000);
  });

  it('fails on a named file that is not there, and reports the other problems with it', () => {
    const given = { file: 'site.yaml', environment: { THREADHUB_LOG_LEVEL: 'loud' } };
    expect(problemsOf(given)).toEqual([
      'site.yaml: there is no such file; correct the path given with --config or THREADHUB_CONFIG',
      'THREADHUB_LOG_LEVEL: log.level is "loud"; write one of fatal, error, warn, info, debug, trace, silent',
    ]);
    expect(() => loadConfig(sources({ file: 'site.yaml' }))).toThrow(
      expect.objectContaining({ code: 'config_unreadable' }),
    );
  });

  it('takes an empty variable as not set', () => {
    expect(loadConfig(sources({ environment: { THREADHUB_SERVER_PORT: '' } })).config.server.port).toBe(5001);
  });

  it('leaves alone what is not configuration: its own other variables and Kubernetes service links', () => {
    const environment = {
      THREADHUB_TOKEN: 'secret',
      THREADHUB_SERVICE_HOST: '10.0.0.1',
      THREADHUB_PORT: 'tcp://10.0.0.1:5001',
      THREADHUB_PORT_5001_TCP_ADDR: '10.0.0.1',
      PATH: '/bin',
    };
    expect(loadConfig(sources({ environment })).config.server.port).toBe(5001);
  });

  it('reads lists from variables and flags at their commas', () => {
    expect(loadConfig(sources({ environment: { THREADHUB_ROLES: 'all, hub' } })).config.roles).toEqual([
      'all',
      'hub',
    ]);
  });

  it('refuses values that cannot hold together, naming where they come from', () => {
    expect(
      problemsOf({
        yaml: 'border_routers:\n  silence_timeout: 10s\n',
        environment: { THREADHUB_BORDER_ROUTERS_IN_FLIGHT_PING: '3s' },
      }),
    ).toEqual([
      expect.stringMatching(/^threadhub\.yaml:2: border_routers\.ping_interval must be shorter than/),
      expect.stringMatching(/^THREADHUB_BORDER_ROUTERS_IN_FLIGHT_PING: .*in_flight_ping must be shorter/),
    ]);
  });

  it('shortens a long value in its problem', () => {
    const [problem] = problemsOf({ environment: { THREADHUB_LOG_LEVEL: 'x'.repeat(5_000) } });
    expect(problem?.length).toBeLessThan(200);
  });
});

describe('durations', () => {
  it('reads back what it formats', () => {
    fc.assert(
      fc.property(fc.nat({ max: 10 ** 12 }), (milliseconds) => {
        expect(parseDurationMs(formatDuration(milliseconds))).toBe(milliseconds);
      }),
    );
  });

  it.each([
    ['500ms', 500],
    ['1.5s', 1_500],
    ['15min', 900_000],
    ['15 m', 900_000],
    ['2h', 7_200_000],
    ['7d', 604_800_000],
    ['250', 250],
    ['five', null],
    ['5 parsecs', null],
    ['-1s', null],
    ['', null],
  ])('reads %j as %j ms', (text, expected) => {
    expect(parseDurationMs(text)).toBe(expected);
  });
});
