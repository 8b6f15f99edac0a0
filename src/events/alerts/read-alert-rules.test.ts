import { describe, expect, it } from 'vitest';
import { alertRuleView } from './alert-rule-view.ts';
import { readAlertRules } from './read-alert-rules.ts';

const everyCondition = `
alerts:
  - name: smoke
    when: {type: smoke, equals: true}
    severity: critical
    notify: [phone, siren]
    repeat: 1m            # until acknowledged
    escalate: [{after: 3m, notify: [neighbour]}]
  - name: freezer warm
    when: {sensor: "freezer-*", type: temperature, above: -12}
    clear: {below: -14}   # hysteresis
    for: 5m
    severity: warning
  - name: sensor silent
    when: {sensor: "*", silent: {times_usual: 3}}   # learned interval, or a duration
    severity: warning
  - name: border router offline
    when: {border_router: "*", offline: 1m}
  - name: scans failing
    when: {border_router: "*", scan_failure_rate: {above: 50%, over: 15m}}
  - name: slow mesh
    when: {border_router: "*", coap_latency_p99: {above: 5s, over: 15m}}
  - name: partition split
    when: {network: "*", partitions: {above: 1}}
  - name: node missing
    when: {node: "*", missing: {scans: 2}}
  - name: weak link
    when: {link: "*", margin_below: 10, for: 3 scans}
  - name: battery low
    when: {node: "*", battery_below: 2500}
  - name: cold
    when: {type: temperature, below: 5}
  - name: comfortable
    when: {type: temperature, between: [19, 22]}
  - name: jump
    when: {type: temperature, changes_by: {by: 5, within: 10min}}
  - name: falling
    when: {type: pressure, rate: {below: -5, per: 1h}}
    enabled: false
  - name: motion at night
    when: {type: motion, equals: true, during: "22:00-06:00", days: [fri, sat], timezone: Europe/Paris}
    notify: []
  - name: gone
    when: {sensor: boiler, silent: 2h}
  - name: map incomplete
    when: {network: "*", incomplete: {scans: 2}}
  - name: datasets
    when: {network: "*", dataset_mismatch: true}
  - name: flapping
    when: {node: "*", flapping: {changes: 3, within: 1h}}
  - name: starts again
    when: {node: "*", reboots: {above: 2, within: 1d}}
  - name: link worse
    when: {link: "*", margin_drops: {by: 10, over: 24h}}
    for: 2 scans
  - name: frames lost
    when: {link: "*", frame_error_rate: {above: 30%, over: 3 scans}}
    clear: {below: 20%}
`;

const problemsOf = (yaml: string): readonly string[] => readAlertRules('./threadhub.yaml', yaml).problems;
const rule = (rest: string): string => `alerts:\n  - name: a\n${rest}`;

describe('readAlertRules', () => {
  it('reads every condition', () => {
    const { problems, rules } = readAlertRules('threadhub.yaml', everyCondition);
    expect(problems).toEqual([]);
    expect(rules?.map(({ name }) => name)).toHaveLength(22);
    expect(rules?.[0]).toEqual({
      name: 'smoke',
      enabled: true,
      severity: 'critical',
      condition: { kind: 'reading', subject: '*', type: 'smoke', test: { kind: 'equals', value: true } },
      clear: null,
      during: null,
      hold: { kind: 'time', holdMs: 0 },
      notify: ['phone', 'siren'],
      repeatMs: 60_000,
      escalate: [{ afterMs: 180_000, notify: ['neighbour'] }],
    });
    expect(rules?.[1]).toMatchObject({
      condition: { subject: 'freezer-*', test: { kind: 'above', limit: -12 } },
      clear: { kind: 'below', limit: -14 },
      hold: { kind: 'time', holdMs: 300_000 },
      notify: null,
    });
    expect(rules?.[3]).toMatchObject({
      condition: { kind: 'offline' },
      hold: { holdMs: 60_000 },
      severity: 'warning',
    });
    expect(rules?.[4]).toMatchObject({ condition: { above: 0.5, overMs: 900_000 } });
    expect(rules?.[7]).toMatchObject({ condition: { kind: 'missing' }, hold: { kind: 'scans', scans: 2 } });
    expect(rules?.[8]).toMatchObject({ condition: { limitDb: 10 }, hold: { kind: 'scans', scans: 3 } });
    expect(rules?.[16]).toMatchObject({
      condition: { kind: 'incomplete' },
      hold: { kind: 'scans', scans: 2 },
    });
    expect(rules?.[18]).toMatchObject({ condition: { changes: 3, withinMs: 3_600_000 } });
    expect(rules?.[19]).toMatchObject({ condition: { above: 2, withinMs: 86_400_000 } });
    expect(rules?.[20]).toMatchObject({
      condition: { byDb: 10, overMs: 86_400_000 },
      hold: { kind: 'scans', scans: 2 },
    });
    expect(rules?.[21]).toMatchObject({
      condition: { kind: 'frame_error_rate', above: 0.3 },
      hold: { kind: 'scans', scans: 3 },
      clear: { kind: 'below', limit: 0.2 },
    });
    expect(rules?.[14]).toMatchObject({
      during: { startMinute: 1_320, endMinute: 360, days: ['fri', 'sat'], timeZone: 'Europe/Paris' },
      notify: [],
    });
  });

  it('reads what it shows of a rule back as the same rule', () => {
    const { rules } = readAlertRules('threadhub.yaml', everyCondition);
    const shown = JSON.stringify({ alerts: (rules ?? []).map(alertRuleView) });
    const again = readAlertRules('shown', shown);
    expect(again.problems).toEqual([]);
    expect(again.rules).toEqual(rules);
  });

  it('says that there are no rules where the file has none', () => {
    expect(readAlertRules('f', '').rules).toBeNull();
    expect(readAlertRules('f', 'server:\n  port: 1\n').rules).toBeNull();
    expect(readAlertRules('f', 'alerts:\n').rules).toBeNull();
    expect(readAlertRules('f', 'alerts: []\n').rules).toEqual([]);
  });

  it.each<[string, string, string]>([
    ['no YAML', 'alerts: [', 'threadhub.yaml:1:'],
    ['no list', 'alerts: {a: 1}', 'threadhub.yaml:1:9: alerts is a map; write a list of rules'],
    ['no map', 'alerts:\n  - smoke\n', 'threadhub.yaml:2:5: alerts is "smoke"; write a map with name'],
    ['no name', 'alerts:\n  - when: {type: smoke, equals: true}\n', ':2:5: this rule has no name'],
    ['no condition', rule(''), ':2:5: this rule has no when'],
    [
      'an unknown key',
      rule('    when: {type: s, equals: 1}\n    sevrity: critical\n'),
      ':4:5: sevrity is no key of a rule, did you mean severity?',
    ],
    [
      'an unknown condition',
      rule('    when: {type: s, abov: 1}\n'),
      ':3:21: abov is no key of when, did you mean above?',
    ],
    [
      'an unknown severity',
      rule('    when: {type: s, above: 1}\n    severity: critcal\n'),
      ':4:15: severity is "critcal"; write one of info, warning, critical, did you mean critical?',
    ],
    [
      'nothing that it is about',
      rule('    when: {above: 1}\n'),
      ':3:11: this rule does not say what it is about',
    ],
    [
      'no type',
      rule('    when: {sensor: x, above: 1}\n'),
      ':3:11: this rule does not say which type of reading',
    ],
    [
      'two subjects',
      rule('    when: {sensor: x, node: y, above: 1}\n'),
      ':3:11: a rule is about one thing; this one names sensor and node',
    ],
    [
      'two conditions',
      rule('    when: {type: s, above: 1, below: 2}\n'),
      ':3:11: a rule has one condition; this one has above and below',
    ],
    [
      'a condition of another subject',
      rule('    when: {node: x, offline: 1m}\n'),
      ':3:30: offline is nothing that a node has; it has missing, battery_below, flapping, reboots',
    ],
    ['no number', rule('    when: {type: s, above: much}\n'), ':3:28: above is "much"; write a number'],
    [
      'no duration',
      rule('    when: {border_router: "*", offline: soon}\n'),
      ':3:41: offline is "soon"; write a duration',
    ],
    [
      'a duration without its unit',
      rule('    when: {type: s, above: 1}\n    for: 90\n'),
      ':4:10: for is 90; write a duration',
    ],
    [
      'no percentage',
      rule('    when: {border_router: "*", scan_failure_rate: {above: 50, over: 15m}}\n'),
      ':3:59: above is 50; write a percentage such as 50%',
    ],
    [
      'a part missing',
      rule('    when: {border_router: "*", scan_failure_rate: {above: 50%}}\n'),
      ':3:51: scan_failure_rate lacks over',
    ],
    [
      'ends in the wrong order',
      rule('    when: {type: s, between: [8, 2]}\n'),
      ':3:30: between needs two numbers, the lower one first',
    ],
    [
      'scans where there are none',
      rule('    when: {type: s, above: 1}\n    for: 3 scans\n'),
      ':4:10: scans are counted for networks',
    ],
    [
      'two times',
      rule('    when: {border_router: "*", offline: 1m}\n    for: 5m\n'),
      ':4:10: the condition has its own time already',
    ],
    [
      'hours that are none',
      rule('    when: {type: s, above: 1, during: "22-6"}\n'),
      ':3:39: during is "22-6"; write hours such as "22:00-06:00"',
    ],
    [
      'a day that is none',
      rule('    when: {type: s, above: 1, days: [friday]}\n'),
      ':3:38: days is "friday"; write one of sun',
    ],
    [
      'a time zone that is none',
      rule('    when: {type: s, above: 1, days: [fri], timezone: Mars/Base}\n'),
      ':3:54: timezone is "Mars/Base"',
    ],
    [
      'a time zone for nothing',
      rule('    when: {type: s, above: 1, timezone: UTC}\n'),
      ':3:41: timezone belongs to during or days',
    ],
    [
      'a clear on the wrong side',
      rule('    when: {type: s, above: 10}\n    clear: {below: 12}\n'),
      ':4:20: clear holds while the condition holds too',
    ],
    [
      'a clear for what returns by itself',
      rule('    when: {border_router: "*", offline: 1m}\n    clear: {below: 1}\n'),
      ':4:12: what is offline, missing or silent is cleared by its return',
    ],
    [
      'a mismatch that is not wanted',
      rule('    when: {network: "*", dataset_mismatch: no}\n'),
      ':3:44: dataset_mismatch is "no"; write true',
    ],
    [
      'changes without their time',
      rule('    when: {node: "*", flapping: {changes: 3}}\n'),
      ':3:33: flapping lacks within; write {changes: 3, within: 1h}',
    ],
    [
      'half a change',
      rule('    when: {node: "*", flapping: {changes: 1.5, within: 1h}}\n'),
      ':3:43: changes is 1.5; write a number of changes from 1',
    ],
    [
      'restarts below none',
      rule('    when: {node: "*", reboots: {above: -1, within: 1d}}\n'),
      ':3:40: above is -1; write a number of restarts from 0',
    ],
    [
      'a drop of nothing',
      rule('    when: {link: "*", margin_drops: {by: 0, over: 1d}}\n'),
      ':3:42: by is 0; write a number of dB from 1',
    ],
    [
      'a trend over no time',
      rule('    when: {link: "*", margin_drops: {by: 10, over: 3 scans}}\n'),
      ':3:52: over is "3 scans"; write a duration',
    ],
    [
      'frames over a time',
      rule('    when: {link: "*", frame_error_rate: {above: 30%, over: 1h}}\n'),
      ':3:60: over is "1h"; write a number of scans',
    ],
    [
      'scans twice',
      rule('    when: {link: "*", frame_error_rate: {above: 30%, over: 3 scans}}\n    for: 2 scans\n'),
      ':4:10: the condition has its own time already',
    ],
    [
      'a clear for what ends by itself',
      rule('    when: {node: "*", reboots: {above: 2, within: 1d}}\n    clear: {below: 1}\n'),
      ':4:12: reboots ends when it holds no more; leave out clear',
    ],
    [
      'an escalation without a time',
      rule('    when: {type: s, above: 1}\n    escalate: [{notify: [x]}]\n'),
      ':4:16: a step of an escalation needs after and notify',
    ],
    [
      'too small a multiple',
      rule('    when: {sensor: "*", silent: {times_usual: 1}}\n'),
      ':3:47: times_usual is 1; write a number from 1.5',
    ],
    [
      'the same name twice',
      'alerts:\n  - {name: a, when: {type: s, above: 1}}\n  - {name: a, when: {type: s, above: 2}}\n',
      ':3:5: there are two rules named a',
    ],
    [
      'an unknown channel',
      'channels:\n  phone: {type: web_push}\nalerts:\n  - {name: a, when: {type: s, above: 1}, notify: [fone]}\n',
      ':4:50: there is no channel fone; channels: has phone',
    ],
    ['a file without sections', 'half a sentence', ':1:1: the file holds no sections'],
    ['a channel of an unknown kind', 'channels:\n  phone: {type: pigeon}\n', ':2:11: phone.type: '],
    [
      'a channel with an unknown key',
      'channels:\n  phone: {type: web_push, tll: 3}\n',
      ':2:27: phone.tll is no key of this channel',
    ],
  ])('names the place of %s', (_what, yaml, expected) => {
    expect(problemsOf(yaml).join('\n')).toContain(expected);
  });

  it('tells all problems at once, in one line each', () => {
    const problems = problemsOf(`${rule('    when: {type: s, above: x}\n    for: y\n')}  - {name: b}\n`);
    expect(problems).toHaveLength(3);
    expect(problems.every((problem) => /^threadhub\.yaml:\d+:\d+: /.test(problem))).toBe(true);
  });

  it('survives whatever stands in the place of rules', () => {
    for (const yaml of [
      '1',
      '[]',
      'alerts: [[[]], {}, null, 1, {when: null}, {name: {}, when: []}]',
      'alerts: *a',
    ]) {
      expect(() => readAlertRules('f', yaml)).not.toThrow();
    }
  });
});
