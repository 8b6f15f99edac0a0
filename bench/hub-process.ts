/** A hub in its own process and with its own data folder, as an operator would start it, and its REST API. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ChildProgram, startProgram } from './child-program.ts';

export interface HubProcessOptions {
  /** Keys beside the defaults, as `THREADHUB_…` variables. */
  readonly settings?: Readonly<Record<string, string>>;
  /** Any free one where absent. */
  readonly mqttPort?: number;
  /** Flags of the hub's Node. */
  readonly nodeOptions?: readonly string[];
  /** Puts into its data folder what it finds at its start. */
  readonly prepare?: (dataDir: string) => Promise<void>;
  /** Whether the inspector listens, for `Inspector`. */
  readonly inspectable?: boolean;
}

const program = join(import.meta.dirname, '..', 'bin', 'threadhub');
export const inspectorFlag = '--inspect=127.0.0.1:0';
export const inspectorLine = /Debugger listening on (ws:\S+)/;

export class HubProcess {
  readonly #child: ChildProgram;
  readonly #folder: string;

  private constructor(child: ChildProgram, folder: string) {
    this.#child = child;
    this.#folder = folder;
  }

  static async start(options: HubProcessOptions = {}): Promise<HubProcess> {
    const folder = mkdtempSync(join(tmpdir(), 'threadhub-bench-'));
    const nodeOptions = [...(options.nodeOptions ?? []), ...(options.inspectable ? [inspectorFlag] : [])];
    try {
      await options.prepare?.(folder);
      const child = await startProgram({
        name: 'the hub',
        command: program,
        args: ['serve', '--port', '0', '--mqtt-port', String(options.mqttPort ?? 0), '--data-dir', folder],
        environment: {
          ...withoutSettings(process.env),
          THREADHUB_LOG_LEVEL: 'warn',
          THREADHUB_LOG_FORMAT: 'json',
          THREADHUB_NODES_FILE: join(folder, 'adresses.json'),
          ...options.settings,
          NODE_OPTIONS: nodeOptions.join(' '),
        },
        ready: /is at (http:\/\/[^\s,]+)/,
        ...(options.inspectable ? { inspector: inspectorLine } : {}),
      });
      return new HubProcess(child, folder);
    } catch (error) {
      rmSync(folder, { recursive: true, force: true });
      throw error;
    }
  }

  get pid(): number {
    return this.#child.pid;
  }

  /** `http://127.0.0.1:5001` */
  get url(): string {
    return this.#child.address;
  }

  get inspectorUrl(): string | null {
    return this.#child.inspectorUrl;
  }

  errors(): string {
    return this.#child.errors();
  }

  async get<T>(path: string): Promise<T> {
    return (await this.#request('GET', path)).json() as Promise<T>;
  }

  async post<T>(path: string, body: unknown): Promise<T> {
    return (await this.#request('POST', path, body)).json() as Promise<T>;
  }

  /** All items of a list, page by page. */
  async list<T>(path: string): Promise<T[]> {
    const items: T[] = [];
    let cursor: string | null = null;
    do {
      const query: string = cursor === null ? '' : `&cursor=${encodeURIComponent(cursor)}`;
      const page: { items: T[]; next_cursor: string | null } = await this.get(`${path}?limit=500${query}`);
      items.push(...page.items);
      cursor = page.next_cursor;
    } while (cursor !== null);
    return items;
  }

  /** The sum of a metric's samples. */
  async metric(name: string): Promise<number> {
    const text = await (await this.#request('GET', '/metrics')).text();
    let sum = 0;
    for (const line of text.split('\n')) {
      const [, sample, value] = /^([a-z_]+)(?:\{.*\})? (\S+)$/.exec(line) ?? [];
      if (sample === name) sum += Number(value);
    }
    return sum;
  }

  async stop(): Promise<void> {
    await this.#child.stop();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async #request(method: string, path: string, body?: unknown): Promise<Response> {
    const response = await fetch(`${this.url}${path}`, {
      method,
      ...(body === undefined
        ? {}
        : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
    });
    if (response.ok) return response;
    throw new Error(`${method} ${path} gave ${response.status}: ${await response.text()}`);
  }
}

/** A site's own settings must not change what is measured. */
function withoutSettings(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(environment).filter(([name]) => !name.startsWith('THREADHUB_')));
}
