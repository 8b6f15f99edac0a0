import { describe, expect, it } from 'vitest';
import { createLogger } from './logger.ts';
import { RecentLogs } from './recent-logs.ts';

const everything = { borderRouter: null, node: null, sensor: null, level: null, fromMs: null, limit: 100 };

function setUp(bounds: { maxRecords?: number; maxBytes?: number } = {}) {
  const recent = new RecentLogs(bounds);
  const written: string[] = [];
  const logger = createLogger({
    level: 'warn',
    format: 'json',
    destination: { write: (line) => void written.push(line) },
    isTerminal: false,
    colours: false,
    recent,
  });
  return { recent, logger, written };
}

describe('recent logs', () => {
  it('have the newest first, whatever less the log itself is set to', () => {
    const { logger, recent, written } = setUp();
    logger.info({ border_router: 'BR-1' }, 'one');
    logger.warn({ node: 'n1' }, 'two');
    logger.debug('three');
    expect(recent.list(everything).map(({ msg }) => msg)).toEqual(['two', 'one']);
    expect(written.map((line) => (JSON.parse(line) as { msg: string }).msg)).toEqual(['two']);
  });

  it('are found by border router, node, sensor, level and time', () => {
    const { logger, recent } = setUp();
    logger.info({ border_router: 'BR-1' }, 'a');
    logger.warn({ border_router: 'BR-2', node: 'n' }, 'b');
    logger.error({ sensor: 's' }, 'c');
    const messages = (query: object) => recent.list({ ...everything, ...query }).map(({ msg }) => msg);
    expect(messages({ borderRouter: 'BR-1' })).toEqual(['a']);
    expect(messages({ node: 'n' })).toEqual(['b']);
    expect(messages({ sensor: 's' })).toEqual(['c']);
    expect(messages({ level: 'warn' })).toEqual(['c', 'b']);
    expect(messages({ fromMs: Date.now() + 60_000 })).toEqual([]);
    expect(messages({ limit: 1 })).toEqual(['c']);
  });

  it('hide secrets as the log does', () => {
    const { logger, recent } = setUp();
    logger.warn({ token: 'very-secret' }, 'GET /ws/br?auth_token=very-secret');
    expect(JSON.stringify(recent.list(everything))).not.toContain('very-secret');
  });

  it('are bounded by count and by bytes, and forget the oldest', () => {
    const byCount = setUp({ maxRecords: 10 });
    for (let index = 0; index < 100; index++) byCount.logger.info(`${index}`);
    expect(byCount.recent.list(everything).map(({ msg }) => msg)).toEqual(
      Array.from({ length: 10 }, (_, index) => `${99 - index}`),
    );
    const byBytes = setUp({ maxBytes: 2_000 });
    for (let index = 0; index < 100; index++) byBytes.logger.info('x'.repeat(500));
    expect(byBytes.recent.list(everything).length).toBeLessThanOrEqual(4);
    expect(byBytes.recent.list(everything).length).toBeGreaterThan(0);
  });
});
