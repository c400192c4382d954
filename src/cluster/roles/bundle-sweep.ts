/**
 * Removes code from the registry that no app uses: `bundles/HASH`, some time after an app has left it, or after it was published. That is
 * for code whose registration has failed, or whose publisher has died before.
 *
 *   Y5  Code that an app's record names is never removed, and neither is code that somebody is publishing: whoever does holds the lease
 *       `publishing/HASH` from before he looks whether the code is there until its app has long been recorded.
 */
import type { AppRecord } from '../../actors/protocol/coordinator.ts';
import type { Timers } from '../../storage/timers.ts';
import type { LogLine } from '../log.ts';
import type { Registry, Watch } from '../registry/registry.ts';
import { decodeEntry } from '../view.ts';
import { bundleKey, publishingKey, publishingPrefix } from './code.ts';

export interface BundleSweepOptions {
  readonly registry: Pick<Registry, 'get' | 'list' | 'put' | 'delete' | 'watch'>;
  readonly timers: Timers;
  readonly log: LogLine;
}

/** Time for workers that have been told to install it to fetch it. */
const graceMs = 60_000;
/** More are not kept in mind: those stay in the registry. */
const waitingMax = 1_000;

export class BundleSweep {
  readonly #options: BundleSweepOptions;
  readonly #timers = new Map<string, unknown>();
  #watch: Watch | null = null;

  constructor(options: BundleSweepOptions) {
    this.#options = options;
  }

  /** From here on code whose publisher's lease has ended is looked at, too. */
  start(): void {
    this.#watch = this.#options.registry.watch(publishingPrefix, {
      changed: (change) => {
        if (change.kind === 'gone') this.leave(change.key.slice(publishingPrefix.length));
      },
      current: () => undefined,
    });
  }

  /** Nobody may use this code any more. */
  leave(hash: string): void {
    if (this.#timers.has(hash) || this.#timers.size >= waitingMax) return;
    const due = () => {
      this.#timers.delete(hash);
      void this.#sweep(hash);
    };
    this.#timers.set(hash, this.#options.timers.setTimeout(due, graceMs));
  }

  close(): void {
    this.#watch?.stop();
    for (const timer of this.#timers.values()) this.#options.timers.clearTimeout(timer);
    this.#timers.clear();
  }

  async #sweep(hash: string): Promise<void> {
    const { registry, log } = this.#options;
    try {
      if (await this.#isUsed(hash)) return;
      if (await registry.get(publishingKey(hash))) return this.leave(hash);
      const code = await registry.get(bundleKey(hash));
      if (!code || !(await registry.delete(code.key, code.revision))) return;
      // Who began to publish it meanwhile may have found it there.
      if (await registry.get(publishingKey(hash))) await registry.put(code.key, code.value, { expected: 0, ttlMs: null });
    } catch (error) {
      log('debug', 'a bundle that nobody uses could not be removed', { hash, error: String(error) });
    }
  }

  async #isUsed(hash: string): Promise<boolean> {
    const records = await this.#options.registry.list('apps/');
    return records.some(({ value }) => decodeEntry<AppRecord>(value).app?.bundle.hash === hash);
  }
}
