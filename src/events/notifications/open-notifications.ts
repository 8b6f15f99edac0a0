/** Puts the notifications together: channels as the configuration has them, the dispatcher, and the watch over the hub itself. */
import type { Clock } from '../../clock.ts';
import type { Config } from '../../config.ts';
import type { FactEmitter } from '../../facts.ts';
import { type AlertId, asAlertId } from '../../protocol/ids.ts';
import type { AlertRulesFile } from '../alerts/alert-rules-file.ts';
import type { NotificationMessage } from '../alerts/alert-evaluator.ts';
import type { AlertStore } from '../store/alert-store.ts';
import { AlertUpdates } from './alert-updates.ts';
import type { PublishHere } from './mqtt-channel.ts';
import { NotificationChannels } from './notification-channels.ts';
import { NotificationDispatcher } from './notification-dispatcher.ts';
import { Notifications } from './notifications.ts';
import { PushSubscriptions } from './push-subscriptions.ts';
import type { Environment } from './secret.ts';
import { SelfWatch } from './self-watch.ts';

export interface OpenNotificationsOptions {
  readonly config: Config['notifications'];
  readonly store: Pick<
    AlertStore,
    | 'alert'
    | 'dueNotifications'
    | 'nextNotificationAt'
    | 'updateNotifications'
    | 'noteSeen'
    | 'readSetting'
    | 'writeSetting'
  >;
  readonly rules: Pick<AlertRulesFile, 'channels' | 'onChanged'>;
  readonly publishHere: PublishHere;
  /** Where `env:NAME` of a channel is looked up. */
  readonly environment: Environment;
  readonly facts: FactEmitter;
  readonly clock: Clock;
  readonly random: () => number;
  readonly newId: () => string;
  /** What keeps events from being taken or stored now; null where nothing does. */
  readonly pipelineFailure: () => string | null;
  readonly log: {
    readonly storeError: (error: unknown) => void;
    /** `error`: somebody should look. */
    readonly say: (level: 'info' | 'warn' | 'error', sentence: string) => void;
  };
}

export interface OpenedNotifications {
  /** For the edges. */
  readonly notifications: Notifications;
  /** There are new rows in the outbox. */
  wake(): void;
  /** Sends from now on. */
  start(): void;
  close(): Promise<void>;
}

/** Rejects with StoreError. */
export async function openNotifications(options: OpenNotificationsOptions): Promise<OpenedNotifications> {
  const { clock, config, facts, log, rules, store } = options;
  const subscriptions = new PushSubscriptions({ store, clock });
  await subscriptions.load();

  const updates = new AlertUpdates({ store, facts, onStoreError: log.storeError });
  const onUpdated = (alertId: AlertId): void => updates.note(alertId);

  const channels = new NotificationChannels({
    ...options,
    contact: config.contact,
    subscriptions,
    onProblem: (problem) => log.say('error', problem),
  });
  const dispatcher = new NotificationDispatcher({
    ...options,
    expireMs: config.expire,
    onUpdated,
    onStoreError: log.storeError,
  });
  const useChannels = (): void => dispatcher.setChannels(channels.of(rules.channels));
  useChannels();
  const unsubscribe = rules.onChanged(useChannels);

  const announce = (message: StallMessage): void =>
    void dispatcher.announce({ ...aboutTheHub, ...message, happenedAt: clock.nowMs() }, options.newId());
  let stalledAt = clock.nowMs();
  const watch = new SelfWatch({
    url: config.heartbeat_url === '' ? null : config.heartbeat_url,
    intervalMs: config.heartbeat_interval,
    failure: options.pipelineFailure,
    clock,
    onStalled: (reason) => {
      stalledAt = clock.nowMs();
      log.say('error', `the hub does not get on with events: ${reason}`);
      const summary = `Threadhub does not get on with events: ${reason}`;
      announce({ summary, state: 'firing', transition: 'fired', startedAt: stalledAt });
    },
    onRecovered: (stalledMs) => {
      const summary = `Threadhub gets on with events again, after ${Math.round(stalledMs / 1_000)} s`;
      log.say('info', summary);
      announce({ summary, state: 'resolved', transition: 'resolved', startedAt: stalledAt });
    },
    onBeatFailed: (reason) => log.say('warn', `notifications.heartbeat_url did not take the beat: ${reason}`),
  });

  return {
    notifications: new Notifications({
      store,
      subscriptions,
      clock,
      onUpdated,
      isPushChannel: (name) => rules.channels.get(name)?.type === 'web_push',
    }),
    wake: () => dispatcher.wake(),
    start() {
      dispatcher.start();
      watch.start();
    },
    async close() {
      unsubscribe();
      watch.close();
      await dispatcher.stop();
    },
  };
}

type StallMessage = Pick<NotificationMessage, 'summary' | 'state' | 'transition' | 'startedAt'>;

/** It has no row in the store, which may be what fails. */
const aboutTheHub = {
  alertId: asAlertId('hub-stalled'),
  rule: 'hub stalled',
  severity: 'critical',
  subjectKind: 'hub',
  subject: 'threadhub',
  value: null,
  drill: false,
} as const satisfies Partial<NotificationMessage>;
