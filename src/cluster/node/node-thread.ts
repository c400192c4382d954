/**
 * The entry of the node thread of an embedded runtime: scheduler, coordinator and stores, apart from the user's thread, so that a
 * busy caller stalls nothing, and from user functions, so that these stall nothing either.
 */
import { parentPort, workerData } from 'node:worker_threads';
import type { Address } from '../../actors/actor.ts';
import type { PrimitiveLookup } from '../../actors/app.ts';
import type { Primitive } from '../../actors/bucket/primitives/primitive.ts';
import type { CodeBundle } from '../../actors/protocol/coordinator.ts';
import { errorToData } from '../../api/errors.ts';
import { LmdbDurableStore } from '../../storage/durable-store-lmdb.ts';
import { createSegment, type SegmentHandle } from '../../storage/segment.ts';
import type { SoloHandle } from '../../storage/solo/table.ts';
import type { Config } from '../config.ts';
import { library } from '../executors/library.ts';
import { ExecutorPool } from '../executors/pool.ts';
import { findApp, loadBundle } from '../load-bundle.ts';
import { createLog } from '../log.ts';
import type { ThreadCode } from '../thread-code.ts';
import { PortLink } from '../transport/port-link.ts';
import { Node } from './node.ts';

export interface NodeThreadData {
  readonly config: Config;
  readonly executorCode: ThreadCode;
  readonly counters: SharedArrayBuffer;
  readonly solo: SoloHandle | null;
}

/** To the client's thread, beside the frames of envelopes. */
export interface NodeThreadNews {
  readonly news: 'ready';
  readonly segment: SegmentHandle;
}
/** From it. */
export interface NodeThreadOrder {
  readonly order: 'stop';
}

const { config, executorCode, counters, solo } = workerData as NodeThreadData;
if (!parentPort) throw new Error('bug: the node thread has no parent');
const port = parentPort;
const log = createLog(config.logLevel, { node: 'local' });
const segment = createSegment({ sizeBytes: config.arenaBytes, mapped: config.mapped });
if (segment.fallbackReason !== null)
  log('warn', 'the object store is not mapped memory but a SharedArrayBuffer', { why: segment.fallbackReason });

const client = new PortLink(port, counters, 1);
const pool = new ExecutorPool({
  code: executorCode,
  config,
  segment: segment.handle,
  solo,
  ending: () => node.threadEnding(),
  received: (envelopes) => node.host.deliverAll(envelopes),
  exited: (thread, reason, text) => node.threadExited(thread, reason, text),
});

const node = new Node(config, {
  nowMs: () => Date.now(),
  random: () => Math.random(),
  timers: {
    setTimeout: (callback, afterMs) => setTimeout(callback, afterMs),
    clearTimeout: (timer) => clearTimeout(timer as NodeJS.Timeout),
  },
  segment,
  durable: new LmdbDurableStore(config.dataDir),
  solo: solo && { memory: solo, client: 'client:local', executorAt: (place) => pool.threadAt(place) },
  startThread: (thread) => pool.start(thread),
  terminateThread: (thread) => pool.terminate(thread),
  loadPrimitives,
  outletOf,
  flush,
  stopped: () => void stop(),
  log,
  onBug(error) {
    throw error;
  },
});

function outletOf(address: Address) {
  if (address.startsWith('thread:')) return pool.linkOf(Number(address.slice('thread:'.length)));
  return address.startsWith('client:') || address.startsWith('blocks:') ? client : null;
}

function flush(): void {
  client.flush();
  for (const link of pool.links()) link.flush();
}

/** A module that fails here fails in every executor too, which say so; its triggers must not be what stops the node. */
function loadPrimitives(app: string, bundle: CodeBundle): PrimitiveLookup {
  try {
    const { customPrimitives } = findApp(loadBundle(bundle, library), app, bundle.module);
    return (kind) => customPrimitives.get(kind);
  } catch (error) {
    const { message } = errorToData(error);
    return (kind) => failing(kind, message);
  }
}

function failing(kind: string, message: string): Primitive {
  const fail = () => [{ kind: 'fail', code: 'PrimitiveFailed', message } as const];
  return {
    kind,
    arity: 'many',
    scope: () => 'session',
    check: () => null,
    init: () => null,
    admit: fail,
    forget: () => [],
    pending: () => null,
  };
}

let isStopping = false;

async function stop(): Promise<void> {
  if (isStopping) return;
  isStopping = true;
  await node.close();
  segment.close();
  // Of this thread. Timers of open sessions, and whatever an app's module has started here, must not keep it.
  process.exit(0);
}

client.receive(
  (envelopes) => node.host.deliverAll(envelopes),
  (order) => {
    if ((order as NodeThreadOrder).order === 'stop') node.stop();
  },
);
process.setSourceMapsEnabled(true);
port.postMessage({ news: 'ready', segment: segment.handle } satisfies NodeThreadNews);
node.start();
node.solo?.start();
