/**
 * A WebSocket client that can go mute while its TCP connection stays open, as that of a border router whose power was cut:
 * no pong, no frame, no end, until it is let go.
 */
import { type ClientOptions, WebSocket } from 'ws';

type SendArguments = Parameters<WebSocket['send']>;

export class HeldWebSocket extends WebSocket {
  #held = false;

  constructor(url: string, protocols: string[], options: ClientOptions) {
    super(url, protocols, options);
    // A held socket has lost its owner's listeners when its peer resets it.
    this.on('error', () => undefined);
  }

  /** From now on nothing is read and nothing is sent, whatever its owner calls. */
  hold(): void {
    this.#held = true;
    this.pause();
  }

  /** Ends a held connection for good. */
  letGo(): void {
    this.#held = false;
    super.terminate();
  }

  override send(
    data: SendArguments[0],
    options?: SendArguments[1] | SendArguments[2],
    sent?: SendArguments[2],
  ) {
    if (this.#held) return;
    if (typeof options === 'object') super.send(data, options, sent);
    else super.send(data, options);
  }

  override ping(...call: Parameters<WebSocket['ping']>): void {
    if (!this.#held) super.ping(...call);
  }

  override pong(...call: Parameters<WebSocket['pong']>): void {
    if (!this.#held) super.pong(...call);
  }

  override close(...call: Parameters<WebSocket['close']>): void {
    if (!this.#held) super.close(...call);
  }

  override terminate(): void {
    if (!this.#held) super.terminate();
  }
}
