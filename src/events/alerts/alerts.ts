/** What people do with alerts: look, acknowledge, snooze, silence, drill. Edges and the CLI speak to this. */
import { AlertError } from '../../errors.ts';
import type { Alert, Silence } from '../../protocol/alert.ts';
import type { AlertId, ShardName } from '../../protocol/ids.ts';
import type { AlertQuery, AlertStore } from '../store/alert-store.ts';
import type { Page } from '../store/event-store.ts';
import type { AlertCommand } from './alert-evaluator.ts';
import { alertRuleView } from './alert-rule-view.ts';
import type { AlertRulesFile } from './alert-rules-file.ts';
import type { Drills, StartedDrill } from './drills.ts';
import type { NewSilence, Silences } from './silences.ts';

export interface AlertsOptions {
  readonly store: Pick<AlertStore, 'alerts' | 'alert' | 'shardOfAlert'>;
  /** Rejects with AlertError, StoreError; `shard_unavailable` where nobody owns the shard now. */
  readonly command: (shard: ShardName, command: AlertCommand) => Promise<void>;
  readonly silences: Pick<Silences, 'list' | 'create' | 'end'>;
  readonly rules: Pick<AlertRulesFile, 'book' | 'problems' | 'source'>;
  readonly drills: Pick<Drills, 'run' | 'report'>;
}

/** Every method that asks the store rejects with StoreError too. */
export class Alerts {
  readonly #options: AlertsOptions;

  constructor(options: AlertsOptions) {
    this.#options = options;
  }

  /** Newest first. Rejects with EventError `cursor_invalid`. */
  list(query: AlertQuery): Promise<Page<Alert>> {
    return this.#options.store.alerts(query);
  }

  /** Rejects with AlertError `alert_not_found`. */
  async get(id: AlertId): Promise<Alert> {
    const alert = await this.#options.store.alert(id);
    if (alert === null) throw notFound(id);
    return alert;
  }

  /** Somebody takes care of it. Rejects with AlertError `alert_not_found`, `alert_not_active`, `shard_unavailable`. */
  acknowledge(
    id: AlertId,
    { by, note }: { readonly by: string; readonly note: string | null },
  ): Promise<Alert> {
    return this.#command({ kind: 'acknowledge', alertId: id, by, note });
  }

  /** It tells nobody until then. Rejects as `acknowledge` does. */
  snooze(id: AlertId, { by, untilMs }: { readonly by: string; readonly untilMs: number }): Promise<Alert> {
    return this.#command({ kind: 'snooze', alertId: id, by, untilMs });
  }

  silences(options: { readonly endedToo: boolean }): Promise<readonly Silence[]> {
    return this.#options.silences.list(options);
  }

  createSilence(silence: NewSilence): Promise<Silence> {
    return this.#options.silences.create(silence);
  }

  /** Rejects with AlertError `silence_not_found`. */
  endSilence(id: string): Promise<void> {
    return this.#options.silences.end(id);
  }

  rules(): {
    readonly source: string | null;
    readonly rules: readonly Readonly<Record<string, unknown>>[];
    readonly problems: readonly string[];
  } {
    const { book, problems, source } = this.#options.rules;
    return { source, rules: book.rules.map(alertRuleView), problems };
  }

  /** Rejects with AlertError `alert_rule_not_found`, StreamError. */
  drill(rule: string | null): Promise<StartedDrill> {
    return this.#options.drills.run(rule);
  }

  /** Rejects with AlertError `alert_not_found`. */
  drillReport(drillId: string): Promise<readonly Alert[]> {
    return this.#options.drills.report(drillId);
  }

  async #command(command: AlertCommand): Promise<Alert> {
    const { alertId } = command;
    const shard = await this.#options.store.shardOfAlert(alertId);
    if (shard === null) throw notFound(alertId);
    await this.#options.command(shard, command);
    return this.get(alertId);
  }
}

const notFound = (id: AlertId): AlertError => new AlertError('alert_not_found', `There is no alert ${id}`);
