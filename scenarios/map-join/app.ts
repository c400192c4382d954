/**
 * Joins inside joins: a task is split into branches, these into branches again; the results of each split are joined, and the
 * join is itself a result for the join above.
 *
 *     tasks ──immediate──► expand ──► tasks (its branches)
 *                               └───► results ──dynamicJoin, by group──► join ──► results (one level up), or output
 *
 * A task is named by its path, `root/0/2`. The group of a result is the path of the task that it is a branch of.
 */
import { dirname } from 'node:path/posix';
import { bucket, defineApp, dynamicJoin, fn, immediate, type } from 'pheromone';

export interface Task {
  readonly path: string;
  readonly branches: number;
  /** How often it is still to be split. */
  readonly depth: number;
  /** Among the tasks of its level, from 0. */
  readonly position: number;
}

/** Of the leaves under a task: how many, and the sum of their positions. */
export interface Sum {
  readonly leaves: number;
  readonly positions: number;
}

const tasks = bucket('tasks', { value: type<Task>() });
const results = bucket('results', { value: type<Sum>() });

const expand = fn('expand', { input: tasks, sends: [tasks, results] }, async ({ value: task }, ctx) => {
  const { path, branches, depth, position } = task;
  if (depth === 0) {
    await ctx.send(results, { group: dirname(path), value: { leaves: 1, positions: position } });
    return;
  }
  await ctx.expect(results, { group: path, count: branches });
  for (let i = 0; i < branches; i++) {
    await ctx.send(tasks, { value: { path: `${path}/${i}`, branches, depth: depth - 1, position: position * branches + i } });
  }
});

const join = fn('join', { inputs: results, sends: [results], output: type<Sum>() }, async (inputs, ctx) => {
  const sum = { leaves: 0, positions: 0 };
  for (const { value } of inputs) {
    sum.leaves += value.leaves;
    sum.positions += value.positions;
  }
  const path = inputs[0]?.group ?? '';
  if (path === 'root') await ctx.output(sum);
  else await ctx.send(results, { group: dirname(path), value: sum });
});

export default defineApp('map-join', {
  module: import.meta.url,
  triggers: [tasks.on(immediate(), expand), results.on(dynamicJoin(), join)],
});
