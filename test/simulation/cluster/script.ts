/** The scripts of simulated worlds, for clusters: more than one worker can do, objects so large that it matters where they are, several users. */
import type { Op, Program } from '../program.ts';
import type { Random } from '../random.ts';
import { keys, type SimulatedApp } from '../random-app.ts';
import type { Script } from '../random-script.ts';
import type { Action, Step } from '../user.ts';

/** What is at least so large becomes large. */
const largeMin = 60;
const KiB = 1_024;
const installMs = 400;
/** Most are placed near (`nearBytesMin`); the last takes two pieces of a transfer. */
const largeBytes = [100, 10 * KiB, 66 * KiB, 66 * KiB, 66 * KiB, 90 * KiB, 300 * KiB] as const;

/** The same script, but its functions take longer, many calls come at once, and, if `isLarge`, its larger objects are large. */
export function clusterScript(script: Script, isLarge: boolean, random: Random): Script {
  const sized = <T extends { readonly sizeBytes: number }>(one: T): T =>
    !isLarge || one.sizeBytes < largeMin ? one : { ...one, sizeBytes: random.pick(largeBytes) };
  const changeProgram = (program: Program): Program => {
    const changed: Op[] = program.map((op) => ('sizeBytes' in op ? sized(op) : op));
    if (random.chance(0.6)) changed.splice(random.int(0, changed.length), 0, { do: 'wait', ms: random.pick([5, 30, 120]) });
    return changed;
  };
  const apps = new Map<SimulatedApp, SimulatedApp>();
  const changeApp = (app: SimulatedApp): SimulatedApp => {
    const known = apps.get(app);
    if (known) return known;
    const programs = Object.fromEntries(Object.entries(app.programs).map(([name, program]) => [name, changeProgram(program)]));
    const changed = { ...app, programs };
    apps.set(app, changed);
    return changed;
  };
  const changeAction = (action: Action): Action => {
    if (action.do === 'register') return { ...action, app: changeApp(action.app) };
    return 'objects' in action ? { ...action, objects: action.objects.map(sized) } : action;
  };
  const steps = [...script.steps, ...bursts(script, random)];
  return {
    ...script,
    apps: script.apps.map(changeApp),
    countable: script.countable.map(changeApp),
    steps: steps.map(({ atMs, action }) => ({ atMs, action: changeAction(action) })),
  };
}

/** More than one worker can do at once: many calls, or a few of many objects. */
function bursts({ apps, lengthMs }: Script, random: Random): readonly Step[] {
  const steps: Step[] = [];
  for (let left = random.int(0, 6); left > 0; left--) {
    const atMs = random.int(200, lengthMs);
    const { name, buckets } = random.pick(apps).definition;
    const [callsMax, objectsMax] = random.pick([
      [12, 3],
      [2, 16],
    ] as const);
    for (let calls = random.int(1, callsMax); calls > 0; calls--) {
      const objects = Array.from({ length: random.int(1, objectsMax) }, () => ({
        bucket: buckets[0]?.name ?? '',
        key: random.pick(keys),
        group: random.pick([null, 'x', 'y']),
        sizeBytes: random.pick([12, 40, 500]),
      }));
      steps.push({ atMs, action: { ...call, app: name, objects, until: random.pick(['output', 'end', 'end']) } });
    }
  }
  return steps;
}

const call = {
  do: 'call',
  expects: [],
  id: null,
  timeoutMs: null,
  admitTimeoutMs: 5_000,
  retries: 0,
  deadlineMs: null,
  priority: 5,
  abandonAfterMs: null,
} as const;

/** Each step is somebody's. Only who has opened a session may ask for its result; anybody may put into it. The apps have time to be installed. */
export function stepsOf(script: Script, users: number, random: Random): readonly (readonly Step[])[] {
  const steps = Array.from({ length: users }, (): Step[] => []);
  const owners = new Map<string, number>();
  for (const [i, { atMs, action }] of script.steps.entries()) {
    const id = action.do === 'call' || action.do === 'result' ? action.id : null;
    const user = (id === null ? undefined : owners.get(id)) ?? random.int(0, users - 1);
    if (id !== null) owners.set(id, user);
    steps[user]?.push({ atMs: i < script.apps.length ? atMs : atMs + installMs, action });
  }
  return steps;
}
