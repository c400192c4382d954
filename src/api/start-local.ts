/**
 * An embedded runtime: threads of this process, nothing to install or to start.
 *
 *     user's thread ── link ──► node thread (scheduler, coordinator, stores) ── links ──► executor threads (functions)
 */
import { resolve } from 'node:path';
import { errorData } from '../actors/protocol/error.ts';
import { bundleApp, forgetBundle } from '../cluster/bundle.ts';
import { ClientHost, localClientAddress } from '../cluster/client-host.ts';
import { type Config, defaultConfig } from '../cluster/config.ts';
import { createLog } from '../cluster/log.ts';
import { type LocalNode, localNodeCode, startLocalNode } from '../cluster/node/local-node.ts';
import { openSegment, type Segment } from '../storage/segment.ts';
import { sourceOf } from './arguments.ts';
import { asRuntime, ClientRuntime } from './client-runtime.ts';
import type { App } from './define-app.ts';
import { errors } from './errors.ts';
import { checkLocalOptions, type LocalOptions } from './local-options.ts';
import type { Runtime } from './runtime.ts';
import { thrownFrom } from './thrown.ts';

/**
 * Starts a runtime in this process and registers `apps`. It keeps the process alive until `close`.
 * Rejects with `InvalidOption`, `InvalidDefinition`, `ModuleFailed`, `AppNameTaken`; nothing stays behind then.
 */
export async function startLocal(options: LocalOptions = {}): Promise<Runtime> {
  const { apps = [], ...given } = checkLocalOptions(options);
  const config = configOf(given);
  checkNames(apps);
  // Bundling goes on while the threads start; a failure shows when the app is registered.
  const bundles = bundleAll(apps);
  const node = await startLocalNode(config, await localNodeCode());
  const runtime = runtimeOn(node, config);
  try {
    await Promise.all(bundles.map(({ app, bundle }) => runtime.installApp(app, bundle)));
  } catch (error) {
    await runtime.close();
    throw error;
  }
  return asRuntime(runtime);
}

/** Each module once, and anew: another runtime of this process may have bundled it before its author changed it. */
function bundleAll(apps: readonly App[]) {
  for (const app of apps) forgetBundle(sourceOf(app));
  return apps.map((app) => {
    const bundle = bundleApp(sourceOf(app));
    bundle.catch(() => undefined);
    return { app, bundle };
  });
}

function configOf(given: Omit<LocalOptions, 'apps'>): Config {
  const config: Config = { ...defaultConfig(), ...withoutUndefined(given) };
  // Of now: the working directory may have changed when the store is first used.
  return { ...config, dataDir: resolve(config.dataDir) };
}

type WithoutUndefined<T> = { [K in keyof T]?: Exclude<T[K], undefined> };

function withoutUndefined<T extends object>(given: T): WithoutUndefined<T> {
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as WithoutUndefined<T>;
}

function checkNames(apps: readonly App[]): void {
  const twice = apps.find((app, i) => apps.findIndex((other) => other.name === app.name) < i);
  if (!twice) return;
  const text = `startLocal: two of the apps are named ${twice.name}: give one another name`;
  throw new errors.AppNameTaken(errorData('AppNameTaken', text, { app: twice.name }));
}

/** The client's side of a node that is running. */
export function runtimeOn(node: LocalNode, config: Config): ClientRuntime {
  const log = createLog(config.logLevel, { client: 'local' });
  let opened: Segment | null = null;
  const arena = () => (opened ??= openSegment(node.segment)).bytes;
  const fail = (what: string, why: Error) => {
    log('error', what, { error: why.message, stack: why.stack });
    runtime.fail(errorData('RuntimeClosed', `${what}: ${why.message}`, {}, false, thrownFrom(why)));
  };
  const runtime = new ClientRuntime({
    config,
    log,
    cluster: null,
    host(notified) {
      const broken = (why: Error) => {
        fail('the runtime has a bug and was closed', why);
        void node.stop();
      };
      const host = new ClientHost({
        config,
        address: localClientAddress,
        blocks: null,
        services: {},
        node: node.link,
        solo: node.solo,
        arena,
        log,
        notified,
        broken,
      });
      node.link.receive((envelopes) => host.receive(envelopes));
      return host;
    },
    shutDown: () => node.stop(),
  });
  void node.died.then((why) => fail("the runtime's node thread has ended", why));
  return runtime;
}
