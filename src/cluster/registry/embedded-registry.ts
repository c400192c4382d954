/**
 * A registry within this process: the decisions of `RegistryState`, over a storage.
 *
 * Everything asked waits in one line. Writes that stand together in it are decided one after another and stored together; only when
 * they are stored does anybody hear of them.
 *
 *   E1  What is read, told and answered is stored (but in memory): nobody acts on what a crash could take back.
 *   E2  A read sees the writes before it in the line, and none behind it. So each caller's operations take effect in his order.
 *   E3  Leases end by a timer, never by a look at the clock: a process that was held up reads first what came meanwhile.
 */
import type { Timers } from '../../storage/timers.ts';
import { systemTimers } from '../../storage/timers.ts';
import type { PutOptions, Registry, RegistryEntry, Watch, Watcher } from './registry.ts';
import { registryLimits } from './registry.ts';
import {
  asRegistryError,
  checkExpected,
  checkKey,
  checkListSize,
  checkPrefix,
  checkPut,
  registryClosed,
  RegistryError,
} from './registry-error.ts';
import type { Held, RegistryState } from './registry-state.ts';
import type { RegistryStorage, StoredChange } from './registry-storage.ts';
import { byKey, toldOfEntry, Watchers } from './watchers.ts';

export interface RegistryPorts {
  /** Monotonic; only differences count. */
  nowMs(): number;
  readonly timers: Timers;
}

export const systemRegistryPorts: RegistryPorts = { nowMs: () => performance.now(), timers: systemTimers };

interface Read {
  readonly kind: 'read';
  run(): void;
}

interface Write {
  readonly kind: 'write';
  readonly sizeBytes: number;
  /** Throws a RegistryError, and has changed nothing then. */
  decide(): readonly StoredChange[];
  settle(failure: RegistryError | null): void;
}

/** Stored together at most: what waits behind them waits for all. */
const togetherMax = 256;
const togetherBytesMax = 32 * 2 ** 20;
/** A timer that is so late says that the process was held up; then leases have this long for their renewals to be read. */
const heldUpMs = 500;
const patienceMs = 1_000;

export class EmbeddedRegistry implements Registry {
  readonly #state: RegistryState;
  readonly #storage: RegistryStorage;
  readonly #ports: RegistryPorts;
  readonly #watchers = new Watchers();
  #watches = 0;
  #jobs: (Read | Write)[] = [];
  #waitingBytes = 0;
  #working: Promise<void> | null = null;
  /** For the lease that ends next. */
  #timer: { readonly timer: unknown; readonly dueMs: number } | null = null;
  #isEnding = false;
  #isPatient = false;
  #closing: Promise<void> | null = null;

  constructor(state: RegistryState, storage: RegistryStorage, ports: RegistryPorts) {
    this.#state = state;
    this.#storage = storage;
    this.#ports = ports;
    this.#startTimer();
  }

  async get(key: string): Promise<RegistryEntry | null> {
    this.#checkOpen('get');
    checkKey(key);
    return this.#read(() => {
      const held = this.#state.find(key);
      return held && this.#entry(held);
    });
  }

  async list(prefix: string): Promise<readonly RegistryEntry[]> {
    this.#checkOpen('list');
    checkPrefix(prefix);
    return this.#read(() => {
      const found = this.#state.within(prefix);
      checkListSize(
        prefix,
        found.reduce((sum, { key, sizeBytes }) => sum + key.length + sizeBytes, 0),
      );
      return found.map((held) => this.#entry(held)).sort(byKey);
    });
  }

  async put(key: string, value: Uint8Array, options: PutOptions): Promise<number> {
    this.#checkOpen('put');
    checkPut(key, value.byteLength, options);
    const { expected, ttlMs } = options;
    const bytes = new Uint8Array(value);
    return this.#write(bytes.byteLength, () => {
      const { revision } = this.#state.put(key, bytes.byteLength, expected, ttlMs);
      return { result: revision, change: { kind: 'put', key, revision, ttlMs, value: bytes } };
    });
  }

  async delete(key: string, expected: number | null): Promise<boolean> {
    this.#checkOpen('delete');
    checkKey(key);
    checkExpected(expected);
    return this.#write(0, () => {
      const revision = this.#state.delete(key, expected);
      return { result: revision !== null, change: revision === null ? null : { kind: 'gone', key, revision } };
    });
  }

  watch(prefix: string, watcher: Watcher): Watch {
    this.#checkOpen('watch');
    checkPrefix(prefix);
    if (this.#watches >= registryLimits.watchesMax)
      throw new RegistryError('Overloaded', `registry: ${this.#watches} watches are open already, and no more are taken (watchesMax)`);
    this.#checkRoom(0);
    let isStopped = false;
    const guarded: Watcher = {
      changed: (change) => void (isStopped || this.#closing || watcher.changed(change)),
      current: () => void (isStopped || this.#closing || watcher.current()),
    };
    this.#watches++;
    this.#add({ kind: 'read', run: () => void (isStopped || this.#begin(prefix, guarded)) });
    return {
      stop: () => {
        if (isStopped) return;
        isStopped = true;
        this.#watches--;
        this.#watchers.remove(prefix, guarded);
      },
    };
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#stopTimer();
    await this.#working;
    this.#watchers.clear();
    await this.#storage.close();
  }

  #begin(prefix: string, watcher: Watcher): void {
    this.#watchers.add(prefix, watcher);
    const found = this.#state.within(prefix).sort((a, b) => a.revision - b.revision);
    for (const held of found) watcher.changed(toldOfEntry(held, () => this.#tryRead(held.key)));
    watcher.current();
  }

  #entry({ key, revision }: Held): RegistryEntry {
    const value = this.#storage.read(key);
    if (!value) throw new RegistryError('DurableStoreFailed', `registry: the value of ${key} (revision ${revision}) is missing`, { key });
    return { key, revision, value };
  }

  #tryRead(key: string): Uint8Array | null {
    try {
      return this.#storage.read(key);
    } catch {
      return null;
    }
  }

  #read<T>(look: () => T): Promise<T> {
    this.#checkRoom(0);
    return new Promise((resolve, reject) => {
      this.#add({
        kind: 'read',
        run() {
          try {
            resolve(look());
          } catch (error) {
            reject(asRegistryError(error));
          }
        },
      });
    });
  }

  #write<T>(sizeBytes: number, decide: () => { readonly result: T; readonly change: StoredChange | null }): Promise<T> {
    this.#checkRoom(sizeBytes);
    return new Promise((resolve, reject) => {
      let answer: (() => void) | null = null;
      this.#add({
        kind: 'write',
        sizeBytes,
        decide() {
          const { result, change } = decide();
          answer = () => resolve(result);
          return change ? [change] : [];
        },
        settle: (failure) => (failure ? reject(failure) : answer?.()),
      });
    });
  }

  #add(job: Read | Write): void {
    this.#jobs.push(job);
    if (job.kind === 'write') this.#waitingBytes += job.sizeBytes;
    this.#working ??= this.#work();
  }

  async #work(): Promise<void> {
    // What is asked in the same turn is stored together.
    await Promise.resolve();
    for (let first = this.#jobs[0]; first; first = this.#jobs[0]) {
      if (first.kind === 'write') await this.#perform(this.#takeWrites());
      else {
        this.#jobs.shift();
        first.run();
      }
    }
    this.#working = null;
  }

  #takeWrites(): readonly Write[] {
    const writes: Write[] = [];
    let sizeBytes = 0;
    for (const job of this.#jobs) {
      if (job.kind !== 'write' || writes.length >= togetherMax || (writes.length > 0 && sizeBytes + job.sizeBytes > togetherBytesMax))
        break;
      writes.push(job);
      sizeBytes += job.sizeBytes;
    }
    this.#jobs.splice(0, writes.length);
    this.#waitingBytes -= sizeBytes;
    return writes;
  }

  async #perform(writes: readonly Write[]): Promise<void> {
    const changes: StoredChange[] = [];
    const refusals = new Map<Write, RegistryError>();
    for (const write of writes) {
      try {
        for (const change of write.decide()) changes.push(change);
      } catch (error) {
        refusals.set(write, asRegistryError(error));
      }
    }
    const failure = changes.length === 0 ? null : await this.#store(changes);
    this.#startTimer();
    if (!failure) for (const change of changes) this.#watchers.tell(change);
    for (const write of writes) write.settle(failure ?? refusals.get(write) ?? null);
  }

  async #store(changes: readonly StoredChange[]): Promise<RegistryError | null> {
    try {
      await this.#storage.commit(changes);
    } catch (error) {
      this.#state.rollback(this.#ports.nowMs());
      return asRegistryError(error);
    }
    this.#state.commit(this.#ports.nowMs());
    return null;
  }

  #startTimer(): void {
    if (this.#closing || this.#isEnding) return;
    const dueMs = this.#state.nextEndMs();
    // One that runs too early is put right when it is reached: renewals need not move it.
    if (dueMs !== null && this.#timer && this.#timer.dueMs <= dueMs) return;
    this.#stopTimer();
    if (dueMs === null) return;
    const afterMs = Math.max(0, Math.ceil(dueMs - this.#ports.nowMs()));
    this.#timer = { timer: this.#ports.timers.setTimeout(() => this.#timerReached(dueMs), afterMs), dueMs };
  }

  #stopTimer(): void {
    if (this.#timer) this.#ports.timers.clearTimeout(this.#timer.timer);
    this.#timer = null;
  }

  #timerReached(dueMs: number): void {
    this.#timer = null;
    const nowMs = this.#ports.nowMs();
    this.#isPatient = !this.#isPatient && nowMs - dueMs > heldUpMs;
    if (this.#isPatient) this.#state.putOff(nowMs + patienceMs);
    if (this.#isPatient || this.#state.ended(nowMs).length === 0) return this.#startTimer();
    this.#isEnding = true;
    this.#add({ kind: 'write', sizeBytes: 0, decide: () => this.#endLeases(), settle: () => undefined });
  }

  /** Those whose renewals stood before it in the line do not end. */
  #endLeases(): readonly StoredChange[] {
    this.#isEnding = false;
    return this.#state.ended(this.#ports.nowMs()).flatMap((key) => {
      const revision = this.#state.delete(key, null);
      return revision === null ? [] : [{ kind: 'gone' as const, key, revision }];
    });
  }

  #checkOpen(operation: string): void {
    if (this.#closing) throw registryClosed(operation);
  }

  #checkRoom(sizeBytes: number): void {
    const { waitingMax, waitingBytesMax } = registryLimits;
    if (this.#jobs.length < waitingMax && this.#waitingBytes + sizeBytes <= waitingBytesMax) return;
    const text = `registry: ${this.#jobs.length} operations with ${this.#waitingBytes} bytes wait already, at most ${waitingMax} and ${waitingBytesMax}`;
    throw new RegistryError('Overloaded', text, { waitingMax, waitingBytesMax });
  }
}
