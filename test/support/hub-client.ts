/** A hub's REST API as tests use it: wire shapes, and an error with the body where the status is not the expected one. */
import type { BorderRouterWire } from '../../src/protocol/border-router.ts';
import type { ScanSummaryWire, ScanWire } from '../../src/protocol/scan.ts';
import type { TopologyWire } from '../../src/protocol/topology.ts';
import { until } from './hub-process.ts';

export class HubClient {
  readonly url: string;

  constructor(url: string) {
    this.url = url;
  }

  async request(
    method: string,
    path: string,
    body?: unknown,
  ): Promise<{ status: number; body: unknown; text: string }> {
    const response = await fetch(`${this.url}${path}`, {
      method,
      ...(body === undefined
        ? {}
        : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
    });
    const text = await response.text();
    const json = response.headers.get('content-type')?.includes('json') === true;
    return { status: response.status, body: json ? JSON.parse(text) : null, text };
  }

  async get<T>(path: string): Promise<T> {
    const { body, status, text } = await this.request('GET', path);
    if (status !== 200) throw new Error(`GET ${path} answered ${status}: ${text}`);
    return body as T;
  }

  async text(path: string): Promise<string> {
    return (await this.request('GET', path)).text;
  }

  async importNodes(nodes: Readonly<Record<string, unknown>>): Promise<void> {
    const { status, text } = await this.request('POST', '/api/nodes/import', nodes);
    if (status !== 200) throw new Error(`the import answered ${status}: ${text}`);
  }

  async trigger(filter: unknown = {}): Promise<{ scan_id: string; joined: boolean; nodes: number }> {
    const { body, status, text } = await this.request('POST', '/api/trigger_scan', filter);
    if (status !== 202) throw new Error(`the trigger answered ${status}: ${text}`);
    return body as { scan_id: string; joined: boolean; nodes: number };
  }

  scan(id: string): Promise<ScanWire> {
    return this.get(`/api/scans/${id}`);
  }

  scans(): Promise<{ items: ScanSummaryWire[] }> {
    return this.get('/api/scans');
  }

  topology(query = ''): Promise<TopologyWire> {
    return this.get(`/api/topology${query}`);
  }

  async borderRouters(): Promise<BorderRouterWire[]> {
    return (await this.get<{ items: BorderRouterWire[] }>('/api/border_routers')).items;
  }

  async untilOnline(count: number): Promise<void> {
    await until(
      async () => (await this.borderRouters()).filter(({ online }) => online).length === count,
      15_000,
      `${count} border routers online`,
    );
  }

  /** Triggers a scan and waits for its end. */
  async scanToEnd(filter: unknown = {}): Promise<ScanWire> {
    const { scan_id: id } = await this.trigger(filter);
    return this.finished(id);
  }

  finished(id: string, withinMs = 45_000): Promise<ScanWire> {
    return until(
      async () => {
        const scan = await this.scan(id);
        return scan.state === 'running' ? null : scan;
      },
      withinMs,
      `the end of scan ${id}`,
    );
  }
}
