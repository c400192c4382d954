/** Executor threads: they are started, linked, and terminated here; what they do is the keepers' affair (`actors/executor`). */
import { setFlagsFromString } from 'node:v8';
import type { Worker } from 'node:worker_threads';
import type { ExitReason } from '../../actors/protocol/executor.ts';
import type { SegmentHandle } from '../../storage/segment.ts';
import type { SoloHandle } from '../../storage/solo/memory.ts';
import { SoloTable } from '../../storage/solo/table.ts';
import type { Config } from '../config.ts';
import { heapFlag } from '../heap-flag.ts';
import { startWorker, type ThreadCode } from '../thread-code.ts';
import { createLinkCounters, PortLink } from '../transport/port-link.ts';
import type { Envelope } from '../wire/codec.ts';
import type { ExecutorThreadData } from './executor-thread.ts';

export interface PoolOptions {
  readonly code: ThreadCode;
  readonly config: Config;
  readonly segment: SegmentHandle;
  /** Null: no solo sessions. */
  readonly solo: SoloHandle | null;
  received(envelopes: readonly Envelope[]): void;
  /** It is no more; its place is still its own. */
  ending(thread: number): void;
  exited(thread: number, reason: ExitReason, text: string): void;
}

interface Thread {
  /** Where its solo sessions are posted; -1: nowhere. */
  readonly place: number;
  readonly worker: Worker;
  readonly link: PortLink;
}

export class ExecutorPool {
  readonly #options: PoolOptions;
  readonly #threads = new Map<number, Thread>();
  readonly #table: SoloTable | null;

  constructor(options: PoolOptions) {
    this.#options = options;
    this.#table = options.solo && new SoloTable(options.solo);
  }

  linkOf(thread: number): PortLink | null {
    return this.#threads.get(thread)?.link ?? null;
  }

  links(): Iterable<PortLink> {
    return [...this.#threads.values()].map(({ link }) => link);
  }

  /** The thread that has a place now; -1: none. */
  threadAt(place: number): number {
    for (const [thread, { place: taken }] of this.#threads) if (taken === place) return thread;
    return -1;
  }

  start(thread: number): void {
    const { code, config, segment, solo: memory, received, ending, exited } = this.#options;
    const place = this.#freePlace();
    const { inlineBytesMax, storeWaitMs, abortGraceMs, logLevel, executorHeapMiB } = config;
    const counters = createLinkCounters();
    const solo = memory && place >= 0 ? { memory, place, invocationsMax: config.invocationsPerSessionMax } : null;
    const data: ExecutorThreadData = { thread, segment, counters, inlineBytesMax, storeWaitMs, abortGraceMs, logLevel, solo };
    // It is the process's, and is read when a thread's heap is made: threads that others start from now on do well with it, too.
    setFlagsFromString(heapFlag);
    const worker = startWorker(code, {
      name: `executor-${thread}`,
      workerData: data,
      ...(executorHeapMiB !== null && { resourceLimits: { maxOldGenerationSizeMb: executorHeapMiB } }),
    });
    const link = new PortLink(worker, counters, 0);
    this.#threads.set(thread, { place, worker, link });
    let failure: Error | null = null;
    link.receive(received);
    worker.on('error', (error: Error) => {
      failure = error;
    });
    worker.on('exit', (exitCode) => {
      const isOurs = this.#threads.get(thread)?.worker === worker;
      if (!isOurs) return;
      ending(thread);
      this.#threads.delete(thread);
      if (place >= 0) this.#table?.leave(place);
      const { reason, text } = describeExit(failure, exitCode, executorHeapMiB);
      exited(thread, reason, text);
    });
  }

  #freePlace(): number {
    for (let place = 0; place < (this.#table?.places ?? 0); place++) if (this.threadAt(place) === -1) return place;
    return -1;
  }

  /** Its exit is told as any other. */
  terminate(thread: number): void {
    void this.#threads.get(thread)?.worker.terminate();
  }
}

function describeExit(
  failure: (Error & { code?: string }) | null,
  exitCode: number,
  heapMiB: number | null,
): { reason: ExitReason; text: string } {
  if (failure?.code === 'ERR_WORKER_OUT_OF_MEMORY') {
    return { reason: 'outOfMemory', text: `the heap of the executor ran out${heapMiB === null ? '' : ` (executorHeapMiB ${heapMiB})`}` };
  }
  if (failure) return { reason: 'uncaught', text: `the executor ended by an error: ${failure.message}` };
  return { reason: 'exit', text: `the executor ended by process.exit(${exitCode}), or was terminated` };
}
