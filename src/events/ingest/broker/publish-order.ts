/**
 * Lets the publishes of one connection go on in the order in which they came [MQTT-4.6.0-2], whatever order they became
 * durable in: one of an unknown topic has nothing to wait for, one that is retained waits for another file.
 */
export interface Turn {
  /** The publish may go on, or must not. Once. */
  settle(error: Error | null): void;
}

interface Place extends Turn {
  readonly go: (error: Error | null) => void;
  outcome: Error | null | undefined;
}

export class PublishOrder {
  #places: Place[] = [];
  #next = 0;

  /** Not yet settled, or behind one that is not. */
  get waiting(): number {
    return this.#places.length - this.#next;
  }

  enter(go: (error: Error | null) => void): Turn {
    const place: Place = {
      go,
      outcome: undefined,
      settle: (error) => {
        place.outcome = error;
        this.#advance();
      },
    };
    this.#places.push(place);
    return place;
  }

  #advance(): void {
    for (
      let place = this.#places[this.#next];
      place?.outcome !== undefined;
      place = this.#places[this.#next]
    ) {
      this.#next += 1;
      if (this.#next === this.#places.length) {
        this.#places = [];
        this.#next = 0;
      }
      place.go(place.outcome);
    }
  }
}
