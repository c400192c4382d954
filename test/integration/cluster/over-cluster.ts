/** Imported before a suite of the embedded runtime, which then runs over a cluster: each runtime is the only client of one. */
import { connect, type LocalOptions, type Runtime } from 'pheromone';
import type { WorkerConfig } from '../../../src/cluster/roles/worker.ts';
import { mode } from '../runtime/started.ts';
import { startCluster } from './started.ts';

mode.isEmbedded = false;
mode.start = async ({ apps = [], ...settings }: LocalOptions): Promise<Runtime> => {
  const cluster = await startCluster({ coordinators: 2, workers: 2, settings: settings as Partial<WorkerConfig> });
  try {
    const runtime = await connect(cluster.address, { apps, logLevel: settings.logLevel });
    const close = runtime.close.bind(runtime);
    return Object.assign(runtime, {
      async close(options?: Parameters<typeof close>[0]) {
        await close(options);
        await cluster.stop();
      },
    });
  } catch (error) {
    await cluster.stop();
    throw error;
  }
};
