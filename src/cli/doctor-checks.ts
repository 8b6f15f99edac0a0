/** What `threadhub doctor` checks on this machine. Each check says what it found and, where that is wrong, what to do. */
import { createSocket } from 'node:dgram';
import { accessSync, constants, mkdtempSync, readdirSync, rmdirSync, statfsSync, statSync } from 'node:fs';
import { createServer } from 'node:net';
import { dirname, join, resolve } from 'node:path';
import type { Config } from '../config.ts';
import { isJsonObject } from '../protocol/json.ts';
import type { CliContext } from './cli-context.ts';
import { counted } from './text-layout.ts';

export type CheckStatus = 'ok' | 'warning' | 'problem';

export interface Check {
  readonly name: string;
  readonly status: CheckStatus;
  /** What is there. */
  readonly found: string;
  /** What to do; null where nothing is to be done. */
  readonly advice: string | null;
}

export interface MachineCheckOptions {
  /** Null where it could not be loaded: what depends on it is not checked. */
  readonly config: Config | null;
  /** A hub already listens where the configuration says: its port is taken for a reason. */
  readonly hubAnswers: boolean;
  readonly context: Pick<CliContext, 'clock' | 'files'>;
}

const leastNodeVersion = 24;
const leastFreeBytes = 1024 ** 3;
const leastFreeShare = 0.1;
/** Nothing of this program existed before: a clock that shows an earlier day was never set. */
const earliestPlausibleMs = Date.UTC(2026, 0, 1);
/** A file from the future means that the clock was set back; a little is rounding of file systems. */
const clockToleranceMs = 60_000;

export async function checkMachine({ config, hubAnswers, context }: MachineCheckOptions): Promise<Check[]> {
  const general = [checkNodeVersion(process.versions.node), await checkIpv6Loopback(), await checkUdp()];
  if (config === null) return [...general, checkClock(context.clock.nowMs(), null)];
  return [
    ...general,
    checkDataFolder(config.data_dir),
    checkFreeSpace(config.data_dir),
    checkClock(context.clock.nowMs(), newestFileMs(config.data_dir)),
    checkNodeFile(context, config.nodes.file),
    hubAnswers
      ? ok('port', `${config.server.port} is the hub's`)
      : await checkPort(config.server.host, config.server.port),
  ];
}

const ok = (name: string, found: string): Check => ({ name, status: 'ok', found, advice: null });

export function checkNodeVersion(version: string): Check {
  const name = 'Node';
  if (Number(version.split('.')[0]) >= leastNodeVersion) return ok(name, version);
  return {
    name,
    status: 'problem',
    found: `${version}, and Threadhub needs ${leastNodeVersion} or newer`,
    advice: "run 'npm ci' in its folder, which brings that Node along, and start it with bin/threadhub",
  };
}

async function checkIpv6Loopback(): Promise<Check> {
  const name = 'IPv6 loopback';
  const failure = await tryListen('::1', 0);
  if (failure === null) return ok(name, '::1 works');
  return {
    name,
    status: 'warning',
    found: `::1 cannot be used (${failure})`,
    advice:
      'switch IPv6 on (sysctl net.ipv6.conf.lo.disable_ipv6=0); Thread nodes and the simulator need it here',
  };
}

async function checkUdp(): Promise<Check> {
  const name = 'UDP';
  const failure = await new Promise<string | null>((done) => {
    const socket = createSocket({ type: 'udp6', ipv6Only: true });
    socket.once('error', (error) => {
      socket.close();
      done(codeOf(error));
    });
    socket.bind(0, '::', () => socket.close(() => done(null)));
  });
  if (failure === null) return ok(name, 'IPv6 sockets open');
  return {
    name,
    status: 'warning',
    found: `no IPv6 UDP socket can be opened (${failure})`,
    advice: 'allow it to this user or container; a border router on this machine asks nodes through it',
  };
}

/** The nearest folder that exists: a data folder is made at the first start. */
function existingFolder(path: string): string {
  let folder = resolve(path);
  for (;;) {
    try {
      if (statSync(folder).isDirectory()) return folder;
    } catch {
      // Not there: its parent may be.
    }
    const parent = dirname(folder);
    if (parent === folder) return folder;
    folder = parent;
  }
}

export function checkDataFolder(path: string): Check {
  const name = 'data folder';
  const folder = existingFolder(path);
  try {
    accessSync(folder, constants.W_OK | constants.X_OK);
    // Root may write everywhere by its permissions, and not on a read-only file system.
    rmdirSync(mkdtempSync(join(folder, '.threadhub-doctor-')));
  } catch (error) {
    return {
      name,
      status: 'problem',
      found: `${resolve(path)} cannot be written (${codeOf(error)})`,
      advice: 'give this user the folder, or name another with data_dir',
    };
  }
  return ok(
    name,
    resolve(path) === folder
      ? `${folder} can be written`
      : `${resolve(path)} will be made at the first start`,
  );
}

export function checkFreeSpace(
  path: string,
  statfs: (folder: string) => { bsize: number; blocks: number; bavail: number } = statfsSync,
): Check {
  const name = 'disk';
  const { bsize, blocks, bavail } = statfs(existingFolder(path));
  // A pseudo file system has no size; that nothing can be written there is said by the other check.
  if (blocks === 0) return ok(name, 'of no fixed size');
  const freeBytes = bavail * bsize;
  const freeShare = bavail / blocks;
  const found = `${(freeBytes / 1024 ** 3).toFixed(1)} GiB free (${Math.round(freeShare * 100)} %)`;
  if (freeBytes >= leastFreeBytes && freeShare >= leastFreeShare) return ok(name, found);
  return {
    name,
    status: bavail === 0 ? 'problem' : 'warning',
    found,
    advice: 'make room, or keep fewer scans (scan.keep): a full disk stops the storing of scans',
  };
}

function newestFileMs(folder: string): number | null {
  try {
    const times = readdirSync(folder).map((file) => statSync(join(folder, file)).mtimeMs);
    return times.length === 0 ? null : Math.max(...times);
  } catch {
    return null;
  }
}

export function checkClock(nowMs: number, newestDataMs: number | null): Check {
  const name = 'clock';
  const shown = new Date(nowMs).toISOString();
  const advice = 'set the time, best with NTP (timedatectl set-ntp true): history is kept by it';
  if (nowMs < earliestPlausibleMs) {
    return { name, status: 'problem', found: `${shown}, which is in the past`, advice };
  }
  if (newestDataMs !== null && newestDataMs > nowMs + clockToleranceMs) {
    const newest = new Date(newestDataMs).toISOString();
    return {
      name,
      status: 'warning',
      found: `${shown}, and the data folder has a file of ${newest}`,
      advice,
    };
  }
  return ok(name, shown);
}

function checkNodeFile({ files }: Pick<CliContext, 'files'>, path: string): Check {
  const name = 'node file';
  let text: string;
  try {
    text = files.readText(path);
  } catch (error) {
    if (codeOf(error) === 'ENOENT')
      return ok(name, `${path} is not there; nodes come from REST and discovery`);
    return {
      name,
      status: 'problem',
      found: `${path} cannot be read (${codeOf(error)})`,
      advice: 'let this user read it, or name another with nodes.file',
    };
  }
  const advice = 'write {"name": "ipv6", …} or {"name": {"ipv6": …, "br_id": …}, …}';
  try {
    const nodes: unknown = JSON.parse(text);
    if (isJsonObject(nodes)) return ok(name, `${path} lists ${counted(Object.keys(nodes).length, 'node')}`);
    return { name, status: 'problem', found: `${path} holds no object`, advice };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return { name, status: 'problem', found: `${path} is no JSON (${reason})`, advice };
  }
}

export async function checkPort(host: string, port: number): Promise<Check> {
  const name = 'port';
  const failure = await tryListen(host, port);
  if (failure === null) return ok(name, `${port} on ${host} is free`);
  const advice =
    failure === 'EADDRINUSE'
      ? `end what uses it (ss -ltnp 'sport = :${port}' shows it), or choose another with server.port`
      : failure === 'EACCES'
        ? 'choose a port of 1024 or above with server.port, or allow this one (AmbientCapabilities=CAP_NET_BIND_SERVICE)'
        : 'name an address of this machine with server.host';
  return { name, status: 'problem', found: `${port} on ${host} cannot be opened (${failure})`, advice };
}

/** Null where it could listen, else the error's code. */
function tryListen(host: string, port: number): Promise<string | null> {
  return new Promise((done) => {
    const server = createServer();
    server.once('error', (error) => done(codeOf(error)));
    server.listen({ host, port, exclusive: true }, () => {
      server.close(() => done(null));
    });
  });
}

const codeOf = (error: unknown): string =>
  error instanceof Error && 'code' in error ? String(error.code) : String(error);
