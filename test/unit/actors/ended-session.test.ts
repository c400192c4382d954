/** A question that reaches a session's home just after the session has ended there. */
import test from 'ava';
import type { SchedulerMessage } from '../../../src/actors/protocol/scheduler.ts';
import { schedulerHandlers } from '../../../src/actors/scheduler/handlers.ts';
import { schedulerMachine } from '../../../src/actors/scheduler/machine.ts';
import { createScheduler, type SchedulerState } from '../../../src/actors/scheduler/state.ts';
import { ActorDriver } from './actor-driver.ts';
import { serving } from './coordinator-workers-driver.ts';

const w1 = 'scheduler@w1';

/** A home of no session: that it was asked about has ended. */
function home(): ActorDriver<SchedulerMessage, SchedulerState> {
  const limits = {
    executors: 0,
    queuedInvocationsMax: 1,
    invocationsPerSessionMax: 1,
    executorLossesMax: 1,
    deadlineMs: 1,
    deadlineExternalMs: 1,
    abortGraceMs: 1,
    executorRestartMs: 1,
  };
  const scheduler = new ActorDriver<SchedulerMessage, SchedulerState>(
    schedulerMachine,
    schedulerHandlers,
    createScheduler(w1, limits, 'w1'),
  );
  scheduler.tell({ kind: 'startScheduler' });
  return scheduler;
}

test('sessions: what is asked of one that has just ended at home is answered from its summary', (t) => {
  const coordinator = serving([w1]);
  coordinator.open('a');
  coordinator.tell({ kind: 'querySession', request: 4, client: 'client', session: 'a' });
  const [question] = coordinator.sentOf('describeSession');
  if (!question) return t.fail('its home is asked');
  const effects = home().tell(question);
  t.deepEqual(effects, [
    { kind: 'send', to: 'coordinator', message: { kind: 'sessionNotOpen', session: 'a', client: 'client', request: 4 } },
  ]);
  // Its home has said so before.
  coordinator.close('a');
  coordinator.tell({ kind: 'sessionNotOpen', session: 'a', client: 'client', request: 4 });
  t.like(coordinator.sentOf('requestDone'), [{ request: 4, result: { id: 'a', state: 'ended' } }]);
  t.deepEqual(coordinator.sentOf('requestRefused'), []);
});

test('sessions: a home that was started anew does not know the session, and its coordinator does not ask for ever', (t) => {
  const coordinator = serving([w1]);
  coordinator.open('a');
  coordinator.tell({ kind: 'sessionNotOpen', session: 'a', client: 'client', request: 4 });
  t.like(coordinator.sentOf('requestRefused'), [{ request: 4, error: { code: 'WorkerLost', retryable: true, detail: { worker: w1 } } }]);
  t.deepEqual(coordinator.sentOf('describeSession'), []);
});

test('sessions: to cancel one that has just ended at home ends well', (t) => {
  const coordinator = serving([w1]);
  coordinator.open('a');
  coordinator.tell({ kind: 'cancelSession', request: 5, client: 'client', session: 'a', reason: 'enough' });
  const [stop] = coordinator.sentOf('stopSession');
  if (!stop) return t.fail('its home is told');
  t.deepEqual(home().tell(stop), []);
  coordinator.close('a');
  coordinator.tell({ kind: 'cancelSession', request: 6, client: 'client', session: 'a', reason: 'enough' });
  t.like(coordinator.sentOf('requestDone'), [{ request: 5 }, { request: 6 }]);
});
