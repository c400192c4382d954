/**
 * How a session that has run solo comes home: its rows are made from what its journal says, and its triggers are evaluated again.
 *
 *   D1  Evaluators are pure, and get the same objects in the same order: they fire what was fired, and what has not begun yet.
 *   D2  A firing that has begun makes no second invocation (`replay`); one that still runs goes on as an attempt like any other.
 */
import { send, type Out } from '../actor.ts';
import type { AppFunction } from '../app.ts';
import { errorData } from '../protocol/error.ts';
import type { Input } from '../protocol/object.ts';
import type { AdoptSession } from '../protocol/scheduler.ts';
import type { SessionSpec } from '../protocol/session.ts';
import { addInvocation, createInvocation } from './invocation-row.ts';
import { occupy } from './invocations.ts';
import { admit } from './objects.ts';
import { addSession } from './sessions.ts';
import { executorAddress, holdsBlock, type Invocation, type SchedulerState, type Session, type SessionObject } from './state.ts';

export function adoptSession(state: SchedulerState, message: AdoptSession, out: Out): Session | null {
  const app = state.installs.get(message.install);
  if (!app) return refuse(state, message, out);
  const { keeper, slot, generation, client } = message;
  const { coordinator } = app;
  const spec = specOf(message, app.table.name);
  const session = addSession(state, { spec, coordinator, firing: null }, app, message.openedMs, out);
  out.push(send(coordinator, { kind: 'sessionAdopted', worker: state.address, spec }));
  out.push(send(keeper, { kind: 'sessionReclaimed', session: spec.id, slot, generation }));
  if (message.begun.length > 0) session.replay = new Set(message.begun.map(({ trigger, inputs }) => firingId(trigger, inputs)));
  const inputs = message.begun.map((): Input[] => []);
  const invocations = makeInvocations(state, session, message, inputs);
  addObjects(state, session, message, invocations, inputs, out);
  const last = invocations.at(-1);
  for (const { source, ref } of message.given) {
    const index = session.outputs++;
    const giver = invocations[source - 1];
    if (giver) giver.outputsDelivered = ++giver.outputsArrived;
    const from = giver?.fn.name ?? '';
    out.push(send(client, { kind: 'sessionOutput', session: spec.id, app: app.table.name, index, from, ref, called: true }));
  }
  if (last && message.executor !== -1) resume(state, last, message, out);
  return session;
}

/** Clients bring such sessions home before they change an app; one whose change was answered too late for it may not have. */
function refuse(state: SchedulerState, message: AdoptSession, out: Out): null {
  const { session: id, client, keeper: holder, slot, generation, sent, openedMs, begun, executor } = message;
  // What its function still reads stays the thread's, which had been granted it.
  const isRead = new Set(executor === -1 ? [] : begun.at(-1)?.inputs);
  for (const [i, { ref }] of sent.entries()) if (holdsBlock(ref) && !isRead.has(i)) out.push({ kind: 'release', offset: ref.offset });
  const error = errorData('SessionCancelled', `the app was changed, and session ${id} ran on a revision that is no more`, { session: id });
  const history = { objects: sent.length, outputs: 0, superseded: 0, late: 0, functions: [], linkedTo: [], retryOf: null };
  const invocations = begun.length;
  const summary = { id, app: '', revision: 0, state: 'cancelled', openedMs, endedMs: out.nowMs, error, history } as const;
  out.push({ kind: 'log', level: 'warn', text: error.message, detail: { session: id, invocations } });
  out.push(send(holder, { kind: 'sessionReclaimed', session: id, slot, generation }), send(client, { kind: 'sessionEnded', summary }));
  if (executor === -1) return null;
  // Its function waits to hear what it is called: an attempt of which nobody has a row, and which ends now.
  const name = { invocation: state.nextInvocation++, attempt: 1 };
  const keeper = executorAddress(executor);
  out.push(send(keeper, { kind: 'soloAdopted', slot, generation, ...name, timeoutMs: null }));
  out.push(send(keeper, { kind: 'abortInvocation', ...name, graceMs: state.limits.abortGraceMs }));
  return null;
}

/** What tells the firings of a session apart: an object is in one firing of a trigger at most. */
export function firingId(trigger: number, inputs: readonly number[]): string {
  return `${trigger}:${inputs.join(',')}`;
}

function specOf({ session, client }: AdoptSession, app: string): SessionSpec {
  return {
    id: session,
    app,
    requestId: null,
    client,
    called: true,
    entries: [],
    expects: [],
    priority: 5,
    deadlineMs: null,
    admitTimeoutMs: 0,
    retryOf: null,
  };
}

/** `inputs`: to be filled when there are objects, whose sources these invocations are. */
function makeInvocations(
  state: SchedulerState,
  session: Session,
  { begun }: AdoptSession,
  inputs: readonly (readonly Input[])[],
): Invocation[] {
  return begun.map(({ trigger }, i) => {
    const fn = session.table.functions[session.table.triggers[trigger]?.functionIndex ?? -1];
    if (!fn) throw new Error(`bug: app ${session.table.name} has no trigger ${trigger}`);
    return createInvocation(state, session, fn, inputs[i] ?? [], -1);
  });
}

function addObjects(
  state: SchedulerState,
  session: Session,
  { sent, begun, executor }: AdoptSession,
  invocations: readonly Invocation[],
  inputs: readonly Input[][],
  out: Out,
): void {
  const ordinals = new Map<string, number>();
  for (const { source, bucket, key, group, ref } of sent) {
    const from = invocations[source - 1] ?? null;
    if (holdsBlock(ref)) out.push({ kind: 'adopt', offset: ref.offset });
    const index = session.objects.length;
    const near = from ? executor : -1;
    const object: SessionObject = { index, bucket, key, group, session: session.spec.id, source: from, near, ref };
    session.objects.push(object);
    if (!from) continue;
    from.objectsArrived++;
    const id = `${source}/${bucket}/${key}`;
    const ordinal = ordinals.get(id) ?? 0;
    ordinals.set(id, ordinal + 1);
    from.sent.push({ bucket, key, ordinal });
  }
  for (const [i, invocation] of invocations.entries()) {
    invocation.place = 'done';
    invocation.attempt = 1;
    invocation.executor = executor;
    for (const index of begun[i]?.inputs ?? []) inputs[i]?.push(session.objects[index] as SessionObject);
    countAttempt(session, invocation.fn);
  }
  for (const object of [...session.objects]) admit(state, session, object, out);
}

function countAttempt(session: Session, { index }: AppFunction): void {
  const counts = session.counts[index];
  if (counts) counts.attempts++;
}

/** The last one has not returned. */
function resume(state: SchedulerState, invocation: Invocation, { executor: number, slot, generation }: AdoptSession, out: Out): void {
  const executor = state.executors.get(number);
  addInvocation(state, invocation);
  if (!executor) {
    invocation.place = 'queued';
    return state.queue.add(invocation);
  }
  occupy(executor, invocation, out);
  const { fn, number: name, attempt } = invocation;
  const { timeoutMs } = fn;
  out.push(send(executor.address, { kind: 'soloAdopted', slot, generation, invocation: name, attempt, timeoutMs }));
}
