/**
 * Loads the configuration: defaults, then `threadhub.yaml`, then `THREADHUB_…` variables, then flags; the later wins.
 *
 * Every value of every layer is checked, also one that a later layer replaces, and all problems are reported together,
 * each with where it comes from, the value seen and what is valid. Nothing here prints: `cli/config.ts` does.
 */
import { type Config, configSchema } from './config.ts';
import { type ConfigLayer, type LayerValue, readYamlLayer, shownValue } from './config-file.ts';
import { type ConfigKey, configKeys, environmentPrefix } from './config-keys.ts';
import { ConfigError } from './errors.ts';
import { nearestWord } from './nearest-word.ts';

/** Read where it exists when no file is named. */
const defaultConfigFile = './threadhub.yaml';

/** Variables of ours that are not configuration keys. */
const otherEnvironmentNames: readonly string[] = [
  'THREADHUB_CONFIG',
  'THREADHUB_HUB',
  'THREADHUB_TOKEN',
  'THREADHUB_VERBOSE',
];

/**
 * Kubernetes describes a service named `threadhub` to every container of its namespace in variables such as
 * `THREADHUB_SERVICE_HOST` and `THREADHUB_PORT_5001_TCP_ADDR`: not ours, and no mistake of the operator.
 */
const serviceLinkPattern = /^THREADHUB_(?:PORT|SERVICE_(?:HOST|PORT))(?:_|$)/;

export interface ConfigFlag {
  /** As typed: `--port`. */
  readonly flag: string;
  readonly value: string;
}

export interface ConfigSources {
  /** Named by `--config` or `THREADHUB_CONFIG`: must exist. Null: the default file, which may be absent. */
  readonly file: string | null;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** By key path. */
  readonly flags: ReadonlyMap<string, ConfigFlag>;
  /** Throws what `fs.readFileSync` throws. */
  readonly readFile: (path: string) => string;
}

export interface LoadedConfig {
  readonly config: Config;
  /** The file that was read; null where there was none. */
  readonly file: string | null;
  /** By key path: `default`, `threadhub.yaml:3`, `THREADHUB_SCAN_TIMEOUT`, `--port`. */
  readonly origins: ReadonlyMap<string, string>;
}

/** Throws `ConfigError` with every problem found. */
export function loadConfig(sources: ConfigSources): LoadedConfig {
  const file = readConfigFile(sources);
  const layers = [file.layer, readEnvironment(sources.environment), readFlags(sources.flags)];
  const problems = layers.flatMap((layer) => layer.problems);
  const origins = new Map(configKeys.map((key) => [key.path, 'default']));
  const input: Record<string, Record<string, unknown>> = {};
  for (const { key, value, origin } of layers.flatMap((layer) => layer.values)) {
    const problem = valueProblem(key, value, origin);
    if (problem !== null) problems.push(problem);
    origins.set(key.path, origin);
    if (key.section === null) Object.assign(input, { [key.name]: value });
    else input[key.section] = { ...input[key.section], [key.name]: value };
  }
  const fail = (found: readonly string[]): ConfigError => {
    const count = found.length === 1 ? 'one problem' : `${found.length} problems`;
    const code = file.failure === null ? 'config_invalid' : 'config_unreadable';
    return new ConfigError(code, `The configuration has ${count}.`, found, file.failure);
  };
  if (problems.length > 0) throw fail(problems);
  const config = configSchema.parse(input);
  const contradictions = findContradictions(config, origins);
  if (contradictions.length > 0) throw fail(contradictions);
  return { config, file: file.path, origins };
}

// ------------------------------------------------------------------------------------------------------------- file

interface ConfigFile {
  readonly path: string | null;
  readonly layer: ConfigLayer;
  /** What reading it threw. */
  readonly failure: unknown;
}

function readConfigFile({ file, readFile }: ConfigSources): ConfigFile {
  const path = file ?? defaultConfigFile;
  try {
    return { path, layer: readYamlLayer(path, readFile(path)), failure: null };
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : null;
    if (code === 'ENOENT' && file === null) {
      return { path: null, layer: { values: [], problems: [] }, failure: null };
    }
    const problem = `${path}: ${unreadableReasons[code ?? ''] ?? `cannot be read: ${String(error)}`}`;
    return { path, layer: { values: [], problems: [problem] }, failure: error };
  }
}

const unreadableReasons: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file; correct the path given with --config or THREADHUB_CONFIG',
  ENOTDIR: 'there is no such file; correct the path given with --config or THREADHUB_CONFIG',
  EISDIR: 'is a folder; name the file in it',
  EACCES: 'this user may not read it; change its permissions',
};

// ------------------------------------------------------------------------------------------------ environment, flags

function readEnvironment(environment: ConfigSources['environment']): ConfigLayer {
  const values: LayerValue[] = [];
  const problems: string[] = [];
  for (const [name, text] of Object.entries(environment)) {
    // An empty variable is how compose files and unit files say "not set".
    if (!name.startsWith(environmentPrefix) || text === undefined || text === '') continue;
    if (otherEnvironmentNames.includes(name)) continue;
    const key = configKeys.find((candidate) => candidate.environmentName === name);
    if (key !== undefined) {
      values.push({ key, value: fromText(key, text), origin: name });
    } else if (!serviceLinkPattern.test(name)) {
      const suggestion = nearestWord(
        name,
        configKeys.map((candidate) => candidate.environmentName),
      );
      problems.push(
        `${name}: is not a variable that Threadhub reads; ` +
          (suggestion === null
            ? 'write THREADHUB_SECTION_KEY, such as THREADHUB_SCAN_NODE_TIMEOUT, or unset it'
            : `did you mean ${suggestion}?`),
      );
    }
  }
  return { values, problems };
}

function readFlags(flags: ConfigSources['flags']): ConfigLayer {
  const values: LayerValue[] = [];
  for (const [path, { flag, value }] of flags) {
    const key = configKeys.find((candidate) => candidate.path === path);
    if (key === undefined) throw new TypeError(`flag ${flag} sets ${path}, which is no configuration key`);
    values.push({ key, value: fromText(key, value), origin: flag });
  }
  return { values, problems: [] };
}

function fromText(key: ConfigKey, text: string): unknown {
  if (key.meta.list === true) return text.split(',').map((item) => item.trim());
  if (key.meta.structured !== true) return text;
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}

// ------------------------------------------------------------------------------------------------------------ values

function valueProblem(key: ConfigKey, value: unknown, origin: string): string | null {
  if (key.schema.safeParse(value).success) return null;
  const seen = key.meta.secret === true ? '(not shown)' : shownValue(value);
  return `${origin}: ${key.path} is ${seen}; write ${key.meta.valid}`;
}

/** Values that are each valid and cannot hold together. */
function findContradictions(config: Config, origins: ReadonlyMap<string, string>): string[] {
  const links = config.border_routers;
  const from = (...paths: string[]): string =>
    paths
      .map((path) => origins.get(path))
      .filter((origin) => origin !== undefined && origin !== 'default')
      .join(', ');
  const problems: string[] = [];
  if (links.ping_interval >= links.silence_timeout) {
    problems.push(
      `${from('border_routers.ping_interval', 'border_routers.silence_timeout')}: border_routers.ping_interval must be shorter than border_routers.silence_timeout, or quiet links are closed before they are asked; lower the one or raise the other`,
    );
  }
  if (links.in_flight_ping >= links.in_flight_timeout) {
    problems.push(
      `${from('border_routers.in_flight_ping', 'border_routers.in_flight_timeout')}: border_routers.in_flight_ping must be shorter than border_routers.in_flight_timeout, or a busy border router is lost before it is asked; lower the one or raise the other`,
    );
  }
  return problems;
}
