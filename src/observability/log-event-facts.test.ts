import { expect, it } from 'vitest';
import { FactBus } from '../facts.ts';
import { logEventFacts } from './log-event-facts.ts';
import { createLogger } from './logger.ts';

function setUp() {
  const facts = new FactBus({
    onListenerError: (_name, error) => {
      throw error;
    },
  });
  const records: Record<string, unknown>[] = [];
  const logger = createLogger({
    level: 'debug',
    format: 'json',
    destination: { write: (line) => void records.push(JSON.parse(line) as Record<string, unknown>) },
    isTerminal: false,
    colours: false,
  });
  let nowMs = 0;
  const stop = logEventFacts(facts, logger, () => nowMs);
  return { facts, records, stop, pass: (ms: number) => (nowMs += ms) };
}

it('tells of a flood once in a while, with how many there were', () => {
  const { facts, pass, records } = setUp();
  const drop = () => facts.emit('events:dropped', { reason: 'unknown_topic', events: 10, topic: 'a/b' });
  for (let index = 0; index < 100; index++) drop();
  expect(records).toMatchObject([{ level: 'warn', reason: 'unknown_topic', events: 10 }]);
  pass(60_000);
  drop();
  expect(records.slice(1)).toMatchObject([{ events: 1_000 }]);
});

it('names the sensor of a dead letter, and tells of each sensor on its own', () => {
  const { facts, records } = setUp();
  const dead = (sensorId: string) =>
    facts.emit('events:dead_lettered', {
      lane: 'bulk',
      reason: 'out_of_range',
      sensorId,
      detail: 'it is 900',
    });
  dead('s1');
  dead('s1');
  dead('s2');
  expect(records.map(({ sensor }) => sensor)).toEqual(['s1', 's2']);
});

it('tells of a channel that fails as a warning, of one that works as information', () => {
  const { facts, records, stop } = setUp();
  const attempt = { channel: 'phone', alertId: 'a', latencyMs: 12.3 };
  facts.emit('notification:attempted', { ...attempt, result: 'failed', error: 'it is down' });
  facts.emit('notification:attempted', { ...attempt, result: 'delivered', error: null });
  expect(records).toMatchObject([
    { level: 'warn', channel: 'phone', error: 'it is down', alert_id: 'a' },
    { level: 'info', latency_ms: 12 },
  ]);
  stop();
  facts.emit('notification:attempted', { ...attempt, result: 'delivered', error: null });
  expect(records).toHaveLength(2);
});

it('tells of a breaker that opens once, however often an attempt opens it again, and that it closed', () => {
  const { facts, records } = setUp();
  const change = (state: 'closed' | 'half_open' | 'open') =>
    facts.emit('circuit_breaker:changed', { name: 'store', state, detail: null });
  const news = () =>
    records.filter(({ level }) => level !== 'debug').map(({ level, state }) => [level, state]);
  for (let attempt = 0; attempt < 3; attempt++) {
    change('open');
    change('half_open');
  }
  change('closed');
  change('open');
  expect(news()).toEqual([
    ['error', 'open'],
    ['info', 'closed'],
    ['error', 'open'],
  ]);
});
