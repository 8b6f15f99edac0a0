/**
 * A CoAP client (RFC 7252, RFC 7959) on one datagram transport: requests to many nodes at once, each with its own
 * schedule of tries. It matches what comes in to what is open and answers the message layer; the schedule is in
 * `exchange.ts`, bodies of several blocks in `block-wise.ts`. It serves nothing: requests from others are rejected.
 *
 *   incoming      matched by                       then
 *   ACK, RST      endpoint and message id          empty: acknowledged or reset; with a response: the token must match too
 *   CON, NON      token and endpoint               a response; a CON is acknowledged, a copy acknowledged again
 *   CON           nothing                          rejected with RST
 *   anything else                                  counted and ignored
 */
import { randomInt } from 'node:crypto';
import { type Clock, systemClock } from '../../clock.ts';
import { CoapError } from '../../errors.ts';
import { parseIpv6 } from '../../protocol/ipv6.ts';
import { type BodyResponse, decodeBlock, transferBody } from './block-wise.ts';
import {
  type CoapClient,
  type CoapClientCounters,
  type CoapClientLimits,
  type CoapClientOptions,
  type CoapMulticast,
  type CoapMulticastAnswer,
  type CoapRequest,
  type CoapResponse,
  defaultCoapClientLimits,
} from './coap-client-options.ts';
import { Exchange } from './exchange.ts';
import { MessageIds } from './message-ids.ts';
import {
  type CoapMessage,
  type CoapOption,
  decodeMessage,
  emptyCode,
  encodeEmpty,
  encodeMessage,
  encodeUint,
  findOption,
  methodCodes,
  noBytes,
  optionNumbers,
  readUintOption,
} from './message.ts';
import { messageKey, RecentMessages } from './recent-messages.ts';
import { RequestScope } from './request-scope.ts';
import { Slots } from './slots.ts';
import type { CoapEndpoint, DatagramTransport } from './transport.ts';
import { uriOptions } from './uri-path.ts';

const coapPort = 5683;
const tokenBytes = 8;
/** More answers to one multicast than this are not kept: a mesh has at most 32 routers and their children. */
const maxMulticastAnswers = 2_048;

export function createCoapClient(options: CoapClientOptions): CoapClient {
  return new Client(options);
}

class Client implements CoapClient {
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #limits: CoapClientLimits;
  readonly #openTransport: () => DatagramTransport;
  readonly #resolveEndpoint: (ipv6: string) => CoapEndpoint;
  readonly #messageIds: MessageIds;
  readonly #recent: RecentMessages;
  readonly #slots: Slots;
  readonly #scopes = new Set<RequestScope>();
  readonly #byToken = new Map<string, Exchange>();
  readonly #byMessageId = new Map<string, Exchange>();
  /** Answers to the open multicasts, by token, then by endpoint. */
  readonly #collectors = new Map<string, Map<string, CoapMulticastAnswer>>();
  #transport: DatagramTransport | null = null;
  #closed = false;
  readonly #counts = {
    requestsTotal: 0,
    responsesTotal: 0,
    retriesTotal: 0,
    timeoutsTotal: 0,
    resetsTotal: 0,
    noBufferRetriesTotal: 0,
    undecodableTotal: 0,
    unmatchedTotal: 0,
    duplicatesTotal: 0,
  };

  constructor(options: CoapClientOptions) {
    this.#clock = options.clock ?? systemClock;
    this.#random = options.random ?? secureRandom;
    this.#limits = { ...defaultCoapClientLimits, ...options.limits };
    this.#openTransport = options.openTransport;
    this.#resolveEndpoint = options.resolveEndpoint ?? ((ipv6) => ({ address: ipv6, port: coapPort }));
    this.#messageIds = new MessageIds({ clock: this.#clock, random: this.#random });
    this.#recent = new RecentMessages({ clock: this.#clock });
    this.#slots = new Slots(this.#limits.maxInFlight);
  }

  async request(request: CoapRequest): Promise<CoapResponse> {
    const uri = uriOptions(request.path);
    if (!uri.ok) throw new RangeError(uri.reason);
    const what = `CoAP ${request.method} /${request.path} from ${request.target}`;
    return this.#within(request, what, async (scope) => {
      await this.#slots.acquire(scope);
      try {
        this.#counts.requestsTotal += 1;
        const endpoint = this.#resolve(request.target, what);
        const body = await this.#transfer(request, uri.options, endpoint, what, scope);
        this.#counts.responsesTotal += 1;
        return toResponse(body, endpoint);
      } finally {
        this.#slots.release();
      }
    });
  }

  async collect(request: CoapMulticast): Promise<readonly CoapMulticastAnswer[]> {
    const uri = uriOptions(request.path);
    if (!uri.ok) throw new RangeError(uri.reason);
    const what = `CoAP GET /${request.path} from the group ${request.group}`;
    // The window ends the collection before the scope's own deadline can.
    const timeoutMs = request.windowMs + 60_000;
    return this.#within({ timeoutMs, signal: request.signal }, what, async (scope) => {
      await this.#slots.acquire(scope);
      try {
        const answers = new Map<string, CoapMulticastAnswer>();
        await this.#collectFor(request, uri.options, what, scope, answers);
        return [...answers.values()];
      } finally {
        this.#slots.release();
      }
    });
  }

  counters(): CoapClientCounters {
    return {
      ...this.#counts,
      inFlight: this.#slots.taken,
      waiting: this.#slots.waiting,
      openExchanges: this.#byToken.size + this.#collectors.size,
    };
  }

  close(): void {
    this.#closed = true;
    for (const scope of this.#scopes) scope.fail(new CoapError('closed', 'the CoAP client was closed'));
    this.#transport?.close();
    this.#transport = null;
  }

  /** Runs one request under its deadline, its signal and the client's end. */
  async #within<Result>(
    { timeoutMs, signal }: Pick<CoapRequest, 'timeoutMs' | 'signal'>,
    what: string,
    run: (scope: RequestScope) => Promise<Result>,
  ): Promise<Result> {
    if (this.#closed) throw new CoapError('closed', `${what}: the CoAP client is closed`);
    const scope = new RequestScope({
      clock: this.#clock,
      timeoutMs: timeoutMs ?? this.#limits.defaultTimeoutMs,
      signal,
      what,
    });
    this.#scopes.add(scope);
    try {
      return await run(scope);
    } catch (error) {
      if (error instanceof CoapError && error.code === 'timed_out') this.#counts.timeoutsTotal += 1;
      if (error instanceof CoapError && error.code === 'reset') this.#counts.resetsTotal += 1;
      throw error;
    } finally {
      this.#scopes.delete(scope);
      scope.dispose();
    }
  }

  #resolve(ipv6: string, what: string): CoapEndpoint {
    try {
      return this.#resolveEndpoint(ipv6);
    } catch (error) {
      throw new CoapError('unreachable', `${what}: the address leads nowhere`, { cause: error });
    }
  }

  #transfer(
    request: CoapRequest,
    uri: readonly CoapOption[],
    endpoint: CoapEndpoint,
    what: string,
    scope: RequestScope,
  ): Promise<BodyResponse> {
    const format =
      request.contentFormat === undefined
        ? []
        : [{ number: optionNumbers.contentFormat, value: encodeUint(request.contentFormat) }];
    const type = request.confirmable === false ? 'non' : 'con';
    const code = methodCodes[request.method];
    // One token for all blocks: RFC 7959 leaves it open, but servers exist that tell transfers apart by it.
    const token = this.#newToken();
    return transferBody(
      {
        what,
        repeatable: request.method === 'GET',
        options: [...uri, ...format],
        payload: request.payload ?? noBytes,
      },
      this.#limits,
      (options, payload) => this.#exchange({ type, code, token, options, payload }, endpoint, what, scope),
    );
  }

  #exchange(
    message: Omit<CoapMessage, 'messageId'>,
    endpoint: CoapEndpoint,
    what: string,
    scope: RequestScope,
  ): Promise<CoapMessage> {
    const transport = this.#ready();
    const endpointName = endpointKey(endpoint);
    const messageId = this.#messageIds.next(endpointName);
    const { token } = message;
    const datagram = encodeMessage({ ...message, messageId });
    const tokenKey = token.toString('hex');
    const idKey = messageKey(endpointName, messageId);
    return new Promise((resolve, reject) => {
      const exchange = new Exchange({
        clock: this.#clock,
        timings: this.#limits,
        endpoint: endpointName,
        what,
        confirmable: message.type === 'con',
        messageId,
        token,
        transmit: (onSent) => transport.send(datagram, endpoint, onSent),
        onRetry: () => (this.#counts.retriesTotal += 1),
        onNoBufferRetry: () => (this.#counts.noBufferRetriesTotal += 1),
        onDone: (result) => {
          scope.stopWaiting();
          this.#byToken.delete(tokenKey);
          this.#byMessageId.delete(idKey);
          if (result.ok) resolve(result.response);
          else reject(result.failure);
        },
      });
      this.#byToken.set(tokenKey, exchange);
      this.#byMessageId.set(idKey, exchange);
      if (scope.waitWith((failure) => exchange.fail(failure))) exchange.start();
    });
  }

  /** Sends a group request and takes answers until its window is over. */
  #collectFor(
    request: CoapMulticast,
    options: readonly CoapOption[],
    what: string,
    scope: RequestScope,
    answers: Map<string, CoapMulticastAnswer>,
  ): Promise<void> {
    const transport = this.#ready();
    const endpoint = this.#resolve(request.group, what);
    const endpointName = endpointKey(endpoint);
    const messageId = this.#messageIds.next(endpointName);
    const token = this.#newToken();
    const datagram = encodeMessage({
      type: 'non',
      code: methodCodes.GET,
      messageId,
      token,
      options,
      payload: noBytes,
    });
    const tokenKey = token.toString('hex');
    return new Promise((resolve, reject) => {
      const finish = (failure: CoapError | null): void => {
        cancelTimer();
        scope.stopWaiting();
        this.#collectors.delete(tokenKey);
        if (failure === null) resolve();
        else reject(failure);
      };
      const cancelTimer = this.#clock.after(request.windowMs, () => {
        finish(null);
        exchange.fail(new CoapError('cancelled', `${what}: the window is over`));
      });
      const exchange = new Exchange({
        clock: this.#clock,
        timings: this.#limits,
        endpoint: endpointName,
        what,
        confirmable: false,
        messageId,
        token,
        transmit: (onSent) => transport.send(datagram, endpoint, onSent),
        onRetry: () => undefined,
        onNoBufferRetry: () => (this.#counts.noBufferRetriesTotal += 1),
        onDone: (result) => finish(result.ok ? null : result.failure),
      });
      this.#collectors.set(tokenKey, answers);
      if (scope.waitWith((failure) => exchange.fail(failure))) exchange.start();
    });
  }

  #ready(): DatagramTransport {
    if (this.#transport === null) {
      this.#transport = this.#openTransport();
      this.#transport.onMessage((datagram, from) => this.#receive(datagram, from));
    }
    return this.#transport;
  }

  #receive(datagram: Uint8Array, from: CoapEndpoint): void {
    if (this.#closed) return;
    const message = decodeMessage(datagram);
    if (message === null || !isKnownCode(message)) {
      this.#counts.undecodableTotal += 1;
      return;
    }
    const endpoint = endpointKey(from);
    if (message.type === 'ack' || message.type === 'rst') this.#receiveReply(message, endpoint);
    else this.#receiveMessage(message, from, endpoint);
  }

  /** ACK or RST: an answer of the message layer to one of ours. */
  #receiveReply(message: CoapMessage, endpoint: string): void {
    const exchange = this.#byMessageId.get(messageKey(endpoint, message.messageId));
    if (exchange === undefined) this.#counts.unmatchedTotal += 1;
    else if (message.type === 'rst') exchange.reset();
    else if (message.code === emptyCode) exchange.acknowledge();
    else if (message.token.equals(exchange.token)) exchange.complete(message);
    else this.#counts.unmatchedTotal += 1;
  }

  /** CON or NON: a separate response, an answer to a multicast, or nothing of ours. */
  #receiveMessage(message: CoapMessage, from: CoapEndpoint, endpoint: string): void {
    const reply = (type: 'ack' | 'rst'): void => {
      if (message.type !== 'con') return;
      this.#transport?.send(encodeEmpty(type, message.messageId), from, () => undefined);
    };
    // Copies first: the answers to all blocks of one request have the same token.
    if (this.#recent.has(endpoint, message.messageId)) {
      this.#counts.duplicatesTotal += 1;
      reply('ack');
      return;
    }
    const tokenKey = message.token.toString('hex');
    const exchange = isResponse(message) ? this.#byToken.get(tokenKey) : undefined;
    if (exchange?.endpoint === endpoint) {
      reply('ack');
      this.#recent.add(endpoint, message.messageId);
      exchange.complete(message);
      return;
    }
    const answers = isResponse(message) ? this.#collectors.get(tokenKey) : undefined;
    if (answers !== undefined) {
      reply('ack');
      if (answers.has(endpoint)) this.#counts.duplicatesTotal += 1;
      else if (answers.size < maxMulticastAnswers) answers.set(endpoint, toMulticastAnswer(message, from));
      return;
    }
    this.#counts.unmatchedTotal += 1;
    reply('rst');
  }

  #newToken(): Buffer {
    const token = Buffer.alloc(tokenBytes);
    for (let at = 0; at < tokenBytes; at += 2) token.writeUInt16BE(Math.floor(this.#random() * 0x1_0000), at);
    return this.#byToken.has(token.toString('hex')) ? this.#newToken() : token;
  }
}

/** Two spellings of one address must not differ: systems write IPv4-mapped addresses and zones in their own way. */
function endpointKey({ address, port }: CoapEndpoint): string {
  return `${canonicalAddress(address)}|${port}`;
}

function canonicalAddress(address: string): string {
  const zone = address.indexOf('%');
  const plain = zone === -1 ? address : address.slice(0, zone);
  return plain.includes(':') ? (parseIpv6(plain) ?? plain) : plain;
}

function toResponse({ message, payload }: BodyResponse, from: CoapEndpoint): CoapResponse {
  return {
    code: message.code,
    contentFormat: readUintOption(message, optionNumbers.contentFormat),
    payload,
    from,
  };
}

function toMulticastAnswer(message: CoapMessage, from: CoapEndpoint): CoapMulticastAnswer {
  const block = findOption(message, optionNumbers.block2);
  return {
    ...toResponse({ message, payload: message.payload }, from),
    partial: block !== null && decodeBlock(block)?.more !== false,
  };
}

function isResponse(message: CoapMessage): boolean {
  return message.code.startsWith('2.') || message.code.startsWith('4.') || message.code.startsWith('5.');
}

/** Classes 1, 3, 6 and 7 are reserved (RFC 7252 §3); an acknowledgement carries a response or nothing, a reset nothing. */
function isKnownCode(message: CoapMessage): boolean {
  if (message.code === emptyCode) return true;
  if (message.type === 'rst') return false;
  return isResponse(message) || (message.type !== 'ack' && message.code.startsWith('0.'));
}

function secureRandom(): number {
  return randomInt(0x1_0000_0000) / 0x1_0000_0000;
}
