import { describe, expect, it } from 'vitest';
import { AlertShard } from '../../../test/support/alert-shard.ts';
import type { ReadingValue } from '../../protocol/sensor-event.ts';
import type { MeshFact } from '../mesh-fact.ts';

const minuteMs = 60_000;

/** Whether the rule fires after each reading, one a minute. */
async function firingAfter(
  when: string,
  values: readonly ReadingValue[],
  stepMs = minuteMs,
): Promise<boolean[]> {
  const shard = await new AlertShard(`alerts:\n  - name: rule\n    ${when}\n`).open();
  const firing: boolean[] = [];
  for (const value of values) {
    shard.receive({ sensor: 'kitchen-1', type: 'level', value });
    firing.push(shard.all.some(({ state }) => state === 'firing'));
    await shard.pass(stepMs);
  }
  return firing;
}

describe('conditions on readings', () => {
  it.each<[string, readonly ReadingValue[], readonly boolean[]]>([
    ['when: {type: level, equals: true}', [false, true, true, false, true], [false, true, true, false, true]],
    ['when: {type: level, equals: true}', ['ON', 'off', 1, 0, 'Alarm'], [true, false, true, false, true]],
    // Neither true nor false: it says nothing.
    ['when: {type: level, equals: true}', [400, true, 400, 'odd'], [false, true, true, true]],
    ['when: {type: level, equals: open}', ['open', 'closed'], [true, false]],
    ['when: {type: level, equals: 3}', [3, 3.1, '3'], [true, false, false]],
    ['when: {type: level, above: 10}', [10, 10.01, 10], [false, true, false]],
    ['when: {type: level, above: 10}', ['high', true], [false, false]],
    ['when: {type: level, below: -12}', [-12, -12.5, -11], [false, true, false]],
    ['when: {type: level, between: [2, 8]}', [1.9, 2, 8, 8.1], [false, true, true, false]],
    [
      'when: {type: level, above: 10}\n    clear: {below: 5}',
      [11, 7, 10.5, 5, 4.9, 7],
      [true, true, true, true, false, false],
    ],
    ['when: {type: level, below: 10}\n    clear: {above: 15}', [9, 12, 15, 16], [true, true, true, false]],
    [
      'when: {type: level, changes_by: {by: 5, within: 3min}}',
      [20, 22, 24, 25, 25, 25],
      [false, false, false, true, false, false],
    ],
    // Too slow: what was 20 is out of the window by then.
    [
      'when: {type: level, changes_by: {by: 5, within: 3min}}',
      [20, 21.5, 23, 24, 25, 26],
      [false, false, false, false, false, false],
    ],
    ['when: {type: level, changes_by: {by: 5, within: 3min}}', [20, 14], [false, true]],
    ['when: {type: level, rate: {above: 2, per: 1min}}', [0, 2, 4.5, 5], [false, false, true, false]],
    ['when: {type: level, rate: {below: -2, per: 1min}}', [10, 8, 5.5, 5.5], [false, false, true, false]],
    ['when: {type: level, rate: {above: 100, per: 20min}}', [0, 1, 2, 20], [false, false, false, true]],
  ])('%s', async (when, values, expected) => {
    expect(await firingAfter(when, values)).toEqual(expected);
  });

  it('takes the noise between two quick readings for no rate', async () => {
    const values = [20, 20.5, 20, 20.5];
    expect(await firingAfter('when: {type: level, rate: {above: 5, per: 1min}}', values, 1_000)).toEqual(
      values.map(() => false),
    );
  });

  it('looks only at the sensors that its pattern fits', async () => {
    const shard = await new AlertShard(
      'alerts: [{name: warm, when: {sensor: "freezer-*-top", type: temperature, above: -12}}]',
    ).open();
    for (const sensor of ['freezer', 'freezer-1-bottom', 'Freezer-1-top', 'x-freezer-1-top'])
      shard.receive({ sensor, type: 'temperature', value: 3 });
    expect(shard.all).toEqual([]);
    shard.receive({ sensor: 'freezer-1-top', type: 'humidity', value: 3 });
    expect(shard.all).toEqual([]);
    shard.receive({ sensor: 'freezer-1-top', type: 'temperature', value: 3 });
    expect(shard.only).toMatchObject({ state: 'firing', subject: 'freezer-1-top', value: 3 });
    expect(shard.only.summary).toBe('freezer-1-top: temperature is 3, above -12');
  });

  it('fires for a retained level, and takes it for no change', async () => {
    const shard = await new AlertShard(
      'alerts: [{name: smoke, when: {type: smoke, equals: true}}, {name: jump, when: {type: t, changes_by: {by: 5, within: 1h}}}]',
    ).open();
    shard.receive({ sensor: 'a', type: 't', value: 1 });
    shard.receive({ sensor: 'a', type: 't', value: 50, flags: ['retained'] });
    expect(shard.all).toEqual([]);
    shard.receive({ sensor: 'a', type: 'smoke', value: true, flags: ['retained'] });
    expect(shard.only.rule).toBe('smoke');
  });

  it('judges what came around the order only where nothing newer is known', async () => {
    const shard = await new AlertShard('alerts: [{name: smoke, when: {type: smoke, equals: true}}]').open();
    const nowMs = shard.clock.nowMs();
    shard.receive({ sensor: 'a', type: 'smoke', value: false });
    shard.receive({ sensor: 'a', type: 'smoke', value: true, flags: ['replayed'], ts: nowMs - 1_000 });
    expect(shard.all).toEqual([]);
    shard.receive({ sensor: 'b', type: 'smoke', value: true, flags: ['replayed'], ts: nowMs - 1_000 });
    expect(shard.only.subject).toBe('b');
  });

  it('begins only in its hours, and then also with what began before', async () => {
    const shard = await new AlertShard(
      'alerts: [{name: door, when: {type: door, equals: open, during: "22:00-06:00", timezone: UTC}, for: 5m}]',
    ).open();
    await shard.pass(12 * 60 * minuteMs);
    shard.receive({ sensor: 'door', type: 'door', value: 'open' });
    await shard.pass(10 * 60 * minuteMs - 1);
    expect(shard.all).toEqual([]);
    await shard.pass(1);
    expect(shard.only.state).toBe('pending');
    await shard.pass(5 * minuteMs);
    expect(shard.only).toMatchObject({ state: 'firing', startedAt: Date.UTC(2026, 0, 1, 22) });
    // Its end is the door's, not the morning's.
    await shard.pass(10 * 60 * minuteMs);
    expect(shard.only.state).toBe('firing');
    shard.receive({ sensor: 'door', type: 'door', value: 'closed' });
    expect(shard.only.state).toBe('resolved');
  });

  it('does not fire at the beginning of its hours for what has ended', async () => {
    const shard = await new AlertShard(
      'alerts: [{name: door, when: {type: door, equals: open, during: "22:00-06:00", timezone: UTC}}]',
    ).open();
    await shard.pass(20 * 60 * minuteMs);
    shard.receive({ sensor: 'door', type: 'door', value: 'open' });
    shard.receive({ sensor: 'door', type: 'door', value: 'closed' });
    await shard.pass(4 * 60 * minuteMs);
    expect(shard.all).toEqual([]);
    expect(shard.states.size).toBe(0);
  });

  it('leaves no trace of readings that are as they should be', async () => {
    const shard = await new AlertShard('alerts: [{name: warm, when: {type: t, above: 30}, for: 1m}]').open();
    for (let value = 0; value < 30; value += 1) shard.receive({ sensor: 'a', type: 't', value });
    expect(shard.states.size).toBe(0);
    shard.receive({ sensor: 'a', type: 't', value: 31 });
    expect(shard.states.size).toBe(1);
    shard.receive({ sensor: 'a', type: 't', value: 29 });
    expect(shard.states.size).toBe(0);
  });
});

describe('conditions on the mesh', () => {
  const at = Date.UTC(2026, 0, 1);
  const scan = (
    fields: Partial<Extract<MeshFact, { kind: 'border_router_scan' }>>,
    minute = 0,
  ): MeshFact => ({
    kind: 'border_router_scan',
    subject: 'BR-001',
    happenedAt: at + minute * minuteMs,
    answered: 10,
    failed: 0,
    latencyP99Ms: null,
    ...fields,
  });
  const node = (answered: boolean, batteryMillivolts: number | null = null): MeshFact => ({
    ...{ kind: 'node_scan', subject: 'd4E', happenedAt: at, answered, batteryMillivolts },
  });
  const link = (marginDb: number): MeshFact => ({
    kind: 'link_scan',
    subject: 'd4E|d5F',
    happenedAt: at,
    marginDb,
  });
  const partitions = (count: number): MeshFact => ({
    ...{ kind: 'network_scan', subject: 'dead00beef00cafe', happenedAt: at, partitions: count },
  });

  const network = (fields: Partial<Extract<MeshFact, { kind: 'network_scan' }>>): MeshFact => ({
    ...{ kind: 'network_scan', subject: 'dead00beef00cafe', happenedAt: at, partitions: 1 },
    ...fields,
  });
  const lossy = (frameErrorRate: number | null): MeshFact => ({
    ...{ kind: 'link_scan', subject: 'd4E|d5F', happenedAt: at, marginDb: null, frameErrorRate },
  });
  const heard = (hour: number, one: number | null, other: number | null = null): MeshFact => ({
    ...{ kind: 'link_scan', subject: 'd4E|d5F', happenedAt: at + hour * 60 * minuteMs, marginDb: one },
    directionsDb: [one, other],
  });
  const counted = (minute: number, parentChanges: number, trackedMinutes = 1_000 + minute): MeshFact => ({
    ...{ kind: 'node_scan', subject: 'd4E', answered: true, batteryMillivolts: null },
    happenedAt: at + minute * minuteMs,
    counters: {
      ...{ parentChanges, partitionIdChanges: 1, attachAttempts: null },
      readAt: at + minute * minuteMs,
      trackedMs: trackedMinutes * minuteMs,
    },
  });
  const steady = Array.from({ length: 7 }, (_, hour) => heard(hour, 30, 40));
  const calm = steady.map(() => false);

  it.each<[string, readonly MeshFact[], readonly boolean[]]>([
    [
      'when: {network: "*", incomplete: {scans: 2}}',
      [false, false, null, true, false].map((complete) => network({ complete, missingRouters: 1 })),
      [false, true, true, false, false],
    ],
    [
      'when: {network: "*", dataset_mismatch: true}',
      [
        network({}),
        network({ datasetConflicts: ['BR-001 and BR-002 differ'] }),
        network({ datasetConflicts: [] }),
      ],
      [false, true, false],
    ],
    // Nothing answered: how many there are nobody knows.
    [
      'when: {network: "*", partitions: {above: 1}}',
      [partitions(2), network({ partitions: null }), partitions(1)],
      [true, true, false],
    ],
    [
      'when: {node: "*", flapping: {changes: 3, within: 1h}}',
      [counted(0, 10), counted(10, 12), node(true), counted(20, 13), counted(60, 13), counted(75, 13)],
      [false, false, false, true, true, false],
    ],
    // A restart is no change, and no counter that ran over.
    [
      'when: {node: "*", flapping: {changes: 3, within: 1h}}',
      [counted(0, 40_000), counted(10, 2, 5), counted(20, 3, 15), counted(30, 4, 25)],
      [false, false, false, true],
    ],
    [
      'when: {node: "*", reboots: {above: 2, within: 1d}}',
      [counted(0, 1), counted(10, 1, 1), counted(20, 1, 2), counted(30, 1, 3), counted(1_445, 1)],
      [false, false, false, true, true],
    ],
    [
      'when: {link: "*", margin_drops: {by: 10, over: 24h}}',
      [
        ...steady,
        heard(7, 21, 40),
        heard(8, 20, 40),
        heard(9, 24, 40),
        heard(10, null, 40),
        heard(11, 25, 40),
      ],
      [...calm, false, true, true, true, false],
    ],
    // One direction that is not heard once is not replaced by the other.
    [
      'when: {link: "*", margin_drops: {by: 10, over: 24h}}',
      [...steady, heard(7, 30), heard(8, null, 40)],
      [...calm, false, false],
    ],
    [
      'when: {link: "*", frame_error_rate: {above: 30%, over: 2 scans}}\n    clear: {below: 20%}',
      [lossy(0.31), lossy(0.3), lossy(0.5), lossy(null), lossy(0.5), lossy(0.25), lossy(0.19)],
      [false, false, false, false, true, true, false],
    ],
    ['when: {link: "*", margin_below: 10}', [link(9), lossy(0.5)], [true, true]],
    [
      'when: {network: "*", partitions: {above: 1}}',
      [partitions(1), partitions(2), partitions(1)],
      [false, true, false],
    ],
    [
      'when: {node: "*", missing: {scans: 2}}',
      [node(false), node(false), node(false), node(true), node(false)],
      [false, true, true, false, false],
    ],
    ['when: {node: "d5*", missing: {scans: 1}}', [node(false)], [false]],
    [
      'when: {link: "*", margin_below: 10, for: 3 scans}',
      [link(9), link(9), link(11), link(9), link(9), link(9), link(10)],
      [false, false, false, false, false, true, false],
    ],
    ['when: {link: "d5F", margin_below: 10}', [link(9)], [true]],
    ['when: {link: "d5F|d4E", margin_below: 10}', [link(9)], [true]],
    ['when: {link: "d6*", margin_below: 10}', [link(9)], [false]],
    [
      'when: {link: "*", margin_below: 10}\n    clear: {above: 15}',
      [link(9), link(12), link(16)],
      [true, true, false],
    ],
    // No measurement is no evidence.
    [
      'when: {node: "*", battery_below: 2500}',
      [node(true, 2_499), node(false), node(true, 2_500)],
      [true, true, false],
    ],
    [
      'when: {border_router: "*", scan_failure_rate: {above: 50%, over: 15m}}',
      [scan({ failed: 10 }), scan({ failed: 30 }, 5), scan({ failed: 0 }, 19), scan({ failed: 0 }, 25)],
      [false, true, true, false],
    ],
    [
      'when: {border_router: "*", coap_latency_p99: {above: 5s, over: 15m}}',
      [
        scan({ latencyP99Ms: 5_000, slowestMs: [5_000] }),
        scan({ latencyP99Ms: 6_000, slowestMs: [6_000] }, 1),
        scan({ latencyP99Ms: 80, slowestMs: [80] }, 10),
        scan({ latencyP99Ms: 80, slowestMs: [80] }, 20),
      ],
      [false, true, true, false],
    ],
    // One slow answer of 200 is not a slow hundredth.
    [
      'when: {border_router: "*", coap_latency_p99: {above: 5s, over: 15m}}',
      [scan({ answered: 200, latencyP99Ms: 90, slowestMs: [9_000, 4_000, 90, 80, 70] })],
      [false],
    ],
  ])('%s', async (when, facts, expected) => {
    const shard = await new AlertShard(`alerts:\n  - name: rule\n    ${when}\n`).open();
    expect(
      facts.map((fact) => {
        shard.learn(fact);
        return shard.all.some(({ state }) => state === 'firing');
      }),
    ).toEqual(expected);
  });

  it('counts scans across a restart', async () => {
    const shard = await new AlertShard(
      'alerts: [{name: gone, when: {node: "*", missing: {scans: 2}}}]',
    ).open();
    shard.learn(node(false));
    await shard.open();
    shard.learn(node(false));
    expect(shard.only).toMatchObject({ state: 'firing', summary: 'd4E did not answer in 2 scans in a row' });
  });

  it('knows what counters and links were before a restart', async () => {
    const shard = await new AlertShard(
      `alerts:
        - {name: restless, when: {node: "*", flapping: {changes: 3, within: 1h}}}
        - {name: restarts, when: {node: "*", reboots: {above: 1, within: 1d}}}
        - {name: worse, when: {link: "*", margin_drops: {by: 10, over: 24h}}}`,
    ).open();
    for (const fact of [counted(0, 10), counted(10, 12), counted(15, 1, 1), ...steady]) {
      shard.learn(fact);
      await shard.open();
    }
    expect(shard.all).toEqual([]);
    shard.learn(counted(20, 3, 6), heard(8, 29, 28));
    expect(shard.all.map(({ rule, summary }) => `${rule}: ${summary}`)).toEqual([
      'restless: d4E changed its parent or partition, or tried to attach, 4 times within 1h',
      'worse: d4E|d5F: link margin is 12 dB below its usual of the last 1d, limit 10 dB',
    ]);
    await shard.open();
    shard.learn(counted(25, 1, 1));
    expect(shard.all.find(({ rule }) => rule === 'restarts')?.summary).toBe(
      'd4E started again 2 times within 1d',
    );
  });

  it('stores nothing more while counters and links stay as they are', async () => {
    const shard = await new AlertShard(
      `alerts:
        - {name: restless, when: {node: "*", flapping: {changes: 3, within: 1h}}}
        - {name: worse, when: {link: "*", margin_drops: {by: 10, over: 24h}}}`,
    ).open();
    expect(shard.learn(counted(0, 10), heard(0, 30, 40)).states).toHaveLength(2);
    expect(shard.learn(counted(5, 10), heard(0.1, 31, 39)).states).toEqual([]);
    expect(shard.learn(counted(10, 11)).states).toHaveLength(1);
  });

  it('tells in a sentence what of a network is wrong', async () => {
    const shard = await new AlertShard(
      `alerts:
        - {name: incomplete, when: {network: "*", incomplete: {scans: 1}}}
        - {name: datasets, when: {network: "*", dataset_mismatch: true}}
        - {name: lossy, when: {link: "*", frame_error_rate: {above: 30%, over: 1 scan}}}`,
    ).open();
    shard.learn(
      network({
        complete: false,
        missingRouters: 1,
        datasetConflicts: ['BR-001 is on channel 15, BR-002 on 20'],
      }),
      lossy(0.42),
    );
    expect(shard.all.map(({ summary }) => summary)).toEqual([
      'dead00beef00cafe: its map is incomplete, 1 router did not answer',
      'dead00beef00cafe: its border routers disagree about it: BR-001 is on channel 15, BR-002 on 20',
      'd4E|d5F: 42 % of the frames are lost, limit 30 %',
    ]);
  });

  describe('a border router that is offline', () => {
    const rules = 'alerts: [{name: offline, when: {border_router: "*", offline: 1m}}]';
    const linked = (shard: AlertShard, online: boolean): void => {
      if (online) shard.online.add('BR-001');
      else shard.online.delete('BR-001');
      const happenedAt = shard.clock.nowMs();
      shard.learn({ kind: 'border_router_link', subject: 'BR-001', happenedAt, online });
    };

    it('fires after its time, and ends when it is back', async () => {
      const shard = await new AlertShard(rules).open();
      linked(shard, true);
      linked(shard, false);
      await shard.pass(minuteMs - 1);
      expect(shard.only.state).toBe('pending');
      await shard.pass(1);
      expect(shard.only).toMatchObject({ state: 'firing', summary: 'BR-001 has been offline for 1min' });
      linked(shard, true);
      expect(shard.only.state).toBe('resolved');
      expect(shard.told).toEqual(['fired phone', 'resolved phone']);
    });

    it('does not fire where it comes back in time', async () => {
      const shard = await new AlertShard(rules).open();
      linked(shard, false);
      await shard.pass(minuteMs - 1);
      linked(shard, true);
      await shard.pass(5 * minuteMs);
      expect(shard.only).toMatchObject({ state: 'resolved' });
      expect(shard.stepKinds).toEqual(['pending', 'cancelled']);
      expect(shard.told).toEqual([]);
    });

    it('does not fire while the fact of its return is still on its way', async () => {
      const shard = await new AlertShard(rules).open();
      linked(shard, false);
      shard.online.add('BR-001');
      await shard.pass(2 * minuteMs);
      expect(shard.only.state).toBe('pending');
    });

    it('fires for one that does not come back after the hub was started again', async () => {
      const shard = await new AlertShard(rules).open();
      linked(shard, true);
      shard.online.clear();
      await shard.clock.advance(3_600_000);
      await shard.open();
      await shard.pass(minuteMs - 1);
      expect(shard.all).toEqual([]);
      await shard.pass(1);
      expect(shard.only.state).toBe('firing');
    });

    it('stays calm where it comes back after the hub was started again', async () => {
      const shard = await new AlertShard(rules).open();
      linked(shard, true);
      await shard.open();
      await shard.pass(10 * minuteMs);
      expect(shard.all).toEqual([]);
    });
  });
});
