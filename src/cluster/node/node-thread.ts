/**
 * The entry of the node thread of an embedded runtime: scheduler, coordinator and stores, apart from the user's thread, so that a
 * busy caller stalls nothing, and from user functions, so that these stall nothing either.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { LmdbDurableStore } from '../../storage/durable-store-lmdb.ts';
import type { SegmentHandle } from '../../storage/segment.ts';
import type { SoloHandle } from '../../storage/solo/memory.ts';
import type { Config } from '../config.ts';
import { createLog } from '../log.ts';
import type { ThreadCode } from '../thread-code.ts';
import { PortLink } from '../transport/port-link.ts';
import { assembleNode } from './assemble.ts';

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

const localClient = 'client:local';
const { config, executorCode, counters, solo } = workerData as NodeThreadData;
if (!parentPort) throw new Error('bug: the node thread has no parent');
const port = parentPort;
const client = new PortLink(port, counters, 1);
const { node, segment } = assembleNode({
  config,
  executorCode,
  solo: solo && { memory: solo, keeper: localClient, clientOf: () => localClient },
  durable: new LmdbDurableStore(config.dataDir),
  cluster: null,
  log: createLog(config.logLevel, { node: 'local' }),
  outletOf: (address) => (address.startsWith('client:') || address.startsWith('blocks:') ? client : null),
  flush: () => client.flush(),
  stopped: () => void stop(),
});

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
