/** When no session is open and no app-scoped trigger holds an object, no block is held but what threads and the client are filling. */
import type { WorldEvent } from '../events.ts';
import type { World } from '../world.ts';
import { type Checker, insist } from './checker.ts';

export class StoreEmpty implements Checker<Pick<World, 'node'>> {
  readonly name = 'store empty';
  /** Sealed blocks. */
  readonly #sealed = new Set<number>();

  see(event: WorldEvent): void {
    if (event.kind !== 'block') return;
    if (event.what === 'adopted') this.#sealed.add(event.offset);
    if (event.what === 'freed') this.#sealed.delete(event.offset);
  }

  end(world: Pick<World, 'node'>): void {
    insist(this.#sealed.size === 0, this, () => `sealed blocks are left at the end, at ${[...this.#sealed].join(', ')}`);
    const { blocks, usedBytes } = world.node.store;
    insist(blocks === 0 && usedBytes === 0, this, () => `${blocks} blocks of ${usedBytes} bytes are left at the end`);
  }
}
