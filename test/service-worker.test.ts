/** The service worker as a browser would run it, with the browser faked. */
import { readFileSync } from 'node:fs';
import { runInNewContext } from 'node:vm';
import { beforeEach, describe, expect, it } from 'vitest';

const code = readFileSync(new URL('../web/public/service-worker.js', import.meta.url), 'utf8');

interface FakeEvent {
  waitUntil(work: Promise<unknown>): void;
  readonly data?: { json(): unknown };
  readonly notification?: { close(): void; readonly data: unknown };
}

let listeners: Map<string, (event: FakeEvent) => void>;
let shown: { readonly title: string; readonly options: Record<string, unknown> }[];
let requests: string[];
let opened: string[];
let hubAnswers: boolean;

beforeEach(() => {
  listeners = new Map();
  shown = [];
  requests = [];
  opened = [];
  hubAnswers = true;
  runInNewContext(code, {
    self: {
      addEventListener: (name: string, listener: (event: FakeEvent) => void) => listeners.set(name, listener),
      registration: {
        showNotification: (title: string, options: Record<string, unknown>) => {
          shown.push({ title, options });
          return Promise.resolve();
        },
      },
    },
    clients: {
      matchAll: () => Promise.resolve([]),
      openWindow: (address: string) => Promise.resolve(void opened.push(address)),
    },
    fetch: (address: string, { method }: { method: string }) => {
      requests.push(`${method} ${address}`);
      return hubAnswers ? Promise.resolve() : Promise.reject(new Error('offline'));
    },
  });
});

async function happen(name: string, event: Omit<FakeEvent, 'waitUntil'>): Promise<void> {
  const work: Promise<unknown>[] = [];
  listeners.get(name)?.({ ...event, waitUntil: (one) => void work.push(one) });
  await Promise.all(work);
}

const message = {
  title: 'CRITICAL: smoke (hall)',
  summary: 'hall: smoke is true',
  severity: 'critical',
  state: 'firing',
  notification_id: 'n/1',
  alert_id: 'alert-1',
  happened_at: '2026-01-01T00:00:00.000Z',
};
const push = (data: unknown): Promise<void> => happen('push', { data: { json: () => data } });

describe('the service worker', () => {
  it('shows a push message until somebody looks, and tells the hub', async () => {
    await push(message);
    expect(shown).toMatchObject([
      {
        title: 'CRITICAL: smoke (hall)',
        options: {
          body: 'hall: smoke is true',
          tag: 'alert-1',
          requireInteraction: true,
          timestamp: Date.UTC(2026, 0, 1),
        },
      },
    ]);
    expect(requests).toEqual(['POST /api/notifications/n%2F1/seen']);
  });

  it('lets the end of an alert go by itself', async () => {
    await push({ ...message, state: 'resolved' });
    expect(shown[0]?.options['requireInteraction']).toBe(false);
  });

  it('shows it also where the hub cannot be reached', async () => {
    hubAnswers = false;
    await push(message);
    expect(shown).toHaveLength(1);
  });

  it('shows something also where the message cannot be read', async () => {
    await happen('push', {
      data: {
        json: () => {
          throw new SyntaxError('no JSON');
        },
      },
    });
    expect(shown).toMatchObject([{ title: 'Threadhub' }]);
    expect(requests).toEqual([]);
  });

  it('opens the alert when it is clicked', async () => {
    let closed = 0;
    await happen('notificationclick', {
      notification: { close: () => void (closed += 1), data: { alertId: 'alert-1' } },
    });
    expect([closed, opened]).toEqual([1, ['/alerts/alert-1']]);
  });
});
