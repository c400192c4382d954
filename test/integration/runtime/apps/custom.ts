/** Primitives of the app's own, of both scopes. */
import { type Bucket, bucket, defineApp, definePrimitive, fn, immediate, type } from 'pheromone';

const module = import.meta.url;
const strings = { value: type<string>() };

/** Fires for every `count` objects. */
const every = definePrimitive({
  kind: 'every',
  options: ({ count }: { readonly count: number }) => (count > 0 ? null : 'count must be more than 0'),
  init: () => ({ ids: [] as number[] }),
  admit(state, { id }, { count }) {
    state.ids.push(id);
    return state.ids.length < count ? [] : [{ kind: 'fire', inputs: state.ids.splice(0) }];
  },
  forget: ({ ids }) => ids,
});

/** The same for all sessions together; a drain fires the rest, and so does a timer. */
const everyOfAll = definePrimitive({
  kind: 'every-of-all',
  scope: 'app',
  init: () => ({ ids: [] as number[] }),
  admit(state, { id }, { count, waitMs }: { readonly count: number; readonly waitMs: number }, nowMs) {
    state.ids.push(id);
    if (state.ids.length === count) return [{ kind: 'fire', inputs: state.ids.splice(0) }];
    return [{ kind: 'startTimer', id: 'wait', atMs: nowMs + waitMs }];
  },
  timer: (state) => (state.ids.length > 0 ? [{ kind: 'fire', inputs: state.ids.splice(0) }] : []),
  flush: (state) => (state.ids.length > 0 ? [{ kind: 'fire', inputs: state.ids.splice(0) }] : []),
  forget: ({ ids }) => ids,
});

/** Fires all at once when its sources are finished. */
const whenDone = definePrimitive({
  kind: 'when-done',
  sources: ({ sources }: { readonly sources: readonly string[] }) => sources,
  init: () => ({ ids: [] as number[] }),
  admit(state, { id }) {
    state.ids.push(id);
    return [];
  },
  sourceDone: (state) => [{ kind: 'fire', inputs: state.ids.splice(0) }],
  forget: ({ ids }) => ids,
});

const broken = definePrimitive({
  kind: 'broken',
  init: () => ({}),
  admit(_, { key }) {
    if (key === 'bad') throw new Error('cannot decide');
    return [];
  },
  forget: () => [],
});

const teller = <const N extends string>(from: Bucket<string, N>) =>
  fn('tell', { inputs: from, output: type<string>() }, (inputs, ctx) => void ctx.output(inputs.map(({ value }) => value).join('+')));

const items = bucket('items', strings);
export const everyApp = defineApp('every', { module, triggers: [items.on(every({ count: 2 }), teller(items))] });
export const everyOfAllApp = defineApp('every-of-all', {
  module,
  triggers: [items.on(everyOfAll({ count: 3, waitMs: 1_000 }), teller(items))],
});

const texts = bucket('texts', strings);
const letters = bucket('letters', strings);
const spell = fn('spell', { input: texts, sends: [letters] }, ({ value }, ctx) => {
  for (const letter of value) void ctx.send(letters, { value: letter });
});
export const whenDoneApp = defineApp('when-done', {
  module,
  triggers: [texts.on(immediate(), spell), letters.on(whenDone({ sources: [spell] }), teller(letters))],
});

export const brokenApp = defineApp('broken', { module, triggers: [items.on(broken(), teller(items))] });

export const customApps = [everyApp, everyOfAllApp, whenDoneApp, brokenApp];
