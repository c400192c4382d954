import test from 'ava';
import type { Effect } from '../../../src/actors/actor.ts';
import { executorHandlers } from '../../../src/actors/executor/handlers.ts';
import { createExecutor } from '../../../src/actors/executor/state.ts';
import type { ExecutorMessage, ExitReason } from '../../../src/actors/protocol/executor.ts';
import type { AttemptOutcome } from '../../../src/actors/protocol/scheduler.ts';
import { executorMachine } from '../../../src/actors/executor/machine.ts';
import { ActorDriver } from './actor-driver.ts';

const limits = { startTimeoutMs: 1_000, loadTimeoutMs: 500, abortGraceMs: 100 };

class Keeper extends ActorDriver<ExecutorMessage> {
  constructor(takesBack = false) {
    super(executorMachine, executorHandlers, createExecutor(3, 'executor:3', 'scheduler', limits, takesBack));
    this.tell({ kind: 'startExecutor' });
    this.tell({ kind: 'threadReady' });
  }

  invoke(invocation: number, timeoutMs: number | null = null): readonly Effect[] {
    const run = { kind: 'run', invocation, attempt: 1, app: 'app', revision: 1, function: 0, session: 's', inputs: [] } as const;
    return this.tell({ kind: 'invoke', run, timeoutMs });
  }

  exit(reason: ExitReason): readonly Effect[] {
    return this.tell({ kind: 'threadExited', reason, text: 'it exited' });
  }

  done(invocation: number): readonly Effect[] {
    return this.tell({ kind: 'attemptDone', invocation, attempt: 1, objects: 2, outputs: 1, error: null });
  }
}

function outcomes(effects: readonly Effect[]): Readonly<Record<number, AttemptOutcome>> {
  const ended = effects.flatMap((effect) => (effect.kind === 'send' && effect.message.kind === 'attemptEnded' ? [effect.message] : []));
  return Object.fromEntries(ended.map(({ invocation, outcome }) => [invocation, outcome]));
}

function kinds(effects: readonly Effect[]): string[] {
  return effects.map((effect) => (effect.kind === 'send' ? effect.message.kind : effect.kind));
}

test('executor: an attempt that returns is told with its counts, once', (t) => {
  const keeper = new Keeper();
  t.deepEqual(kinds(keeper.invoke(1)), ['run']);
  t.deepEqual(outcomes(keeper.done(1)), { 1: { kind: 'returned', objects: 2, outputs: 1 } });
  t.deepEqual(keeper.done(1), []);
});

test('executor: a timed-out attempt is aborted, and fails when it returns within its grace', (t) => {
  const keeper = new Keeper();
  t.like(keeper.invoke(1, 50)[1], { kind: 'startTimer', afterMs: 50 });
  const aborted = keeper.tell({ kind: 'attemptTimeoutReached', invocation: 1, attempt: 1 });
  t.deepEqual(kinds(aborted), ['stopTimer', 'abortAttempt', 'startTimer']);
  t.like(aborted[2], { afterMs: limits.abortGraceMs });
  const ended = keeper.done(1);
  t.like(outcomes(ended)[1], { kind: 'failed', error: { code: 'FunctionTimedOut' } });
  t.is(keeper.place, 'ready');
});

test('executor: one that overstays its grace ends the thread: it fails, its neighbours are lost without blame', (t) => {
  const keeper = new Keeper();
  keeper.invoke(1, 50);
  keeper.invoke(2);
  keeper.tell({ kind: 'attemptTimeoutReached', invocation: 1, attempt: 1 });
  const over = keeper.tell({ kind: 'graceOver', invocation: 1, attempt: 1 });
  t.deepEqual(kinds(over), ['become', 'terminateThread', 'executorEnding']);
  t.is(keeper.place, 'condemned');
  const ended = outcomes(keeper.exit('terminated'));
  t.like(ended[1], { kind: 'failed', error: { code: 'FunctionTimedOut' } });
  t.like(ended[2], { kind: 'lost', culprit: false });
  t.is(keeper.place, 'gone');
});

test('executor: who is alone when the thread ends by itself is the culprit; two are not; and a lost thread has none', (t) => {
  const [alone, together, lost] = [new Keeper(), new Keeper(), new Keeper()];
  alone.invoke(1);
  t.like(outcomes(alone.exit('exit'))[1], { kind: 'lost', culprit: true });
  together.invoke(1);
  together.invoke(2);
  const ended = outcomes(together.exit('outOfMemory'));
  t.like(ended[1], { kind: 'lost', culprit: false });
  t.like(ended[2], { kind: 'lost', culprit: false });
  lost.invoke(1);
  t.like(outcomes(lost.exit('lost'))[1], { kind: 'lost', culprit: false });
});

test('executor: an aborted attempt is told as aborted, also when its thread ends first', (t) => {
  for (const end of ['done', 'exit'] as const) {
    const keeper = new Keeper();
    keeper.invoke(1);
    t.like(keeper.tell({ kind: 'abortInvocation', invocation: 1, attempt: 1, graceMs: 7 })[2], { kind: 'startTimer', afterMs: 7 });
    t.deepEqual(outcomes(end === 'done' ? keeper.done(1) : keeper.exit('exit')), { 1: { kind: 'aborted' } });
  }
});

test('executor: the scheduler hears that the executor is gone before it hears what that has ended', (t) => {
  const keeper = new Keeper();
  keeper.invoke(1);
  const order = kinds(keeper.exit('exit')).filter((kind) => kind === 'executorGone' || kind === 'attemptEnded');
  t.deepEqual(order, ['executorGone', 'attemptEnded']);
});

test('executor: an attempt given to a thread that is ending is told as lost, without blame', (t) => {
  const keeper = new Keeper();
  keeper.tell({ kind: 'stopExecutor' });
  t.like(outcomes(keeper.invoke(1))[1], { kind: 'lost', culprit: false });
});

test('executor: what a thread was given that a solo function keeps is taken back, as far as it has not begun', (t) => {
  const keeper = new Keeper();
  keeper.invoke(1);
  keeper.done(1);
  const adopt = (invocation: number) =>
    keeper.tell({ kind: 'soloAdopted', slot: 0, generation: 1, invocation, attempt: 1, timeoutMs: null });
  t.deepEqual(kinds(adopt(9)), ['soloAdopted'], 'nothing waits');
  keeper.done(9);
  for (const invocation of [2, 3, 4]) keeper.invoke(invocation);
  t.like(adopt(5).at(-1), { to: 'solo', message: { kind: 'takeBackRuns', executor: 3, runs: 4 } });
  keeper.invoke(6);
  keeper.tell({ kind: 'abortInvocation', invocation: 4, attempt: 1, graceMs: 7 });
  const back = keeper.tell({ kind: 'runsTakenBack', begun: 2, runs: 4 });
  t.deepEqual(outcomes(back), { 3: { kind: 'refused' }, 4: { kind: 'aborted' } });
  t.deepEqual(outcomes([...keeper.done(2), ...keeper.done(5), ...keeper.done(6)]), {
    2: { kind: 'returned', objects: 2, outputs: 1 },
    5: { kind: 'returned', objects: 2, outputs: 1 },
    6: { kind: 'returned', objects: 2, outputs: 1 },
  });
});

test('executor: what has not begun when its time is over, or when nobody needs it, is taken back: others keep the thread', (t) => {
  const keeper = new Keeper(true);
  keeper.invoke(1);
  keeper.invoke(2, 50);
  t.like(keeper.tell({ kind: 'attemptTimeoutReached', invocation: 2, attempt: 1 }).at(-1), {
    to: 'solo',
    message: { kind: 'takeBackRuns', executor: 3, runs: 2 },
  });
  t.deepEqual(outcomes(keeper.tell({ kind: 'runsTakenBack', begun: 1, runs: 2 })), { 2: { kind: 'refused' } });
  keeper.invoke(3);
  keeper.tell({ kind: 'abortInvocation', invocation: 3, attempt: 1, graceMs: 7 });
  t.deepEqual(outcomes(keeper.tell({ kind: 'runsTakenBack', begun: 1, runs: 3 })), { 3: { kind: 'aborted' } });
  t.deepEqual(keeper.tell({ kind: 'graceOver', invocation: 3, attempt: 1 }), []);
  t.is(keeper.place, 'ready');
});

test('executor: with a limit shorter than a hand-over, what is over is over', (t) => {
  const keeper = new Keeper(true);
  keeper.invoke(1, 2);
  t.deepEqual(kinds(keeper.tell({ kind: 'attemptTimeoutReached', invocation: 1, attempt: 1 })), [
    'stopTimer',
    'abortAttempt',
    'startTimer',
  ]);
});

test('executor: what has begun when its time is over is to blame, as before', (t) => {
  const keeper = new Keeper(true);
  keeper.invoke(1, 50);
  keeper.tell({ kind: 'attemptTimeoutReached', invocation: 1, attempt: 1 });
  t.deepEqual(keeper.tell({ kind: 'runsTakenBack', begun: 1, runs: 1 }), []);
  t.like(outcomes(keeper.done(1))[1], { kind: 'failed', error: { code: 'FunctionTimedOut' } });
});

test('executor: an import that takes too long fails, and ends the thread', (t) => {
  const keeper = new Keeper();
  const definition = { name: 'app', module: 'm', buckets: [], functions: [], triggers: [], customPrimitives: [] };
  keeper.tell({
    kind: 'loadApp',
    install: 1,
    app: 'app',
    revision: 1,
    definition,
    bundle: { hash: '', code: '', content: '', module: 'm' },
  });
  const effects = keeper.tell({ kind: 'loadTimeoutReached', app: 'app', revision: 1 });
  t.true(
    effects.some(
      (effect) => effect.kind === 'send' && effect.message.kind === 'executorLoaded' && effect.message.error?.code === 'ModuleFailed',
    ),
  );
  t.true(kinds(effects).includes('terminateThread'));
  t.deepEqual(keeper.tell({ kind: 'loadTimeoutReached', app: 'app', revision: 1 }), [], 'once');
});
