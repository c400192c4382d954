/** Checks options as registration does, in an app with the functions `a`, `b`, `c`. */
import type { ExecutionContext } from 'ava';
import type { Names, Primitive } from '../../../src/actors/bucket/primitives/primitive.ts';

const names: Names = { functions: new Set(['a', 'b', 'c']), buckets: new Set(['in']) };

/** `bad`: options and the field that must be named. */
export function checkOptions<O, S>(
  t: ExecutionContext,
  primitive: Primitive<O, S>,
  good: readonly unknown[],
  bad: readonly (readonly [unknown, string])[],
): void {
  for (const options of good) t.is(primitive.check(options as O, names), null, JSON.stringify(options));
  for (const [options, field] of bad) {
    const problem = primitive.check(options as O, names);
    t.is(problem?.field, field, JSON.stringify(options));
    t.true((problem?.message.length ?? 0) > 10, 'the message says what would be right');
  }
}

/** Whatever the options are, `check` does not throw; and with options that pass, the primitive runs. */
export function survivesJunk<O, S>(primitive: Primitive<O, S>, options: unknown): void {
  if (primitive.check(options as O, names) !== null) return;
  const state = primitive.init(options as O, 0);
  primitive.scope(options as O);
  primitive.admit(state, { id: 1, key: 'k', group: null, session: 's', source: 1, sourceFunction: 'a', sizeBytes: 1 }, options as O, 0);
  primitive.pending(state, options as O);
}
