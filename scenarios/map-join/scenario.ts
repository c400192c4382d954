/** Shows joins whose width is known only at run time, one inside the other. */
import { BadOption, defineScenario } from '../scenario.ts';
import app from './app.ts';

const leavesMax = 100_000;

export default defineScenario({
  about: 'tasks that split into tasks, and are joined again level by level (dynamicJoin, nested)',
  app,
  options: {
    branches: { about: 'into how many a task splits', default: 4, min: 1, max: leavesMax },
    depth: { about: 'how often', default: 5, min: 1, max: 100 },
  },
  async run(runtime, { branches, depth }, stage) {
    const leaves = branches ** depth;
    if (leaves > leavesMax)
      throw new BadOption('depth', depth, `with ${branches} branches that makes ${leaves} leaves; at most ${leavesMax}`);
    const splits = Array.from({ length: depth }, (_, level) => branches ** level).reduce((sum, tasks) => sum + tasks, 0);
    stage.expectInvocations(leaves + 2 * splits);
    const sum = await runtime.call(app, 'tasks', { path: 'root', branches, depth, position: 0 });
    return {
      result: { ...sum },
      details: { joins: splits },
      expected: { leaves, positions: (leaves * (leaves - 1)) / 2 },
      work: { unit: 'leaves', amount: leaves },
    };
  },
});
