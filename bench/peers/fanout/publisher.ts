/**
 * What the servers of the `fanout` benchmark publish, and when: the same messages for all of them, each at its own intended
 * time. Runs in Node and Bun. A server answers `GET /publish?rate=400&messages=2000` when it has published them.
 */

/** An event as the live feed carries it, without its position. */
export function fanoutMessage(number: number) {
  return {
    type: 'event' as const,
    event_id: `fanout:${number}`,
    sensor_id: `sensor-${number % 50}`,
    lane: 'bulk' as const,
    readings: [{ type: 'temperature', value: 20 + (number % 100) / 10, unit: '°C' }],
    ts: monotonicMs(),
    source_ts: null,
    received_at: 0,
    stored_at: 0,
    seq: number,
    flags: [],
    protocol: 'mqtt' as const,
    qos: 1 as const,
    topic: null,
  };
}

/** The same clock in all processes of a machine. */
function monotonicMs(): number {
  return performance.timeOrigin + performance.now();
}

/** Open loop: who is late publishes what was due meanwhile, nothing is skipped. Resolves after the last. */
export function publishAtRate(
  { messages, rate }: { readonly messages: number; readonly rate: number },
  publish: (number: number) => void,
): Promise<void> {
  const startedMs = performance.now();
  let published = 0;
  return new Promise((resolve) => {
    const publishDue = (): void => {
      const due = Math.min(messages, 1 + Math.floor(((performance.now() - startedMs) * rate) / 1_000));
      for (; published < due; published += 1) publish(published);
      if (published >= messages) resolve();
      else setTimeout(publishDue, Math.max(0, startedMs + (published * 1_000) / rate - performance.now()));
    };
    publishDue();
  });
}

export function askedFor(url: string): { readonly messages: number; readonly rate: number } {
  const query = new URL(url, 'http://localhost').searchParams;
  return { messages: Number(query.get('messages')), rate: Number(query.get('rate')) };
}
