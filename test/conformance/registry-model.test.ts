/** Every registry against a map with a clock: random operations, several at once, leases, and watchers that come and go. */
import test from 'ava';
import fc from 'fast-check';
import type { Registry } from '../../src/cluster/registry/registry.ts';
import type { RegistryError } from '../../src/cluster/registry/registry-error.ts';
import { stopNats } from './nats-bench.ts';
import { natsMissing } from './nats-server.ts';
import { advance, type Bench, benches, bytes, Log, together } from './registry-bench.ts';

interface Kept {
  readonly text: string;
  readonly revision: number;
  readonly endsMs: number | null;
}

/** `expected`: null, 0, or `its`: the revision that the key has; `old`: one that it had. */
type Expected = 'any' | 'none' | 'its' | 'old';

type Operation =
  | { readonly kind: 'put'; readonly key: string; readonly text: string; readonly expected: Expected; readonly ttlMs: number | null }
  | { readonly kind: 'delete'; readonly key: string; readonly expected: Expected }
  | { readonly kind: 'get'; readonly key: string }
  | { readonly kind: 'list'; readonly prefix: string };

type Step =
  | { readonly kind: 'together'; readonly operations: readonly Operation[] }
  | { readonly kind: 'wait'; readonly ms: number }
  | { readonly kind: 'watch'; readonly prefix: string }
  | { readonly kind: 'stop' };

class Model {
  readonly #kept = new Map<string, Kept>();
  readonly told: { readonly key: string; readonly line: string }[] = [];
  nowMs = 0;
  #revision = 0;

  /** What `expected` is for the key as it will be when its turn comes. */
  expectedOf(key: string, expected: Expected): number | null {
    const its = this.#kept.get(key)?.revision ?? 0;
    if (expected === 'any') return null;
    if (expected === 'none') return 0;
    return expected === 'its' ? its : its + 1_000;
  }

  perform(operation: Operation, expected: number | null): unknown {
    if (operation.kind === 'get') return shown(operation.key, this.#kept.get(operation.key));
    if (operation.kind === 'list') return this.under(operation.prefix).map(([key, kept]) => shown(key, kept));
    const { key } = operation;
    const before = this.#kept.get(key);
    if (operation.kind === 'delete' && !before) return false;
    if (expected !== null && expected !== (before?.revision ?? 0)) return 'RegistryConflict';
    this.#revision++;
    if (operation.kind === 'delete') {
      this.#end(key);
      return true;
    }
    const { text, ttlMs } = operation;
    this.#kept.set(key, { text, revision: this.#revision, endsMs: ttlMs === null ? null : this.nowMs + ttlMs });
    this.told.push({ key, line: `${key}=${text} @${this.#revision}` });
    return this.#revision;
  }

  wait(ms: number): void {
    this.nowMs += ms;
    const ended = [...this.#kept].flatMap(([key, { endsMs, revision }]) =>
      endsMs !== null && endsMs <= this.nowMs ? [{ key, endsMs, revision }] : [],
    );
    for (const { key } of ended.sort((a, b) => a.endsMs - b.endsMs || a.revision - b.revision)) {
      this.#revision++;
      this.#end(key);
    }
  }

  /** What a watch begins with. */
  begin(prefix: string): string[] {
    const found = this.under(prefix).sort(([, a], [, b]) => a.revision - b.revision);
    return [...found.map(([key, { text, revision }]) => `${key}=${text} @${revision}`), 'current'];
  }

  under(prefix: string): [string, Kept][] {
    return [...this.#kept].filter(([key]) => key.startsWith(prefix)).sort(([a], [b]) => (a < b ? -1 : 1));
  }

  #end(key: string): void {
    this.#kept.delete(key);
    this.told.push({ key, line: `${key} gone @${this.#revision}` });
  }
}

const key = fc.constantFrom('a', 'b', 'm/1', 'm/2', 'm/2/x', 'n/1');
const prefix = fc.constantFrom('', 'm', 'm/', 'm/2', 'n/', 'a', 'none');
const expected = fc.constantFrom<Expected>('any', 'none', 'its', 'its', 'old');
const ttlMs = fc.constantFrom(null, null, 100, 200, 350);
const operation: fc.Arbitrary<Operation> = fc.oneof(
  { weight: 5, arbitrary: fc.record({ kind: fc.constant('put' as const), key, text: fc.constantFrom('', 'x', 'yy'), expected, ttlMs }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('delete' as const), key, expected }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('get' as const), key }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('list' as const), prefix }) },
);
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ kind: fc.constant('together' as const), operations: fc.array(operation, { minLength: 1, maxLength: 4 }) }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('wait' as const), ms: fc.constantFrom(1, 50, 100, 250, 1_000) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('watch' as const), prefix }) },
  { weight: 1, arbitrary: fc.constant<Step>({ kind: 'stop' }) },
);

test.after.always(stopNats);

for (const [name, numRuns] of [
  ['memory', 300],
  ['lmdb', 25],
  ['remote', 150],
  ['nats', 12],
] as const) {
  const make = benches[name];
  const testIfThere = make ? test : test.skip;
  testIfThere(`registry: ${name}: does what a map with a clock does${name === 'nats' ? natsMissing : ''}`, async (t) => {
    const property = fc.asyncProperty(fc.array(step, { maxLength: 30 }), async (steps) => {
      const bench = await (make as () => Promise<Bench>)();
      try {
        await compare(bench, steps);
      } finally {
        await bench.close();
      }
    });
    await t.notThrowsAsync(fc.assert(property, { numRuns, includeErrorInReport: true }));
  });
}

async function compare(bench: Bench, steps: readonly Step[]): Promise<void> {
  const { registry } = bench;
  const model = new Model();
  model.nowMs = bench.clock.nowMs;
  const watches: { readonly log: Log; readonly prefix: string }[] = [];
  for (const next of steps) {
    const begun = new Map<Log, readonly string[]>();
    if (next.kind === 'together') {
      await together(
        bench,
        ...next.operations.map((one) => async () => {
          const wanted = 'expected' in one ? model.expectedOf(one.key, one.expected) : null;
          const right = model.perform(one, wanted);
          same(await perform(registry, one, wanted), right, 'outcome');
        }),
      );
    } else if (next.kind === 'wait') {
      model.wait(next.ms);
      await advance(bench, next.ms);
    } else if (next.kind === 'watch') {
      const log = new Log(registry, next.prefix);
      watches.push({ log, prefix: next.prefix });
      begun.set(log, model.begin(next.prefix));
    } else watches.shift()?.log.stop();
    await bench.quiet();
    const told = model.told.splice(0);
    for (const watch of watches) {
      const changes = told.filter((change) => change.key.startsWith(watch.prefix)).map(({ line }) => line);
      const right = begun.get(watch.log) ?? changes;
      await watch.log.reach(right.length);
      same(watch.log.take(), right, `watch of ${watch.prefix}`);
    }
  }
  same(await perform(registry, { kind: 'list', prefix: '' }, null), model.perform({ kind: 'list', prefix: '' }, null), 'end');
}

async function perform(registry: Registry, operation: Operation, wanted: number | null): Promise<unknown> {
  if (operation.kind === 'get') {
    const entry = await registry.get(operation.key);
    return entry && `${entry.key}=${Buffer.from(entry.value).toString()} @${entry.revision}`;
  }
  if (operation.kind === 'list') {
    const entries = await registry.list(operation.prefix);
    return entries.map(({ key: found, value, revision }) => `${found}=${Buffer.from(value).toString()} @${revision}`);
  }
  try {
    if (operation.kind === 'delete') return await registry.delete(operation.key, wanted);
    return await registry.put(operation.key, bytes(operation.text), { expected: wanted, ttlMs: operation.ttlMs });
  } catch (error) {
    return (error as RegistryError).code;
  }
}

function shown(of: string, kept: Kept | undefined): string | null {
  return kept ? `${of}=${kept.text} @${kept.revision}` : null;
}

function same(got: unknown, right: unknown, what: string): void {
  const [a, b] = [JSON.stringify(got), JSON.stringify(right)];
  if (a !== b) throw new Error(`${what}: ${a}, not ${b}`);
}
