/** Functions that do what they must not, each told by its value what. */
import { bucket, defineApp, fn, immediate, type } from 'pheromone';

const module = import.meta.url;
const strings = { value: type<string>() };
const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

class Money {
  amount = 1;
}

const cycle: { self?: unknown } = {};
cycle.self = cycle;

/** A value whose every trap throws. */
const wicked = new Proxy(
  {},
  {
    get() {
      throw new Error('get trap');
    },
    getPrototypeOf() {
      throw new Error('getPrototypeOf trap');
    },
    ownKeys() {
      throw new Error('ownKeys trap');
    },
  },
);

const orders = bucket('orders', strings);
const results = bucket('results', { value: type<unknown>() });
const obeys = fn('obeys', { input: orders, sends: [results], output: type<unknown>() }, async ({ value }, ctx) => {
  const act = acts[value];
  if (!act) throw new Error(`no such order: ${value}`);
  await act(ctx);
});

/** `ctx` without its types, so that what does not compile can be done. */
interface ActContext {
  send(bucket: unknown, object: unknown): Promise<void> | undefined;
  output(value: unknown): void;
  allocate(bucket: unknown, object: unknown): Promise<{ bytes: Uint8Array; seal(): unknown }>;
  expect(bucket: unknown, branches: unknown): Promise<void>;
  readonly durable: { put(key: unknown, value: unknown): Promise<void>; get(key: unknown): Promise<unknown> };
  readonly signal: AbortSignal;
}

const acts: Readonly<Record<string, (ctx: ActContext) => unknown>> = {
  good: (ctx) => ctx.output('done'),
  throws: () => {
    throw new TypeError('as it was told');
  },
  'takes ctx for its own': (ctx) => {
    Object.assign(ctx, { objects: ['a', 'b'], outputs: 5 });
    ctx.output('done');
  },
  'rejects undefined': () => Promise.reject(undefined),
  'rejects a string': () => Promise.reject('just words'),
  'rejects a proxy': () => Promise.reject(wicked),
  'sends to nowhere': (ctx) => ctx.send({ name: 'nowhere', on() {} }, { value: 1 }),
  'sends undeclared': (ctx) => ctx.send(orders, { value: 'good' }),
  'sends to undefined': (ctx) => ctx.send(undefined, { value: 1 }),
  'sends no object': (ctx) => ctx.send(results, 'text'),
  'sends a cycle': (ctx) => ctx.send(results, { value: { items: [1, cycle] } }),
  'sends an instance': (ctx) => ctx.send(results, { value: { items: [{ price: new Money() }] } }),
  'sends a function': (ctx) => ctx.send(results, { value: { items: [0, 0, 0, { callback: () => 1 }] } }),
  'outputs a symbol': (ctx) => ctx.output({ tag: Symbol('x') }),
  'sends too much': (ctx) => ctx.send(results, { value: new Uint8Array(80 * 2 ** 20) }),
  'allocates too much': (ctx) => ctx.allocate(results, { key: 'k', sizeBytes: 80 * 2 ** 20 }),
  'allocates of nothing': (ctx) => ctx.allocate(results, undefined),
  'expects nothing': (ctx) => ctx.expect(results, undefined),
  'puts without a key': (ctx) => ctx.durable.put(undefined, 1),
  'gets without a key': (ctx) => ctx.durable.get(undefined),
  'allocates nonsense': (ctx) => ctx.allocate(results, { key: 'k', sizeBytes: -1 }),
  'never seals': async (ctx) => {
    await ctx.allocate(results, { key: 'k', sizeBytes: 1_000_000 });
    ctx.output('unsealed');
  },
  'seals twice': async (ctx) => {
    const block = await ctx.allocate(results, { key: 'k', sizeBytes: 10 });
    await block.seal();
    await block.seal();
  },
  exits: () => process.exit(7),
  'changes directory': () => process.chdir('/'),
  'exhausts its heap': () => {
    const hoard: unknown[] = [];
    for (;;) hoard.push(Array.from({ length: 100 }, () => ({ at: hoard.length })));
  },
  'overflows its stack': () => {
    const deeper = (): number => 1 + deeper();
    return deeper();
  },
  'forgets a rejection': async (ctx) => {
    void Promise.reject(new Error('nobody looked'));
    await sleep(20);
    ctx.output('not reached');
  },
  'throws in a timer': async () => {
    setTimeout(() => {
      throw new Error('in a timer');
    }, 1);
    await new Promise(() => undefined);
  },
  'ignores its abort': async () => {
    for (;;) await sleep(10);
  },
  'sends after its end': (ctx) => {
    setTimeout(() => void ctx.send(results, { value: 'late' }), 10);
    ctx.output('gone');
  },
  'sends without awaiting': (ctx) => {
    for (let i = 0; i < 100_000; i++) void ctx.send(results, { value: i });
    ctx.output('all sent');
  },
  'forgets a send that fails': (ctx) => void ctx.send(results, { value: new Uint8Array(80 * 2 ** 20) }),
  'changes what it sent': async (ctx) => {
    const value = { list: [1] };
    const numbers = new Float64Array([1, 2]);
    const large = new Uint8Array(200_000).fill(1);
    void ctx.send(results, { key: 'a', value });
    void ctx.send(results, { key: 'b', value: numbers });
    void ctx.send(results, { key: 'c', value: large });
    value.list.push(2);
    numbers.fill(9);
    large.fill(9);
    ctx.output('changed');
  },
};

const hungry = bucket('hungry', strings);
const hog = fn('hog', { input: hungry, timeoutMs: 300 }, () => new Promise(() => undefined));
export const hostileApp = defineApp('hostile', {
  module,
  triggers: [orders.on(immediate(), obeys), hungry.on(immediate(), hog)],
  buckets: [results],
});

export const actNames = Object.keys(acts);
