/**
 * What an executor's keeper does: it hands attempts to its thread, ends those that must end, and says what came of each.
 *
 *   X1  Each `invoke` is answered by exactly one `attemptEnded`; until then the attempt may read its inputs.
 *   X2  A stopping attempt that overstays its grace ends the thread; its neighbours are `lost` without blame.
 *   X3  What the thread was given and has not begun is taken back when a solo function keeps it, and when its time is over or nobody needs it:
 *       it has waited behind something that blocks the thread, and is neither to blame nor a reason to end that.
 *   X4  A thread that ends by itself is the doing of what ran there: alone, an attempt is the culprit.
 */
import { type Effect, type HandlerTable, ignore, send } from '../actor.ts';
import { errorData, type ErrorData } from '../protocol/error.ts';
import type { ExecutorMessage } from '../protocol/executor.ts';
import type { AttemptOutcome } from '../protocol/scheduler.ts';
import type { ExecutorPlace } from './machine.ts';
import type { ExecutorState, RunningAttempt } from './state.ts';

/** Longer than a thread that nothing blocks takes to begin. With shorter limits what is taken back would be given out again without end. */
const handOverMs = 20;

type Message<K extends ExecutorMessage['kind']> = Extract<ExecutorMessage, { kind: K }>;

function startThread({ executor, limits }: ExecutorState): readonly Effect[] {
  return [
    { kind: 'startThread', thread: executor },
    { kind: 'startTimer', id: 'start', afterMs: limits.startTimeoutMs, message: { kind: 'startTimeoutReached' } },
  ];
}

function becomeReady(keeper: ExecutorState): readonly Effect[] {
  if (keeper.stopWhenReady) return [{ kind: 'stopTimer', id: 'start' }, ...stopExecutor(keeper)];
  const { scheduler, executor } = keeper;
  return [{ kind: 'stopTimer', id: 'start' }, { kind: 'become', event: 'ready' }, send(scheduler, { kind: 'executorReady', executor })];
}

function giveUpStart(keeper: ExecutorState): readonly Effect[] {
  const { executor, limits } = keeper;
  return condemn(keeper, errorData('ModuleFailed', `executor ${executor} did not start within ${limits.startTimeoutMs} ms`));
}

function loadApp(keeper: ExecutorState, message: Message<'loadApp'>): readonly Effect[] {
  const { app, revision } = message;
  const key = appKey(app, revision);
  keeper.loading.set(key, { app, revision });
  return [
    send(keeper.thread, message),
    { kind: 'startTimer', id: `load/${key}`, afterMs: keeper.limits.loadTimeoutMs, message: { kind: 'loadTimeoutReached', app, revision } },
  ];
}

function finishLoad(keeper: ExecutorState, { app, revision }: Message<'appLoaded'>): readonly Effect[] {
  return endLoad(keeper, app, revision, null);
}

function failLoad(keeper: ExecutorState, { app, revision, error }: Message<'appLoadFailed'>): readonly Effect[] {
  return endLoad(keeper, app, revision, error);
}

function endLoad(keeper: ExecutorState, app: string, revision: number, error: ErrorData | null): readonly Effect[] {
  const key = appKey(app, revision);
  if (!keeper.loading.delete(key)) return [];
  const { scheduler, executor } = keeper;
  return [{ kind: 'stopTimer', id: `load/${key}` }, send(scheduler, { kind: 'executorLoaded', executor, app, revision, error })];
}

function giveUpLoad(keeper: ExecutorState, { app, revision }: Message<'loadTimeoutReached'>): readonly Effect[] {
  if (!keeper.loading.has(appKey(app, revision))) return [];
  const { loadTimeoutMs } = keeper.limits;
  const error = errorData('ModuleFailed', `the module of app ${app} was not imported within loadTimeoutMs (${loadTimeoutMs} ms)`, { app });
  return [...endLoad(keeper, app, revision, error), ...condemn(keeper, error)];
}

function unloadApp(keeper: ExecutorState, message: Message<'unloadApp'>): readonly Effect[] {
  return [send(keeper.thread, message)];
}

function invoke(keeper: ExecutorState, { run, timeoutMs }: Message<'invoke'>): readonly Effect[] {
  const { invocation, attempt } = run;
  keeper.running.set(invocation, { invocation, attempt, timeoutMs, run: ++keeper.runs, stopping: null, overstayed: false });
  return [send(keeper.thread, run), ...timeoutOf({ invocation, attempt, timeoutMs })];
}

/** It runs there already. If it blocks its thread, that hears of nothing, and what it was given meanwhile would wait for ever. */
function adoptSolo(keeper: ExecutorState, message: Message<'soloAdopted'>): readonly Effect[] {
  const { invocation, attempt, timeoutMs } = message;
  const { executor, runs } = keeper;
  const waits = keeper.running.size > 0;
  keeper.running.set(invocation, { invocation, attempt, timeoutMs, run: 0, stopping: null, overstayed: false });
  const told = [send(keeper.thread, message), ...timeoutOf(message)];
  return waits ? [...told, send('solo', { kind: 'takeBackRuns', executor, runs })] : told;
}

function takeBack(keeper: ExecutorState, { begun, runs }: Message<'runsTakenBack'>): readonly Effect[] {
  return [...keeper.running.values()].filter(({ run }) => run > begun && run <= runs).flatMap((running) => endUnbegun(keeper, running));
}

function timeoutOf({
  invocation,
  attempt,
  timeoutMs,
}: {
  invocation: number;
  attempt: number;
  timeoutMs: number | null;
}): readonly Effect[] {
  if (timeoutMs === null) return [];
  const message = { kind: 'attemptTimeoutReached', invocation, attempt } as const;
  return [{ kind: 'startTimer', id: `timeout/${invocation}`, afterMs: timeoutMs, message }];
}

/** The thread was busy with something that neither of us knew of. */
function giveBack(keeper: ExecutorState, message: Message<'runRefused'>): readonly Effect[] {
  const running = find(keeper, message);
  return running ? endUnbegun(keeper, running) : [];
}

function endUnbegun(keeper: ExecutorState, running: RunningAttempt): readonly Effect[] {
  return endAttempt(keeper, running, running.stopping === 'cancelled' ? { kind: 'aborted' } : { kind: 'refused' });
}

/** The thread is ending: what it is given now has not begun. */
function refuseInvoke({ scheduler, executor }: ExecutorState, { run }: Message<'invoke'>): readonly Effect[] {
  const { invocation, attempt } = run;
  const outcome: AttemptOutcome = { kind: 'lost', reason: 'terminated', culprit: false, text: 'the executor was ending' };
  return [send(scheduler, { kind: 'attemptEnded', executor, invocation, attempt, outcome })];
}

function loseSolo({ scheduler, executor }: ExecutorState, { invocation, attempt }: Message<'soloAdopted'>): readonly Effect[] {
  const outcome: AttemptOutcome = { kind: 'lost', reason: 'terminated', culprit: false, text: 'the executor had ended' };
  return [send(scheduler, { kind: 'attemptEnded', executor, invocation, attempt, outcome })];
}

function finishAttempt(keeper: ExecutorState, message: Message<'attemptDone'>): readonly Effect[] {
  const running = find(keeper, message);
  if (!running) return [];
  return endAttempt(keeper, running, outcomeOf(running, message));
}

function outcomeOf(running: RunningAttempt, { objects, outputs, error }: Message<'attemptDone'>): AttemptOutcome {
  if (running.stopping === 'timeout') return { kind: 'failed', error: timedOut(running) };
  if (running.stopping === 'cancelled') return { kind: 'aborted' };
  return error ? { kind: 'failed', error } : { kind: 'returned', objects, outputs };
}

function timedOut({ timeoutMs, invocation, attempt }: RunningAttempt): ErrorData {
  return errorData('FunctionTimedOut', `did not return within timeoutMs (${timeoutMs} ms)`, { timeoutMs, invocation, attempt });
}

function endAttempt(keeper: ExecutorState, running: RunningAttempt, outcome: AttemptOutcome): readonly Effect[] {
  const { scheduler, executor } = keeper;
  const { invocation, attempt } = running;
  keeper.running.delete(invocation);
  const told = send(scheduler, { kind: 'attemptEnded', executor, invocation, attempt, outcome });
  if (running.timeoutMs === null && !running.stopping) return [told];
  return [{ kind: 'stopTimer', id: `timeout/${invocation}` }, { kind: 'stopTimer', id: `grace/${invocation}` }, told];
}

function abortInvocation(keeper: ExecutorState, message: Message<'abortInvocation'>): readonly Effect[] {
  const running = find(keeper, message);
  if (!running || running.stopping) return [];
  return stopAttempt(
    keeper,
    running,
    'cancelled',
    message.graceMs,
    errorData('InvocationAborted', 'nobody needs this invocation any more'),
  );
}

function reachTimeout(keeper: ExecutorState, message: Message<'attemptTimeoutReached'>): readonly Effect[] {
  const running = find(keeper, message);
  if (!running || running.stopping) return [];
  return stopAttempt(keeper, running, 'timeout', keeper.limits.abortGraceMs, timedOut(running));
}

function stopAttempt(
  keeper: ExecutorState,
  running: RunningAttempt,
  why: 'timeout' | 'cancelled',
  graceMs: number,
  error: ErrorData,
): readonly Effect[] {
  const { invocation, attempt, run, timeoutMs } = running;
  running.stopping = why;
  const stopped: readonly Effect[] = [
    { kind: 'stopTimer', id: `timeout/${invocation}` },
    send(keeper.thread, { kind: 'abortAttempt', invocation, attempt, error }),
    { kind: 'startTimer', id: `grace/${invocation}`, afterMs: graceMs, message: { kind: 'graceOver', invocation, attempt } },
  ];
  const isTooShort = why === 'timeout' && (timeoutMs ?? 0) < handOverMs;
  if (!keeper.takesBack || run === 0 || isTooShort) return stopped;
  return [...stopped, send('solo', { kind: 'takeBackRuns', executor: keeper.executor, runs: run })];
}

function endGrace(keeper: ExecutorState, message: Message<'graceOver'>): readonly Effect[] {
  const running = find(keeper, message);
  if (!running) return [];
  running.overstayed = true;
  return condemn(keeper, errorData('InvocationAborted', `invocation ${running.invocation} did not stop when its signal was aborted`));
}

/** Others may overstay too while the thread is ending: they share its end. */
function noteOverstay(keeper: ExecutorState, message: Message<'graceOver'>): readonly Effect[] {
  const running = find(keeper, message);
  if (running) running.overstayed = true;
  return [];
}

/** A thread that is terminated while it loads native code takes the whole process with it: it may become ready, or time out, first. */
function stopStarting(keeper: ExecutorState): readonly Effect[] {
  keeper.stopWhenReady = true;
  return [];
}

function stopExecutor(keeper: ExecutorState): readonly Effect[] {
  return condemn(keeper, errorData('RuntimeClosed', 'the worker is stopping'));
}

function condemn(keeper: ExecutorState, why: ErrorData): readonly Effect[] {
  const { scheduler, executor } = keeper;
  keeper.condemnedFor = why;
  return [
    { kind: 'become', event: 'condemn' },
    { kind: 'terminateThread', thread: executor },
    send(scheduler, { kind: 'executorEnding', executor }),
  ];
}

function buryThread(keeper: ExecutorState, { reason, text }: Message<'threadExited'>): readonly Effect[] {
  // First of all: what ran here must not be given back to an executor that is no more.
  const effects: Effect[] = [
    { kind: 'stopTimer', id: 'start' },
    send(keeper.scheduler, { kind: 'executorGone', executor: keeper.executor, text }),
  ];
  const alone = keeper.running.size === 1;
  for (const running of [...keeper.running.values()])
    effects.push(...endAttempt(keeper, running, lostOutcome(keeper, running, reason, alone, text)));
  const died = keeper.condemnedFor ?? errorData('ExecutorCrashed', `the executor ended while it imported the module: ${text}`);
  for (const { app, revision } of [...keeper.loading.values()]) {
    effects.push(...endLoad(keeper, app, revision, { ...died, code: 'ModuleFailed' }));
  }
  effects.push({ kind: 'become', event: 'exit' }, { kind: 'stopActor', address: keeper.address });
  return effects;
}

function lostOutcome(
  keeper: ExecutorState,
  running: RunningAttempt,
  reason: Message<'threadExited'>['reason'],
  alone: boolean,
  text: string,
): AttemptOutcome {
  if (running.stopping === 'cancelled') return { kind: 'aborted' };
  if (running.stopping === 'timeout' && running.overstayed) return { kind: 'failed', error: timedOut(running) };
  const blame = keeper.condemnedFor === null && reason !== 'lost';
  return { kind: 'lost', reason, culprit: blame && alone, text };
}

function find(keeper: ExecutorState, { invocation, attempt }: { invocation: number; attempt: number }): RunningAttempt | undefined {
  const running = keeper.running.get(invocation);
  return running?.attempt === attempt ? running : undefined;
}

function appKey(app: string, revision: number): string {
  return `${app}@${revision}`;
}

const life = {
  startExecutor: startThread,
  loadApp,
  unloadApp,
  appLoaded: finishLoad,
  appLoadFailed: failLoad,
  loadTimeoutReached: giveUpLoad,
};
const running = {
  invoke,
  soloAdopted: adoptSolo,
  runRefused: giveBack,
  runsTakenBack: takeBack,
  attemptDone: finishAttempt,
  abortInvocation,
  attemptTimeoutReached: reachTimeout,
  graceOver: endGrace,
};

export const executorHandlers: HandlerTable<ExecutorPlace, ExecutorState, ExecutorMessage> = {
  starting: {
    ...life,
    ...running,
    threadReady: becomeReady,
    startTimeoutReached: giveUpStart,
    stopExecutor: stopStarting,
    threadExited: buryThread,
  },
  ready: { ...life, ...running, threadReady: ignore, startTimeoutReached: ignore, stopExecutor, threadExited: buryThread },
  condemned: {
    ...life,
    ...running,
    startExecutor: ignore,
    loadApp: ignore,
    loadTimeoutReached: ignore,
    invoke: refuseInvoke,
    graceOver: noteOverstay,
    threadReady: ignore,
    startTimeoutReached: ignore,
    stopExecutor: ignore,
    threadExited: buryThread,
  },
  gone: {
    startExecutor: ignore,
    loadApp: ignore,
    unloadApp: ignore,
    appLoaded: ignore,
    appLoadFailed: ignore,
    loadTimeoutReached: ignore,
    invoke: refuseInvoke,
    soloAdopted: loseSolo,
    runRefused: ignore,
    runsTakenBack: ignore,
    attemptDone: ignore,
    abortInvocation: ignore,
    attemptTimeoutReached: ignore,
    graceOver: ignore,
    threadReady: ignore,
    startTimeoutReached: ignore,
    stopExecutor: ignore,
    threadExited: ignore,
  },
};
