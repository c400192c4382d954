/**
 * Requests to a registry elsewhere, and their answers. Every request is answered or refused within its time.
 *
 *   U1  A request fails with `CallTimedOut` when it has waited for others, or nothing of its answer has come, for `timeoutMs`; and at once
 *       with `PeerUnreachable` when the connection is lost. It is never sent again: whether it was done is its caller's to find out.
 *   U2  At most `transfersMax` requests that move much are under way: reads, and puts in pieces. The others wait for them, in their order.
 */
import type { Address } from '../../actors/actor.ts';
import type { RegistryReply, RegistryRequest } from '../../actors/protocol/registry.ts';
import type { Timers } from '../../storage/timers.ts';
import { EntryJoiner } from './pieces.ts';
import type { RegistryEntry } from './registry.ts';
import { RegistryError } from './registry-error.ts';

type Answer = Extract<RegistryReply, { kind: 'registryAnswer' }>;

export interface Answered {
  readonly result: number;
  readonly entries: readonly RegistryEntry[];
}

export interface Asked {
  /** For errors. */
  readonly operation: 'get' | 'list' | 'put' | 'delete';
  readonly key: string;
  readonly isTransfer: boolean;
  /** Of its value. */
  readonly sizeBytes: number;
  messages(request: number): readonly RegistryRequest[];
}

interface Pending extends Asked {
  readonly request: number;
  readonly joiner: EntryJoiner;
  isSent: boolean;
  timer: unknown;
  settle(outcome: Answered | RegistryError): void;
}

export interface RemoteRequestsOptions {
  readonly owner: Address;
  readonly timers: Timers;
  readonly timeoutMs: number;
  /** Else an answer to a former process of the same name could be taken for one's own. */
  readonly firstNumber: number;
  send(message: RegistryRequest): void;
}

/** So that at most 8 × 17 MiB are on their way to a node: one that holds more for a peer gives it up (`MeshLimits.bytesHeldMax`). */
const transfersMax = 8;
const requestsMax = 1_024;
const requestBytesMax = 64 * 2 ** 20;

export class RemoteRequests {
  readonly #options: RemoteRequestsOptions;
  readonly #pending = new Map<number, Pending>();
  /** Those that wait for others to end. */
  #line: Pending[] = [];
  #transfers = 0;
  #bytes = 0;
  #next: number;
  #isReachable = true;
  #idle: (() => void)[] = [];

  constructor(options: RemoteRequestsOptions) {
    this.#options = options;
    this.#next = options.firstNumber;
  }

  async ask(asked: Asked): Promise<Answered> {
    if (!this.#isReachable) throw unreachable(asked);
    if (this.#pending.size >= requestsMax || this.#bytes + asked.sizeBytes > requestBytesMax) {
      const text = `registry: ${this.#pending.size} requests with ${this.#bytes} bytes are unanswered, at most ${requestsMax} and ${requestBytesMax}`;
      throw new RegistryError('Overloaded', text, { requestsMax, requestBytesMax });
    }
    return new Promise((resolve, reject) => {
      const pending: Pending = {
        ...asked,
        request: this.#next++,
        joiner: new EntryJoiner(),
        isSent: false,
        timer: null,
        settle: (outcome) => (outcome instanceof RegistryError ? reject(outcome) : resolve(outcome)),
      };
      this.#pending.set(pending.request, pending);
      this.#bytes += asked.sizeBytes;
      if (!asked.isTransfer || this.#transfers < transfersMax) return this.#send(pending);
      this.#line.push(pending);
      this.#startTimer(pending);
    });
  }

  /** An answer to a request that has timed out is dropped. */
  take({ request, error, result, parts, isLast }: Answer): void {
    const pending = this.#pending.get(request);
    if (!pending) return;
    if (error) return this.#end(pending, RegistryError.of(error));
    const { joiner } = pending;
    try {
      for (const part of parts) joiner.add(part);
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause);
      return this.#end(pending, new RegistryError('ProtocolMismatch', `registry: ${reason}`, {}, { cause }));
    }
    if (!isLast) return this.#startTimer(pending);
    if (!joiner.isWhole) return this.#end(pending, new RegistryError('ProtocolMismatch', 'registry: an answer ends within a value'));
    this.#end(pending, { result, entries: joiner.entries });
  }

  connectionLost(): void {
    this.#isReachable = false;
    this.#line = [];
    for (const pending of [...this.#pending.values()]) this.#end(pending, unreachable(pending));
  }

  connectionRestored(): void {
    this.#isReachable = true;
  }

  /** Resolves when nothing is unanswered. */
  async settled(): Promise<void> {
    if (this.#pending.size > 0) await new Promise<void>((resolve) => this.#idle.push(resolve));
  }

  #send(pending: Pending): void {
    pending.isSent = true;
    if (pending.isTransfer) this.#transfers++;
    this.#startTimer(pending);
    for (const message of pending.messages(pending.request)) this.#options.send(message);
  }

  #startTimer(pending: Pending): void {
    const { timers, timeoutMs } = this.#options;
    if (pending.timer !== null) timers.clearTimeout(pending.timer);
    pending.timer = timers.setTimeout(() => {
      const { operation, key } = pending;
      const state = pending.isSent ? 'no answer has come' : `${transfersMax} others are not done`;
      const text = `registry: ${operation} of ${JSON.stringify(key)}: ${state} for ${timeoutMs} ms`;
      this.#end(pending, new RegistryError('CallTimedOut', text, { operation, key, timeoutMs }));
    }, timeoutMs);
  }

  #end(pending: Pending, outcome: Answered | RegistryError): void {
    this.#options.timers.clearTimeout(pending.timer);
    this.#pending.delete(pending.request);
    this.#bytes -= pending.sizeBytes;
    if (!pending.isSent) this.#line = this.#line.filter((waiting) => waiting !== pending);
    else if (pending.isTransfer) this.#transfers--;
    pending.settle(outcome);
    const next = this.#transfers < transfersMax ? this.#line.shift() : undefined;
    if (next) this.#send(next);
    if (this.#pending.size === 0) for (const resolve of this.#idle.splice(0)) resolve();
  }
}

function unreachable({ operation, key }: Asked): RegistryError {
  const text = `registry: ${operation} of ${JSON.stringify(key)}: there is no connection to the registry`;
  return new RegistryError('PeerUnreachable', text, { operation, key, address: 'registry' });
}
