/** Holds the protocol and `docs/live-feed.md` together. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import {
  liveErrorCodes,
  liveMessageTopics,
  liveModes,
  liveRequestSchema,
  liveTopics,
} from '../../protocol/live.ts';
import { liveSensorEventSchema } from '../../protocol/sensor-event.ts';
import { defaultConfig } from '../../config.ts';
import { readFrame } from '../../client/live-message.ts';
import { readLiveRequest } from './live-request.ts';

const markdown = readFileSync(new URL('../../../docs/live-feed.md', import.meta.url), 'utf8');

const examples = (kind: 'request' | 'message'): string[] =>
  [...markdown.matchAll(new RegExp(`\`\`\`json ${kind}\\n([\\s\\S]*?)\`\`\``, 'g'))].map(([, text = '']) =>
    JSON.stringify(JSON.parse(text)),
  );

function errorOf({ ok: _ok, ...error }: ReturnType<typeof readLiveRequest>): object {
  return error;
}

describe('docs/live-feed.md', () => {
  it('shows requests that the hub takes', () => {
    const read = examples('request').map((text) => readLiveRequest(text));
    expect(read.length).toBeGreaterThan(1);
    expect(read.filter(({ ok }) => !ok)).toEqual([]);
  });

  it('shows messages that the client reads, an event as the schema has it', () => {
    const messages = examples('message').flatMap((text) => readFrame(text));
    expect(messages.map(({ type }) => type)).toEqual(['subscribed', 'event', 'gap', 'error']);
    const { position: _position, type: _type, ...event } = messages[1] as Record<string, unknown>;
    expect(liveSensorEventSchema.strict().safeParse(event).error).toBeUndefined();
  });

  it('shows the very error that the hub gives', () => {
    const answer = readLiveRequest('{"type":"subscrib","id":2}');
    const shown = examples('message')
      .flatMap((text) => readFrame(text))
      .find(({ type }) => type === 'error');
    expect(shown).toEqual({ type: 'error', ...errorOf(answer) });
  });

  it('names every request, message, topic, mode and error code', () => {
    const requests = liveRequestSchema.options.flatMap(({ shape }) => [...shape.type.values]);
    for (const word of [
      ...requests,
      ...Object.keys(liveMessageTopics),
      ...liveTopics,
      ...liveModes,
      ...liveErrorCodes,
    ])
      expect(markdown, word).toContain(`\`${word}\``);
  });

  it('names only keys of the configuration that there are', () => {
    const named = [...markdown.matchAll(/`live\.([a-z_]+)`/g)].map(([, key = '']) => key);
    expect(named.filter((key) => !Object.hasOwn(defaultConfig({}).live, key))).toEqual([]);
    expect(new Set(named)).toEqual(new Set(Object.keys(defaultConfig({}).live)));
  });
});
