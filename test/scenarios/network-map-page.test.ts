/**
 * The page, in a real browser: Refresh, nodes that arrive while the scan runs, silent ones shown as silent; and what it tells
 * of a mesh behind a stock border router.
 */
import { mkdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openStockBorderRouter } from '../../src/agent/open-stock-border-router.ts';
import type { StockBorderRouter } from '../../src/agent/stock-border-router.ts';
import { systemClock } from '../../src/clock.ts';
import { asBorderRouterId } from '../../src/protocol/ids.ts';
import type { TopologyWire } from '../../src/protocol/topology.ts';
import { createOtbrNetwork, type OtbrNetwork } from '../../src/simulator/otbr/otbr-network.ts';
import { createSimulation, type Simulation } from '../../src/simulator/simulation.ts';
import { HubClient } from '../support/hub-client.ts';
import { type HubProcess, startHubProcess, until } from '../support/hub-process.ts';

const screenshots = resolve(import.meta.dirname, '../../test-results');
const executablePath = process.env['CHROMIUM'] ?? '/usr/bin/chromium';

interface Seen {
  readonly page: Page;
  /** What the page complained about: errors, refused resources, requests that left this machine. */
  readonly complaints: string[];
}

const launch = (): Promise<Browser> =>
  chromium.launch({
    executablePath,
    args: ['--no-sandbox', '--disable-background-networking', '--disable-gpu'],
  });

async function openPage(browser: Browser, hubUrl: string, path: string, size: Size): Promise<Seen> {
  const context = await browser.newContext({ viewport: size });
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on('pageerror', (error) => complaints.push(error.message));
  page.on('console', (message) => {
    if (message.type() === 'error') complaints.push(message.text());
  });
  page.on('request', (request) => {
    if (!request.url().startsWith(hubUrl) && !/^(data|blob|ws):/.test(request.url()))
      complaints.push(request.url());
  });
  await page.goto(`${hubUrl}${path}`);
  await page.waitForSelector('#refreshBtn:visible');
  return { page, complaints };
}

interface Size {
  readonly width: number;
  readonly height: number;
}

async function expectNothingSideways(page: Page): Promise<void> {
  const [scrollWidth, clientWidth] = await page.evaluate<[number, number]>(
    '[document.documentElement.scrollWidth, document.documentElement.clientWidth]',
  );
  expect(scrollWidth).toBeLessThanOrEqual(clientWidth);
}

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
    browser = await launch();
    await mkdir(screenshots, { recursive: true });
  });

  afterAll(async () => {
    await browser.close();
    await simulation.stop();
    await hub.stop();
  });

  const open = (width: number, height: number) =>
    openPage(browser, hub.url, '/network-map', { width, height });

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
    await expectNothingSideways(page);
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

describe('the network map of a stock border router', () => {
  const wide = { width: 1_440, height: 900 };
  const phone = { width: 390, height: 844 };
  let hub: HubProcess;
  let client: HubClient;
  let network: OtbrNetwork;
  let speaker: StockBorderRouter | null = null;
  let browser: Browser;
  let topology: TopologyWire;

  beforeAll(async () => {
    // One reading answers all nodes of the mesh: that may take longer than a node that is asked by itself.
    hub = await startHubProcess({ env: { THREADHUB_SCAN_NODE_TIMEOUT: '25s' } });
    client = new HubClient(hub.url);
    browser = await launch();
    await mkdir(screenshots, { recursive: true });
    const id = asBorderRouterId('OTBR-001');
    network = createOtbrNetwork({
      ...{ index: 0, id, nodes: 24, routers: 6, dialect: 'json-api', seed: 7, clock: systemClock },
    });
    await network.otbr.open();
  });

  afterAll(async () => {
    await browser.close();
    await speaker?.close();
    await network.otbr.close();
    await hub.stop();
  });

  const open = (query: string, size: Size) => openPage(browser, hub.url, `/network-map${query}`, size);

  it('fits a phone before there is any border router', async () => {
    const { complaints, page } = await open('', phone);
    await page.getByRole('heading', { name: 'No map yet' }).waitFor();
    await expectNothingSideways(page);
    await page.screenshot({ path: join(screenshots, 'network-map-empty-390.png') });
    expect(complaints).toEqual([]);
  });

  it('shows the mesh that the border router read, by its name, and how it was read', async () => {
    speaker = openStockBorderRouter({
      address: { source: 'otbr-rest', url: network.otbr.url },
      hub: hub.url.replace(/^http/, 'ws'),
      idOf: () => asBorderRouterId('OTBR-001'),
      tokenOf: () => null,
      ...{ networkPrefix: null, encoding: 'json', radioBudget: 128, threadInterface: null },
      ...{ firmware: 'test', clock: systemClock, onFact: () => undefined },
    });
    void speaker.run();
    await client.untilOnline(1);
    const { complaints, page } = await open('', wide);
    await until(
      async () => (await client.get<{ items: unknown[] }>('/api/nodes?limit=100')).items.length >= 24,
      30_000,
      'the nodes that the border router lists',
    );
    const { scan_id: scanId } = await client.trigger();
    await client.finished(scanId, 60_000);
    topology = await client.topology();
    const status = page.getByRole('complementary', { name: 'Status and details' });
    await status.getByText('6 of 6 routers answered').waitFor();
    await expect.poll(() => status.innerText()).toMatch(/\d+ of 128 radio requests/);
    const text = await status.innerText();
    expect(text).toMatch(/OTBR-001 reads its mesh through its REST API/);
    expect(text).toContain(network.observed.networkName);
    expect(text).toContain('25 of 25 nodes');
    await page.screenshot({ path: join(screenshots, 'network-map-stock-1440.png') });
    expect(complaints).toEqual([]);
  });

  it('says who told of a sleepy child, and leads there', async () => {
    const child = topology.nodes.find(({ told_by: toldBy }) => toldBy !== undefined);
    if (child?.told_by === undefined) throw new Error('no node was told of by its parent');
    const { page } = await open(`?node=${child.id}`, wide);
    const details = page.getByTestId('node-details');
    await details.getByText('Its parent told of it in this scan; it was not asked itself.').waitFor();
    const fact = details.locator('dt', { hasText: /^Told by$/ }).locator('xpath=following-sibling::dd');
    await fact.getByRole('button').click();
    await expect.poll(() => new URL(page.url()).searchParams.get('node')).toBe(child.told_by);
  });

  it('shows both directions of a link, each as its receiver measured it', async () => {
    const link = topology.links.find(
      ({ a_hears_b: there, b_hears_a: back, kind }) =>
        kind === 'router_router' && there[0]?.state === 'live' && back[0]?.state === 'live',
    );
    const heard = link?.a_hears_b[0]?.rssi ?? null;
    const isHeard = link?.b_hears_a[0]?.rssi ?? null;
    if (link === undefined || heard === null || isHeard === null) throw new Error('no measured link');
    const { page } = await open(`?node=${link.a}`, wide);
    const entry = page.getByTestId('node-details').locator(`[data-link-id="${link.id}"]`);
    const directions = await entry.locator('dd').allInnerTexts();
    expect(directions).toHaveLength(2);
    expect(directions[0]).toContain(`−${-heard} dBm`);
    expect(directions[1]).toContain(`−${-isHeard} dBm`);
  });

  it.each([
    ['a screen', wide],
    ['a phone', phone],
  ])('shows the route between two nodes on %s, with the keyboard alone', async (_, size) => {
    const [from, to] = topology.nodes.filter(({ told_by: toldBy }) => toldBy !== undefined);
    if (from === undefined || to === undefined) throw new Error('fewer than two children');
    const trace = await client.get<{ hops: { to_id: string }[] }>(
      `/api/topology/route?from=${from.id}&to=${to.id}`,
    );
    const { complaints, page } = await open(`?node=${from.id}`, size);
    const choice = page.getByLabel('Show the route to');
    await choice.selectOption(to.id);
    await choice.focus();
    await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    const route = page.getByTestId('route');
    await route.waitFor();
    expect(await route.locator('ol > li').count()).toBe(trace.hops.length + 1);
    await expect.poll(() => page.evaluate('document.activeElement?.dataset.testid')).toBe('route');
    await expectNothingSideways(page);
    const showAll = page.getByRole('button', { name: 'Show all', exact: true });
    const box = await showAll.boundingBox();
    expect((box?.x ?? 0) + (box?.width ?? 0)).toBeLessThanOrEqual(size.width);
    await page.screenshot({ path: join(screenshots, `network-map-route-${size.width}.png`) });
    await showAll.click();
    await route.waitFor({ state: 'detached' });
    expect(complaints).toEqual([]);
  });
});
