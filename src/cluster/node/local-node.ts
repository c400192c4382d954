/**
 * The node thread as the user's thread sees it: started, linked, stopped; and its death, should it die by itself.
 *
 *   N1  `startLocalNode` resolves when the node is ready, or rejects: also when its thread ends without a word.
 *   N2  A node that ends without having been asked is told once, by `died`; nothing of it is left then (its executors end with it).
 */
import type { Worker } from 'node:worker_threads';
import type { SegmentHandle } from '../../storage/segment.ts';
import { createSoloMemory, type SoloHandle } from '../../storage/solo/memory.ts';
import type { Config } from '../config.ts';
import { startWorker, type ThreadCode, threadCode } from '../thread-code.ts';
import { createLinkCounters, PortLink } from '../transport/port-link.ts';
import type { NodeThreadData, NodeThreadNews, NodeThreadOrder } from './node-thread.ts';

export interface LocalNode {
  readonly link: PortLink;
  /** Of the node's store. */
  readonly segment: SegmentHandle;
  /** Null: no solo sessions. */
  readonly solo: SoloHandle | null;
  /** Resolves with the reason if the node ends unasked; else never. */
  readonly died: Promise<Error>;
  /** Ends its executors, then itself; resolves when all threads are gone. A node that does not answer is terminated. */
  stop(): Promise<void>;
}

/** A custom primitive may loop for ever. An executor that is stuck has gone long before: `abortGraceMs`. */
const stopTimeoutMs = 10_000;

export interface NodeCode {
  readonly node: ThreadCode;
  readonly executor: ThreadCode;
}

export async function localNodeCode(): Promise<NodeCode> {
  const [node, executor] = await Promise.all([threadCode('node/node-thread'), threadCode('executors/executor-thread')]);
  return { node, executor };
}

export async function startLocalNode(config: Config, code: NodeCode): Promise<LocalNode> {
  const counters = createLinkCounters();
  const solo = createSoloMemory(Math.min(config.soloSessionsMax, Math.floor(config.sessionsOpenMax / 4)), config.executors);
  const data: NodeThreadData = { config, executorCode: code.executor, counters, solo };
  const worker = startWorker(code.node, { name: 'node', workerData: data });
  const ended = whenEnded(worker);
  const link = new PortLink(worker, counters, 0);
  const segment = await Promise.race([
    whenReady(worker),
    ended.then((why) => {
      throw new Error(`the runtime's node thread did not start: ${why.message}`, { cause: why });
    }),
  ]);
  let isStopping = false;
  return {
    link,
    segment,
    solo,
    died: new Promise((resolve) => void ended.then((why) => !isStopping && resolve(why))),
    async stop() {
      isStopping = true;
      worker.postMessage({ order: 'stop' } satisfies NodeThreadOrder);
      const giveUp = setTimeout(() => void worker.terminate(), stopTimeoutMs);
      await ended;
      clearTimeout(giveUp);
    },
  };
}

/** Why, in words, when the thread has ended: every thread does, so this never rejects. */
function whenEnded(worker: Worker): Promise<Error> {
  return new Promise((resolve) => {
    let failure: Error | null = null;
    worker.on('error', (error) => {
      failure = error instanceof Error ? error : new Error(String(error));
    });
    worker.once('exit', (exitCode) => resolve(failure ?? new Error(`the thread ended with exit code ${exitCode}`)));
  });
}

function whenReady(worker: Worker): Promise<SegmentHandle> {
  return new Promise((resolve) => {
    worker.on('message', function ready(news: NodeThreadNews | Uint8Array) {
      if (news instanceof Uint8Array || news.news !== 'ready') return;
      worker.off('message', ready);
      resolve(news.segment);
    });
  });
}
