/**
 * A node on real threads, real memory and real time: what an embedded runtime's node thread and a worker of a cluster are made of.
 */
import type { Address } from '../../actors/actor.ts';
import type { PrimitiveLookup } from '../../actors/app.ts';
import type { Primitive } from '../../actors/bucket/primitives/primitive.ts';
import type { CodeBundle } from '../../actors/protocol/coordinator.ts';
import { errorToData } from '../../api/errors.ts';
import type { DurableStore } from '../../storage/durable-store.ts';
import { createSegment, type Segment } from '../../storage/segment.ts';
import type { SoloHandle } from '../../storage/solo/memory.ts';
import type { Timers } from '../../storage/timers.ts';
import { endByBug } from '../bug.ts';
import type { Config } from '../config.ts';
import { library } from '../executors/library.ts';
import { ExecutorPool } from '../executors/pool.ts';
import type { Outlet } from '../host.ts';
import { IdleCollector } from '../idle-collect.ts';
import { findApp, loadBundle } from '../load-bundle.ts';
import type { LogLine } from '../log.ts';
import type { ThreadCode } from '../thread-code.ts';
import { Node } from './node.ts';

export interface NodeParts {
  readonly config: Config;
  readonly executorCode: ThreadCode;
  /** Null: no solo sessions. */
  readonly solo: { readonly memory: SoloHandle; readonly keeper: Address; clientOf(slot: number): Address } | null;
  readonly durable: DurableStore;
  /** Its name in the cluster; null: it is embedded, and has a coordinator of its own. */
  readonly cluster: string | null;
  readonly log: LogLine;
  /** The way to whoever is neither here nor a thread of this node. */
  outletOf(address: Address): Outlet | null;
  /** Messages for others may leave. */
  flush(): void;
  /** Blocks may be held for what only a collection of garbage shows to be over. None: never. */
  mayOwe?(): boolean;
  /** The last executor is gone. */
  stopped(): void;
}

export interface AssembledNode {
  readonly node: Node;
  readonly segment: Segment;
}

/** Of garbage that nobody needs: what is compiled here soon is again. */
const idleMs = 1_000;

export const realTimers: Timers = {
  setTimeout: (callback, afterMs) => setTimeout(callback, afterMs),
  clearTimeout: (timer) => clearTimeout(timer as NodeJS.Timeout),
};

export function assembleNode({ config, executorCode, solo, durable, cluster, log, ...ports }: NodeParts): AssembledNode {
  const segment = createSegment({ sizeBytes: config.arenaBytes, mapped: config.mapped });
  if (segment.fallbackReason !== null)
    log('warn', 'the object store is not mapped memory but a SharedArrayBuffer', { why: segment.fallbackReason });
  const pool = new ExecutorPool({
    code: executorCode,
    config,
    segment: segment.handle,
    solo: solo && solo.memory,
    ending: () => node.threadEnding(),
    received: (envelopes) => node.host.deliverAll(envelopes),
    exited: (thread, reason, text) => node.threadExited(thread, reason, text),
  });
  const collector = new IdleCollector(idleMs, () => ports.mayOwe?.() ?? false);
  const node = new Node(config, {
    nowMs: () => Date.now(),
    random: () => Math.random(),
    timers: realTimers,
    segment,
    durable,
    solo: solo && { ...solo, executorAt: (place) => pool.threadAt(place) },
    cluster,
    startThread: (thread) => pool.start(thread),
    terminateThread: (thread) => pool.terminate(thread),
    loadPrimitives,
    outletOf: (address) => (address.startsWith('thread:') ? pool.linkOf(Number(address.slice('thread:'.length))) : ports.outletOf(address)),
    flush() {
      collector.noteWork();
      ports.flush();
      for (const link of pool.links()) link.flush();
    },
    stopped() {
      collector.stop();
      ports.stopped();
    },
    log,
    onBug: endByBug(log),
  });
  return { node, segment };
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
