/** Scripts in which most sessions wait for the outside: every bucket of an app that is not counted may get events from there. */
import type { Random } from './random.ts';
import { keys, type SimulatedApp } from './random-app.ts';
import { randomScript, type Script } from './random-script.ts';
import type { Step } from './user.ts';

export function externalScript(random: Random): Script {
  let script = randomScript(random);
  // Those of counted apps end by themselves.
  while (script.apps.length === script.countable.length) script = randomScript(random);
  const known = new Map<SimulatedApp, SimulatedApp>(script.countable.map((app) => [app, app]));
  const external = (app: SimulatedApp): SimulatedApp => {
    const { definition, programs } = app;
    const buckets = definition.buckets.map(({ name }) => ({ name, external: true }));
    const changed = known.get(app) ?? { definition: { ...definition, buckets }, programs };
    known.set(app, changed);
    return changed;
  };
  const steps = script.steps.flatMap((step, i): Step[] => {
    const { action, atMs } = step;
    if (action.do === 'register') return [{ atMs, action: { ...action, app: external(action.app) } }];
    if (action.do !== 'call') return [step];
    const id = action.id ?? `own${i}`;
    const buckets = script.apps.find(({ definition }) => definition.name === action.app)?.definition.buckets ?? [];
    const visits = buckets.length === 0 ? [] : Array.from({ length: 4 }, () => visit(random, id, random.pick(buckets).name, atMs));
    return [{ atMs, action: { ...action, id } }, ...visits];
  });
  return { ...script, steps, apps: script.apps.map(external) };
}

/** Somebody comes to see a session that may sleep by then. */
function visit(random: Random, id: string, bucket: string, afterMs: number): Step {
  const atMs = afterMs + random.pick([20, 100, 500, 3_000]);
  const kind = random.weighted({ put: 6, get: 2, query: 2, cancel: 1 });
  if (kind === 'get') return { atMs, action: { do: kind, id, bucket, key: random.pick([null, ...keys]) } };
  if (kind !== 'put') return { atMs, action: { do: kind, id } };
  const object = { bucket, key: random.pick(keys), group: random.pick([null, 'x']), sizeBytes: random.pick([12, 300]) };
  return { atMs, action: { do: kind, id, objects: [object] } };
}
