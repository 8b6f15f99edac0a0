/**
 * The node file, `adresses.json`: one JSON object, node names with their IPv6 addresses, or with objects where a node
 * must be asked through a certain border router.
 *
 *   { "d4E": "fd78:8e78:3bfe:1:5339:695e:8f14:acf6", "d5F": { "ipv6": "fd78:…", "br_id": "BR-001", "ext_addr": "…" } }
 *
 * Entries that cannot be used are reported and skipped. A text that is not such an object gives no list at all, so that
 * a slip of the pen does not end every scan.
 */
import { NodeError } from '../errors.ts';
import { type NodeEntry, readNodeEntry, shown } from './node-entries.ts';
import { type JsonMember, readJsonObject } from './node-file-json.ts';

/** 10,000 nodes take some 700 KiB. */
export const maxNodeFileBytes = 4 * 1_024 * 1_024;
/** Problems reported one by one; the rest is counted. */
const maxProblems = 100;

export type NodeFile =
  | { readonly ok: true; readonly entries: readonly NodeEntry[]; readonly problems: readonly string[] }
  /** `problem` is a sentence that says where and why. */
  | { readonly ok: false; readonly problem: string };

/** Never throws. */
export function parseNodeFile(bytes: Uint8Array): NodeFile {
  if (bytes.byteLength > maxNodeFileBytes)
    return {
      ok: false,
      problem: `it has ${bytes.byteLength} bytes; a node file has at most ${maxNodeFileBytes}`,
    };
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return { ok: false, problem: 'it is not UTF-8 text; save it as UTF-8' };
  }
  const object = readJsonObject(text);
  if (!object.ok)
    return {
      ok: false,
      problem: `it is not valid JSON, line ${object.line}, column ${object.column}: ${object.reason}`,
    };
  return { ok: true, ...readEntries(object.members) };
}

function readEntries(members: readonly JsonMember[]): { entries: NodeEntry[]; problems: string[] } {
  const entries: NodeEntry[] = [];
  const problems: string[] = [];
  const lineOfName = new Map<string, number>();
  const ownerOfAddress = new Map<string, { readonly name: string; readonly line: number }>();
  for (const { line, name, value } of members) {
    const firstLine = lineOfName.get(name);
    if (firstLine !== undefined) {
      problems.push(`line ${line}: ${shown(name)} is already on line ${firstLine}; the first one counts`);
      continue;
    }
    lineOfName.set(name, line);
    try {
      const entry = readNodeEntry(name, value);
      const owner = ownerOfAddress.get(entry.ipv6);
      if (owner === undefined) {
        ownerOfAddress.set(entry.ipv6, { name, line });
        entries.push(entry);
      } else {
        problems.push(
          `line ${line}: ${shown(name)} has the address ${entry.ipv6} of ${shown(owner.name)} on line ${owner.line}; the first one counts`,
        );
      }
    } catch (error) {
      if (!(error instanceof NodeError)) throw error;
      problems.push(`line ${line}: ${error.message}`);
    }
  }
  const more = problems.length - maxProblems;
  return {
    entries,
    problems: more > 0 ? [...problems.slice(0, maxProblems), `and ${more} more entries`] : problems,
  };
}
