/** The timers of a host's actors, by actor and id. A timer that is started again is moved. */
import type { Address } from '../actors/actor.ts';
import type { Message } from '../actors/protocol/message.ts';
import type { Timers } from '../storage/timers.ts';

export class TimerTable {
  readonly #timers: Timers;
  readonly #deliver: (to: Address, message: Message) => void;
  readonly #running = new Map<Address, Map<string, unknown>>();
  #isClosed = false;

  constructor(timers: Timers, deliver: (to: Address, message: Message) => void) {
    this.#timers = timers;
    this.#deliver = deliver;
  }

  start(address: Address, id: string, afterMs: number, message: Message): void {
    if (this.#isClosed) return;
    let ofActor = this.#running.get(address);
    if (!ofActor) {
      ofActor = new Map();
      this.#running.set(address, ofActor);
    }
    const before = ofActor.get(id);
    if (before !== undefined) this.#timers.clearTimeout(before);
    const timer = this.#timers.setTimeout(() => {
      ofActor.delete(id);
      this.#deliver(address, message);
    }, afterMs);
    ofActor.set(id, timer);
  }

  stop(address: Address, id: string): void {
    const ofActor = this.#running.get(address);
    const timer = ofActor?.get(id);
    if (timer === undefined) return;
    this.#timers.clearTimeout(timer);
    ofActor?.delete(id);
  }

  /** All timers of an actor that is no more. */
  stopAll(address: Address): void {
    for (const timer of this.#running.get(address)?.values() ?? []) this.#timers.clearTimeout(timer);
    this.#running.delete(address);
  }

  /** The host is no more: of what its actors still waited for nothing comes, and it keeps no process alive. */
  close(): void {
    this.#isClosed = true;
    for (const address of [...this.#running.keys()]) this.stopAll(address);
  }

  /** Timers that are running. */
  get size(): number {
    let size = 0;
    for (const ofActor of this.#running.values()) size += ofActor.size;
    return size;
  }
}
