/**
 * Shows alerts again after something became of their notifications. One after the other, and each once however much has
 * changed meanwhile: a hundred channels do not make a hundred views.
 */
import type { FactEmitter } from '../../facts.ts';
import type { AlertId } from '../../protocol/ids.ts';
import type { AlertStore } from '../store/alert-store.ts';

export interface AlertUpdatesOptions {
  readonly store: Pick<AlertStore, 'alert'>;
  readonly facts: FactEmitter;
  readonly onStoreError: (error: unknown) => void;
}

export class AlertUpdates {
  readonly #options: AlertUpdatesOptions;
  readonly #waiting = new Set<AlertId>();
  #showing = false;

  constructor(options: AlertUpdatesOptions) {
    this.#options = options;
  }

  note(alertId: AlertId): void {
    this.#waiting.add(alertId);
    if (!this.#showing) void this.#showAll();
  }

  async #showAll(): Promise<void> {
    const { facts, onStoreError, store } = this.#options;
    this.#showing = true;
    for (const alertId of this.#waiting) {
      // Before it is read: what changes from now on needs another look.
      this.#waiting.delete(alertId);
      try {
        const alert = await store.alert(alertId);
        if (alert !== null) facts.emit('alert:changed', { alert, notificationsOnly: true });
      } catch (error) {
        onStoreError(error);
      }
    }
    this.#showing = false;
  }
}
