/** The inputs of an attempt, and what it got, are not freed before it has ended. */
import type { WorldEvent } from '../events.ts';
import type { World } from '../world.ts';
import { type Checker, insist } from './checker.ts';
import { readableRefs } from './refs.ts';

export class InputsPinned implements Checker<Pick<World, 'scheduler'>> {
  readonly name = 'inputs pinned';
  /** By invocation: the blocks that its running attempt reads. */
  readonly #reads = new Map<number, Set<number>>();
  /** Where invocations run that are away. */
  readonly #hosts = new Map<number, string>();
  /** Which invocation has asked, by thread and request. */
  readonly #asking = new Map<string, number>();

  see(event: WorldEvent, world: Pick<World, 'scheduler'>): void {
    if (event.kind === 'block' && event.what === 'freed') return this.#free(event.offset);
    if (event.kind === 'threadSent' && event.message.kind === 'objectsAsked')
      this.#asking.set(`thread:${event.thread}/${event.message.request}`, event.message.invocation);
    if (event.kind === 'left' && event.message.kind === 'answer') {
      const invocation = this.#asking.get(`${event.to}/${event.message.request}`);
      for (const { offset } of readableRefs(event.message)) this.#reads.get(invocation ?? -1)?.add(offset);
    }
    if (event.kind === 'left' && event.message.kind === 'lodge') {
      this.#reads.set(event.message.invocation, new Set(readableRefs(event.message).map(({ offset }) => offset)));
      this.#hosts.set(event.message.invocation, event.to);
    }
    if (event.kind !== 'handled' || event.host !== 'node') return;
    const { message } = event;
    if (message.kind === 'invoke') this.#reads.set(message.run.invocation, new Set(readableRefs(message).map(({ offset }) => offset)));
    if (message.kind === 'soloAdopted') {
      const inputs = world.scheduler.invocations.get(message.invocation)?.inputs ?? [];
      this.#reads.set(message.invocation, new Set(inputs.map(({ ref }) => ref.offset).filter((offset) => offset >= 0)));
    }
    if (message.kind === 'workerGone') for (const [invocation, host] of this.#hosts) if (host === message.worker) this.#end(invocation);
    if (message.kind === 'attemptEnded' || message.kind === 'lodgerEnded') this.#end(message.invocation);
  }

  #end(invocation: number): void {
    this.#reads.delete(invocation);
    this.#hosts.delete(invocation);
  }

  #free(offset: number): void {
    for (const [invocation, offsets] of this.#reads)
      insist(!offsets.has(offset), this, () => `offset ${offset} is freed while invocation ${invocation} reads it`);
  }
}
