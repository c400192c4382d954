/**
 * An embedded runtime: threads of this process, nothing to install or to start.
 *
 *     user's thread ── link ──► node thread (scheduler, coordinator, stores) ── links ──► executor threads (functions)
 */
import type { Worker } from 'node:worker_threads';
import { ClientHost } from '../cluster/client-host.ts';
import { type Config, defaultConfig } from '../cluster/config.ts';
import { createLog } from '../cluster/log.ts';
import type { NodeThreadData, NodeThreadNews, NodeThreadOrder } from '../cluster/node/node-thread.ts';
import { startWorker, threadCode } from '../cluster/thread-code.ts';
import { createLinkCounters, PortLink } from '../cluster/transport/port-link.ts';
import { openSegment, type Segment, type SegmentHandle } from '../storage/segment.ts';
import { errorData } from '../actors/protocol/error.ts';
import { bundleApp } from '../cluster/bundle.ts';
import { asRuntime, ClientRuntime } from './client-runtime.ts';
import { errors } from './errors.ts';
import { checkLocalOptions, type LocalOptions } from './local-options.ts';
import type { Runtime } from './runtime.ts';

/**
 * Starts a runtime in this process and registers `apps`. It keeps the process alive until `close`.
 * Rejects with `InvalidOption`, `InvalidDefinition`, `ModuleFailed`, `AppNameTaken`; nothing stays behind then.
 */
export async function startLocal(options: LocalOptions = {}): Promise<Runtime> {
  const { apps = [], ...given } = checkLocalOptions(options);
  const config: Config = { ...defaultConfig(), ...withoutUndefined(given) };
  const twice = apps.find((app, i) => apps.some((other, j) => j < i && other.name === app.name));
  if (twice) throw new errors.AppNameTaken(errorData('AppNameTaken', `startLocal: two of the apps are named ${twice.name}`, { app: twice.name }));
  // Bundling goes on while the threads start; a failure shows when the app is registered.
  for (const { definition, external } of apps) void bundleApp({ module: definition.module, external }).catch(() => undefined);
  const node = await startNodeThread(config);
  const runtime = new ClientRuntime({
    config,
    host: (notified) => node.host(notified),
    shutDown: () => node.stop(),
  });
  try {
    await Promise.all(apps.map((app) => runtime.registerApp(app)));
  } catch (error) {
    await runtime.close();
    throw error;
  }
  return asRuntime(runtime);
}

type WithoutUndefined<T> = { [K in keyof T]?: Exclude<T[K], undefined> };

function withoutUndefined<T extends object>(given: T): WithoutUndefined<T> {
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as WithoutUndefined<T>;
}

interface NodeThread {
  host(notified: ConstructorParameters<typeof ClientHost>[0]['notified']): ClientHost;
  stop(): Promise<void>;
}

async function startNodeThread(config: Config): Promise<NodeThread> {
  const [nodeCode, executorCode] = await Promise.all([threadCode('node/node-thread'), threadCode('executors/executor-thread')]);
  const counters = createLinkCounters();
  const data: NodeThreadData = { config, executorCode, counters };
  const worker = startWorker(nodeCode, { name: 'node', workerData: data });
  const exited = new Promise<void>((resolve) => worker.once('exit', () => resolve()));
  const link = new PortLink(worker, counters, 0);
  const segment = await whenReady(worker);
  let opened: Segment | null = null;
  return {
    host(notified) {
      const arena = () => (opened ??= openSegment(segment)).bytes;
      const host = new ClientHost({ config, node: link, arena, log: createLog(config.logLevel, { client: 'local' }), notified });
      link.receive((envelopes) => host.receive(envelopes));
      return host;
    },
    async stop() {
      worker.postMessage({ order: 'stop' } satisfies NodeThreadOrder);
      await exited;
    },
  };
}

function whenReady(worker: Worker): Promise<SegmentHandle> {
  return new Promise((resolve, reject) => {
    worker.once('error', reject);
    worker.on('message', function ready(news: NodeThreadNews | Uint8Array) {
      if (news instanceof Uint8Array || news.news !== 'ready') return;
      worker.off('message', ready);
      worker.off('error', reject);
      resolve(news.segment);
    });
  });
}
