/** Whatever workers do, in whatever order messages of different links come: sessions end once, objects are whole, and nothing is left. */
import test from 'ava';
import fc from 'fast-check';
import { errorData } from '../../../src/actors/protocol/error.ts';
import type { AttemptOutcome } from '../../../src/actors/protocol/scheduler.ts';
import type { SessionSummary } from '../../../src/actors/protocol/session.ts';
import { LodgingDriver } from './lodging-driver.ts';
import { inlineRef, type LodgingWorker, type RunningAttempt } from './lodging-worker.ts';
import { appOf, on } from './scheduler-driver.ts';

const parts = ['p0', 'p1', 'p2', 'p3'];
const retry = { attemptsMax: 3, backoff: { initialMs: 5, factor: 2, maxMs: 20 } };
const plain = appOf({ start: ['parts'], work: ['done'], join: [] }, [
  on('in', 'immediate', null, 'start'),
  on('parts', 'immediate', null, 'work'),
  on('done', 'dynamicGroup', { sources: ['work'] }, 'join'),
]);
const definition = { ...plain, functions: plain.functions.map((fn) => ({ ...fn, retry })) };
const names = ['w1', 'w2', 'w3'];
const failed: AttemptOutcome = { kind: 'failed', error: errorData('FunctionFailed', 'it threw') };
const lost: AttemptOutcome = { kind: 'lost', reason: 'exit', culprit: false, text: 'it is gone' };
const refused: AttemptOutcome = { kind: 'refused' };

interface Step {
  readonly kind: 'carry' | 'advance' | 'act' | 'fail' | 'open' | 'cancel' | 'get' | 'kill';
  readonly which: number;
}

const usual = ['carry', 'carry', 'carry', 'carry', 'advance', 'advance', 'act', 'act', 'act', 'open', 'get'] as const;
const steps = (...more: Step['kind'][]) =>
  fc.array(fc.record<Step>({ kind: fc.constantFrom<Step['kind'][]>(...usual, ...more), which: fc.nat(1_000) }), {
    minLength: 20,
    maxLength: 200,
  });

/** What every byte of the object under this key is. */
const contentOf = (key: string) => (key.charCodeAt(1) * 31) % 200;
const sizeOf = (which: number) => [1_000, 20_000, 80_000][which % 3] ?? 0;

class RandomWorld {
  readonly driver = new LodgingDriver(definition, { workers: names });
  readonly opened: { readonly id: string; readonly home: string }[] = [];
  killed: string | null = null;
  #request = 1;

  step({ kind, which }: Step): void {
    const { driver } = this;
    if (kind === 'carry') driver.carryOne(pick(driver.busy, which) ?? null);
    if (kind === 'advance') driver.timers.advance(1 + (which % 5));
    if (kind === 'act') this.#act(which);
    if (kind === 'fail') this.#fail(which);
    if (kind === 'open') this.#open(which);
    if (kind === 'cancel') this.#cancel(which);
    if (kind === 'get') this.#get(which);
    if (kind === 'kill' && this.killed === null) {
      this.killed = pick(names, which) ?? '';
      driver.kill(this.killed);
    }
    driver.check();
  }

  /** Everything ends as it should. */
  heal(): void {
    const { driver } = this;
    for (let i = 0; i < 500 && (i < 2 || driver.leftovers().length > 0); i++) {
      for (const worker of this.#living())
        for (let left = worker.running.length; left > 0; left--) this.#finish(worker, worker.attempt(), i);
      driver.advance(10);
    }
  }

  #living(): readonly LodgingWorker[] {
    return [...this.driver.workers.values()].filter(({ name }) => name !== this.killed);
  }

  #open(which: number): void {
    const home = pick(names, which) ?? '';
    if (this.opened.length >= 4 || home === this.killed) return;
    const id = `s${this.opened.length}`;
    this.opened.push({ id, home });
    // What is under way stays so.
    for (const link of this.driver.busy) this.driver.held.add(link);
    this.driver.open(home, id, ['in']);
    this.driver.held.clear();
  }

  #act(which: number): void {
    const worker = pick(
      this.#living().filter(({ running }) => running.length > 0),
      which,
    );
    if (worker) this.#finish(worker, worker.attempt(), which);
  }

  /** The whole work of an attempt. */
  #finish(worker: LodgingWorker, attempt: RunningAttempt, which: number): void {
    const { fn } = attempt;
    for (const [key, content] of Object.entries(worker.read(fn))) {
      if (fn !== 'start' && content !== contentOf(key)) throw new Error(`${key} is ${content} on ${worker.name}`);
    }
    const whole = (key: string) => worker.block(sizeOf(which), contentOf(key));
    if (!attempt.isAborted) {
      if (fn === 'start') for (const key of parts) worker.send('start', 'parts', key, which % 2 ? whole(key) : small(key));
      if (fn === 'work') worker.send('work', 'done', attempt.run.inputs[0]?.key, whole(attempt.run.inputs[0]?.key ?? ''));
      if (fn === 'join') worker.output('join', worker.block(sizeOf(which), attempt.run.inputs.length));
    }
    worker.finish(fn);
  }

  #fail(which: number): void {
    const worker = pick(
      this.#living().filter(({ running }) => running.length > 0),
      which,
    );
    if (!worker || worker.attempt().isAborted) return;
    const outcome = which % 3 === 0 ? failed : which % 3 === 1 ? lost : refused;
    // What is refused has not begun.
    if (outcome !== refused && worker.functions[0] === 'work')
      worker.send('work', 'done', worker.attempt().run.inputs[0]?.key, this.#half(worker));
    worker.finish(worker.functions[0], outcome);
  }

  #half(worker: LodgingWorker) {
    return worker.block(1_000, contentOf(worker.attempt('work').run.inputs[0]?.key ?? ''));
  }

  #cancel(which: number): void {
    const session = pick(this.opened, which);
    if (!session || session.home === this.killed) return;
    const error = errorData('SessionCancelled', 'it was cancelled');
    this.driver.at(session.home).tell({ kind: 'stopSession', session: session.id, error });
  }

  #get(which: number): void {
    const worker = pick(
      this.#living().filter(({ running }) => running.length > 0),
      which,
    );
    worker?.ask(worker.attempt().fn, this.#request++, which % 2 ? 'parts' : 'done', which % 3 ? null : 'p1');
  }
}

function small(key: string) {
  return { ...inlineRef, inline: new Uint8Array([contentOf(key)]) };
}

function pick<T>(from: readonly T[], which: number): T | undefined {
  return from[which % Math.max(1, from.length)];
}

function run(moves: readonly Step[]): RandomWorld {
  const world = new RandomWorld();
  world.step({ kind: 'open', which: 0 });
  for (const move of moves) world.step(move);
  world.heal();
  return world;
}

/** Throws if something is left, or a session has not ended once; and what `check` says of those that were told. */
function checkWorld({ driver, opened, killed }: RandomWorld, check: (summary: SessionSummary) => string | null): void {
  const found = [...driver.leftovers()];
  for (const { id, home } of opened) {
    const ends = driver.ended.filter((summary) => summary.id === id).length;
    if (home !== killed && ends !== 1) found.push(`${id} ended ${ends} times`);
  }
  for (const summary of driver.ended) found.push(...[check(summary)].filter((problem) => problem !== null));
  if (found.length > 0) throw new Error(found.join('; '));
}

/** Every part has been worked on, and joined. */
function isWhole({ history }: SessionSummary): boolean {
  const [start, work, join] = history.functions;
  const made = [start?.invocations, work?.invocations, join?.invocations];
  return history.objects === 9 && history.outputs === 1 && made.join() === '1,4,1';
}

test('lodging: whoever runs what, every part is worked on once, and all of them are joined', (t) => {
  const property = fc.property(steps(), (moves) => {
    const world = run(moves);
    checkWorld(world, (summary) => {
      const once = summary.history.functions.every(({ invocations, attempts }) => invocations === attempts);
      return summary.state === 'ended' && isWhole(summary) && once ? null : `${summary.id}: ${JSON.stringify(summary)}`;
    });
    return world.driver.outputs.every((count) => count === 4);
  });
  fc.assert(property, { numRuns: 60 });
  t.pass();
});

test('lodging: with attempts that fail, are lost and refused, and sessions that are cancelled', (t) => {
  const property = fc.property(steps('fail', 'fail', 'cancel'), (moves) => {
    checkWorld(run(moves), (summary) => (summary.state !== 'ended' || isWhole(summary) ? null : JSON.stringify(summary)));
  });
  fc.assert(property, { numRuns: 100 });
  t.pass();
});

test('lodging: with a worker that is gone, too', (t) => {
  const known = ['InputsLost', 'FunctionFailed', 'ExecutorCrashed', 'SessionCancelled'];
  const property = fc.property(steps('fail', 'cancel', 'kill'), (moves) => {
    checkWorld(run(moves), ({ error }) => (error && !known.includes(error.code) ? JSON.stringify(error) : null));
  });
  fc.assert(property, { numRuns: 100 });
  t.pass();
});
