/** Which topics can be published to. */

/** Topics and filters of more levels are refused. */
export const topicLevels = 32;

/**
 * No wildcards, no U+0000 [MQTT-1.5.3-2], and not `$SYS`, which is the broker's own. Asked of wills when they are left,
 * too: they are published later, by nobody whom an error could reach.
 */
export const isPublishTopic = (topic: string): boolean =>
  topic !== '' &&
  !topic.startsWith('$SYS/') &&
  !topic.includes('\u0000') &&
  !topic.includes('+') &&
  !topic.includes('#') &&
  levelsOf(topic) <= topicLevels;

function levelsOf(topic: string): number {
  let levels = 1;
  for (let at = topic.indexOf('/'); at >= 0; at = topic.indexOf('/', at + 1)) levels += 1;
  return levels;
}
