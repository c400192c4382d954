/** The threads of a simulated node: started, linked, terminated, and killed now and then. Real ones: `cluster/executors/pool.ts`. */
import type { ExitReason, ThreadMessage } from '../../src/actors/protocol/executor.ts';
import type { Message } from '../../src/actors/protocol/message.ts';
import type { Envelope } from '../../src/cluster/wire/codec.ts';
import { Channel } from './channel.ts';
import { SimulatedThread, type ThreadWorld } from './thread.ts';

export interface ThreadsOptions extends Omit<ThreadWorld, 'send' | 'exit'> {
  /** For checkers: a message has left a thread. */
  sent(thread: number, to: string, message: Message): void;
  received(envelopes: readonly Envelope[]): void;
  /** It is no more; its place is still its own. */
  ending(thread: number): void;
  exited(thread: number, reason: ExitReason, text: string): void;
}

interface Row {
  readonly place: number;
  readonly thread: SimulatedThread;
  readonly toThread: Channel;
  readonly toNode: Channel;
}

const terminateMs = 3;

export class SimulatedThreads {
  readonly #options: ThreadsOptions;
  readonly #rows = new Map<number, Row>();
  /** Dead ones that the node does not know of yet, and their places. */
  readonly #dying = new Map<number, number>();
  readonly #world: ThreadWorld;

  constructor(options: ThreadsOptions) {
    this.#options = options;
    this.#world = {
      ...options,
      send: (thread, to, message) => this.#send(thread, to, message),
      exit: (thread, reason, text) => this.#end(thread, reason, text, 0),
    };
  }

  /** The thread that has a place, or had it and is not buried; -1: none. */
  threadAt(place: number): number {
    for (const [number, row] of this.#rows) if (row.place === place) return number;
    for (const [number, taken] of this.#dying) if (taken === place) return number;
    return -1;
  }

  #freePlace(): number {
    const places = this.#options.solo?.table.places ?? 0;
    for (let place = 0; place < places; place++) if (this.threadAt(place) === -1) return place;
    return -1;
  }

  get alive(): number {
    return this.#rows.size;
  }

  start(number: number): void {
    const { clock, random, received } = this.#options;
    const place = this.#freePlace();
    const thread = new SimulatedThread(number, this.#world, place);
    const delayMs = () => 0.05 + random.next() / 4;
    const toThread = new Channel(clock, delayMs, (envelopes) => {
      for (const { message } of envelopes) thread.take(message as ThreadMessage);
    });
    this.#rows.set(number, { place, thread, toThread, toNode: new Channel(clock, delayMs, received) });
    const { startFailureShare } = this.#options.faults();
    if (random.chance(startFailureShare)) thread.later(5, () => this.#end(number, 'uncaught', 'failed to start', 0));
    else thread.start();
  }

  terminate(number: number): void {
    this.#rows.get(number)?.thread.world.clock.after(terminateMs, () => this.#end(number, 'terminated', 'terminated', 0));
  }

  outletOf(number: number): Channel | null {
    return this.#rows.get(number)?.toThread ?? null;
  }

  flush(): void {
    for (const { toThread } of this.#rows.values()) toThread.flush();
  }

  /** One of them dies, through nobody's fault. */
  crashOne(): void {
    const { random } = this.#options;
    if (this.#rows.size > 0) this.#end(random.pick([...this.#rows.keys()]), 'lost', 'killed', this.#options.faults().lostWithThreadShare);
  }

  /** With their process: nobody is told. */
  dieAll(): void {
    for (const { thread, toNode } of this.#rows.values()) {
      thread.die();
      toNode.cut(1);
    }
    this.#rows.clear();
  }

  pauseOne(ms: number): void {
    if (this.#rows.size > 0) this.#rows.get(this.#options.random.pick([...this.#rows.keys()]))?.thread.pause(ms);
  }

  #send(number: number, to: string, message: Message): void {
    const row = this.#rows.get(number);
    if (!row) return;
    this.#options.sent(number, to, message);
    row.toNode.send(to, message);
    row.toNode.flush();
  }

  /** Its exit is told after what it had sent has arrived, as far as that was not lost with it. */
  #end(number: number, reason: ExitReason, text: string, lostShare: number): void {
    const row = this.#rows.get(number);
    if (!row) return;
    row.thread.die();
    this.#rows.delete(number);
    this.#dying.set(number, row.place);
    const afterMs = row.toNode.cut(lostShare);
    this.#options.clock.after(afterMs + 0.01, () => {
      this.#options.ending(number);
      this.#dying.delete(number);
      if (row.place >= 0) this.#options.solo?.table.leave(row.place);
      this.#options.exited(number, reason, text);
    });
  }
}
