/**
 * The apps that this worker can run: a row per revision, their buckets as actors, their module in every executor.
 *
 *   W1  A revision is installed once one executor has imported its module; until then no session of it is sent here.
 *   W2  Every executor is told of every installed revision before it is told of an invocation (links keep order).
 *   W3  A retired revision goes when its last session has ended.
 */
import { send, type Out } from '../actor.ts';
import { compileApp } from '../app.ts';
import type { ErrorData } from '../protocol/error.ts';
import type { SchedulerMessage } from '../protocol/scheduler.ts';
import { bucketAddress, type InstalledApp, type SchedulerState } from './state.ts';

type Message<K extends SchedulerMessage['kind']> = Extract<SchedulerMessage, { kind: K }>;

export function installApp(state: SchedulerState, message: Message<'installApp'>, out: Out): void {
  const { definition, revision, bundle, coordinator } = message;
  const table = compileApp(definition, revision);
  state.coordinators.add(coordinator);
  const revisions = state.apps.get(table.name) ?? new Map<number, InstalledApp>();
  state.apps.set(table.name, revisions);
  const known = new Set([...revisions.values()].flatMap((app) => app.table.buckets.map((bucket) => bucket.name)));
  const app: InstalledApp = {
    install: state.nextInstall++,
    table,
    bundle,
    coordinator,
    installing: coordinator,
    sessions: 0,
    retired: false,
  };
  revisions.set(revision, app);
  state.installs.set(app.install, app);
  if (definition.customPrimitives.length > 0) out.push({ kind: 'usePrimitives', app: table.name, bundle });
  for (const bucket of table.buckets) {
    const address = bucketAddress(table.name, bucket.name);
    if (!known.has(bucket.name)) {
      const identity = { address, app: table.name, bucket: bucket.name, home: state.address, scope: 'session' } as const;
      out.push({ kind: 'spawnBucket', identity });
    }
    const triggers = (table.triggersOf[bucket.index] ?? []).filter((trigger) => trigger.traits.scope === 'session');
    out.push(
      send(address, {
        kind: 'configureBucket',
        revision,
        triggers: triggers.map(({ index }) => ({ index, definition: definitionOf(app, index) })),
      }),
    );
  }
  for (const executor of state.executors.values()) out.push(send(executor.address, loadMessage(app)));
}

function definitionOf({ table }: InstalledApp, trigger: number) {
  const definition = table.definition.triggers[trigger];
  if (!definition) throw new Error(`bug: app ${table.name} has no trigger ${trigger}`);
  return definition;
}

export function loadMessage({ install, table, bundle }: InstalledApp) {
  return { kind: 'loadApp', app: table.name, revision: table.revision, install, definition: table.definition, bundle } as const;
}

/** The first executor's answer decides; later ones that fail are heard of when an invocation fails there. */
export function noteLoaded(state: SchedulerState, name: string, revision: number, error: ErrorData | null, out: Out): void {
  const app = state.apps.get(name)?.get(revision);
  const coordinator = app?.installing;
  if (!app || !coordinator) return;
  app.installing = null;
  if (!error)
    return out.push(send(coordinator, { kind: 'appInstalled', worker: state.address, app: name, revision, install: app.install }));
  app.retired = true;
  retireRevision(state, app, out);
  out.push(send(coordinator, { kind: 'appInstallFailed', worker: state.address, app: name, revision, error }));
}

export function uninstallApp(state: SchedulerState, name: string, revision: number, out: Out): void {
  const app = state.apps.get(name)?.get(revision);
  if (!app) return;
  app.retired = true;
  retireRevision(state, app, out);
}

/** Removes a retired revision that no session uses: from its buckets, and from the executors. */
export function retireRevision(state: SchedulerState, app: InstalledApp, out: Out): void {
  const { name, revision } = app.table;
  const revisions = state.apps.get(name);
  if (!app.retired || app.sessions > 0 || !revisions?.delete(revision)) return;
  state.installs.delete(app.install);
  const kept = new Set([...revisions.values()].flatMap(({ table }) => table.buckets.map((bucket) => bucket.name)));
  for (const bucket of app.table.buckets) {
    const address = bucketAddress(name, bucket.name);
    if (kept.has(bucket.name)) out.push(send(address, { kind: 'retireRevision', revision }));
    // At once, not by a message: the app may be installed again by the next one, and needs the address. What is on its way there
    // is about sessions that have ended (B6).
    else out.push({ kind: 'stopActor', address });
  }
  if (revisions.size === 0) state.apps.delete(name);
  for (const executor of state.executors.values()) out.push(send(executor.address, { kind: 'unloadApp', app: name, revision }));
}
