/**
 * What a scheduler does: it is the home of its sessions. Every firing, attempt and end of a session is decided here, once.
 *
 * The table at the end is the specification; the verbs are in the files beside this one, a noun each.
 */
import { type Effect, type Handler, type HandlerTable, ignore, send, type Turn, Out } from '../actor.ts';
import type { BucketStepped } from '../protocol/bucket.ts';
import { errorData } from '../protocol/error.ts';
import type { SchedulerMessage } from '../protocol/scheduler.ts';
import { adoptSession, firingId } from './adopt.ts';
import { installApp, noteLoaded, uninstallApp } from './apps.ts';
import { takeDue } from './deadlines.ts';
import { buryExecutor, spawnExecutors, stopExecutors } from './executors.ts';
import { endPlacing, forwardSome, loseHost, noteOffer, takeBrought, takePlaces } from './forwarding.ts';
import { cancelSources, completeWatched, dispatch, endAttempt, endRest, makeInvocation, reachRerun } from './invocations.ts';
import { checkOut, evictGuests, offerSlots, passAnswer, passObject, passOutput, passQuestion, takeLodger, unlodge } from './lodging.ts';
import type { SchedulerPlace } from './machine.ts';
import { answerAsker, answerThread, attemptOf, endDelay, forwardReady, receiveObject, releaseAppObject } from './objects.ts';
import type { Ref } from '../../storage/object.ts';
import { failSession } from './session-end.ts';
import { describeSession, getFromSession, putIntoSession, startSession } from './sessions.ts';
import { settle, takeSettled } from './settle.ts';
import { sessionOf, wake } from './sleep.ts';
import { bucketAddress, holdsBlock, type SchedulerState, type Session } from './state.ts';

type Message<K extends SchedulerMessage['kind']> = Extract<SchedulerMessage, { kind: K }>;

/** A decision about the session that it returns, if any: afterwards that one may be quiet, and executors may have room. */
type Decide<M> = (state: SchedulerState, message: M, out: Out) => Session | null | undefined | void;

function decide<M>(part: Decide<M>): Handler<SchedulerState, M> {
  return (state: SchedulerState, message: M, turn: Turn): readonly Effect[] => {
    const out = new Out(turn);
    const session = part(state, message, out);
    if (session) settle(state, session, out);
    if (state.queue.length > 0 || !state.accepts) dispatch(state, out);
    return out.effects;
  };
}

const stepBucket = decide<BucketStepped>((state, message, out) => {
  const session = state.sessions.get(message.session);
  if (!session) return null;
  if (message.answers) session.stepping--;
  if (message.timed.length > 0) session.timed.set(message.bucket, message.timed);
  else session.timed.delete(message.bucket);
  for (const { reason } of message.dropped) {
    if (reason === 'superseded') session.superseded++;
    if (reason === 'late') session.tooLate++;
  }
  for (const { trigger, inputs } of message.firings) fire(state, session, trigger, inputs, out);
  for (const { trigger, functions, except } of message.cancelled) {
    const found = session.table.triggers[trigger];
    if (found) cancelSources(state, session, found, functions, except, out);
  }
  if (message.joined) answerJoin(state, session, message.joined, out);
  if (message.failed) failSession(state, session, message.failed.error, out);
  return session;
});

function fire(state: SchedulerState, session: Session, index: number, inputs: readonly number[], out: Out): void {
  const fn = session.table.functions[session.table.triggers[index]?.functionIndex ?? -1];
  if (!fn) throw new Error(`bug: app ${session.table.name} has no trigger ${index}`);
  if (session.replay && hasBegun(session, session.replay, firingId(index, inputs))) return;
  const objects = inputs.map((input) => {
    const object = session.objects[input];
    if (!object) throw new Error(`bug: session ${session.spec.id} has no object ${input}`);
    return object;
  });
  makeInvocation(state, session, fn, objects, objects.at(-1)?.near ?? -1, out);
}

/** Where the session was before it came home. */
function hasBegun(session: Session, replay: Set<string>, firing: string): boolean {
  const begun = replay.delete(firing);
  if (replay.size === 0) session.replay = null;
  return begun;
}

/** Of a client (request -1): a refused announcement fails the call; of an invocation: its executor is told. */
function answerJoin(state: SchedulerState, session: Session, joined: NonNullable<BucketStepped['joined']>, out: Out): void {
  if (joined.request === -1) {
    if (joined.error) failSession(state, session, joined.error, out);
    return;
  }
  const invocation = state.invocations.get(joined.by);
  if (!invocation?.held) return;
  answerAsker(state, invocation, joined.request, joined.error, [], out);
}

const takeObject = decide<Message<'objectSent'>>((state, message, out) => {
  const invocation = state.invocations.get(message.invocation);
  if (invocation?.origin) return passObject(state, invocation, message, out);
  receiveObject(state, message, out);
  if (!invocation) return null;
  completeWatched(state, invocation, out);
  return invocation.session;
});

const takeOutput = decide<Message<'outputSent'>>((state, message, out) => {
  const lodger = state.invocations.get(message.invocation);
  if (lodger?.origin) return passOutput(state, lodger, message, out);
  const { ref } = message;
  if (holdsBlock(ref)) out.push({ kind: 'adopt', offset: ref.offset });
  giveOutput(state, message, out);
});

const takeLodgerOutput = decide<Message<'lodgerOutput'>>((state, message, out) => {
  const { failure } = message;
  const invocation = attemptOf(state, message);
  if (failure && invocation) failSession(state, invocation.session, failure, out);
  else giveOutput(state, message, out);
});

/** One that is not away has ended, or has the number of another, of before this worker was started anew. */
const endAway = decide<Message<'lodgerEnded'>>((state, { session, invocation: number, attempt, outcome, free }, out) => {
  const invocation = state.invocations.get(number);
  if (!invocation || invocation.host === null || invocation.session.spec.id !== session) return null;
  noteOffer(state, invocation.session, invocation.host, outcome.kind === 'refused', free, out);
  return endAttempt(state, number, attempt, -1, outcome, out);
});

/** Its block is the session's until it is the client's. */
function giveOutput(
  state: SchedulerState,
  message: { readonly invocation: number; readonly attempt: number; readonly ordinal: number; readonly ref: Ref },
  out: Out,
): void {
  const { ref, ordinal } = message;
  const invocation = attemptOf(state, message);
  if (invocation) invocation.outputsArrived++;
  if (!invocation || ordinal <= invocation.outputsDelivered) {
    if (holdsBlock(ref)) out.push({ kind: 'release', offset: ref.offset });
    return;
  }
  invocation.outputsDelivered = ordinal;
  const { session, fn } = invocation;
  const index = session.outputs++;
  const { id, client, called } = session.spec;
  out.push(send(client, { kind: 'sessionOutput', session: id, app: session.table.name, index, from: fn.name, ref, called }));
}

const takeExpectation = decide<Message<'expectSent'>>((state, message, out) => {
  const invocation = attemptOf(state, message);
  if (!invocation) return refuseAsker(state, message, out);
  if (invocation.origin) return passQuestion(invocation, message, out);
  const { session } = invocation;
  const bucket = session.table.buckets[message.bucket];
  if (!bucket) throw new Error(`bug: app ${session.table.name} has no bucket ${message.bucket}`);
  session.stepping++;
  session.touched.add(bucket.index);
  const { group, keys, count, request } = message;
  const announcement = { group, keys, count, by: invocation.number };
  out.push(
    send(bucketAddress(session.table.name, bucket.name), {
      kind: 'announceJoin',
      session: session.number,
      revision: session.table.revision,
      announcement,
      request,
    }),
  );
});

const giveObjects = decide<Message<'objectsAsked'>>((state, message, out) => {
  const invocation = attemptOf(state, message);
  if (!invocation) return refuseAsker(state, message, out);
  if (invocation.origin) return passQuestion(invocation, message, out);
  answerThread(state, invocation, message, out);
});

function askAgain(state: SchedulerState, message: Message<'objectsAsked'>, out: Out): void {
  const invocation = attemptOf(state, message);
  if (invocation) answerThread(state, invocation, message, out);
  else refuseAsker(state, message, out);
}

/** An aborted attempt still waits for its answer, and cannot end without one. */
function refuseAsker(
  state: SchedulerState,
  { invocation: number, attempt, request }: Message<'expectSent' | 'objectsAsked'>,
  out: Out,
): void {
  const invocation = state.invocations.get(number);
  if (!invocation?.held || invocation.attempt !== attempt) return;
  const error = errorData('InvocationAborted', 'nobody needs this invocation any more: what it asks for is refused', {
    invocation: number,
    attempt,
  });
  answerAsker(state, invocation, request, error, [], out);
}

const acknowledge = decide<Message<'appObjectAdmitted'>>((state, { object }) => {
  const session = state.sessions.get(state.appObjects.get(object)?.session ?? -1);
  if (session) session.unacknowledged--;
  return session;
});

const closeDelay = decide<Message<'delayOver'>>((state, message, out) => {
  const session = state.sessions.get(message.session);
  const source = session && endDelay(state, session, message.object, out);
  if (source) completeWatched(state, source, out);
  return session;
});

const passDeadlines = decide<Message<'deadlineReached'>>((state, _, out) => {
  for (const id of takeDue(state, out)) {
    const session = sessionOf(state, id);
    if (!session) continue;
    const text = `the session did not end within its deadlineMs (${out.nowMs - session.openedMs} ms have passed)`;
    failSession(state, wake(state, session), errorData('DeadlineExceeded', text, {}), out);
  }
});

const stopSession = decide<Message<'stopSession'>>((state, message, out) => {
  const session = sessionOf(state, message.session);
  if (session) failSession(state, wake(state, session), message.error, out);
});

const serve = decide<Message<'startScheduler'>>((state, _, out) => {
  out.push({ kind: 'become', event: 'serve' });
  spawnExecutors(state, out);
});

const readyExecutor = decide<Message<'executorReady'>>((state, { executor }) => {
  const slot = state.executors.get(executor);
  if (slot) slot.ready = true;
});

const endExecutor = decide<Message<'executorEnding'>>((state, { executor }) => {
  const slot = state.executors.get(executor);
  if (slot) slot.ending = true;
});

const sessions = {
  startSession: decide<Message<'startSession'>>(startSession),
  putIntoSession: decide<Message<'putIntoSession'>>(putIntoSession),
  getFromSession: decide<Message<'getFromSession'>>(getFromSession),
  describeSession: decide<Message<'describeSession'>>(describeSession),
  stopSession,
  deadlineReached: passDeadlines,
  bucketStepped: stepBucket,
  // What the answers decide is decided at once. Settling again would ask again, for as long as the session waits for the outside.
  bucketSettled: decide<Message<'bucketSettled'>>((state, message, out) => {
    const session = state.sessions.get(message.session);
    if (session) takeSettled(state, session, message.pending, out);
  }),
  adoptSession: decide<Message<'adoptSession'>>(adoptSession),
  objectSent: takeObject,
  outputSent: takeOutput,
  expectSent: takeExpectation,
  objectsAsked: giveObjects,
  appObjectAdmitted: acknowledge,
  appObjectReleased: decide<Message<'appObjectReleased'>>((state, { object }, out) => releaseAppObject(state, object, out)),
  delayOver: closeDelay,
  retryDue: decide<Message<'retryDue'>>((state, { invocation, attempt }, out) => endRest(state, invocation, attempt, out)),
  rerunTimeoutReached: decide<Message<'rerunTimeoutReached'>>((state, message, out) =>
    reachRerun(state, message.invocation, message.attempt, message.trigger, out),
  ),
  attemptEnded: decide<Message<'attemptEnded'>>((state, m, out) => endAttempt(state, m.invocation, m.attempt, m.executor, m.outcome, out)),
} as const;

const lodging = {
  slotsAsked: decide<Message<'slotsAsked'>>(offerSlots),
  placed: decide<Message<'placed'>>(takePlaces),
  lodge: decide<Message<'lodge'>>(takeLodger),
  unlodge: decide<Message<'unlodge'>>(unlodge),
  lodgerAnswer: decide<Message<'lodgerAnswer'>>(passAnswer),
  checkOut: decide<Message<'checkOut'>>((state, { home, session }, out) => checkOut(state, home, session, out)),
  lodgerOutput: takeLodgerOutput,
  lodgerEnded: endAway,
  forwardDue: decide<Message<'forwardDue'>>((state, _, out) => forwardSome(state, out)),
  placementOverdue: decide<Message<'placementOverdue'>>((state, _, out) => endPlacing(state, out)),
  objectsBrought: decide<Message<'objectsBrought'>>((state, message, out) => {
    const brought = takeBrought(state, message, out);
    if (!brought) return null;
    const { goal, session } = brought;
    if (goal.kind === 'forward' && !message.error) forwardReady(state, session, out);
    if (goal.kind === 'again' && goal.message.kind === 'getFromSession') getFromSession(state, goal.message, out);
    if (goal.kind === 'again' && goal.message.kind === 'objectsAsked') askAgain(state, goal.message, out);
    return session;
  }),
  workerGone: decide<Message<'workerGone'>>((state, { worker }, out) => {
    loseHost(state, worker, out);
    evictGuests(state, worker, out);
  }),
} as const;

const apps = {
  installApp: decide<Message<'installApp'>>((state, message, out) => installApp(state, message, out)),
  hostBucket: decide<Message<'hostBucket'>>((_, { identity }, out) => out.push({ kind: 'spawnBucket', identity })),
  uninstallApp: decide<Message<'uninstallApp'>>((state, { app, revision }, out) => uninstallApp(state, app, revision, out)),
  executorLoaded: decide<Message<'executorLoaded'>>((state, { app, revision, error }, out) => noteLoaded(state, app, revision, error, out)),
} as const;

const pool = {
  executorReady: readyExecutor,
  executorEnding: endExecutor,
  executorGone: decide<Message<'executorGone'>>((state, { executor, text }, out) => buryExecutor(state, executor, text, out)),
  executorRestartDue: decide<Message<'executorRestartDue'>>((state, _, out) => spawnExecutors(state, out)),
  retireScheduler: decide<Message<'retireScheduler'>>((state, _, out) => {
    state.retiring = true;
    dispatch(state, out);
  }),
  stopScheduler: decide<Message<'stopScheduler'>>((state, _, out) => stopExecutors(state, out)),
} as const;

const nothing = {
  startScheduler: ignore,
  startSession: ignore,
  adoptSession: ignore,
  putIntoSession: ignore,
  getFromSession: ignore,
  describeSession: ignore,
  stopSession: ignore,
  deadlineReached: ignore,
  bucketStepped: ignore,
  bucketSettled: ignore,
  objectSent: ignore,
  outputSent: ignore,
  expectSent: ignore,
  objectsAsked: ignore,
  appObjectAdmitted: ignore,
  appObjectReleased: ignore,
  delayOver: ignore,
  retryDue: ignore,
  rerunTimeoutReached: ignore,
  attemptEnded: ignore,
  installApp: ignore,
  uninstallApp: ignore,
  hostBucket: ignore,
  executorLoaded: ignore,
  executorReady: ignore,
  executorEnding: ignore,
  executorGone: ignore,
  executorRestartDue: ignore,
  retireScheduler: ignore,
  stopScheduler: ignore,
  slotsAsked: ignore,
  placed: ignore,
  lodge: ignore,
  unlodge: ignore,
  lodgerAnswer: ignore,
  checkOut: ignore,
  lodgerOutput: ignore,
  lodgerEnded: ignore,
  forwardDue: ignore,
  placementOverdue: ignore,
  objectsBrought: ignore,
  workerGone: ignore,
} as const;

export const schedulerHandlers: HandlerTable<SchedulerPlace, SchedulerState, SchedulerMessage> = {
  starting: { ...nothing, startScheduler: serve, stopScheduler: pool.stopScheduler },
  serving: { ...sessions, ...lodging, ...apps, ...pool, startScheduler: ignore },
  /** The threads are ending: nothing they still say matters, but that they are gone. */
  stopping: { ...nothing, executorGone: pool.executorGone, executorReady: ignore },
  stopped: nothing,
};
