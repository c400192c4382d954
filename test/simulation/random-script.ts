/** Random scripts for a user: apps come, are used, change and go. */
import type { SimulatedApp } from './random-app.ts';
import { keys, randomApp, randomTrigger } from './random-app.ts';
import { countableApp } from './countable-app.ts';
import type { Putting } from './client.ts';
import type { Random } from './random.ts';
import type { Action, Step } from './user.ts';

export interface Script {
  readonly steps: readonly Step[];
  readonly apps: readonly SimulatedApp[];
  /** Those of `apps` whose outcome can be counted; they do not change. */
  readonly countable: readonly SimulatedApp[];
  readonly lengthMs: number;
}

const lengthMs = 4_000;
/** What fits into a message. */
const smallBytes = [12, 40, 64] as const;
const sizesBytes = [12, 40, 64, 65, 300, 2_000] as const;

export function randomScript(random: Random): Script {
  const countable = random.chance(0.6) ? [countableApp('countable', 'file:///countable', random)] : [];
  const changing = Array.from({ length: random.int(countable.length === 0 ? 1 : 0, 2) }, (_, i) =>
    randomApp(`app${i}`, `file:///app${i}`, random),
  );
  const apps = [...countable, ...changing];
  const steps: Step[] = apps.map((app) => ({ atMs: random.int(0, 50), action: { do: 'register', app } }));
  const writer = new Writer(random);
  const count = random.pick([10, 40, 120]);
  const busyMs = random.pick([500, lengthMs]);
  for (let i = 0; i < count; i++) {
    const atMs = random.int(60, busyMs);
    const app = random.pick(apps);
    const action = writer.anyAction(app, changing);
    steps.push({ atMs, action });
    // Sessions are short: who wants to meet one must hurry.
    if (action.do === 'call' && action.id !== null && random.chance(0.5)) {
      steps.push({ atMs: atMs + random.pick([0, 5, 20, 100, 500]), action: writer.ask(app, action.id) });
    }
  }
  return { steps, apps, countable, lengthMs };
}

class Writer {
  readonly #random: Random;
  readonly #ids: string[] = [];
  #made = 0;

  constructor(random: Random) {
    this.#random = random;
  }

  anyAction(app: SimulatedApp, changing: readonly SimulatedApp[]): Action {
    const random = this.#random;
    const kind = random.weighted({ call: 20, ask: 8, drain: 1, change: 2, durable: 1 });
    if (kind === 'call') return this.#call(app);
    if (kind === 'drain') return { do: 'drain', app: app.definition.name };
    if (kind === 'durable') return { do: random.pick(['keep', 'recall']), key: `${app.definition.name}/k` };
    if (kind === 'change') return changing.includes(app) ? this.#change(app) : this.#call(app);
    return this.ask(app, this.#ids.length > 0 && random.chance(0.95) ? random.pick(this.#ids) : 'nobody');
  }

  /** Something about one session. */
  ask(app: SimulatedApp, id: string): Action {
    const random = this.#random;
    const kind = random.weighted({ put: 4, get: 4, query: 1, cancel: 1, result: 2 });
    if (kind === 'put') return { do: 'put', id, objects: this.#objects(app, 3) };
    if (kind === 'get') return { do: 'get', id, bucket: this.#bucket(app), key: random.pick([null, ...keys]) };
    if (kind === 'result') return { do: 'result', id, until: random.pick(['output', 'end']), timeoutMs: random.pick([null, 100]) };
    return { do: kind, id };
  }

  /** Of the kind that may run solo. */
  #plainCall(app: SimulatedApp): Action {
    const random = this.#random;
    return {
      do: 'call',
      app: app.definition.name,
      objects: this.#objects(app, 4).map((object) => ({ ...object, sizeBytes: random.pick(smallBytes) })),
      expects: [],
      until: 'output',
      id: null,
      timeoutMs: random.pick([null, null, 20, 500]),
      admitTimeoutMs: 5_000,
      retries: 0,
      deadlineMs: null,
      priority: 5,
      abandonAfterMs: random.chance(0.9) ? null : random.pick([0, 5, 300]),
    };
  }

  #call(app: SimulatedApp): Action {
    const random = this.#random;
    if (random.chance(0.6)) return this.#plainCall(app);
    const until = random.pick(['output', 'end', 'open'] as const);
    const isOpen = until === 'open';
    return {
      do: 'call',
      app: random.chance(0.02) ? 'nothing' : app.definition.name,
      objects: this.#objects(app, 5),
      expects: this.#expects(app),
      until,
      id: this.#id(),
      timeoutMs: isOpen ? null : random.pick([null, null, 20, 500]),
      admitTimeoutMs: random.pick([50, 1_000, 5_000]),
      retries: isOpen ? 0 : random.pick([0, 0, 1, 3]),
      deadlineMs: random.pick([null, null, 300, 3_000]),
      priority: random.int(0, 9),
      abandonAfterMs: isOpen || random.chance(0.9) ? null : random.pick([0, 5, 300]),
    };
  }

  #id(): string | null {
    const random = this.#random;
    if (this.#ids.length > 0 && random.chance(0.1)) return random.pick(this.#ids);
    if (random.chance(0.3)) return null;
    const id = `id${this.#made++}`;
    this.#ids.push(id);
    return id;
  }

  #expects(app: SimulatedApp) {
    const joins = app.definition.triggers.filter(({ primitive }) => primitive === 'dynamicJoin');
    if (joins.length === 0 || this.#random.chance(0.6)) return [];
    return [{ bucket: this.#random.pick(joins).bucket, group: null, keys: null, count: this.#random.int(0, 3) }];
  }

  #objects(app: SimulatedApp, max: number): Putting[] {
    const random = this.#random;
    return Array.from({ length: random.int(0, max) }, () => ({
      bucket: random.chance(0.02) ? 'nowhere' : this.#bucket(app),
      key: random.chance(0.2) ? `h${random.int(0, 4)}` : random.pick(keys),
      group: random.pick([null, 'x', 'y']),
      sizeBytes: random.pick(sizesBytes),
    }));
  }

  /** Mostly the first: there most of an app begins. */
  #bucket({ definition }: SimulatedApp): string {
    const { buckets } = definition;
    const first = buckets[0]?.name ?? '';
    return definition.name === 'countable' || this.#random.chance(0.6) ? first : this.#random.pick(buckets).name;
  }

  #change(app: SimulatedApp): Action {
    const random = this.#random;
    const { name, buckets, triggers, functions } = app.definition;
    const kind = random.weighted({ register: 3, unregister: 1, addTrigger: 2, deleteTrigger: 2, createBucket: 1, deleteBucket: 1 });
    switch (kind) {
      case 'register':
        return { do: 'register', app: this.#revise(app) };
      case 'unregister':
        return { do: 'unregister', app: name };
      case 'addTrigger': {
        const added = randomTrigger(
          `added${this.#made++}`,
          random.pick(buckets).name,
          functions.map((fn) => fn.name),
          random,
        );
        return { do: 'change', app: name, change: { kind: 'addTrigger', trigger: added } };
      }
      case 'deleteTrigger':
        return {
          do: 'change',
          app: name,
          change: { kind: 'deleteTrigger', trigger: triggers.length > 0 ? random.pick(triggers).name : 'none' },
        };
      case 'createBucket':
        return { do: 'change', app: name, change: { kind: 'createBucket', bucket: { name: `b${random.int(5, 9)}`, external: false } } };
      case 'deleteBucket':
        return { do: 'change', app: name, change: { kind: 'deleteBucket', bucket: random.pick(buckets).name } };
    }
  }

  /** Another app of the same name: mostly of the same module, then it is a new revision. */
  #revise({ definition }: SimulatedApp): SimulatedApp {
    const module = this.#random.chance(0.9) ? definition.module : 'file:///another';
    return randomApp(definition.name, module, this.#random);
  }
}
