import { describe, expect, it } from 'vitest';
import { FactBus } from '../facts.ts';
import { asBorderRouterId } from '../protocol/ids.ts';
import { logFacts } from './log-facts.ts';
import { createLogger } from './logger.ts';

function record() {
  const records: Record<string, unknown>[] = [];
  const facts = new FactBus({
    onListenerError: (_name, error) => {
      throw error;
    },
  });
  const stop = logFacts(
    facts,
    createLogger({
      level: 'trace',
      format: 'json',
      destination: { write: (line) => void records.push(JSON.parse(line) as Record<string, unknown>) },
      isTerminal: false,
      colours: false,
    }),
  );
  const levels = () => records.map((entry) => entry['level']);
  return { facts, records, levels, stop };
}

const id = asBorderRouterId('BR-001');
const other = asBorderRouterId('BR-0011');

describe('logFacts', () => {
  it('warns of an unknown message type once per border router and type', () => {
    const { facts, levels } = record();
    const broken = (from: typeof id, detail: string) =>
      facts.emit('border_router:protocol_error', { id: from, kind: 'unknown_type', detail });
    broken(id, 'selfie');
    broken(id, 'selfie');
    broken(id, 'poem');
    broken(other, 'selfie');
    expect(levels()).toEqual(['warn', 'debug', 'warn', 'warn']);
  });

  it('warns again after a new connection of that border router, and of no other', () => {
    const { facts, levels } = record();
    const malformed = (from: typeof id) =>
      facts.emit('border_router:protocol_error', { id: from, kind: 'malformed', detail: 'x' });
    malformed(id);
    malformed(other);
    facts.emit('border_router:connected', { id, atMs: 0 });
    malformed(id);
    malformed(other);
    expect(levels()).toEqual(['warn', 'warn', 'info', 'warn', 'debug']);
  });

  it('warns of a link that ended by itself, and only notes one that somebody closed', () => {
    const { facts, levels } = record();
    facts.emit('border_router:disconnected', { id, atMs: 0, reason: 'silent', replaced: false });
    facts.emit('border_router:disconnected', { id, atMs: 0, reason: 'hub_stopping', replaced: false });
    facts.emit('border_router:disconnected', { id, atMs: 0, reason: 'silent', replaced: true });
    expect(levels()).toEqual(['warn', 'info', 'info']);
  });

  it('warns of a refused border router once per reason', () => {
    const { facts, levels } = record();
    const refuse = (code: string) =>
      facts.emit('border_router:refused', {
        status: 401,
        code,
        borderRouterId: 'BR-001',
        remoteAddress: '10.0.0.9',
      });
    refuse('token_invalid');
    refuse('token_invalid');
    refuse('token_missing');
    expect(levels()).toEqual(['warn', 'debug', 'warn']);
  });

  it('writes each problem of the node file as a warning', () => {
    const { facts, records, levels } = record();
    facts.emit('nodes:file_loaded', { path: 'adresses.json', accepted: 3, problems: ['d4E: no address'] });
    expect(levels()).toEqual(['info', 'warn']);
    expect(records[1]).toMatchObject({ msg: 'node file: d4E: no address', path: 'adresses.json' });
  });

  it('writes nothing more once it is stopped', () => {
    const { facts, records, stop } = record();
    stop();
    facts.emit('border_router:connected', { id, atMs: 0 });
    expect(records).toEqual([]);
  });
});
