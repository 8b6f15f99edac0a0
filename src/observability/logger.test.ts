import { describe, expect, it } from 'vitest';
import { createLogger, type LoggerOptions } from './logger.ts';

function capture(options: Partial<LoggerOptions> = {}) {
  const lines: string[] = [];
  const logger = createLogger({
    level: 'debug',
    format: 'json',
    destination: { write: (line) => void lines.push(line) },
    isTerminal: false,
    colours: false,
    ...options,
  });
  return { logger, lines };
}

describe('createLogger', () => {
  it('writes one JSON object a line, with the level in words and the time in ISO 8601', () => {
    const { logger, lines } = capture();
    logger.info({ border_router: 'BR-001' }, 'border router connected');
    const record = JSON.parse(lines[0] ?? '') as Record<string, unknown>;
    expect(record).toMatchObject({
      level: 'info',
      msg: 'border router connected',
      border_router: 'BR-001',
    });
    expect(record['time']).toMatch(/^\d{4}-\d\d-\d\dT.*Z$/);
    expect(record).not.toHaveProperty('pid');
  });

  it.each([
    ['a field', (log: ReturnType<typeof capture>['logger']) => log.info({ token: 's3cret' }, 'x')],
    ['a header', (log) => log.info({ req: { headers: { authorization: 'Bearer s3cret' } } }, 'x')],
    ['a URL', (log) => log.info({ url: '/ws/br?br_id=BR-1&auth_token=s3cret&x=1' }, 'x')],
    ['the message', (log) => log.warn('refused Authorization: Bearer s3cret')],
    ['an error', (log) => log.error({ err: new Error('GET /ws/br?auth_token=s3cret failed') }, 'x')],
  ])('never writes a token that stands in %s', (_place, write) => {
    for (const format of ['json', 'pretty'] as const) {
      const { logger, lines } = capture({ format });
      write(logger);
      expect(lines.join('')).toContain('[redacted]');
      expect(lines.join('')).not.toContain('s3cret');
    }
  });

  it('leaves the other query parameters readable', () => {
    const { logger, lines } = capture();
    logger.info({ url: '/ws/br?br_id=BR-1&auth_token=s3cret&network_prefix=fd00::' }, 'x');
    expect(lines[0]).toContain('br_id=BR-1&auth_token=[redacted]&network_prefix=fd00::');
  });

  it('writes short lines where the destination is a terminal', () => {
    const { logger, lines } = capture({ format: 'auto', isTerminal: true });
    logger.warn({ border_router: 'BR-001', detail: 'two words' }, 'it broke');
    expect(lines[0]).toMatch(
      /^\d\d:\d\d:\d\d\.\d{3} WARN {2}it broke border_router=BR-001 detail="two words"\n$/,
    );
  });

  it('colours short lines only where that is wanted', () => {
    const { logger, lines } = capture({ format: 'pretty', colours: true });
    logger.warn('x');
    expect(lines[0]).toContain('\u001b[33m');
  });

  it('lets no control character of a message reach the terminal', () => {
    const { logger, lines } = capture({ format: 'pretty' });
    logger.info({ node: '\u001b[2Jevil', err: new Error('\u001b[31m') }, 'x');
    expect(lines.join('')).not.toContain('\u001b');
  });

  it('keeps quiet below its level', () => {
    const { logger, lines } = capture({ level: 'warn' });
    logger.info('x');
    expect(lines).toEqual([]);
  });
});
