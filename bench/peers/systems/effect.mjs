/** Effect's workflows of activities, in this process and in memory: with an engine that keeps them, or with its cluster of one runner. */
import { Effect, Layer, ManagedRuntime, Schema } from 'effect';
import { Activity, DurableClock, Workflow } from 'effect/workflow';

// #region open
let executions = 0;
/** Each execution has a key of its own: those of one key are one. */
const payload = { key: Schema.Number, value: Schema.Number };
const define = (name, run) => {
  const workflow = Workflow.make(name, { payload, success: Schema.Number, idempotencyKey: ({ key }) => String(key) });
  return { workflow, layer: workflow.toLayer(({ value }) => run(value)) };
};
const step = (name, work) => Activity.make({ name, success: Schema.Number, execute: Effect.sync(work) });
// #endregion

// #region call
const next = define('next', (value) => step('next', () => value + 1));
// #endregion

// #region chain
const runChain = Effect.fnUntraced(function* (length) {
  let hops = 0;
  for (let i = 0; i < length; i++) hops = yield* step(`hop ${i}`, () => hops + 1);
  return hops;
});
const chain = define('chain', runChain);
// #endregion

// #region fan
const runFan = Effect.fnUntraced(function* (width) {
  const steps = Array.from({ length: width }, (_, i) => step(`piece ${i}`, () => i));
  const pieces = yield* Effect.all(steps, { concurrency: 'unbounded' });
  return yield* step('sum', () => pieces.reduce((sum, value) => sum + value, 0));
});
const fan = define('fan', runFan);
// #endregion

// #region sleep
const runDoze = Effect.fnUntraced(function* (ms) {
  yield* DurableClock.sleep({ name: 'doze', duration: ms });
  return ms;
});
const doze = define('doze', runDoze);
// #endregion

/** @param {Layer.Layer<import('effect/workflow').WorkflowEngine.WorkflowEngine>} engine */
export async function openEffect(engine) {
  // #region open
  const workflows = Layer.mergeAll(...[next, chain, fan, doze].map(({ layer }) => layer));
  const runtime = ManagedRuntime.make(workflows.pipe(Layer.provideMerge(engine)));
  const run = ({ workflow }, value) => runtime.runPromise(workflow.execute({ key: executions++, value }));
  // #endregion

  return {
    // #region call
    call: (value) => run(next, value),
    // #endregion

    // #region chain
    chain: (length) => run(chain, length),
    // #endregion

    // #region fan
    fan: (width) => run(fan, width),
    // #endregion

    // #region sleep
    async sleep(count, ms) {
      const woken = await Promise.all(Array.from({ length: count }, () => run(doze, ms)));
      return woken.filter((slept) => slept === ms).length;
    },
    // #endregion

    close: () => runtime.dispose(),
  };
}
