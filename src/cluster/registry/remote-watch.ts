/**
 * A watch of a registry elsewhere: it knows what its watcher has been told, and tells only what is new to him.
 *
 *   Q1  What there is may be told any number of times (from `began` to `current`): the watcher hears what differs from what he knows,
 *       at last that keys are gone which are there no more.
 *   Q2  The revisions that he is told never fall. That of a deletion which was missed is the greatest that he could know of.
 */
import type { WatchEvent } from '../../actors/protocol/registry.ts';
import type { RegistryChange, Watcher } from './registry.ts';

export class RemoteWatch {
  readonly prefix: string;
  readonly #watcher: Watcher;
  /** The revisions of the keys that the watcher knows of. */
  readonly #known = new Map<string, number>();
  /** Known keys that have not been told again since `began`; null: all is told. */
  #unseen: Set<string> | null = null;
  #isCurrent = false;
  #isStopped = false;
  #highest = 0;

  constructor(prefix: string, watcher: Watcher) {
    this.prefix = prefix;
    this.#watcher = watcher;
  }

  get isStopped(): boolean {
    return this.#isStopped;
  }

  stop(): void {
    this.#isStopped = true;
  }

  take(event: WatchEvent): void {
    switch (event.kind) {
      case 'began':
        this.#unseen = new Set(this.#known.keys());
        return;
      case 'current':
        return this.#settle();
      case 'gone':
        this.#unseen?.delete(event.key);
        if (this.#known.delete(event.key)) this.#tell(event, event.revision);
        return;
      case 'put': {
        const { key, revision, value } = event.entry;
        // The frame's memory is not ours.
        if (this.#isNews(key, revision)) this.#tell({ kind: 'put', entry: { key, revision, value: new Uint8Array(value) } }, revision);
        return;
      }
      case 'large':
        if (this.#isNews(event.key, event.revision)) this.#tell(event, event.revision);
    }
  }

  #isNews(key: string, revision: number): boolean {
    this.#unseen?.delete(key);
    if (this.#known.get(key) === revision) return false;
    this.#known.set(key, revision);
    return true;
  }

  #settle(): void {
    for (const key of this.#unseen ?? []) {
      this.#known.delete(key);
      this.#tell({ kind: 'gone', key, revision: this.#highest }, this.#highest);
    }
    this.#unseen = null;
    if (this.#isCurrent) return;
    this.#isCurrent = true;
    if (!this.#isStopped) this.#watcher.current();
  }

  #tell(change: RegistryChange, revision: number): void {
    this.#highest = Math.max(this.#highest, revision);
    if (!this.#isStopped) this.#watcher.changed(change);
  }
}
