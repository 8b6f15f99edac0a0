/** The page, in a real browser: Refresh, nodes that arrive while the scan runs, silent ones shown as silent. */
import { mkdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createSimulation, type Simulation } from '../../src/simulator/simulation.ts';
import { HubClient } from '../support/hub-client.ts';
import { type HubProcess, startHubProcess, until } from '../support/hub-process.ts';

const screenshots = resolve(import.meta.dirname, '../../test-results');
const executablePath = process.env['CHROMIUM'] ?? '/usr/bin/chromium';

describe('the network map', () => {
  let hub: HubProcess;
  let client: HubClient;
  let simulation: Simulation;
  let browser: Browser;

  beforeAll(async () => {
    hub = await startHubProcess();
    client = new HubClient(hub.url);
    simulation = await createSimulation({
      hubUrl: hub.url,
      borderRouters: 4,
      nodesPerBorderRouter: 10,
      dead: 2,
    });
    await simulation.start();
    await client.untilOnline(4);
    browser = await chromium.launch({
      executablePath,
      args: ['--no-sandbox', '--disable-background-networking', '--disable-gpu'],
    });
    await mkdir(screenshots, { recursive: true });
  });

  afterAll(async () => {
    await browser.close();
    await simulation.stop();
    await hub.stop();
  });

  interface Seen {
    readonly page: Page;
    /** What the page complained about: errors, refused resources, requests that left this machine. */
    readonly complaints: string[];
  }

  async function open(width: number, height: number): Promise<Seen> {
    const context = await browser.newContext({ viewport: { width, height } });
    const page = await context.newPage();
    const complaints: string[] = [];
    page.on('pageerror', (error) => complaints.push(error.message));
    page.on('console', (message) => {
      if (message.type() === 'error') complaints.push(message.text());
    });
    page.on('request', (request) => {
      if (!request.url().startsWith(hub.url) && !/^(data|blob|ws):/.test(request.url()))
        complaints.push(request.url());
    });
    await page.goto(`${hub.url}/network-map`);
    await page.waitForSelector('#refreshBtn:visible');
    return { page, complaints };
  }

  const attribute = async (page: Page, name: string) =>
    (await page.getAttribute('[data-testid="network-map"]', name)) ?? '';

  it('shows nodes arriving before the scan is over, and the silent ones when it is', async () => {
    const { complaints, page } = await open(1_440, 900);
    await page.click('#refreshBtn');
    const during = await until(
      async () => {
        const answered = Number(await attribute(page, 'data-answered-count'));
        const state = await attribute(page, 'data-scan-state');
        return answered > 0 && state === 'running' ? answered : 0;
      },
      10_000,
      'the first nodes on the page',
    );
    expect(during).toBeLessThan(38);
    await until(
      async () => (await attribute(page, 'data-scan-state')) === 'completed',
      20_000,
      'the end of the scan on the page',
    );
    await until(
      async () => Number(await attribute(page, 'data-answered-count')) === 38,
      5_000,
      '38 answered nodes',
    );
    expect(Number(await attribute(page, 'data-node-count'))).toBe(40);
    expect(Number(await attribute(page, 'data-border-router-count'))).toBe(4);
    const text = await page.textContent('body');
    expect(text).toMatch(/silent/i);
    await page.screenshot({ path: join(screenshots, 'network-map-1440.png') });
    expect(complaints).toEqual([]);
  });

  it('fits a phone: nothing to scroll sideways, Refresh within reach', async () => {
    const { complaints, page } = await open(390, 844);
    await until(async () => Number(await attribute(page, 'data-node-count')) >= 40, 10_000, 'the map');
    const [scrollWidth, clientWidth] = await page.evaluate<[number, number]>(
      '[document.documentElement.scrollWidth, document.documentElement.clientWidth]',
    );
    expect(scrollWidth).toBeLessThanOrEqual(clientWidth);
    const box = await page.locator('#refreshBtn').boundingBox();
    expect((box?.x ?? -1) >= 0 && (box?.x ?? 0) + (box?.width ?? 0) <= 390).toBe(true);
    await page.screenshot({ path: join(screenshots, 'network-map-390.png') });
    expect(complaints).toEqual([]);
  });

  it('is followed by every page that is open, whoever triggered the scan', async () => {
    const { page } = await open(1_024, 768);
    const { scan_id: id } = await client.trigger();
    await until(
      async () => (await attribute(page, 'data-scan-state')) === 'running',
      5_000,
      'the scan on the page',
    );
    await client.finished(id);
    await until(
      async () => (await attribute(page, 'data-scan-state')) === 'completed',
      5_000,
      'its end on the page',
    );
  });
});
