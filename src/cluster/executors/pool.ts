/** Executor threads: they are started, linked, and terminated here; what they do is the keepers' affair (`actors/executor`). */
import type { Worker } from 'node:worker_threads';
import type { ExitReason } from '../../actors/protocol/executor.ts';
import type { SegmentHandle } from '../../storage/segment.ts';
import type { Config } from '../config.ts';
import { startWorker, type ThreadCode } from '../thread-code.ts';
import { createLinkCounters, PortLink } from '../transport/port-link.ts';
import type { Envelope } from '../wire/codec.ts';
import type { ExecutorThreadData } from './executor-thread.ts';

export interface PoolOptions {
  readonly code: ThreadCode;
  readonly config: Config;
  readonly segment: SegmentHandle;
  received(envelopes: readonly Envelope[]): void;
  exited(thread: number, reason: ExitReason, text: string): void;
}

interface Thread {
  readonly worker: Worker;
  readonly link: PortLink;
}

export class ExecutorPool {
  readonly #options: PoolOptions;
  readonly #threads = new Map<number, Thread>();

  constructor(options: PoolOptions) {
    this.#options = options;
  }

  linkOf(thread: number): PortLink | null {
    return this.#threads.get(thread)?.link ?? null;
  }

  links(): Iterable<PortLink> {
    return [...this.#threads.values()].map(({ link }) => link);
  }

  start(thread: number): void {
    const { code, config, segment, received, exited } = this.#options;
    const { inlineBytesMax, storeWaitMs, abortGraceMs, logLevel, executorHeapMiB } = config;
    const counters = createLinkCounters();
    const data: ExecutorThreadData = { thread, segment, counters, inlineBytesMax, storeWaitMs, abortGraceMs, logLevel };
    const worker = startWorker(code, {
      name: `executor-${thread}`,
      workerData: data,
      ...(executorHeapMiB !== null && { resourceLimits: { maxOldGenerationSizeMb: executorHeapMiB } }),
    });
    const link = new PortLink(worker, counters, 0);
    this.#threads.set(thread, { worker, link });
    let failure: Error | null = null;
    link.receive(received);
    worker.on('error', (error: Error) => {
      failure = error;
    });
    worker.on('exit', (exitCode) => {
      const isOurs = this.#threads.get(thread)?.worker === worker;
      if (!isOurs) return;
      this.#threads.delete(thread);
      const { reason, text } = describeExit(failure, exitCode, executorHeapMiB);
      exited(thread, reason, text);
    });
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
