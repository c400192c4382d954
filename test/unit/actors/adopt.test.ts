/** How sessions that have run solo come home (`scheduler/adopt.ts`): nothing runs twice, and nothing is forgotten. */
import test, { type ExecutionContext } from 'ava';
import fc from 'fast-check';
import { type AppDefinition, compileApp } from '../../../src/actors/app.ts';
import type { AdoptSession, SoloObjectSent } from '../../../src/actors/protocol/scheduler.ts';
import { planSolo } from '../../../src/actors/solo/plan.ts';
import { SoloSession } from '../../../src/actors/solo/session.ts';
import { AdoptDriver, blockRef, deadlineMs, inlineRef, sentTo } from './adopt-driver.ts';
import { appOf, on } from './scheduler-driver.ts';

/** Bucket 0 starts `first`, bucket 1 `second`, keys a and b in bucket 2 `joined`. */
const chain = appOf({ first: null, second: null, joined: null }, [
  on('b0', 'immediate', null, 'first'),
  on('b1', 'immediate', null, 'second'),
  on('b2', 'bySet', { keys: ['a', 'b'] }, 'joined'),
]);
const firstBegins = { trigger: 0, inputs: [0] };
const secondBegins = { trigger: 1, inputs: [1] };

test('adopt: what had begun is not begun again, and what was due is begun once', (t) => {
  const driver = new AdoptDriver(chain);
  driver.adopt({ sent: [sentTo(0), sentTo(1, 1), sentTo(1, 1)], begun: [firstBegins, secondBegins] });
  t.deepEqual(driver.functions, ['second']);
  const [{ run }] = driver.running as [(typeof driver.running)[0]];
  t.is(run.inputs.length, 1);
  t.is(run.attempt, 1);
  driver.finish('second');
  const [summary] = driver.toldOf('sessionClosed').map((message) => message.summary);
  t.like(summary, { id: 's', state: 'ended', history: { objects: 3, outputs: 0 } });
  t.deepEqual(summary?.history.functions, [
    { function: 'first', invocations: 1, attempts: 1, reruns: 0, failures: 0 },
    { function: 'second', invocations: 2, attempts: 2, reruns: 0, failures: 0 },
  ]);
});

test('adopt: a session that has only been sent begins at home', (t) => {
  const driver = new AdoptDriver(chain);
  driver.adopt({ sent: [sentTo(0), sentTo(0)] });
  t.deepEqual(driver.functions, ['first', 'first']);
});

test('adopt: a session with nothing left to do ends, once', (t) => {
  const driver = new AdoptDriver(chain);
  driver.adopt({ sent: [sentTo(0)], begun: [firstBegins], given: [{ source: 1, ref: inlineRef }] });
  t.deepEqual(driver.functions, []);
  t.is(driver.toldOf('sessionEnded').length, 1);
  t.is(driver.toldOf('sessionClosed').length, 1);
  t.is(driver.timers.size, 0);
  t.is(driver.state.sessions.size, 0);
});

test('adopt: what its triggers hold they hold at home: a set that lacks a key fires when it comes', (t) => {
  const driver = new AdoptDriver(chain);
  driver.adopt({ sent: [sentTo(0), sentTo(2, 1, { key: 'b' }), sentTo(2, 1, { key: 'b' })], begun: [firstBegins], executor: 0 });
  t.deepEqual(driver.functions, []);
  const invocation = driver.toldOf('soloAdopted')[0]!.invocation;
  driver.tell({ kind: 'objectSent', invocation, attempt: 1, bucket: 2, key: 'a', ordinal: 0, group: null, delayMs: 0, ref: inlineRef });
  t.deepEqual(driver.functions, ['joined']);
  t.deepEqual(
    driver.running[0]?.run.inputs.map(({ key }) => key),
    ['a', 'b'],
  );
  const outcome = { kind: 'returned', objects: 3, outputs: 0 } as const;
  driver.tell({ kind: 'attemptEnded', executor: 0, invocation, attempt: 1, outcome });
  driver.finish('joined');
  t.like(driver.toldOf('sessionEnded')[0]?.summary, { state: 'ended', history: { superseded: 1 } });
});

test('adopt: a set that has begun is not begun again, and counts anew from there', (t) => {
  const driver = new AdoptDriver(chain);
  const parts = ['b', 'a', 'a', 'b'].map((key) => sentTo(2, 1, { key }));
  driver.adopt({ sent: [sentTo(0), ...parts], begun: [firstBegins, { trigger: 2, inputs: [2, 1] }] });
  t.deepEqual(driver.functions, ['joined'], 'the second round was due');
  t.is(driver.toldOf('invoke').length, 1);
});

test('adopt: a function that still runs goes on where it is, and its end ends the session', (t) => {
  const driver = new AdoptDriver(chain);
  driver.adopt({ sent: [sentTo(0), sentTo(1, 1)], begun: [firstBegins, secondBegins], executor: 2 });
  t.deepEqual(driver.functions, []);
  const adopted = driver.told.filter(({ message }) => message.kind === 'soloAdopted');
  t.is(adopted.length, 1);
  t.is(adopted[0]?.to, 'executor:2');
  const { slot, generation, invocation, attempt, timeoutMs } = driver.toldOf('soloAdopted')[0]!;
  t.deepEqual({ slot, generation, attempt, timeoutMs }, { slot: 3, generation: 5, attempt: 1, timeoutMs: null });
  t.is(driver.state.executors.get(2)?.running, 1);
  t.is(driver.toldOf('sessionEnded').length, 0);
  driver.tell({ kind: 'attemptEnded', executor: 2, invocation, attempt, outcome: { kind: 'returned', objects: 0, outputs: 0 } });
  t.like(driver.toldOf('sessionEnded')[0]?.summary, { state: 'ended', error: null });
  t.is(driver.state.executors.get(2)?.running, 0);
  t.is(driver.state.invocations.size, 0);
});

test('adopt: one that runs has its time-out, and fails with its function’s policy', (t) => {
  const functions = chain.functions.map((fn) => ({ ...fn, timeoutMs: 50, retry: { ...fn.retry, attemptsMax: 2 } }));
  const driver = new AdoptDriver({ ...chain, functions });
  driver.adopt({ sent: [sentTo(0)], begun: [firstBegins], executor: 1 });
  const { timeoutMs, invocation, attempt } = driver.toldOf('soloAdopted')[0]!;
  t.is(timeoutMs, 50);
  const error = { code: 'FunctionTimedOut', message: 'late', retryable: false, detail: {} } as const;
  driver.tell({ kind: 'attemptEnded', executor: 1, invocation, attempt, outcome: { kind: 'failed', error: { ...error } as never } });
  driver.tell({ kind: 'retryDue', invocation, attempt });
  t.deepEqual(driver.functions, ['first']);
  t.is(driver.running[0]?.run.attempt, 2);
  driver.finish('first');
  const counts = driver.toldOf('sessionEnded')[0]?.summary.history.functions;
  t.deepEqual(counts, [{ function: 'first', invocations: 1, attempts: 2, reruns: 0, failures: 1 }]);
});

test('adopt: a second attempt of one that ran does not send again what the journal has', (t) => {
  const functions = chain.functions.map((fn) => ({ ...fn, retry: { ...fn.retry, attemptsMax: 2 } }));
  const driver = new AdoptDriver({ ...chain, functions });
  driver.adopt({ sent: [sentTo(0), sentTo(1, 1), sentTo(1, 1)], begun: [firstBegins], executor: 1 });
  const { invocation } = driver.toldOf('soloAdopted')[0]!;
  t.deepEqual(driver.functions, ['second', 'second']);
  const outcome = { kind: 'lost', reason: 'exit', culprit: true, text: 'it exited' } as const;
  driver.tell({ kind: 'attemptEnded', executor: 1, invocation, attempt: 1, outcome }, { kind: 'retryDue', invocation, attempt: 1 });
  t.deepEqual(driver.functions, ['second', 'second', 'first']);
  for (const ordinal of [0, 1, 2])
    driver.tell({ kind: 'objectSent', invocation, attempt: 2, bucket: 1, key: 'k', ordinal, group: null, delayMs: 0, ref: inlineRef });
  t.deepEqual(driver.functions, ['second', 'second', 'first', 'second'], 'only the third is new');
  driver.finish('first', { kind: 'returned', objects: 3, outputs: 0 });
  for (let i = 0; i < 3; i++) driver.finish('second');
  t.like(driver.toldOf('sessionEnded')[0]?.summary, { state: 'ended', history: { objects: 4 } });
});

test('adopt: one whose executor is no more runs again', (t) => {
  const driver = new AdoptDriver(chain);
  driver.adopt({ sent: [sentTo(0), sentTo(1, 1)], begun: [firstBegins], executor: 99 });
  t.deepEqual(driver.toldOf('soloAdopted'), []);
  t.deepEqual([...driver.functions].sort(), ['first', 'second']);
  const { run } = driver.running.find(({ fn }) => fn === 'first')!;
  t.is(run.attempt, 2);
});

test('adopt: outputs are told once, with their index; the next one counts on', (t) => {
  const driver = new AdoptDriver(chain);
  driver.adopt({ sent: [sentTo(0)], begun: [firstBegins], executor: 0, given: [{ source: 1, ref: inlineRef }] });
  const { invocation } = driver.toldOf('soloAdopted')[0]!;
  for (const ordinal of [1, 2]) driver.tell({ kind: 'outputSent', invocation, attempt: 1, ordinal, ref: inlineRef });
  t.deepEqual(
    driver.toldOf('sessionOutput').map(({ index, from, called }) => ({ index, from, called })),
    [
      { index: 0, from: 'first', called: true },
      { index: 1, from: 'first', called: true },
    ],
    'the first came twice',
  );
});

test('adopt: an output of an earlier function is not taken for one of the function that runs', (t) => {
  const driver = new AdoptDriver(chain);
  const given = [{ source: 1, ref: inlineRef }];
  driver.adopt({ sent: [sentTo(0), sentTo(1, 1)], begun: [firstBegins, secondBegins], executor: 0, given });
  const { invocation } = driver.toldOf('soloAdopted')[0]!;
  driver.tell({ kind: 'outputSent', invocation, attempt: 1, ordinal: 1, ref: inlineRef });
  driver.tell({ kind: 'attemptEnded', executor: 0, invocation, attempt: 1, outcome: { kind: 'returned', objects: 0, outputs: 1 } });
  t.deepEqual(
    driver.toldOf('sessionOutput').map(({ index, from }) => [index, from]),
    [
      [0, 'first'],
      [1, 'second'],
    ],
  );
  t.like(driver.toldOf('sessionEnded')[0]?.summary, { state: 'ended', history: { outputs: 2 } });
});

test('adopt: coordinator and client hear of the session before anything else of it', (t) => {
  const driver = new AdoptDriver(chain);
  driver.adopt({ sent: [sentTo(0)], begun: [firstBegins], given: [{ source: 1, ref: inlineRef }] });
  const kinds = (address: string) => driver.told.filter(({ to }) => to === address).map(({ message }) => message.kind);
  t.deepEqual(kinds('client:test'), ['sessionReclaimed', 'sessionOutput', 'sessionEnded']);
  t.deepEqual(kinds('coordinator'), ['sessionAdopted', 'sessionClosed']);
  t.like(driver.toldOf('sessionReclaimed')[0], { session: 's', slot: 3, generation: 5 });
  t.like(driver.toldOf('sessionAdopted')[0]?.spec, { id: 's', app: 'app', client: 'client:test', called: true });
});

test('adopt: its deadline counts from the call', (t) => {
  const driver = new AdoptDriver(chain);
  driver.adopt({ sent: [sentTo(0)], openedMs: driver.nowMs - 3_000 });
  t.deepEqual(
    [...driver.timers.values()].map(({ afterMs }) => afterMs),
    [deadlineMs - 3_000],
  );
});

test('adopt: its blocks are held until the session ends, those of inputs until their attempts have ended', (t) => {
  const driver = new AdoptDriver(chain);
  driver.adopt({
    sent: [sentTo(0), sentTo(1, 1, { ref: blockRef(64) }), sentTo(1, 1, { ref: blockRef(6_400) })],
    begun: [firstBegins, secondBegins],
    executor: 3,
  });
  t.deepEqual(
    [...driver.holds],
    [
      [64, 2],
      [6_400, 2],
    ],
  );
  const { invocation } = driver.toldOf('soloAdopted')[0]!;
  driver.finish('second');
  t.deepEqual(
    [...driver.holds],
    [
      [64, 2],
      [6_400, 1],
    ],
  );
  driver.tell({ kind: 'attemptEnded', executor: 3, invocation, attempt: 1, outcome: { kind: 'returned', objects: 0, outputs: 0 } });
  t.deepEqual([...driver.holds], []);
});

test('adopt: a session of a revision that is no more is cancelled, and its blocks are released', (t) => {
  const driver = new AdoptDriver(chain);
  for (const offset of [64, 6_400]) driver.holds.set(offset, 1);
  driver.adopt({
    install: 9,
    sent: [sentTo(0, 0, { ref: blockRef(64) }), sentTo(1, 1, { ref: blockRef(6_400) })],
    begun: [firstBegins],
  });
  t.deepEqual(
    driver.told.map(({ to, message }) => `${to} ${message.kind}`),
    ['client:test sessionReclaimed', 'client:test sessionEnded'],
  );
  t.like(driver.toldOf('sessionReclaimed')[0], { session: 's', slot: 3, generation: 5 });
  t.like(driver.toldOf('sessionEnded')[0]?.summary, { id: 's', state: 'cancelled', error: { code: 'SessionCancelled' } });
  t.deepEqual([...driver.holds], []);
  t.is(driver.state.sessions.size, 0);
});

test('adopt: its function, if one still runs, is told what it is called, and aborted; what it reads stays', (t) => {
  const driver = new AdoptDriver(chain);
  for (const offset of [64, 6_400]) driver.holds.set(offset, 1);
  driver.adopt({
    install: 9,
    sent: [sentTo(0, 0, { ref: blockRef(64) }), sentTo(1, 1, { ref: blockRef(6_400) })],
    begun: [firstBegins],
    executor: 0,
  });
  const { invocation } = driver.toldOf('soloAdopted')[0]!;
  t.like(driver.toldOf('abortInvocation')[0], { invocation, attempt: 1 });
  t.deepEqual([...driver.holds], [[64, 1]]);
  // Nobody has a row for it: what it still says is passed over.
  driver.tell({ kind: 'attemptEnded', executor: 0, invocation, attempt: 1, outcome: { kind: 'aborted' } });
  t.is(driver.state.invocations.size, 0);
  t.is(driver.state.executors.get(0)?.running ?? 0, 0);
});

const everyCondition = fc.oneof(
  fc.constant<[string, unknown]>(['immediate', null]),
  fc.constantFrom('a', 'b').map((key): [string, unknown] => ['byName', { key }]),
  fc.constant<[string, unknown]>(['bySet', { keys: ['a', 'b'] }]),
  fc.integer({ min: 1, max: 3 }).map((count): [string, unknown] => ['byBatchSize', { count, scope: 'session', flushAtEnd: false }]),
);
const everyTriggers = fc.array(fc.tuple(fc.nat(2), everyCondition, fc.nat(2)), { minLength: 2, maxLength: 6 });
const everySends = fc.array(fc.tuple(fc.nat(2), fc.constantFrom('a', 'b')), { minLength: 1, maxLength: 4 });
const everyProgram = fc.array(everySends, { minLength: 4, maxLength: 8 });

function randomApp(triggers: readonly (readonly [number, [string, unknown], number])[]): AppDefinition {
  const definition = appOf({ f0: null, f1: null, f2: null }, []);
  return {
    ...definition,
    buckets: [0, 1, 2].map((i) => ({ name: `b${i}`, external: false })),
    triggers: triggers.map(([bucket, [primitive, options], fn], i) => ({
      ...on(`b${bucket}`, primitive, options, `f${fn}`),
      name: `t${i}`,
    })),
  };
}

type Journal = Pick<AdoptSession, 'sent' | 'begun'> & { readonly due: readonly string[] };

/**
 * Runs a session solo for so many steps, each an object that is sent or a function that begins; the last one that began has returned.
 * The n-th invocation sends what the n-th part of the program says; the client what the first says.
 */
function runSolo(definition: AppDefinition, program: readonly (readonly (readonly [number, string])[])[], steps: number): Journal {
  const table = compileApp(definition, 1);
  const session = new SoloSession(planSolo(table));
  const sent: SoloObjectSent[] = [];
  const begun: { readonly trigger: number; readonly inputs: readonly number[] }[] = [];
  let left = steps;
  for (let number = 0; left > 0; number++) {
    for (const [bucket, key] of program[number] ?? []) {
      if (left-- <= 0) break;
      sent.push(sentTo(bucket, number, { key }));
      session.admit({ bucket, key, group: null, ref: inlineRef }, number);
    }
    const firing = left-- > 0 ? session.begin() : null;
    if (!firing) break;
    begun.push({ trigger: firing.trigger.index, inputs: firing.inputs });
  }
  const due: string[] = [];
  for (let firing = session.begin(); firing; firing = session.begin()) {
    due.push(`f${firing.trigger.function} ${firing.inputs.map((input) => sent[input]?.key).join()}`);
  }
  return { sent, begun, due };
}

/** The function that ran when its session was taken returns, having sent what the journal says. */
function endResumed(t: ExecutionContext, driver: AdoptDriver, { sent, begun }: Pick<AdoptSession, 'sent' | 'begun'>): void {
  t.is(driver.toldOf('sessionEnded').length, 0, 'one runs');
  const { invocation, attempt } = driver.toldOf('soloAdopted')[0]!;
  const objects = sent.filter(({ source }) => source === begun.length).length;
  const outcome = { kind: 'returned', objects, outputs: begun.length === 1 ? 1 : 0 } as const;
  driver.tell({ kind: 'attemptEnded', executor: 0, invocation, attempt, outcome });
}

test('adopt: wherever a session was taken from its executor, exactly what was due then is begun, and it ends', (t) => {
  let due = 0;
  fc.assert(
    fc.property(everyTriggers, everyProgram, fc.integer({ min: 1, max: 30 }), fc.boolean(), (triggers, program, steps, runs) => {
      const definition = randomApp(triggers);
      const { due: expected, ...journal } = runSolo(definition, program, steps);
      const executor = runs && journal.begun.length > 0 ? 0 : -1;
      const driver = new AdoptDriver(definition);
      // With an output: without one, a set that waits would fail the session.
      driver.adopt({ ...journal, executor, given: [{ source: 1, ref: inlineRef }] });
      const invoked: string[] = [];
      while (driver.running.length > 0) {
        const { fn, run } = driver.running[0]!;
        invoked.push(`${fn} ${run.inputs.map(({ key }) => key).join()}`);
        driver.finish(fn);
      }
      if (executor !== -1) endResumed(t, driver, journal);
      const ended = driver.toldOf('sessionEnded');
      due += expected.length;
      t.deepEqual([...invoked].sort(), [...expected].sort());
      const counted = ended[0]?.summary.history.functions.reduce((sum, { invocations }) => sum + invocations, 0);
      return ended.length === 1 && counted === journal.begun.length + invoked.length && driver.state.invocations.size === 0;
    }),
    { numRuns: 300 },
  );
  t.true(due > 100, `${due} were due`);
});
