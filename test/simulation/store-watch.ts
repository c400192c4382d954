/** Tells what becomes of each block, as the store itself sees it. */
import type { ObjectStore } from '../../src/storage/object-store.ts';
import type { WorldEvent } from './events.ts';

export function watchStore(store: ObjectStore, observe: (event: WorldEvent) => void): void {
  const { allocate, adopt, pin, release, reclaim } = store;
  const block = (what: Extract<WorldEvent, { kind: 'block' }>['what'], offset: number, by = '') =>
    observe({ kind: 'block', what, offset, by });
  const holders = new Map<number, number>();
  const owners = new Map<number, string>();
  const end = (offset: number) => {
    holders.delete(offset);
    owners.delete(offset);
    block('freed', offset);
  };
  store.allocate = (owner, sizeBytes, allocationClass) => {
    const offset = allocate.call(store, owner, sizeBytes, allocationClass);
    if (offset === -1) return -1;
    holders.set(offset, 1);
    owners.set(offset, owner);
    block('granted', offset, owner);
    return offset;
  };
  store.adopt = (offset) => {
    adopt.call(store, offset);
    owners.delete(offset);
    block('adopted', offset);
  };
  store.pin = (offset) => {
    pin.call(store, offset);
    holders.set(offset, (holders.get(offset) ?? 0) + 1);
    block('pinned', offset);
  };
  // Told before it is done: the block may be granted again at once, by whoever waits for room.
  store.release = (offset) => {
    const left = (holders.get(offset) ?? 0) - 1;
    holders.set(offset, left);
    block('released', offset);
    if (left === 0) end(offset);
    release.call(store, offset);
  };
  store.reclaim = (owner) => {
    for (const [offset, candidate] of [...owners]) if (candidate === owner) end(offset);
    return reclaim.call(store, owner);
  };
}
