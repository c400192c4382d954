/**
 * One way to a peer: a dialled socket, or one routing id of the bound socket.
 *
 *   C1  Nothing here waits: a message that ZeroMQ does not take now stands in a queue of this connection, and is tried again, at growing
 *       intervals. Others on the same socket are not held up.
 *   C2  The queue is bounded; what does not fit is dropped. Links send it again.
 *   C3  After `lost` was called nothing is sent any more.
 */
import type { MeshCounters } from './counters.ts';
import { type Parts, writeSign } from './datagram.ts';
import type { Peer } from './peer.ts';

export interface ConnectionPorts {
  /** One attempt, on a socket with `sendTimeout: 0`, so that it settles at once. A socket that is closed throws. */
  write(parts: Parts): Promise<void>;
  /** The other end is gone: what came last may not have arrived. */
  lost(): void;
  readonly counters: MeshCounters;
}

/** ZeroMQ takes twice as many messages as a link has under way, so this is for links that send again. */
const queuedMax = 512;
const retryMsMax = 64;
/** So many leave at once when there is room again. */
const retriedMax = 64;

export class Connection {
  /** What was dialled; null: the other end has. */
  readonly endpoint: string | null;
  /** Who is at the other end, once he has said so and was admitted. */
  peer: Peer | null = null;
  /** Something has come, has gone, since the last tick. */
  heard = true;
  spoke = false;
  /** Ticks in a row in which nothing came. */
  silentTicks = 0;
  readonly #ports: ConnectionPorts;
  #queue: Parts[] = [];
  #isBlocked = false;
  #isLost = false;
  #retryMs = 1;
  #retry: NodeJS.Timeout | null = null;

  constructor(endpoint: string | null, ports: ConnectionPorts) {
    this.endpoint = endpoint;
    this.#ports = ports;
  }

  /** ZeroMQ takes no more now. */
  get isBlocked(): boolean {
    return this.#isBlocked;
  }

  get isLost(): boolean {
    return this.#isLost;
  }

  /** Messages that wait. */
  get queued(): number {
    return this.#queue.length;
  }

  transmit(parts: Parts): void {
    if (this.#isLost) return this.#drop();
    this.spoke = true;
    if (this.#isBlocked) return this.#enqueue(parts);
    let written: Promise<void>;
    try {
      written = this.#ports.write(parts);
    } catch (error) {
      return this.#failed(parts, error);
    }
    written.catch((error: unknown) => this.#failed(parts, error));
  }

  /** Ends a tick. `beats`: whether it is worth saying that this end is alive. */
  tick(beats: boolean): void {
    this.silentTicks = this.heard ? 0 : this.silentTicks + 1;
    this.heard = false;
    if (beats && !this.spoke && !this.#isBlocked) this.transmit(writeSign('beat'));
    this.spoke = false;
  }

  end(): void {
    this.#isLost = true;
    this.#queue = [];
    if (this.#retry !== null) clearTimeout(this.#retry);
    this.#retry = null;
  }

  #enqueue(parts: Parts): void {
    if (this.#queue.length >= queuedMax) return this.#drop();
    this.#queue.push(parts);
  }

  #drop(): void {
    this.#ports.counters.dropped++;
  }

  #failed(parts: Parts, error: unknown): void {
    if (this.#isLost) return this.#drop();
    if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') {
      this.#drop();
      this.end();
      this.#ports.lost();
      return;
    }
    this.#isBlocked = true;
    this.#enqueue(parts);
    this.#retryLater();
  }

  #retryLater(): void {
    this.#retry ??= setTimeout(() => void this.#retryNow(), this.#retryMs);
    this.#retryMs = Math.min(retryMsMax, this.#retryMs * 2);
  }

  async #retryNow(): Promise<void> {
    this.#retry = null;
    for (let i = 0; i < retriedMax; i++) {
      const parts = this.#queue.shift();
      if (parts === undefined) {
        this.#isBlocked = false;
        return;
      }
      try {
        await this.#ports.write(parts);
        this.#retryMs = 1;
      } catch (error) {
        if (this.#isLost) return;
        this.#queue.unshift(parts);
        if ((error as NodeJS.ErrnoException).code === 'EAGAIN') break;
        this.end();
        return this.#ports.lost();
      }
    }
    if (!this.#isLost) this.#retryLater();
  }
}
