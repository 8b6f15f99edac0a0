/** One load on a pipeline of events: published over MQTT by one process, received on a WebSocket by another, checked. */
import type { EventPublishesAnswer, EventPublishesQuestion } from './loads/event-publishes.ts';
import type { LiveReceiverAnswer, LiveReceiverQuestion } from './loads/live-receiver.ts';
import { type LoadProcess, startLoad } from './load-process.ts';

export type Publishes = LoadProcess<EventPublishesQuestion, EventPublishesAnswer>;
export type Receiver = LoadProcess<LiveReceiverQuestion, LiveReceiverAnswer>;

export const startPublishes = (): Publishes =>
  startLoad(new URL('./loads/event-publishes.ts', import.meta.url));

/** Connected, and subscribed where the server asks for it. */
export async function startReceiver(url: string, subscribe: object | null): Promise<Receiver> {
  const receiver: Receiver = startLoad(new URL('./loads/live-receiver.ts', import.meta.url));
  await receiver.ask({ kind: 'connect', url, subscribe });
  return receiver;
}

export interface EventRun {
  readonly sent: EventPublishesAnswer;
  readonly received: LiveReceiverAnswer;
}

/** Resolves when everything has come, or `waitMs` after everything was acknowledged. */
export async function runEvents(
  publishes: Publishes,
  receiver: Receiver,
  load: EventPublishesQuestion & { readonly waitMs: number },
): Promise<EventRun> {
  const { waitMs, ...question } = load;
  const sent = await publishes.ask(question);
  const { events, first, perSecond, prefix, sensors } = load;
  const { startedAtMs } = sent;
  const received = await receiver.ask({
    kind: 'collect',
    prefix,
    sensors,
    first,
    events,
    perSecond,
    startedAtMs,
    waitMs,
  });
  return { sent, received };
}

/** What is wrong with a run, a sentence each. */
export function wrongOf({ received, sent }: EventRun, name: string): string[] {
  const wrong = [...sent.problems, ...received.problems];
  if (received.lost > 0) wrong.push(`${received.lost} events were acknowledged and never came`);
  if (received.twice > 0) wrong.push(`${received.twice} events came twice`);
  if (received.outOfOrder > 0)
    wrong.push(`${received.outOfOrder} events came out of the order of their sensor`);
  return wrong.map((sentence) => `${name}: ${sentence}`);
}
