/**
 * How apps come, change and go.
 *
 *   C1  A revision takes sessions only after a worker has imported its module; until then the one before does.
 *   C2  One change of an app is under way at a time; others wait in order.
 *   C3  Who has changed an app is told when that is recorded: it survives this coordinator from then on.
 *   C4  App-scoped triggers switch to the new revision at once; open sessions keep the one that they opened with.
 */
import { builtInPrimitives } from '../bucket/primitives/index.ts';
import type { Primitive } from '../bucket/primitives/primitive.ts';
import { type Address, send, type Out } from '../actor.ts';
import { type AppDefinition, checkApp, compileApp, type PrimitiveLookup } from '../app.ts';
import type { AppChange } from '../protocol/client.ts';
import type { AppAnswer, CoordinatorMessage } from '../protocol/coordinator.ts';
import { errorData, type ErrorData } from '../protocol/error.ts';
import { checkDrained } from './drain.ts';
import { nameTaken, noWorker, unknownApp } from './refusals.ts';
import { placeWaiting } from './sessions.ts';
import { appBucketAddress, type AppRequest, type AppRevision, type AppRow, type CoordinatorState, type Installing } from './state.ts';

type Message<K extends CoordinatorMessage['kind']> = Extract<CoordinatorMessage, { kind: K }>;

export function requestChange(state: CoordinatorState, request: AppRequest, out: Out): void {
  const name = request.kind === 'registerApp' ? request.definition.name : request.app;
  const app = state.apps.get(name) ?? (request.kind === 'registerApp' ? addRow(state, request) : undefined);
  if (!app) return refuse(request, unknownApp(state, name), out);
  if (!app.installing) return change(state, app, request, out);
  const { appChangesWaitingMax } = state.limits;
  if (app.waiting.length < appChangesWaitingMax) {
    app.waiting.push(request);
    return;
  }
  const text = `app ${name} has ${appChangesWaitingMax} changes waiting already`;
  refuse(request, errorData('Overloaded', text, { app: name, retryAfterMs: 1_000 }, true), out);
}

function addRow(state: CoordinatorState, { definition, client }: { readonly definition: AppDefinition; readonly client: Address }): AppRow {
  const app: AppRow = {
    name: definition.name,
    module: definition.module,
    client,
    current: null,
    former: null,
    installing: null,
    waiting: [],
    sessions: 0,
    plainRows: new Map(),
    objects: 0,
    buckets: new Map(),
    drain: null,
  };
  state.apps.set(app.name, app);
  return app;
}

function change(state: CoordinatorState, app: AppRow, request: AppRequest, out: Out): void {
  if (request.kind === 'unregisterApp') return unregister(state, app, request, out);
  if (request.kind === 'registerApp') {
    if (!isSameApp(app, request)) return refuse(request, nameTaken(app, request.definition), out);
    return install(state, app, request, request.definition, request.bundle, out);
  }
  if (!app.current) return refuse(request, unknownApp(state, app.name), out);
  install(state, app, request, applyChange(app.current.definition, request.change), app.current.bundle, out);
}

/** From the same place, whatever it is by now; or the same code, from another place: of another machine, or another checkout. */
function isSameApp({ module, current }: AppRow, { definition, bundle }: Extract<AppRequest, { kind: 'registerApp' }>): boolean {
  return definition.module === module || bundle.content === current?.bundle.content;
}

function applyChange(definition: AppDefinition, change: AppChange): AppDefinition | ErrorData {
  const { triggers, buckets, name } = definition;
  switch (change.kind) {
    case 'addTrigger':
      return { ...definition, triggers: [...triggers, change.trigger] };
    case 'createBucket':
      return { ...definition, buckets: [...buckets, change.bucket] };
    case 'deleteTrigger': {
      const left = triggers.filter((trigger) => trigger.name !== change.trigger);
      return left.length < triggers.length ? { ...definition, triggers: left } : hasNo(name, 'trigger', change.trigger, triggers);
    }
    case 'deleteBucket': {
      const left = buckets.filter((bucket) => bucket.name !== change.bucket);
      return left.length < buckets.length ? { ...definition, buckets: left } : hasNo(name, 'bucket', change.bucket, buckets);
    }
  }
}

function hasNo(app: string, field: string, value: string, known: readonly { readonly name: string }[]): ErrorData {
  const names = known.map((one) => one.name).join(', ') || 'none';
  return errorData('InvalidDefinition', `app ${app} has no ${field} ${value}; it has ${names}`, { app, field, value });
}

function install(
  state: CoordinatorState,
  app: AppRow,
  request: AppRequest,
  definition: AppDefinition | ErrorData,
  bundle: AppRevision['bundle'],
  out: Out,
): void {
  const bad = 'code' in definition ? definition : checked(definition);
  if (bad || state.workers.size === 0) {
    refuse(request, bad ?? noWorker(app.name), out);
    if (!app.current && !app.installing) state.apps.delete(app.name);
    return;
  }
  const good = definition as AppDefinition;
  const revision = nextRevision(state, good, bundle);
  app.installing = { revision, request, asked: new Set(state.workers.keys()) };
  for (const worker of state.workers.keys()) installAt(state, revision, worker, out);
}

function nextRevision(state: CoordinatorState, definition: AppDefinition, bundle: AppRevision['bundle']): AppRevision {
  const number = (state.revisions.get(definition.name) ?? 0) + 1;
  state.revisions.set(definition.name, number);
  return { table: compileApp(definition, number), definition, bundle, workers: new Set() };
}

/**
 * The coordinator that acted for it before is no more. It gets a revision of its own: what workers still have of the one before, sessions
 * too, is not known here. Sessions wait for admission until a worker has it.
 */
export function restoreApp(state: CoordinatorState, { record }: Message<'appRestored'>, out: Out): void {
  const { name, revision, client, app: kept } = record;
  if (revision <= (state.revisions.get(name) ?? 0) || state.apps.has(name)) return;
  state.revisions.set(name, revision);
  if (!kept) return;
  const { definition, bundle } = kept;
  const app = addRow(state, { definition, client });
  app.former = revision;
  app.current = nextRevision(state, definition, bundle);
  for (const worker of state.workers.keys()) installAt(state, app.current, worker, out);
  recordApp(state, app, null, out);
}

/** What its next coordinator has to know. */
function recordApp(state: CoordinatorState, { name, client, current }: AppRow, answer: AppAnswer | null, out: Out): void {
  if (state.records === null) {
    if (answer) out.push(send(answer.client, { kind: 'requestDone', request: answer.request, result: answer.result }));
    return;
  }
  const revision = state.revisions.get(name) ?? 0;
  const app = current && state.apps.has(name) ? { definition: current.definition, bundle: current.bundle } : null;
  out.push(send(state.records, { kind: 'recordApp', record: { name, revision, client, app }, answer }));
}

export function installAt({ address }: CoordinatorState, { table, definition, bundle }: AppRevision, worker: Address, out: Out): void {
  out.push(send(worker, { kind: 'installApp', coordinator: address, revision: table.revision, definition, bundle }));
}

function checked(definition: AppDefinition): ErrorData | null {
  const bad = checkApp(definition, lookupFor(definition));
  if (!bad) return null;
  const { field, value, message } = bad;
  return errorData('InvalidDefinition', `app ${definition.name}: ${field} (${String(value)}) ${message}`, {
    app: definition.name,
    field,
    value,
  });
}

/** Custom primitives were checked where their code is: coordinators never load it. */
function lookupFor(definition: AppDefinition): PrimitiveLookup {
  return (kind) => builtInPrimitives.get(kind) ?? (definition.customPrimitives.includes(kind) ? trusted(kind) : undefined);
}

function trusted(kind: string): Primitive {
  const never = (): never => {
    throw new Error(`bug: primitive ${kind} is evaluated at a coordinator`);
  };
  return { kind, arity: 'many', scope: never, check: () => null, init: never, admit: never, forget: never, pending: never };
}

/** It can be run there. The first worker that says so makes it the revision that new sessions get. */
export function noteInstalled(state: CoordinatorState, message: Message<'appInstalled'>, out: Out): void {
  const { app: name, revision, worker } = message;
  const app = state.apps.get(name);
  if (!app || !state.workers.has(worker)) return;
  if (app.installing?.revision.table.revision === revision) finishInstall(state, app, app.installing, message, out);
  if (app.current?.table.revision !== revision) return;
  app.current.workers.add(worker);
  if (app.former !== null) {
    configureAppBuckets(state, app, app.current, out);
    uninstall(state, name, app.former, out);
    app.former = null;
  }
  placeWaiting(state, out);
}

function finishInstall(
  state: CoordinatorState,
  app: AppRow,
  installed: Installing,
  { install, revision, worker }: Message<'appInstalled'>,
  out: Out,
): void {
  const { name } = app;
  installed.revision.workers.add(worker);
  const before = app.current;
  app.installing = null;
  app.current = installed.revision;
  configureAppBuckets(state, app, installed.revision, out);
  if (before) uninstall(state, name, before.table.revision, out);
  const { client, request, kind } = installed.request;
  if (kind === 'registerApp') Object.assign(app, { client, module: app.current.definition.module });
  recordApp(state, app, { client, request, result: { app: name, revision, install, definition: app.current.definition } }, out);
  requestWaiting(state, app, out);
}

function uninstall(state: CoordinatorState, app: string, revision: number, out: Out): void {
  for (const worker of state.workers.keys()) out.push(send(worker, { kind: 'uninstallApp', app, revision }));
}

/** The last worker that says so decides. Those that join later, and fail, are given no session of it. */
export function failInstall(state: CoordinatorState, message: Message<'appInstallFailed'>, out: Out): void {
  const { app: name, revision, worker, error } = message;
  const app = state.apps.get(name);
  const failed = app?.installing;
  if (!app || failed?.revision.table.revision !== revision) return;
  failed.asked.delete(worker);
  if (failed.asked.size > 0) return;
  app.installing = null;
  refuse(failed.request, error, out);
  if (!app.current) state.apps.delete(name);
  requestWaiting(state, app, out);
}

/** As if they came now: the first may start another installation, or take the app away, and the others find what it left. */
function requestWaiting(state: CoordinatorState, app: AppRow, out: Out): void {
  for (const request of app.waiting.splice(0)) requestChange(state, request, out);
}

function configureAppBuckets(state: CoordinatorState, app: AppRow, { table, definition, bundle }: AppRevision, out: Out): void {
  if (definition.customPrimitives.length > 0) out.push({ kind: 'usePrimitives', app: app.name, bundle });
  const watched = new Set(table.buckets.filter((bucket) => bucket.hasAppTriggers).map((bucket) => bucket.name));
  for (const bucket of new Set([...watched, ...app.buckets.keys()])) {
    const address = app.buckets.get(bucket) ?? spawnAppBucket(state, app, bucket, out);
    const index = table.bucketByName.get(bucket)?.index ?? -1;
    const triggers = (table.triggersOf[index] ?? []).filter((trigger) => trigger.traits.scope === 'app');
    out.push(
      send(address, {
        kind: 'configureBucket',
        revision: table.revision,
        triggers: triggers.map((trigger) => ({ index: trigger.index, definition: trigger })),
      }),
    );
  }
}

/** Whether it can be moved later depends on what its triggers hold: an app with primitives of its own has all of them at one worker. */
function spawnAppBucket(state: CoordinatorState, app: AppRow, bucket: string, out: Out): Address {
  const { current, buckets } = app;
  const isForeign = !state.loadsCode && (current?.definition.customPrimitives.length ?? 0) > 0;
  const host = isForeign ? ([...(current?.workers ?? [])][0] ?? null) : null;
  const address = appBucketAddress(app.name, bucket, host, current?.table.revision ?? 0);
  const identity = { address, app: app.name, bucket, home: state.address, scope: 'app' } as const;
  buckets.set(bucket, address);
  out.push(host === null ? { kind: 'spawnBucket', identity } : send(host, { kind: 'hostBucket', identity }));
  return address;
}

function unregister(state: CoordinatorState, app: AppRow, { client, request }: AppRequest, out: Out): void {
  state.apps.delete(app.name);
  const error = errorData('SessionCancelled', `app ${app.name} was unregistered`, { app: app.name });
  for (const [id, { app: one, worker }] of state.sessions) {
    if (one === app && worker !== null) out.push(send(worker, { kind: 'stopSession', session: id, error }));
  }
  for (const bucket of app.buckets.values()) out.push(send(bucket, { kind: 'closeBucket' }));
  for (const [id, object] of state.objects) {
    if (object.app !== app) continue;
    state.objects.delete(id);
    app.objects--;
    if (object.worker !== null) out.push(send(object.worker, { kind: 'appObjectReleased', object: object.object }));
  }
  if (app.former !== null) uninstall(state, app.name, app.former, out);
  if (app.current) uninstall(state, app.name, app.current.table.revision, out);
  checkDrained(state, app, out);
  recordApp(state, app, { client, request, result: null }, out);
}

function refuse({ client, request }: { readonly client: Address; readonly request: number }, error: ErrorData, out: Out): void {
  out.push(send(client, { kind: 'requestRefused', request, error }));
}
