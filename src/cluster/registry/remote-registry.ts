/**
 * The registry of a node that has none of its own: requests to the address `registry`, answered by a `RegistryService`.
 *
 *     caller ─► RemoteRegistry ─ send ═══► RegistryService ─► Registry
 *       ▲            ▲                          │
 *       └────────────┴─ take ═══◄═══════════════┘
 *
 * Messages must come in the order in which they were sent; those that get lost are to be told (`connectionLost`).
 *
 *   O1  Watches outlive the connection. When it is back, and every `checkMs`, the registry is asked whether it knows them.
 */
import type { Address } from '../../actors/actor.ts';
import type { Message } from '../../actors/protocol/message.ts';
import type { RegistryRequest } from '../../actors/protocol/registry.ts';
import type { Timers } from '../../storage/timers.ts';
import { pieceBytesMax, piecesOf } from './pieces.ts';
import type { PutOptions, Registry, RegistryEntry, Watch, Watcher } from './registry.ts';
import { checkExpected, checkKey, checkPrefix, checkPut, registryClosed, RegistryError } from './registry-error.ts';
import { watchesPerOwnerMax } from './registry-service.ts';
import { type Answered, type Asked, RemoteRequests } from './remote-requests.ts';
import { RemoteWatch } from './remote-watch.ts';

export interface RemoteRegistryOptions {
  /** Where answers go: whoever gets messages for it calls `take`. */
  readonly owner: Address;
  readonly timers: Timers;
  /** To the address `registry`. */
  send(message: RegistryRequest): void;
  /** Default 5,000. */
  readonly timeoutMs?: number;
  /** Default 5,000. */
  readonly checkMs?: number;
  /** Of requests and watches: greater, or at least other, than those of a former process with the same `owner`. Default: by chance. */
  readonly firstNumber?: number;
}

export class RemoteRegistry implements Registry {
  readonly #owner: Address;
  readonly #timers: Timers;
  readonly #checkMs: number;
  readonly #send: (message: RegistryRequest) => void;
  readonly #requests: RemoteRequests;
  readonly #watches = new Map<number, RemoteWatch>();
  /** Not ours any more, and the registry did not know; it has been told on this connection. */
  readonly #strays = new Set<number>();
  #nextWatch: number;
  #checkTimer: unknown = null;
  #isReachable = true;
  #closing: Promise<void> | null = null;

  /** Until it is told otherwise, it takes the registry for connected. */
  constructor(options: RemoteRegistryOptions) {
    const { owner, timers, timeoutMs = 5_000, checkMs = 5_000, firstNumber = Math.floor(Math.random() * 2 ** 40) } = options;
    this.#owner = owner;
    this.#timers = timers;
    this.#checkMs = checkMs;
    this.#send = (message) => options.send(message);
    this.#requests = new RemoteRequests({ owner, timers, timeoutMs, firstNumber, send: this.#send });
    this.#nextWatch = firstNumber;
  }

  async get(key: string): Promise<RegistryEntry | null> {
    checkKey(key);
    const { entries } = await this.#ask({
      operation: 'get',
      key,
      isTransfer: true,
      sizeBytes: 0,
      messages: (request) => [{ kind: 'registryGet', owner: this.#owner, request, key }],
    });
    return entries[0] ?? null;
  }

  async list(prefix: string): Promise<readonly RegistryEntry[]> {
    checkPrefix(prefix);
    const { entries } = await this.#ask({
      operation: 'list',
      key: prefix,
      isTransfer: true,
      sizeBytes: 0,
      messages: (request) => [{ kind: 'registryList', owner: this.#owner, request, prefix }],
    });
    return entries;
  }

  async put(key: string, value: Uint8Array, options: PutOptions): Promise<number> {
    const sizeBytes = value.byteLength;
    checkPut(key, sizeBytes, options);
    const { expected, ttlMs } = options;
    const owner = this.#owner;
    // It leaves later.
    const pieces = piecesOf(new Uint8Array(value));
    const bytes = pieces.pop() as Uint8Array;
    const { result } = await this.#ask({
      operation: 'put',
      key,
      isTransfer: sizeBytes > pieceBytesMax,
      sizeBytes,
      messages: (request) => [
        ...pieces.map((piece): RegistryRequest => ({ kind: 'registryPiece', owner, request, bytes: piece })),
        { kind: 'registryPut', owner, request, key, sizeBytes, bytes, expected, ttlMs },
      ],
    });
    return result;
  }

  async delete(key: string, expected: number | null): Promise<boolean> {
    checkKey(key);
    checkExpected(expected);
    const { result } = await this.#ask({
      operation: 'delete',
      key,
      isTransfer: false,
      sizeBytes: 0,
      messages: (request) => [{ kind: 'registryDelete', owner: this.#owner, request, key, expected }],
    });
    return result === 1;
  }

  watch(prefix: string, watcher: Watcher): Watch {
    if (this.#closing) throw registryClosed('watch');
    checkPrefix(prefix);
    if (this.#watches.size >= watchesPerOwnerMax)
      throw new RegistryError('Overloaded', `registry: ${this.#watches.size} watches are open already, and no more are taken`);
    const number = this.#nextWatch++;
    const watch = new RemoteWatch(prefix, watcher);
    this.#watches.set(number, watch);
    if (this.#isReachable) this.#establish(number, watch);
    this.#startChecks();
    return {
      stop: () => {
        watch.stop();
        if (this.#watches.delete(number) && this.#isReachable) this.#unwatch(number);
      },
    };
  }

  /** What came for `owner`. What is no answer of a registry changes nothing. */
  take(message: Message): void {
    if (message.kind === 'registryAnswer') return this.#requests.take(message);
    if (message.kind !== 'registryChanged') return;
    const watch = this.#watches.get(message.watch);
    if (watch) return watch.take(message.change);
    if (this.#strays.has(message.watch)) return;
    this.#strays.add(message.watch);
    this.#unwatch(message.watch);
  }

  /** What is unanswered is refused, and what is asked from now on. */
  connectionLost(): void {
    this.#isReachable = false;
    this.#stopChecks();
    this.#requests.connectionLost();
  }

  /** Also where the loss was not noticed: all watches are told anew what there is. */
  connectionRestored(): void {
    if (this.#closing) return;
    this.#isReachable = true;
    this.#strays.clear();
    this.#requests.connectionRestored();
    for (const [number, watch] of this.#watches) this.#establish(number, watch);
    this.#startChecks();
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#stopChecks();
    for (const [number, watch] of this.#watches) {
      watch.stop();
      if (this.#isReachable) this.#unwatch(number);
    }
    this.#watches.clear();
    await this.#requests.settled();
  }

  async #ask(asked: Asked): Promise<Answered> {
    if (this.#closing) throw registryClosed(asked.operation);
    return this.#requests.ask(asked);
  }

  /** A watch of this number that the registry still has may have told things that got lost. */
  #establish(number: number, { prefix }: RemoteWatch): void {
    this.#unwatch(number);
    this.#send({ kind: 'registryWatch', owner: this.#owner, watch: number, prefix });
  }

  #unwatch(number: number): void {
    this.#send({ kind: 'registryUnwatch', owner: this.#owner, watch: number });
  }

  #startChecks(): void {
    if (this.#checkTimer !== null || this.#watches.size === 0 || !this.#isReachable) return;
    this.#checkTimer = this.#timers.setTimeout(() => {
      this.#checkTimer = null;
      for (const [watch, { prefix }] of this.#watches) this.#send({ kind: 'registryWatch', owner: this.#owner, watch, prefix });
      this.#startChecks();
    }, this.#checkMs);
  }

  #stopChecks(): void {
    if (this.#checkTimer !== null) this.#timers.clearTimeout(this.#checkTimer);
    this.#checkTimer = null;
  }
}
