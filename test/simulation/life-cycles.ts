/** Apps and users written by hand, one for each life cycle that a reader may want to follow message by message. */
import type { AppDefinition, TriggerDefinition } from '../../src/actors/app.ts';
import type { Putting } from './client.ts';
import { type Program, sendsOf } from './program.ts';
import { type SimulatedApp, trigger } from './random-app.ts';
import type { Script } from './random-script.ts';
import type { Action, Step } from './user.ts';

export interface LifeCycle {
  /** Also the name of its transcript. */
  readonly name: string;
  readonly what: string;
  readonly script: Script;
}

const backoff = { initialMs: 10, factor: 2, maxMs: 100 };

function app(programs: Readonly<Record<string, Program>>, triggers: readonly TriggerDefinition[], attemptsMax = 2): SimulatedApp {
  const functions = Object.entries(programs).map(([name, program]) => ({
    name,
    sends: sendsOf(program),
    timeoutMs: null,
    retry: { attemptsMax, backoff },
    concurrency: 1,
    placement: 'near' as const,
  }));
  const names = new Set([...triggers.map(({ bucket }) => bucket), ...functions.flatMap(({ sends }) => sends)]);
  const buckets = [...names].map((name) => ({ name, external: false }));
  const definition: AppDefinition = { name: 'app', module: 'file:///app', buckets, functions, triggers, customPrimitives: [] };
  return { definition, programs };
}

function send(bucket: string, key: string, more: { readonly group?: string; readonly sizeBytes?: number } = {}): Program[number] {
  return { do: 'send', bucket, key, group: more.group ?? null, sizeBytes: more.sizeBytes ?? 20, delayMs: 0 };
}

function call(objects: readonly Putting[], until: 'output' | 'end' | 'open' = 'end'): Action {
  const none = {
    expects: [],
    id: null,
    timeoutMs: null,
    admitTimeoutMs: 500,
    retries: 0,
    deadlineMs: null,
    priority: 5,
    abandonAfterMs: null,
  };
  return { do: 'call', app: 'app', objects, until, ...none };
}

function object(bucket: string, key: string, group: string | null = null): Putting {
  return { bucket, key, group, sizeBytes: 20 };
}

/** The user begins when the app is registered. */
export const userStartsMs = 100;

function lifeCycle(name: string, what: string, simulated: SimulatedApp, ...steps: readonly Step[]): LifeCycle {
  const all: Step[] = [
    { atMs: 30, action: { do: 'register', app: simulated } },
    ...steps.map(({ atMs, action }) => ({ atMs: userStartsMs + atMs, action })),
  ];
  return { name, what, script: { steps: all, apps: [simulated], countable: [], lengthMs: 2_000 } };
}

const output: Program[number] = { do: 'output', sizeBytes: 12 };

export const lifeCycles: readonly LifeCycle[] = [
  lifeCycle(
    'chain',
    'two functions in a chain; the object between them is too large for a message and lies in the store',
    app({ first: [send('middle', 'm', { sizeBytes: 500 })], second: [output] }, [
      trigger('begin', 'start', 'immediate', null, 'first'),
      trigger('go-on', 'middle', 'immediate', null, 'second'),
    ]),
    { atMs: 0, action: call([object('start', 's')]) },
  ),
  lifeCycle(
    'by-set-superseded',
    'a second object for a key of an unfired set is dropped, and counted',
    app({ join: [output] }, [trigger('both', 'parts', 'bySet', { keys: ['a', 'b'] }, 'join')]),
    { atMs: 0, action: call([object('parts', 'b'), object('parts', 'b'), object('parts', 'a')]) },
  ),
  lifeCycle(
    'crash-and-retry',
    'a function ends its thread in its first attempt; what that one had sent counts once',
    app({ risky: [send('results', 'r'), { do: 'crash', untilAttempt: 2 }], collect: [output] }, [
      trigger('begin', 'start', 'immediate', null, 'risky'),
      trigger('collected', 'results', 'immediate', null, 'collect'),
    ]),
    { atMs: 0, action: call([object('start', 's')]) },
  ),
  lifeCycle(
    'redundant-losers',
    'the first of two sources wins, the other is aborted and ends by itself',
    app({ quick: [send('answers', 'q')], slow: [{ do: 'wait', ms: 500 }, send('answers', 's')], use: [output] }, [
      trigger('ask-quick', 'questions', 'immediate', null, 'quick'),
      trigger('ask-slow', 'questions', 'immediate', null, 'slow'),
      trigger('first-answer', 'answers', 'redundant', { k: 1, n: 2, sources: ['quick', 'slow'] }, 'use'),
    ]),
    { atMs: 0, action: call([object('questions', 'one')]) },
  ),
  lifeCycle(
    'dynamic-group',
    'two maps send to two groups; the groups are reduced when both maps are finished',
    app({ map: [send('counts', 'a', { group: 'x' }), send('counts', 'b', { group: 'y' })], reduce: [output] }, [
      trigger('each', 'parts', 'immediate', null, 'map'),
      trigger('shuffle', 'counts', 'dynamicGroup', { sources: ['map'] }, 'reduce'),
    ]),
    { atMs: 0, action: call([object('parts', '1'), object('parts', '2')]) },
  ),
  lifeCycle(
    'by-time-linked',
    'the objects of two sessions share a window; its firing opens a session of its own, linked to both',
    app({ count: [output] }, [trigger('window', 'events', 'byTime', { windowMs: 200 }, 'count')]),
    { atMs: 0, action: call([object('events', 'one')], 'open') },
    { atMs: 40, action: call([object('events', 'two')], 'open') },
  ),
  lifeCycle(
    'waits',
    'a burst closed by a pause (quietMs), and a partial batch that fires when its first object has waited long enough (maxWaitMs)',
    app({ burst: [output], batch: [output] }, [
      trigger('quiet', 'clicks', 'byTime', { quietMs: 50, scope: 'session' }, 'burst'),
      trigger('batches', 'orders', 'byBatchSize', { count: 3, maxWaitMs: 80, scope: 'session' }, 'batch'),
    ]),
    { atMs: 0, action: { ...call([object('clicks', 'one'), object('orders', 'one')]), id: 'mine' } as Action },
    { atMs: 30, action: { do: 'put', id: 'mine', objects: [object('clicks', 'two'), object('orders', 'two')] } },
  ),
];
