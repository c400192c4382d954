/** How sessions begin, and what clients ask of them while they are open. */
import { send, type Out } from '../actor.ts';
import { errorData } from '../protocol/error.ts';
import type { SchedulerMessage } from '../protocol/scheduler.ts';
import { bringObjects } from './far-objects.ts';
import { makeInvocation } from './invocations.ts';
import { findObjects, receiveEntries, releaseEntries, unknownBucket } from './objects.ts';
import { addDeadline } from './deadlines.ts';
import { failSession, summarize } from './session-end.ts';
import { createRow } from './session-row.ts';
import { isOpen, sessionOf, wake } from './sleep.ts';
import { bucketAddress, holdsBlock, type InstalledApp, type SchedulerState, type Session } from './state.ts';

type Message<K extends SchedulerMessage['kind']> = Extract<SchedulerMessage, { kind: K }>;

/** Null: it is open already (the message came twice). */
export function startSession(state: SchedulerState, message: Message<'startSession'>, out: Out): Session | null {
  const { spec, revision, firing, inputs } = message;
  if (isOpen(state, spec.id)) {
    releaseEntries(spec.entries, out);
    for (const offset of message.owned) out.push({ kind: 'release', offset });
    return null;
  }
  const app = state.apps.get(spec.app)?.get(revision);
  if (!app) throw new Error(`bug: app ${spec.app} revision ${revision} is not installed here`);
  const session = addSession(state, message, app, out.nowMs, out);
  session.owned.push(...message.owned);
  if (message.failure) {
    failSession(state, session, message.failure, out);
    return session;
  }
  if (message.announces) out.push(send(spec.client, { kind: 'sessionOpened', session: spec.id, existing: spec.id }));
  for (const { bucket, group, keys, count } of spec.expects) {
    session.stepping++;
    session.touched.add(bucketIndex(session, bucket));
    const announcement = { group, keys, count, by: 0 };
    out.push(send(bucketAddress(spec.app, bucket), { kind: 'announceJoin', session: session.number, revision, announcement, request: -1 }));
  }
  receiveEntries(state, session, spec.entries, out);
  if (firing) {
    const fn = session.table.functionByName.get(firing.function);
    if (!fn) throw new Error(`bug: app ${spec.app} has no function ${firing.function}`);
    makeInvocation(state, session, fn, inputs, -1, out);
  }
  return session;
}

/** A row for it, and its deadline. Its entries are not kept: they become objects. */
export function addSession(
  state: SchedulerState,
  { spec, coordinator, firing }: Pick<Message<'startSession'>, 'spec' | 'coordinator' | 'firing'>,
  app: InstalledApp,
  openedMs: number,
  out: Out,
): Session {
  const { id, client, called, priority, retryOf } = spec;
  const { deadlineMs, deadlineExternalMs } = state.limits;
  const session = createRow({
    number: state.nextSession++,
    spec: { id, app: spec.app, client, called, priority, retryOf },
    coordinator,
    app,
    firing,
    home: null,
    openedMs,
    dueMs: openedMs + (spec.deadlineMs ?? (app.table.hasExternalBucket ? deadlineExternalMs : deadlineMs)),
  });
  app.sessions++;
  state.totals.sessions++;
  state.sessions.set(session.number, session);
  state.sessionById.set(spec.id, session);
  addDeadline(state, session, out);
  return session;
}

function bucketIndex(session: Session, name: string): number {
  const bucket = session.table.bucketByName.get(name);
  if (!bucket) throw new Error(`bug: bucket ${name} was not checked`);
  return bucket.index;
}

export function putIntoSession(state: SchedulerState, message: Message<'putIntoSession'>, out: Out): Session | null {
  const { client, request, entries } = message;
  const session = sessionOf(state, message.session);
  const unknown = session && entries.find(({ bucket }) => !session.table.bucketByName.has(bucket));
  if (!session || unknown) {
    const error = unknown ? unknownBucket(session, unknown.bucket, session.table.buckets) : ended(message.session);
    releaseEntries(entries, out);
    out.push(send(client, { kind: 'requestRefused', request, error }));
    return null;
  }
  receiveEntries(state, wake(state, session), entries, out);
  out.push(send(client, { kind: 'requestDone', request, result: null }));
  return session;
}

export function getFromSession(state: SchedulerState, message: Message<'getFromSession'>, out: Out): void {
  const { client, request, bucket, key } = message;
  const session = sessionOf(state, message.session);
  const found = session?.table.bucketByName.get(bucket);
  if (!session || !found) {
    const error = session ? unknownBucket(session, bucket, session.table.buckets) : ended(message.session);
    return out.push(send(client, { kind: 'requestRefused', request, error }));
  }
  const objects = findObjects(session, found.index, key);
  const far = objects.filter(({ ref }) => ref.remote);
  if (far.length > 0) return bringObjects(state, wake(state, session), far, { kind: 'again', message }, out);
  for (const { ref } of objects) if (holdsBlock(ref)) out.push({ kind: 'pin', offset: ref.offset });
  out.push(send(client, { kind: 'objectsFound', request, objects }));
}

export function describeSession(state: SchedulerState, message: Message<'describeSession'>, out: Out): void {
  const { coordinator, client, request, session: id } = message;
  const session = sessionOf(state, id);
  // The coordinator did not know yet that it has ended, and has its summary by the time this arrives.
  if (!session) return out.push(send(coordinator, { kind: 'sessionNotOpen', session: id, client, request }));
  out.push(send(client, { kind: 'requestDone', request, result: summarize(session, 'open', null) }));
}

function ended(session: string) {
  return errorData('SessionEnded', `session ${session} has ended: nothing can be put into it or read from it`, { session });
}
