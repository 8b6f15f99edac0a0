/**
 * The door for border routers: `/ws/br`, native WebSocket. Whoever may not come in is told why in plain HTTP, before the
 * upgrade; whoever may is handed to the links, which own the socket from then on.
 */
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { type WebSocket, WebSocketServer } from 'ws';
import type { Clock } from '../../clock.ts';
import type { Config } from '../../config.ts';
import type { FactEmitter } from '../../facts.ts';
import {
  borderRouterPath,
  cborSubprotocol,
  maxBorderRouterFrameBytes,
} from '../../protocol/border-router-messages.ts';
import type { AccessPolicy } from '../access.ts';
import { EdgeError, makeProblem, type Problem, type ProblemCode } from '../http/problem.ts';
import type { BorderRouterHandshake, Links, Tokens } from '../ports.ts';
import { refuseUpgrade } from '../refuse-upgrade.ts';
import { normaliseRemoteAddress } from '../remote-address.ts';
import { readHandshake, type RequestedHandshake } from './handshake.ts';
import { UpgradeRate } from './upgrade-rate.ts';

export interface BorderRouterGatewayOptions {
  readonly config: Pick<Config, 'border_routers'>;
  readonly access: Pick<AccessPolicy, 'open' | 'checkBorderRouter'>;
  readonly links: Pick<Links, 'accept'>;
  readonly tokens: Pick<Tokens, 'verify'>;
  readonly facts: FactEmitter;
  readonly clock: Clock;
  readonly isStopping: () => boolean;
}

export class BorderRouterGateway {
  readonly #options: BorderRouterGatewayOptions;
  readonly #rate: UpgradeRate;
  readonly #webSockets = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    // Thousands of links: a compression context each would cost more memory than all else.
    perMessageDeflate: false,
    maxPayload: maxBorderRouterFrameBytes,
    handleProtocols: (offered) => (offered.has(cborSubprotocol) ? cborSubprotocol : false),
  });

  constructor(options: BorderRouterGatewayOptions) {
    this.#options = options;
    this.#rate = new UpgradeRate({
      perMinute: options.config.border_routers.upgrade_rate,
      clock: options.clock,
    });
    this.#webSockets.on('wsClientError', (error, socket, request) =>
      this.#refuse(
        request,
        socket,
        new EdgeError('malformed_http', `not a WebSocket handshake: ${error.message}`),
      ),
    );
  }

  /** Takes over the socket of an upgrade request to `/ws/br`. */
  handleUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const remoteAddress = normaliseRemoteAddress(request.socket.remoteAddress);
    let handshake: Omit<BorderRouterHandshake, 'encoding'>;
    try {
      handshake = this.#admit(request, remoteAddress);
    } catch (error) {
      if (!(error instanceof Refused || error instanceof EdgeError)) throw error;
      this.#refuse(request, socket, error);
      return;
    }
    this.#webSockets.handleUpgrade(request, socket, head, (webSocket: WebSocket) =>
      this.#options.links.accept(
        webSocket,
        { ...handshake, encoding: webSocket.protocol === cborSubprotocol ? 'cbor' : 'json' },
        request.socket,
      ),
    );
  }

  close(): void {
    this.#webSockets.close();
  }

  /** Throws what speaks against it, the cheapest question first. */
  #admit(request: IncomingMessage, remoteAddress: string | null): Omit<BorderRouterHandshake, 'encoding'> {
    const { access, isStopping } = this.#options;
    if (isStopping())
      throw new Refused('hub_stopping', 'the hub is stopping; connect again in a few seconds');
    if (!this.#rate.allow(remoteAddress))
      throw new Refused(
        'rate_limited',
        'too many connections from this address within a minute; wait before the next',
      );
    const refusal = access.checkBorderRouter({ headers: request.headers });
    if (refusal !== null) throw new Refused(refusal.code, refusal.detail);
    const requested = readHandshake(request.url ?? '', request.headers);
    return {
      id: requested.id,
      networkPrefix: requested.networkPrefix,
      remoteAddress,
      tokenId: this.#checkToken(requested),
    };
  }

  #checkToken({ id, token }: RequestedHandshake): string | null {
    const { access, config, tokens } = this.#options;
    if (token === null) {
      if (access.open && !config.border_routers.require_token) return null;
      throw new Refused(
        'token_missing',
        `${id} came without a token; create one with: threadhub token create --border-router ${id}`,
      );
    }
    const verdict = tokens.verify(token, id);
    if (verdict.ok) return verdict.tokenId;
    throw new Refused(
      'token_invalid',
      `the token is not valid for ${id}; create one with: threadhub token create --border-router ${id}`,
    );
  }

  #refuse(request: IncomingMessage, socket: Duplex, error: Refused | EdgeError): void {
    const url = request.url ?? borderRouterPath;
    const problem: Problem = makeProblem(error.code, error.message, {
      url,
      items: error instanceof EdgeError ? error.items : null,
    });
    this.#options.facts.emit('border_router:refused', {
      status: problem.status,
      code: problem.code,
      borderRouterId:
        new URLSearchParams(url.split('?').slice(1).join('?')).get('br_id')?.slice(0, 64) ?? null,
      remoteAddress: normaliseRemoteAddress(request.socket.remoteAddress),
    });
    refuseUpgrade(socket, problem, this.#options.clock);
  }
}

class Refused extends Error {
  readonly code: ProblemCode;
  constructor(code: ProblemCode, detail: string) {
    super(detail);
    this.code = code;
  }
}
