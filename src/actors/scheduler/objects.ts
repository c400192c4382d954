/**
 * Objects on their way into a session's buckets.
 *
 *   O1  An object is in `session.objects` from its admission to the session's end, and holds its block as long.
 *   O2  The first object under an id (invocation, bucket, key, ordinal) wins; another attempt's is released unseen.
 *   O3  What an attempt sends after it was aborted, or into a session that has ended, is released unseen.
 *   O4  App-scoped triggers see the objects of a session in the order of their admission, also those that have to be brought here first.
 */
import { send, type Out } from '../actor.ts';
import type { AppBucket } from '../app.ts';
import { errorData, type ErrorData } from '../protocol/error.ts';
import type { FromThread } from '../protocol/executor.ts';
import type { Entry, Input } from '../protocol/object.ts';
import { bringObjects } from './far-objects.ts';
import {
  holdsBlock,
  bucketAddress,
  type Invocation,
  type SchedulerState,
  type SentObject,
  type Session,
  type SessionObject,
  threadAddress,
} from './state.ts';
import { noteDelivered } from './reruns.ts';

type FromThreadKind<K extends FromThread['kind']> = Extract<FromThread, { kind: K }>;

/** The invocation whose running attempt this is, if its session still listens. */
export function attemptOf(state: SchedulerState, { invocation, attempt }: { invocation: number; attempt: number }): Invocation | null {
  const found = state.invocations.get(invocation);
  return found && found.attempt === attempt && found.place === 'running' && found.session.open ? found : null;
}

export function receiveObject(state: SchedulerState, message: FromThreadKind<'objectSent'>, out: Out): void {
  const { ref } = message;
  if (holdsBlock(ref)) out.push({ kind: 'adopt', offset: ref.offset });
  const invocation = attemptOf(state, message);
  if (invocation) invocation.objectsArrived++;
  if (!invocation || !isFirst(invocation, message)) {
    if (holdsBlock(ref)) out.push({ kind: 'release', offset: ref.offset });
    return;
  }
  const { session } = invocation;
  const { bucket, key, group, delayMs } = message;
  const index = session.objects.length;
  const near = invocation.executor;
  const object: SessionObject = { index, bucket, key, group, session: session.spec.id, source: invocation, near, ref };
  session.objects.push(object);
  if (delayMs <= 0) return admit(state, session, object, out);
  session.delayed.add(object);
  const due = { kind: 'delayOver', session: session.number, object: object.index } as const;
  out.push({ kind: 'startTimer', id: delayTimer(object, session), afterMs: delayMs, message: due });
}

export function delayTimer(object: SessionObject, session: Session): string {
  return `delay/${session.number}/${object.index}`;
}

/** Returns the invocation that sent it. */
export function endDelay(state: SchedulerState, session: Session, index: number, out: Out): Invocation | null {
  const object = session.objects[index];
  if (!object || !session.delayed.delete(object)) return null;
  admit(state, session, object, out);
  return object.source;
}

function isFirst(invocation: Invocation, sent: SentObject): boolean {
  if (invocation.attempt > 1) {
    invocation.seen ??= new Set(invocation.sent.map(objectId));
    const id = objectId(sent);
    if (invocation.seen.has(id)) return false;
    invocation.seen.add(id);
  }
  invocation.sent.push({ bucket: sent.bucket, key: sent.key, ordinal: sent.ordinal });
  return true;
}

function objectId({ bucket, key, ordinal }: SentObject): string {
  return `${bucket}/${ordinal}/${key}`;
}

/** A client's objects; their buckets were checked, and the coordinator's hold on their blocks passes to the session. */
export function receiveEntries(state: SchedulerState, session: Session, entries: readonly Entry[], out: Out): void {
  for (const { bucket, key, group, ref } of entries) {
    const found = session.table.bucketByName.get(bucket);
    if (!found) throw new Error(`bug: bucket ${bucket} was not checked`);
    const object: SessionObject = {
      index: session.objects.length,
      bucket: found.index,
      key,
      group,
      session: session.spec.id,
      source: null,
      near: -1,
      ref,
    };
    session.objects.push(object);
    admit(state, session, object, out);
  }
}

/** Of entries that come too late, or for no bucket: nobody needs their blocks any more. */
export function releaseEntries(entries: readonly Entry[], out: Out): void {
  for (const { ref } of entries) if (holdsBlock(ref)) out.push({ kind: 'release', offset: ref.offset });
}

export function unknownBucket(session: { spec: { app: string } }, bucket: string, known: readonly AppBucket[]) {
  const names = known.map(({ name }) => name).join(', ');
  return errorData('UnknownBucket', `app ${session.spec.app} has no bucket ${bucket}; it has ${names}`, { app: session.spec.app, bucket });
}

/** The object becomes visible: to `get`, and to the triggers of its bucket. */
export function admit(state: SchedulerState, session: Session, object: SessionObject, out: Out): void {
  const bucket = session.table.buckets[object.bucket];
  if (!bucket) throw new Error(`bug: bucket index ${object.bucket} is not of app ${session.table.name}`);
  state.totals.objects++;
  state.totals.objectBytes += object.ref.sizeBytes;
  if (session.firstByKey) index(session.firstByKey, object);
  if (object.source) noteDelivered(object.source, object, out);
  if (bucket.hasSessionTriggers) {
    session.stepping++;
    session.touched.add(bucket.index);
    for (const trigger of session.table.lateTriggers) if (trigger.bucketIndex === bucket.index) session.late.add(trigger.index);
    out.push(
      send(bucketAddress(session.table.name, bucket.name), {
        kind: 'objectReady',
        session: session.number,
        revision: session.table.revision,
        arrival: {
          id: object.index,
          key: object.key,
          group: object.group,
          session: session.spec.id,
          source: object.source?.number ?? 0,
          sourceFunction: object.source?.fn.name ?? null,
          sizeBytes: object.ref.sizeBytes,
        },
      }),
    );
  }
  if (!bucket.hasAppTriggers) return;
  session.unacknowledged++;
  if (!object.ref.remote && !session.outgoing) return forward(state, session, object, out);
  (session.outgoing ??= []).push(object);
  if (object.ref.remote) bringObjects(state, session, [object], { kind: 'forward' }, out);
}

/** Some of those that wait may be here now. */
export function forwardReady(state: SchedulerState, session: Session, out: Out): void {
  const { outgoing } = session;
  while (outgoing?.[0] && !outgoing[0].ref.remote) forward(state, session, outgoing.shift() as SessionObject, out);
  if (outgoing?.length === 0) session.outgoing = null;
}

/** To the coordinator, whose triggers see the objects of all sessions. The bytes stay here, held once more. */
function forward(state: SchedulerState, session: Session, object: SessionObject, out: Out): void {
  const bucket = session.table.buckets[object.bucket];
  if (!bucket) throw new Error(`bug: bucket index ${object.bucket} is not of app ${session.table.name}`);
  const number = state.nextAppObject++;
  const { key, group, ref, source } = object;
  state.appObjects.set(number, { offset: ref.offset, session: session.number });
  if (holdsBlock(ref)) out.push({ kind: 'pin', offset: ref.offset });
  out.push(
    send(session.coordinator, {
      kind: 'appObjectReady',
      worker: state.address,
      object: number,
      app: session.table.name,
      bucket: bucket.name,
      source: source?.number ?? 0,
      sourceFunction: source?.fn.name ?? null,
      input: { key, group, session: session.spec.id, ref },
    }),
  );
}

export function releaseAppObject(state: SchedulerState, number: number, out: Out): void {
  const held = state.appObjects.get(number);
  if (!held) return;
  state.appObjects.delete(number);
  if (held.offset >= 0) out.push({ kind: 'release', offset: held.offset });
}

/** By bucket and key: the first admitted; with `key` null all admitted, in order. */
export function findObjects(session: Session, bucket: number, key: string | null): readonly SessionObject[] {
  if (key === null) return session.objects.filter((object) => object.bucket === bucket && !session.delayed.has(object));
  if (!session.firstByKey) {
    session.firstByKey = session.table.buckets.map(() => new Map());
    for (const object of session.objects) if (!session.delayed.has(object)) index(session.firstByKey, object);
  }
  const found = session.firstByKey[bucket]?.get(key);
  return found ? [found] : [];
}

function index(firstByKey: Map<string, SessionObject>[], object: SessionObject): void {
  const ofBucket = firstByKey[object.bucket];
  if (ofBucket && !ofBucket.has(object.key)) ofBucket.set(object.key, object);
}

/** Objects that a thread asked for: pinned until its attempt has ended. */
export function answerThread(state: SchedulerState, invocation: Invocation, message: FromThreadKind<'objectsAsked'>, out: Out): void {
  const objects = findObjects(invocation.session, message.bucket, message.key);
  const far = invocation.host === null ? objects.filter(({ ref }) => ref.remote) : [];
  if (far.length > 0) return bringObjects(state, invocation.session, far, { kind: 'again', message }, out);
  for (const { ref } of objects) {
    if (!holdsBlock(ref)) continue;
    out.push({ kind: 'pin', offset: ref.offset });
    (invocation.borrowed ??= []).push(ref.offset);
  }
  answerAsker(state, invocation, message.request, null, objects, out);
}

/** Wherever the attempt runs. */
export function answerAsker(
  state: SchedulerState,
  { host, executor, session, number, attempt }: Invocation,
  request: number,
  error: ErrorData | null,
  objects: readonly Input[],
  out: Out,
): void {
  if (host === null) return out.push(send(threadAddress(executor), { kind: 'answer', request, error, objects, ref: null }));
  const { id } = session.spec;
  const home = state.address;
  out.push(send(host, { kind: 'lodgerAnswer', home, session: id, invocation: number, attempt, request, error, objects, owned: [] }));
}
