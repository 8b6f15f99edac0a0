/**
 * Reads `threadhub.yaml` into one layer of the configuration: which keys it sets, on which line, and what is wrong with
 * its structure. Whether a value is valid is the loader's business.
 */
import { isAlias, isMap, isScalar, isNode, LineCounter, parseDocument, type YAMLMap } from 'yaml';
import { type ConfigKey, configKeys } from './config-keys.ts';
import { nearestWord } from './nearest-word.ts';

export interface LayerValue {
  readonly key: ConfigKey;
  readonly value: unknown;
  /** `threadhub.yaml:3`, `THREADHUB_SCAN_TIMEOUT`, `--port`. */
  readonly origin: string;
}

/** What one source of the configuration says. */
export interface ConfigLayer {
  readonly values: readonly LayerValue[];
  /** A sentence each, with its place in front. */
  readonly problems: readonly string[];
}

export function readYamlLayer(path: string, text: string): ConfigLayer {
  const lineCounter = new LineCounter();
  const document = parseDocument(text, { lineCounter, prettyErrors: false });
  const shownPath = path.replace(/^\.\//, '');
  const at = (offset: number): string => {
    const { line, col } = lineCounter.linePos(offset);
    return `${shownPath}:${line}:${col}`;
  };
  if (document.errors.length > 0) {
    // The values behind a syntax error cannot be trusted; only the errors themselves are reported.
    return {
      values: [],
      problems: document.errors.map((error) => `${at(error.pos[0])}: ${firstLine(error.message)}`),
    };
  }
  const root: unknown = document.contents;
  if (root === null || (isScalar(root) && root.value === null)) return { values: [], problems: [] };
  if (!isMap(root)) {
    return {
      values: [],
      problems: [`${shownPath}:1:1: holds ${kindOf(root)}; write sections such as "server:" with keys below`],
    };
  }
  const values: LayerValue[] = [];
  const problems: string[] = [];

  const readKeys = (map: YAMLMap, section: string | null): void => {
    for (const pair of map.items) {
      const name = isScalar(pair.key) ? String(pair.key.value) : String(pair.key);
      const path = section === null ? name : `${section}.${name}`;
      const position = at(offsetOf(pair.key));
      const resolved = isAlias(pair.value) ? (pair.value.resolve(document) ?? null) : pair.value;
      const key = configKeys.find((candidate) => candidate.path === path);
      if (key !== undefined) {
        const plain: unknown = isNode(resolved) ? resolved.toJS(document) : null;
        if (plain === null)
          problems.push(`${position}: ${path} has no value; write ${key.meta.valid}, or remove the line`);
        else values.push({ key, value: plain, origin: `${shownPath}:${lineOf(pair.key, lineCounter)}` });
      } else if (section === null && sectionNames.includes(name)) {
        if (isMap(resolved)) readKeys(resolved, name);
        else if (resolved !== null && !(isScalar(resolved) && resolved.value === null)) {
          problems.push(
            `${position}: ${name} is a section, not ${kindOf(resolved)}; put its keys below it, indented: ${keyNames(name).join(', ')}`,
          );
        }
      } else {
        problems.push(`${position}: ${unknownKey(path, section)}`);
      }
    }
  };
  readKeys(root, null);
  return { values, problems };
}

const sectionNames = [...new Set(configKeys.flatMap((key) => (key.section === null ? [] : [key.section])))];
const topLevelNames = [
  ...sectionNames,
  ...configKeys.filter((key) => key.section === null).map((key) => key.name),
];
const keyNames = (section: string): readonly string[] =>
  configKeys.filter((key) => key.section === section).map((key) => key.name);

function unknownKey(path: string, section: string | null): string {
  const name = section === null ? path : path.slice(section.length + 1);
  const known = section === null ? topLevelNames : keyNames(section);
  // A key at the wrong level is as common as a mistyped one: `node_timeout: 3s` outside `scan:`.
  const elsewhere = configKeys.find((key) => key.name === name);
  const suggestion = nearestWord(name, known) ?? elsewhere?.path ?? null;
  const hint = suggestion === null ? '' : `, did you mean ${suggestion}?`;
  return `${path} is no configuration key${hint} (valid ${section === null ? 'here' : `in ${section}`}: ${known.join(', ')})`;
}

function offsetOf(node: unknown): number {
  return typeof node === 'object' && node !== null && 'range' in node && Array.isArray(node.range)
    ? Number(node.range[0])
    : 0;
}

const lineOf = (node: unknown, lineCounter: LineCounter): number => lineCounter.linePos(offsetOf(node)).line;

function kindOf(node: unknown): string {
  if (isMap(node)) return 'a section';
  return isScalar(node) ? `the value ${shownValue(node.value)}` : 'a list';
}

const firstLine = (message: string): string => message.split('\n')[0]?.replace(/:$/, '') ?? message;

/** A value short enough for one line. */
export function shownValue(value: unknown): string {
  const json = JSON.stringify(value) as string | undefined;
  const text = json ?? String(value);
  return text.length > 60 ? `${text.slice(0, 57)}…` : text;
}
